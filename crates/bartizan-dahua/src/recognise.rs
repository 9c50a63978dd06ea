//! Knowing the family without a password. Nothing here costs a try.

use bartizan_base::{Code, Result};
use bartizan_device::{Endpoint, Identity, Login, Recognised};
use bartizan_http::{Client, HttpError, Options, Request, Response};

use crate::{
    FAMILY,
    error::{DahuaError, rpc as codes},
    initialise::{self, Initialised},
    query::Query,
    rpc::{Reply, Rpc},
    text::Values,
};

/// Asks three harmless things and reads what gives the family away.
pub(crate) async fn recognise(endpoint: &Endpoint, options: Options) -> Result<Option<Recognised>> {
    let client = match Client::dial_with(endpoint, &Login::default(), options).await {
        Ok(client) => client,
        Err(error) => return ends_the_search(error.into()),
    };
    let rpc = Rpc::new(client.clone(), None);
    let outside = Rpc::new(client.clone(), None);
    let query = Query::new("magicBox", "getDeviceType");
    let (cgi, login, init) = tokio::join!(
        client.send(Request::get(query.as_str()).without_login()),
        rpc.first_login(),
        initialise::status(&outside),
    );
    if let (Err(error), Err(_), Err(_)) = (&cgi, &login, &init) {
        return ends_the_search(error.clone().into());
    }
    let init = init.ok().flatten();
    let login = login.ok().flatten();
    let mut evidence = Vec::new();
    let mut identity = Identity::default();
    if let Ok(answer) = &cgi {
        evidence.extend(in_cgi(answer, &mut identity));
    }
    evidence.extend(login.as_ref().and_then(in_login));
    if let Some(init) = init {
        let word = if init == Initialised::No { "fresh from the factory" } else { "initialised" };
        evidence.push(format!("POST /OutsideCmd DevInit.getStatus says {word}"));
    }
    if evidence.is_empty() {
        return Ok(None);
    }
    Ok(Some(Recognised {
        family: FAMILY,
        evidence: evidence.join("; "),
        activated: init.map(|init| init == Initialised::Yes),
        https: client.base().scheme() == "https",
        certificate: client.certificate(),
        identity,
    }))
}

/// Only an unknown, unreachable or silent host, or one that shows another certificate, ends every search.
fn ends_the_search(error: DahuaError) -> Result<Option<Recognised>> {
    let ends = |error: &HttpError| {
        matches!(
            error.code(),
            Code::HostUnknown | Code::Unreachable | Code::Timeout | Code::CertificateChanged
        )
    };
    match error {
        DahuaError::Http(error) if ends(&error) => Err(error.into()),
        _ => Ok(None),
    }
}

/// Of firmware from before Digest.
const OLD_REALM: &str = "Device_CGI";

fn in_cgi(answer: &Response, identity: &mut Identity) -> Option<String> {
    const CALL: &str = "GET /cgi-bin/magicBox.cgi";
    if answer.status == 401 {
        let realms = answer.header_all("www-authenticate").filter_map(realm);
        if let Some(realm) =
            realms.into_iter().find(|realm| realm.starts_with("Login to ") || *realm == OLD_REALM)
        {
            if let Some(serial) = serial_in(realm) {
                serial.clone_into(&mut identity.serial);
            }
            return Some(format!(
                "{CALL} asks for a login with the realm \"{}\"",
                crate::text::excerpt(realm)
            ));
        }
        let words = answer.text();
        return words
            .contains("Invalid Authority!")
            .then(|| format!("{CALL} answers \"Invalid Authority!\""));
    }
    let values = Values::parse(&answer.text()).ok().filter(|_| answer.is_success())?;
    let model = values.first(&["type", "deviceType"])?;
    model.clone_into(&mut identity.model);
    Some(format!("{CALL} answers without a login"))
}

/// The realm of a `WWW-Authenticate` header.
fn realm(header: &str) -> Option<&str> {
    let lower = header.to_ascii_lowercase();
    let at = lower.find("realm=\"")? + "realm=\"".len();
    header.get(at..)?.split('"').next()
}

/// Older firmware puts its serial number there, newer a hash.
fn serial_in(realm: &str) -> Option<&str> {
    let tail = realm.strip_prefix("Login to ")?.trim();
    let plain = tail.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    ((12..=20).contains(&tail.len()) && plain).then_some(tail)
}

fn in_login(reply: &Reply) -> Option<String> {
    let (code, _) = reply.error.as_ref()?;
    let challenged = *code == codes::CHALLENGE
        && reply.params.get("realm").is_some()
        && reply.params.get("random").is_some();
    challenged.then(|| format!("POST /RPC2_Login answers with a challenge ({code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms() {
        for (header, wanted, serial) in [
            (
                r#"Digest realm="Login to 4X7C5A1ZAG21L3F", qop="auth,auth-int", nonce="1""#,
                Some("Login to 4X7C5A1ZAG21L3F"),
                Some("4X7C5A1ZAG21L3F"),
            ),
            (
                r#"Digest qop="auth",REALM="Login to 0d1b2f0cd3a4f6c4b1f1c4a1d3b8e0aa""#,
                Some("Login to 0d1b2f0cd3a4f6c4b1f1c4a1d3b8e0aa"),
                None,
            ),
            (r#"Basic realm="router""#, Some("router"), None),
            ("Digest", None, None),
            (r#"Digest realm=""#, Some(""), None),
        ] {
            assert_eq!(realm(header), wanted, "{header}");
            assert_eq!(realm(header).and_then(serial_in), serial, "{header}");
        }
    }

    #[test]
    fn only_a_whole_challenge_is_evidence() {
        let of = |text: &str| in_login(&Reply::parse(text.as_bytes()).expect(text));
        assert!(
            of(r#"{"error":{"code":268632079},"params":{"realm":"Login to x","random":"1"},"result":false}"#)
                .is_some()
        );
        for text in [
            r#"{"error":{"code":268632079},"params":{},"result":false}"#,
            r#"{"error":{"code":-32601},"params":{"realm":"x","random":"1"}}"#,
            r#"{"result":true}"#,
        ] {
            assert!(of(text).is_none(), "{text}");
        }
    }
}
