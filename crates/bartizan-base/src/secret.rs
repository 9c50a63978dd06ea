use std::fmt;

use zeroize::Zeroizing;

/// A password or key. Prints as `***`, has no `Serialize`, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Call it only where the bytes go onto the wire or into a cipher.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Any URL-like text with its user-info part blanked, fit for logs and messages.
///
/// Works on text that no URL parser would take, since what users paste is often broken. A raw `/`, `?` or `@` inside a
/// password is common, so everything up to the **last** `@` goes; a path that holds an `@` of its own loses more than it
/// had to, which a log can bear.
pub fn redact_url(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    let scheme = text.find("://").map_or(0, |colon| colon + 3).min(at);
    format!("{}***@{}", &text[..scheme], &text[at + 1..])
}

/// What stands for a login that is not told.
const BLANK: &str = "***";

/// A path and query with the values blanked of words that name a login, fit for logs and messages.
///
/// Some makers have the login in the path, as Xiongmai's `/user=admin_password=x_channel=1_stream=0.sdp`.
pub fn redact_login(target: &str) -> String {
    map_login(target, |_, _| BLANK.to_owned())
}

/// A path and query with another login in it; what is not given stays as it is. `None` where a blank of
/// [`redact_login`] would be left.
pub fn refill_login(target: &str, user: Option<&str>, password: Option<&str>) -> Option<String> {
    let mut whole = true;
    let filled = map_login(target, |word, value| {
        let given = match word {
            "user=" | "usr=" => user,
            "password=" | "passwd=" | "pass=" | "pwd=" | "psw=" => password,
            _ => None,
        };
        whole &= given.is_some() || value != BLANK;
        // Behind a raw one, a URL has no path any more.
        given.map_or_else(|| value.to_owned(), |given| given.replace('#', "%23"))
    });
    whole.then_some(filled)
}

/// Replaces every value of a word that names a login: `with` has the word and the value.
fn map_login(target: &str, mut with: impl FnMut(&str, &str) -> String) -> String {
    const WORDS: [&str; 10] =
        ["password=", "passwd=", "pass=", "pwd=", "psw=", "token=", "auth=", "key=", "user=", "usr="];
    let lower = target.to_ascii_lowercase();
    let mut out = String::with_capacity(target.len());
    let mut at = 0;
    while at < target.len() {
        let word = WORDS.iter().filter_map(|word| Some((lower[at..].find(word)?, *word))).min();
        let Some((offset, word)) = word else { break };
        let value = at + offset + word.len();
        // A password may hold any character but these two; `_` ends it only before another `name=`.
        let end = target[value..]
            .char_indices()
            .find(|(i, c)| {
                *c == '&'
                    || (*c == '_'
                        && target[value + i + 1..]
                            .split(['_', '&', '/'])
                            .next()
                            .is_some_and(|w| w.contains('=')))
            })
            .map_or(target.len(), |(i, _)| value + i);
        out.push_str(&target[at..value]);
        out.push_str(&with(word, &target[value..end]));
        at = end;
    }
    out.push_str(&target[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn paths_lose_their_login() {
        for (given, wanted) in [
            (
                "/user=admin_password=tlJ_bo6_channel=1_stream=0.sdp",
                "/user=***_password=***_channel=1_stream=0.sdp",
            ),
            (
                "/user=admin&password=&channel=1&stream=0.sdp?real_stream",
                "/user=***&password=***&channel=1&stream=0.sdp?real_stream",
            ),
            ("/live?USR=a&Pwd=hunter2&ch=1", "/live?USR=***&Pwd=***&ch=1"),
            ("/Streaming/Channels/101", "/Streaming/Channels/101"),
            ("/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=0"),
            ("/ümlaut?pass=ß", "/ümlaut?pass=***"),
            ("", ""),
        ] {
            assert_eq!(redact_login(given), wanted, "{given}");
            assert_eq!(redact_login(wanted), wanted, "what is blanked stays so");
        }
    }

    #[test]
    fn logins_are_put_back_into_what_lost_them() {
        let blank = "/user=***_password=***_channel=1_stream=0.sdp";
        let whole = "/user=admin_password=old_channel=1_stream=0.sdp";
        for (target, user, password, wanted) in [
            (blank, Some("me"), Some("n#w"), Some("/user=me_password=n%23w_channel=1_stream=0.sdp")),
            (blank, Some("me"), None, None),
            (blank, None, Some("new"), None),
            (blank, None, None, None),
            (whole, None, None, Some(whole)),
            (whole, None, Some("new"), Some("/user=admin_password=new_channel=1_stream=0.sdp")),
            ("/live?token=***", Some("me"), Some("new"), None),
            ("/live?token=abc", Some("me"), Some("new"), Some("/live?token=abc")),
            ("/Streaming/Channels/101", Some("me"), Some("new"), Some("/Streaming/Channels/101")),
        ] {
            assert_eq!(refill_login(target, user, password).as_deref(), wanted, "{target} {user:?}");
        }
    }

    #[test]
    fn urls_lose_their_user_info() {
        for (given, wanted) in [
            ("rtsp://user:pw@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://user:p@ss@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://user:p/ss@cam/ch1", "rtsp://***@cam/ch1"),
            ("user:pw@cam", "***@cam"),
            ("rtsp://user:12/34@cam/ch1", "rtsp://***@cam/ch1"),
            ("rtsp://cam:554/ch1?a=b@c", "rtsp://***@c"),
            ("rtsp://cam/ch1", "rtsp://cam/ch1"),
            ("rtsp://user@cam", "rtsp://***@cam"),
        ] {
            assert_eq!(redact_url(given), wanted, "{given}");
        }
    }
}
