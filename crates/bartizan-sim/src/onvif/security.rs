//! WS-Security UsernameToken (OASIS UsernameToken Profile 1.0; ONVIF Core specification, ch. 5.9.1).

use std::{collections::VecDeque, time::Duration};

use bartizan_base::{Secret, UtcMicros};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

use super::soap::{Call, Element};

/// Nonces remembered; the oldest go first, as in a device with little memory.
const NONCES_KEPT: usize = 4096;

/// What a request's token is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// No `UsernameToken` in the header.
    Missing,
    /// Name and password are right, the moment is near, the nonce new.
    Granted,
    /// Name or password are wrong, or the token is torn.
    Wrong,
    /// `Created` is too far from the device's clock. Tells nothing of the password.
    OutOfTime,
    /// The nonce was used before.
    Replayed,
}

/// Nonces seen while their moment lasts.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    seen: VecDeque<(Vec<u8>, UtcMicros)>,
}

impl Nonces {
    /// Remembers a nonce; `false` when it is known.
    fn take(&mut self, nonce: &[u8], now: UtcMicros, window: Duration) -> bool {
        let kept = window * 2;
        while self.seen.front().is_some_and(|(_, at)| now.since(*at) > kept) || self.seen.len() >= NONCES_KEPT
        {
            self.seen.pop_front();
        }
        let new = self.seen.iter().all(|(seen, _)| seen != nonce);
        if new {
            self.seen.push_back((nonce.to_vec(), now));
        }
        new
    }
}

/// Judges a call. `now` is the device's own clock, `window` how far `Created` may lie from it to either side.
pub(crate) fn judge(
    call: &Call,
    now: UtcMicros,
    window: Duration,
    nonces: &mut Nonces,
    password_of: impl Fn(&str) -> Option<Secret>,
) -> Token {
    let Some(token) = call.header("Security").and_then(|security| security.child("UsernameToken")) else {
        return Token::Missing;
    };
    let user = token.text_at(&["Username"]).unwrap_or_default();
    let Some(password) = password_of(user) else { return Token::Wrong };
    let Some(sent) = token.child("Password") else { return Token::Wrong };
    if !sent.attribute("Type").is_some_and(|kind| kind.ends_with("#PasswordDigest")) {
        let right = sent.text == password.expose();
        return if right { Token::Granted } else { Token::Wrong };
    }
    let Some((nonce, created, at)) = freshness(token) else { return Token::Wrong };
    if digest(&nonce, created, &password) != sent.text {
        return Token::Wrong;
    }
    if now.since(at).max(at.since(now)) > window {
        return Token::OutOfTime;
    }
    if nonces.take(&nonce, now, window) { Token::Granted } else { Token::Replayed }
}

/// Nonce, `Created` as written, and its moment.
fn freshness(token: &Element) -> Option<(Vec<u8>, &str, UtcMicros)> {
    let nonce = STANDARD.decode(token.text_at(&["Nonce"])?).ok()?;
    let created = token.text_at(&["Created"])?;
    Some((nonce, created, moment(created)?))
}

/// Base64 of SHA-1 over nonce, `Created` and password.
fn digest(nonce: &[u8], created: &str, password: &Secret) -> String {
    let hash = Sha1::new().chain_update(nonce).chain_update(created).chain_update(password.expose());
    STANDARD.encode(hash.finalize())
}

/// A header with a token, for tests: this side of the protocol is otherwise the client's.
#[cfg(test)]
pub(crate) fn token_header(user: &str, password: &str, at: UtcMicros) -> String {
    let nonce = bartizan_base::random_token();
    let created = jiff::Timestamp::from_microsecond(at.0).expect("a moment of this age").to_string();
    let digest = digest(nonce.as_bytes(), &created, &Secret::new(password));
    format!(
        "<Security><UsernameToken><Username>{user}</Username><Password Type='x#PasswordDigest'>{digest}</Password>\
         <Nonce>{}</Nonce><Created>{created}</Created></UsernameToken></Security>",
        STANDARD.encode(nonce)
    )
}

/// An `xs:dateTime`; without a zone it is taken for UTC.
pub(crate) fn moment(text: &str) -> Option<UtcMicros> {
    let stamp = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}Z").parse::<jiff::Timestamp>());
    Some(UtcMicros(stamp.ok()?.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_790_000_000_000_000);
    const WINDOW: Duration = Duration::from_secs(30);

    fn call(user: &str, kind: &str, password: &str, nonce: &str, created: &str) -> Call {
        let body = format!(
            "<Envelope><Header><Security><UsernameToken><Username>{user}</Username>\
             <Password Type='x#{kind}'>{password}</Password><Nonce>{nonce}</Nonce><Created>{created}</Created>\
             </UsernameToken></Security></Header><Body><GetUsers/></Body></Envelope>"
        );
        Call::parse(&body).unwrap()
    }

    fn made(seconds: i64, password: &str, nonce: &[u8]) -> Call {
        let stamp = jiff::Timestamp::from_microsecond(NOW.0 + seconds * 1_000_000).unwrap().to_string();
        let digest = digest(nonce, &stamp, &Secret::new(password));
        call("admin", "PasswordDigest", &digest, &STANDARD.encode(nonce), &stamp)
    }

    fn judged(call: &Call, nonces: &mut Nonces) -> Token {
        judge(call, NOW, WINDOW, nonces, |user| (user == "admin").then(|| Secret::new("right")))
    }

    #[test]
    fn the_example_of_the_onvif_programmers_guide() {
        // Chapter "User authentication": nonce, date and password with their digest.
        let nonce = STANDARD.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        let digest = digest(&nonce, "2010-09-16T07:50:45Z", &Secret::new("userpassword"));
        assert_eq!(digest, "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
    }

    #[test]
    fn right_wrong_late_and_again() {
        let mut nonces = Nonces::default();
        let granted = Token::Granted;
        assert_eq!(judged(&made(0, "right", b"1"), &mut nonces), granted);
        assert_eq!(judged(&made(1, "right", b"1"), &mut nonces), Token::Replayed);
        assert_eq!(judged(&made(-30, "right", b"2"), &mut nonces), granted);
        for seconds in [-31, 31] {
            assert_eq!(judged(&made(seconds, "right", b"3"), &mut nonces), Token::OutOfTime);
        }
        // A wrong password is wrong at any time, and does not use up the nonce.
        for seconds in [0, 1000] {
            let wrong = Token::Wrong;
            assert_eq!(judged(&made(seconds, "other", b"3"), &mut nonces), wrong);
        }
        assert_eq!(judged(&made(0, "right", b"3"), &mut nonces), granted);
    }

    #[test]
    fn plain_text_unknown_users_and_torn_tokens() {
        let mut nonces = Nonces::default();
        let mut check = |call: &Call| judged(call, &mut nonces);
        assert_eq!(check(&call("admin", "PasswordText", "right", "", "")), Token::Granted);
        assert_eq!(check(&call("admin", "PasswordText", "x", "", "")), Token::Wrong);
        assert_eq!(check(&call("guest", "PasswordText", "right", "", "")), Token::Wrong);
        assert_eq!(check(&call("admin", "PasswordDigest", "", "?", "")), Token::Wrong);
        let none = Call::parse("<Envelope><Header/><Body><GetUsers/></Body></Envelope>").unwrap();
        assert_eq!(check(&none), Token::Missing);
    }

    #[test]
    fn nonces_are_bounded_and_forgotten() {
        let mut nonces = Nonces::default();
        for number in 0..2 * NONCES_KEPT {
            assert!(nonces.take(&number.to_be_bytes(), NOW, WINDOW));
        }
        assert_eq!(nonces.seen.len(), NONCES_KEPT);
        let later = UtcMicros(NOW.0 + 61_000_000);
        assert!(nonces.take(b"new", later, WINDOW));
        assert_eq!(nonces.seen.len(), 1);
    }

    #[test]
    fn moments_with_and_without_zone() {
        for text in ["2026-09-21T13:33:20Z", "2026-09-21T13:33:20.000", "2026-09-21T15:33:20+02:00"] {
            assert_eq!(moment(text), Some(UtcMicros(1_789_997_600_000_000)), "{text}");
        }
        assert_eq!(moment("yesterday"), None);
    }
}
