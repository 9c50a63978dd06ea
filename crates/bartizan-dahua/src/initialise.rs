//! Factory-fresh devices: `DevInit` at `/OutsideCmd`, which wants no login.

use bartizan_base::{Code, Secret};
use bartizan_device::Activation;
use bartizan_http::Client;
use serde_json::{Value, json};

use crate::{
    envelope::{Envelope, KeyLength, SealError, check_password, public_key},
    error::DahuaError,
    rpc::{Reply, Rpc},
};

const OUTSIDE: &str = "/OutsideCmd";

/// Whether a device has its first password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initialised {
    /// `Init` 2.
    Yes,
    /// `Init` 1: fresh from the factory.
    No,
}

/// Asks. `None` where the device has no `DevInit` or says something else.
pub(crate) async fn status(rpc: &Rpc) -> Result<Option<Initialised>, DahuaError> {
    // A notification may come instead of the answer once.
    for _ in 0..2 {
        match outside(rpc, "DevInit.getStatus", Value::Null, None).await {
            Ok(reply) => return Ok(read_status(&reply)),
            Err(DahuaError::Unreadable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn read_status(reply: &Reply) -> Option<Initialised> {
    let init = reply.params.get("Init").or_else(|| reply.params.pointer("/status/Init"));
    match init.filter(|_| reply.is_success()).and_then(Value::as_u64)? {
        1 => Some(Initialised::No),
        // Initialised units were seen to say 2 here, and numbers with these low bits in DHDiscover.
        other if other & 3 == 2 => Some(Initialised::Yes),
        _ => None,
    }
}

/// Gives the built-in `admin` its password: getStatus, setProtocolAgree, account, access.
pub(crate) async fn initialise(client: Client, activation: &Activation) -> Result<(), DahuaError> {
    if let Err(why) = check_password(&activation.password) {
        return Err(DahuaError::Here(Code::WeakPassword, why.to_owned()));
    }
    let rpc = Rpc::new(client, None);
    match status(&rpc).await? {
        Some(Initialised::No) => {}
        Some(Initialised::Yes) => {
            return Err(DahuaError::not_offered("a first password: it has one already"));
        }
        None => return Err(DahuaError::not_offered("initialisation over HTTP")),
    }
    // The page sends a session with this one and none with the others; mixing that up is refused.
    let agree = json!({ "ProtocolEnable": true });
    match outside(&rpc, "DevInit.setProtocolAgree", agree, Some(json!(0))).await {
        Ok(agreed) => drop(accepted(&rpc, "DevInit.setProtocolAgree", agreed)?),
        // Its answer was crossed by a notification: without it the next step is refused, so that will tell.
        Err(DahuaError::Unreadable { .. }) => {}
        Err(error) => return Err(error),
    }

    let length = key_length(&rpc).await?;
    let account = json!({
        "name": "admin",
        "pwd": activation.password.expose(),
        "CellPhone": "",
        "Mail": activation.mail.as_deref().unwrap_or_default(),
    });
    let sealed = seal(&rpc, length, &Secret::new(account.to_string())).await?;
    let made = outside(&rpc, "DevInit.account", sealed.params(), None).await;
    let made = made.and_then(|made| accepted(&rpc, "DevInit.account", made));
    if let Err(error) = made {
        // Sent once only. Where the answer was lost or crossed, the state tells whether the password is set.
        if status(&rpc).await.ok().flatten() != Some(Initialised::Yes) {
            return Err(weak_or_not(error));
        }
    }

    // Cloud access and its own search for firmware stay off. The vendor's page goes on when this is refused.
    let access = json!({ "NetAccess": 0, "UpgradeCheck": 2 });
    if let Ok(sealed) = seal(&rpc, length, &Secret::new(access.to_string())).await {
        let _ = outside(&rpc, "DevInit.access", sealed.params(), None).await;
    }
    Ok(())
}

async fn outside(
    rpc: &Rpc,
    method: &str,
    params: Value,
    session: Option<Value>,
) -> Result<Reply, DahuaError> {
    rpc.call_outside(OUTSIDE, method, params, session).await
}

fn accepted(rpc: &Rpc, method: &str, reply: Reply) -> Result<Reply, DahuaError> {
    if reply.is_success() {
        return Ok(reply);
    }
    let (code, message) = reply.error.unwrap_or_default();
    Err(DahuaError::Rpc { peer: rpc.peer(), method: method.to_owned(), code, message })
}

/// The device has the last word on passwords.
fn weak_or_not(error: DahuaError) -> DahuaError {
    match error {
        DahuaError::Rpc { message, .. }
            if ["pwd", "password"].iter().any(|word| message.to_ascii_lowercase().contains(word)) =>
        {
            DahuaError::Here(Code::WeakPassword, format!("the device refuses the password: {message}"))
        }
        other => other,
    }
}

async fn key_length(rpc: &Rpc) -> Result<KeyLength, DahuaError> {
    let caps = match outside(rpc, "DevInit.getDevCaps", Value::Null, None).await {
        Ok(reply) => reply.params,
        Err(DahuaError::Unreadable { .. }) => Value::Null,
        Err(error) => return Err(error),
    };
    let baseline = ["SecurityBaselineVersion", "SecurityBaseLineVersion"]
        .iter()
        .find_map(|key| caps.get(key).or_else(|| caps.get("caps")?.get(key)))
        .and_then(Value::as_str);
    Ok(KeyLength::of_baseline(baseline))
}

/// The device's key answers at either address; a fresh device may need to be asked again.
async fn seal(rpc: &Rpc, length: KeyLength, json: &Secret) -> Result<Envelope, DahuaError> {
    for path in [OUTSIDE, "/RPC2", OUTSIDE, "/RPC2"] {
        let asked = rpc.call_outside(path, "Security.getEncryptInfo", Value::Null, Some(json!(0))).await;
        let reply = match asked {
            Ok(reply) => reply,
            Err(DahuaError::Unreadable { .. }) => continue,
            Err(error) => return Err(error),
        };
        let ciphers: Vec<&str> = reply
            .params
            .get("cipher")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !ciphers.is_empty() && !ciphers.iter().any(|cipher| cipher.starts_with("RPAC")) {
            return Err(SealError::Cipher.into());
        }
        if let Some(written) = reply.params.get("pub").and_then(Value::as_str) {
            return Ok(Envelope::seal(&public_key(written)?, length, json)?);
        }
    }
    Err(SealError::Key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let of = |text: &str| read_status(&Reply::parse(text.as_bytes()).expect(text));
        for (text, wanted) in [
            (r#"{"id":1,"params":{"Find":"AB","Init":1},"result":true}"#, Some(Initialised::No)),
            (r#"{"id":1,"params":{"Find":"AB","Init":2},"result":true}"#, Some(Initialised::Yes)),
            (r#"{"id":1,"params":{"Init":3210},"result":true}"#, Some(Initialised::Yes)),
            (r#"{"id":1,"params":{"Init":0},"result":true}"#, None),
            (r#"{"id":1,"params":{},"result":true}"#, None),
            (r#"{"id":1,"params":{"Init":1},"result":false}"#, None),
            (r#"{"error":{"code":268894210,"message":"no"},"id":1,"result":false}"#, None),
        ] {
            assert_eq!(of(text), wanted, "{text}");
        }
    }
}
