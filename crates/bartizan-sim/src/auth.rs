//! The server's side of HTTP Digest as RTSP uses it: RFC 2617 (MD5 without `qop`) and RFC 7616 (SHA-256 with it).

use bartizan_base::{Secret, random_token};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::config::DigestOffer;

const REALM: &str = "Bartizan simulator";

/// What the `Authorization` header of a request is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Authentication is off, or the header is right.
    Granted,
    /// There is no header: the ordinary first request.
    Missing,
    /// Made for a nonce of another connection; the same login may try again.
    Stale,
    /// Wrong login, wrong URI, wrong scheme or a torn header.
    Wrong,
}

/// Challenges and verdicts of one connection.
#[derive(Debug)]
pub(crate) struct Auth {
    realm: String,
    user: String,
    password: Secret,
    offer: DigestOffer,
    nonce: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text)),
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

impl Auth {
    pub fn new(user: &str, password: &Secret, offer: DigestOffer) -> Self {
        Self {
            realm: REALM.to_owned(),
            user: user.to_owned(),
            password: password.clone(),
            offer,
            nonce: random_token(),
        }
    }

    /// The same login under another realm.
    pub fn in_realm(self, realm: &str) -> Self {
        Self { realm: realm.to_owned(), ..self }
    }

    /// Values of the `WWW-Authenticate` headers of a 401.
    pub fn challenges(&self, stale: bool) -> Vec<String> {
        let stale = if stale { ", stale=TRUE" } else { "" };
        let (nonce, realm) = (&self.nonce, &self.realm);
        let md5 = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\"{stale}");
        let sha256 =
            format!("Digest realm=\"{realm}\", qop=\"auth\", nonce=\"{nonce}\", algorithm=SHA-256{stale}");
        match self.offer {
            // The stronger first (RFC 7616 §3.7); clients that know only one header keep the last, MD5.
            DigestOffer::Both => vec![sha256, md5],
            DigestOffer::Md5 => vec![md5],
            DigestOffer::Sha256 => vec![sha256],
        }
    }

    /// Judges a request by its method, the URI of its request line as sent, and its `Authorization` header.
    pub fn judge(&self, method: &str, uri: &str, authorization: Option<&str>) -> Verdict {
        if self.user.is_empty() {
            return Verdict::Granted;
        }
        let Some(authorization) = authorization else { return Verdict::Missing };
        self.check(method, uri, authorization).unwrap_or(Verdict::Wrong)
    }

    fn check(&self, method: &str, uri: &str, authorization: &str) -> Option<Verdict> {
        let (scheme, rest) = authorization.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return Some(Verdict::Wrong);
        }
        let params = parameters(rest);
        let get = |name: &str| {
            params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let algorithm = match get("algorithm") {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("md5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("sha-256") => Algorithm::Sha256,
            Some(_) => return Some(Verdict::Wrong),
        };
        let offered = match self.offer {
            DigestOffer::Both => true,
            DigestOffer::Md5 => algorithm == Algorithm::Md5,
            DigestOffer::Sha256 => algorithm == Algorithm::Sha256,
        };
        let signed = get("uri")?;
        if !offered || get("username")? != self.user || (signed != uri && signed != path_of(uri)) {
            return Some(Verdict::Wrong);
        }
        let nonce = get("nonce")?;
        let (user, password) = (&self.user, self.password.expose());
        let ha1 = algorithm.hash(&format!("{user}:{}:{password}", get("realm")?));
        let ha2 = algorithm.hash(&format!("{method}:{signed}"));
        let wanted = match get("qop") {
            Some(qop) => {
                let (count, cnonce) = (get("nc")?, get("cnonce")?);
                algorithm.hash(&format!("{ha1}:{nonce}:{count}:{cnonce}:{qop}:{ha2}"))
            }
            None => algorithm.hash(&format!("{ha1}:{nonce}:{ha2}")),
        };
        if !wanted.eq_ignore_ascii_case(get("response")?) {
            return Some(Verdict::Wrong);
        }
        Some(if nonce == self.nonce { Verdict::Granted } else { Verdict::Stale })
    }
}

/// The path and query of an absolute URI; some clients sign only that.
fn path_of(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://") else { return uri };
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// `name=value` and `name="value"` pairs (RFC 7616 §3.4); what is torn is left out.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let after = after.trim_start();
        let mut value = String::new();
        let consumed = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut chars = quoted.char_indices();
                loop {
                    match chars.next() {
                        Some((at, '"')) => break at + 2,
                        Some((_, '\\')) => value.extend(chars.next().map(|(_, escaped)| escaped)),
                        Some((_, plain)) => value.push(plain),
                        None => return found,
                    }
                }
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                value.push_str(after[..end].trim());
                end
            }
        };
        found.push((name, value));
        rest = &after[consumed..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "rtsp://127.0.0.1:8554/ch1/main";

    fn respond(auth: &Auth, challenge: usize, user: &str, password: &str) -> String {
        let challenges = auth.challenges(false);
        let mut client = http_auth::PasswordClient::try_from(challenges[challenge].as_str()).unwrap();
        let params =
            http_auth::PasswordParams { username: user, password, uri: URI, method: "DESCRIBE", body: None };
        client.respond(&params).unwrap()
    }

    #[test]
    fn an_independent_client_is_let_in() {
        for offer in [DigestOffer::Both, DigestOffer::Md5, DigestOffer::Sha256] {
            let auth = Auth::new("admin", &Secret::new("pw, \"x\""), offer);
            for challenge in 0..auth.challenges(false).len() {
                let header = respond(&auth, challenge, "admin", "pw, \"x\"");
                assert_eq!(auth.judge("DESCRIBE", URI, Some(&header)), Verdict::Granted, "{header}");
                assert_eq!(auth.judge("PLAY", URI, Some(&header)), Verdict::Wrong);
                assert_eq!(auth.judge("DESCRIBE", "rtsp://127.0.0.1/x", Some(&header)), Verdict::Wrong);
                let other = Auth::new("admin", &Secret::new("pw, \"x\""), offer);
                assert_eq!(other.judge("DESCRIBE", URI, Some(&header)), Verdict::Stale);
            }
        }
    }

    #[test]
    fn what_is_wrong_stays_out() {
        let auth = Auth::new("admin", &Secret::new("right"), DigestOffer::Both);
        assert_eq!(auth.judge("DESCRIBE", URI, None), Verdict::Missing);
        for header in [
            respond(&auth, 0, "admin", "wrong"),
            respond(&auth, 1, "guest", "right"),
            "Basic YWRtaW46cmlnaHQ=".into(),
            "Digest username=\"admin".into(),
            "Digest".into(),
            String::new(),
        ] {
            assert_eq!(auth.judge("DESCRIBE", URI, Some(&header)), Verdict::Wrong, "{header}");
        }
        let md5_only = Auth::new("admin", &Secret::new("right"), DigestOffer::Md5);
        let sha256 = respond(&auth, 0, "admin", "right");
        assert_eq!(md5_only.judge("DESCRIBE", URI, Some(&sha256)), Verdict::Wrong);
    }

    #[test]
    fn no_user_no_login() {
        let auth = Auth::new("", &Secret::default(), DigestOffer::Both);
        assert_eq!(auth.judge("DESCRIBE", URI, None), Verdict::Granted);
    }

    #[test]
    fn the_example_of_rfc_7616() {
        // §3.9.1, SHA-256.
        let text = "username=\"Mufasa\", uri=\"/dir/index.html\", algorithm=SHA-256, nc=00000001, qop=auth";
        let params = parameters(text);
        assert_eq!(params[2], ("algorithm".into(), "SHA-256".into()));
        assert_eq!(params[4], ("qop".into(), "auth".into()));
        let ha1 = Algorithm::Sha256.hash("Mufasa:http-auth@example.org:Circle of Life");
        let ha2 = Algorithm::Sha256.hash("GET:/dir/index.html");
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        assert_eq!(
            Algorithm::Sha256.hash(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }
}
