//! The password of a session login (`/ISAPI/Security/sessionLogin`), which alarm panels want instead of Digest.

use bartizan_base::Secret;
use bartizan_http::xml::Element;
use sha2::{Digest as _, Sha256};

/// Most rounds of hashing that are done for a device; 100 is what they ask for.
const MAX_ITERATIONS: u32 = 100_000;

/// What the device gives before a session login: `SessionLoginCap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionChallenge {
    /// To be sent back with the login.
    pub session_id: String,
    /// Mixed into the hash.
    pub challenge: String,
    /// Rounds in all.
    pub iterations: u32,
    /// The device keeps a salted hash only.
    pub irreversible: bool,
    /// First salt.
    pub salt: String,
    /// Second salt of newer firmware; empty without one.
    pub salt2: String,
    /// To be sent back; empty on older firmware.
    pub session_id_version: String,
}

impl SessionChallenge {
    /// Reads a `SessionLoginCap`. `None` when a part that every login needs is missing, or the rounds are absurd.
    pub fn parse(root: &Element) -> Option<Self> {
        let text = |path| root.text(path).unwrap_or("").to_owned();
        let irreversible = root.text("isIrreversible") == Some("true");
        let challenge = Self {
            session_id: root.text("sessionID")?.to_owned(),
            challenge: root.text("challenge")?.to_owned(),
            iterations: root.parse_text("iterations").filter(|rounds| *rounds <= MAX_ITERATIONS)?,
            irreversible,
            salt: text("salt"),
            salt2: text("salt2"),
            session_id_version: text("sessionIDVersion"),
        };
        (!irreversible || !challenge.salt.is_empty()).then_some(challenge)
    }
}

/// The hash that stands for the password in a session login, 64 lower-case hex digits.
///
/// Irreversible: `h = SHA256(user + salt + password)`, with a second salt `h = SHA256(user + salt2 + h)`, then
/// `h = SHA256(h + challenge)`. Else `h = SHA256(SHA256(password) + challenge)`. Hashed on until `iterations` rounds are
/// done; the first hashing and the one with the challenge count as two, the second salt as none.
pub fn session_password(challenge: &SessionChallenge, user: &str, password: &Secret) -> Secret {
    let mut hash;
    if challenge.irreversible {
        hash = sha256(&[user, &challenge.salt, password.expose()]);
        // Version "2" may name a second salt, but does not use it.
        if !challenge.salt2.is_empty() && challenge.session_id_version != "2" {
            hash = sha256(&[user, &challenge.salt2, &hash]);
        }
        hash = sha256(&[&hash, &challenge.challenge]);
        for _ in 2..challenge.iterations {
            hash = sha256(&[&hash]);
        }
    } else {
        hash = sha256(&[&sha256(&[password.expose()]), &challenge.challenge]);
        for _ in 2..challenge.iterations {
            hash = sha256(&[&hash]);
        }
    }
    Secret::new(hash)
}

fn sha256(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by the code of a public client of these panels (hikaxpro 2.3.1).
    #[test]
    fn hashes_are_those_of_a_client_that_works() {
        let mut challenge = SessionChallenge {
            challenge: "82360cd6ffd7beda4398cf67bfbd1ea9".into(),
            iterations: 100,
            irreversible: true,
            salt: "22CF57B6ADE75214A4C87042B3272630C55EF5D782AB3BE4C9EC4DA1CD95AF3B".into(),
            salt2: "7BEB8CA39D05B89CABC4003FDCBA5AE73556CB8008BCEE3CBCA48CABC3AC201B".into(),
            session_id_version: "2.1".into(),
            ..SessionChallenge::default()
        };
        let hash = |challenge: &SessionChallenge| {
            session_password(challenge, "blabla@blabla.com", &Secret::new("blabla")).expose().to_owned()
        };
        assert_eq!(hash(&challenge), "8066da460542906bf6b4d0db45226ca1cfd786683f0c37499dac8948fd69fcf6");
        challenge.session_id_version = "2".into();
        assert_eq!(hash(&challenge), "284275189a37bd9fe109e40c7c52bd40dfd1fa7e108d820a193e7cc04cfbfdd4");
        challenge.irreversible = false;
        assert_eq!(hash(&challenge), "79b8c7b38fcd5fee3921a87867228c2621a96fb6dba1ef627bd6ceca83c60684");
    }

    #[test]
    fn absurd_challenges_are_not_computed() {
        for text in [
            "<SessionLoginCap><sessionID>a</sessionID><challenge>b</challenge><iterations>4000000000</iterations></SessionLoginCap>",
            "<SessionLoginCap><challenge>b</challenge><iterations>1</iterations></SessionLoginCap>",
            "<SessionLoginCap><sessionID>a</sessionID><challenge>b</challenge><iterations>2</iterations><isIrreversible>true</isIrreversible></SessionLoginCap>",
        ] {
            assert_eq!(SessionChallenge::parse(&Element::parse(text.as_bytes()).unwrap()), None);
        }
    }
}
