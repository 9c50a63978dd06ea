use std::borrow::Cow;

use crate::shown_path;

/// One exchange without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Host and port asked; only a mapping to a pseudonym may leave the program.
    pub peer: String,
    /// `GET` …
    pub method: &'static str,
    /// As by [`shown_path`].
    pub path: String,
    /// Body sent, anonymised text; empty for none or for what is not text.
    pub sent: String,
    /// Status; 0 where there was no answer.
    pub status: u16,
    /// Headers received, without cookies and challenges.
    pub headers: Vec<(String, String)>,
    /// Body received, anonymised text; empty for none or for what is not text.
    pub received: String,
}

/// Takes exchanges for diagnostics. Called on the path of every request: it must be quick.
pub trait Recorder: Send + Sync {
    /// One exchange is over.
    fn record(&self, exchange: Exchange);
}

impl<F: Fn(Exchange) + Send + Sync> Recorder for F {
    fn record(&self, exchange: Exchange) {
        self(exchange);
    }
}

/// Longest body kept in a recording, bytes.
const BODY_KEPT: usize = 64 << 10;
/// Elements, keys and headers whose value is replaced.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "nonce",
    "created",
    "username",
    "serialnumber",
    "subserialnumber",
    "deviceid",
    "macaddress",
    "sessionid",
    "challenge",
    "salt",
    "salt2",
    "key",
    "devicesn",
    "mac",
    "sn",
    "uuid",
    "authkey",
    // The owner's words, and where the device is.
    "name",
    "devicename",
    "machinename",
    "channelname",
    "hostname",
    "domainname",
    "ssid",
    "psk",
    "email",
    "mailaddress",
    "phonenumber",
    "latitude",
    "longitude",
];

pub(crate) fn exchange(peer: String, method: &'static str, path: &str, sent: &[u8]) -> Exchange {
    Exchange {
        peer,
        method,
        path: shown_path(path).into_owned(),
        sent: anonymise(sent),
        status: 0,
        headers: Vec::new(),
        received: String::new(),
    }
}

pub(crate) fn shown_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| {
            !["set-cookie", "www-authenticate", "authentication-info"]
                .contains(&name.to_ascii_lowercase().as_str())
        })
        .cloned()
        .collect()
}

/// A body with the values of secret and identifying elements (`<x>…</x>`), JSON members (`"x":"…"`) and lines
/// (`x=…`) replaced by `***`. What is not text is left out.
pub fn anonymise(body: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(&body[..body.len().min(BODY_KEPT)]) else { return String::new() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, value)) = next_secret(rest) {
        out.push_str(&rest[..at]);
        out.push_str("***");
        rest = &rest[at + value..];
    }
    out.push_str(rest);
    out
}

/// Where the next secret value begins, and its length.
fn next_secret(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find(['>', '=', ':']) {
        let mark = from + found;
        from = mark + 1;
        let key = key_before(text, mark);
        if !SECRET.contains(&key.to_ascii_lowercase().as_str()) {
            continue;
        }
        let (start, length) = match text.as_bytes()[mark] {
            b'>' => (mark + 1, text[mark + 1..].find('<').unwrap_or(text.len() - mark - 1)),
            b'=' => {
                let value = &text[mark + 1..];
                (mark + 1, value.find(['\r', '\n', '&']).unwrap_or(value.len()))
            }
            _ => {
                let value = &text[mark + 1..];
                let Some(quote) = value.find('"').filter(|at| value[..*at].trim().is_empty()) else {
                    continue;
                };
                (mark + 2 + quote, value[quote + 1..].find('"').unwrap_or(value.len() - quote - 1))
            }
        };
        if length > 0 && &text[start..start + length] != "***" {
            return Some((start, length));
        }
    }
    None
}

/// The name that ends at `mark`: of a tag without its prefix and attributes, of a JSON member, of a line.
fn key_before(text: &str, mark: usize) -> Cow<'_, str> {
    let head = &text[..mark];
    if text.as_bytes()[mark] == b'>' {
        let tag = head.rsplit('<').next().unwrap_or("");
        if tag.starts_with(['/', '?', '!']) || tag.ends_with('/') {
            return Cow::Borrowed("");
        }
        let name = tag.split_whitespace().next().unwrap_or("");
        return Cow::Borrowed(name.rsplit(':').next().unwrap_or(""));
    }
    let head = head.trim_end().trim_end_matches('"');
    let start = head.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    Cow::Borrowed(head.get(start..).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_and_serials_are_replaced() {
        for (given, wanted) in [
            (
                "<User><userName>bob</userName><n:password a='1'>x1</n:password><model>M</model></User>",
                "<User><userName>***</userName><n:password a='1'>***</n:password><model>M</model></User>",
            ),
            (r#"{"sn": "A1","mode":"x","Password":"p"}"#, r#"{"sn": "***","mode":"x","Password":"***"}"#),
            (
                "sn=4F0\r\ntype=IPC\r\ntable.Users[0].Password=x&y",
                "sn=***\r\ntype=IPC\r\ntable.Users[0].Password=***&y",
            ),
            ("<serialNumber/><password></password>", "<serialNumber/><password></password>"),
        ] {
            assert_eq!(anonymise(given.as_bytes()), wanted);
        }
        assert_eq!(anonymise(b"\xff\xd8\xff"), "");
        assert_eq!(
            shown_path("/a?user=u&pwd=x&b=1&authToken=q&c"),
            "/a?user=***&pwd=***&b=1&authToken=***&c"
        );
        assert_eq!(shown_path("/user=u_password=x_channel=1?y"), "/user=***_password=***_channel=1?y");
        assert_eq!(shown_path("/user=u_password=x"), "/user=***_password=***");
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "(<|>|=|:|\"|password|sn|é|\\n|/| |x){0,60}") {
            let shown = anonymise(text.as_bytes());
            prop_assert!(shown.len() <= text.len() * 4);
        }

        #[test]
        fn a_password_is_replaced_whatever_stands_around_it(before in "[a-z <>/\"={}:,\n]{0,30}", after in "[ -~\n]{0,30}") {
            let body = format!("{before}<Password>hunter2</Password>{after}");
            prop_assert!(!anonymise(body.as_bytes()).contains("hunter2"), "{}", body);
        }
    }
}
