//! The `key=value` text that every CGI call answers with, and the words it uses for failure.

use std::collections::BTreeMap;

/// Longest answer that is read, lines. A 64-channel recorder's `Encode` table has about 25 000.
const MOST_LINES: usize = 200_000;
/// Longest value with all its continuation lines, bytes.
const LONGEST_VALUE: usize = 64 * 1024;

/// What a CGI call said. Keys stand without the `table.` that only reads carry (writes must not have it).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

/// Why a text is not an answer with values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotValues {
    /// The device says that it failed, in its own words; HTTP may have said 200.
    #[error("the device answers {0:?}")]
    Failed(String),
    /// Not `key=value` lines: a web page, a picture, nothing.
    #[error("not key=value lines: {0:?}")]
    Unreadable(String),
}

impl Values {
    /// Reads lines ended by CRLF, LF or CR CR LF. A line without `=`, or whose part before it cannot be a key,
    /// continues the value before it. Of a repeated key the first stays.
    ///
    /// # Errors
    /// [`NotValues::Failed`] for `Error…`, [`NotValues::Unreadable`] where nothing is a key and its value.
    pub fn parse(text: &str) -> Result<Self, NotValues> {
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\r', '\n', ' ']);
        if let Some(words) = failure(text) {
            return Err(NotValues::Failed(words));
        }
        let mut values = BTreeMap::<String, String>::new();
        let mut last: Option<String> = None;
        for line in text.lines().take(MOST_LINES) {
            let line = line.trim_end_matches('\r');
            let pair = line.split_once('=').map(|(key, value)| (bare(key), value));
            if let Some((key, value)) = pair.filter(|(key, _)| is_key(key)) {
                let key = key.to_owned();
                last = (!values.contains_key(&key)).then(|| key.clone());
                if last.is_some() {
                    values.insert(key, clip(value).to_owned());
                }
            } else if let Some(value) = last.as_ref().and_then(|key| values.get_mut(key)) {
                if value.len() + line.len() < LONGEST_VALUE {
                    value.push('\n');
                    value.push_str(line);
                }
            } else if values.is_empty() {
                return Err(NotValues::Unreadable(excerpt(text)));
            }
        }
        if values.is_empty() && !text.is_empty() {
            return Err(NotValues::Unreadable(excerpt(text)));
        }
        Ok(Self(values))
    }

    /// Flattens the JSON of an RPC2 answer into the same keys: `{"a":[{"b":1}]}` under `X` is `X.a[0].b`.
    pub fn from_json(name: &str, value: &serde_json::Value) -> Self {
        let mut values = Self::default();
        values.flatten(name.to_owned(), value, 0);
        values
    }

    fn flatten(&mut self, key: String, value: &serde_json::Value, depth: usize) {
        use serde_json::Value;
        const DEEPEST: usize = 32;
        if depth > DEEPEST || self.0.len() >= MOST_LINES {
            return;
        }
        match value {
            Value::Null => {}
            Value::String(text) => drop(self.0.insert(key, clip(text).to_owned())),
            Value::Bool(_) | Value::Number(_) => drop(self.0.insert(key, value.to_string())),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.flatten(format!("{key}[{at}]"), item, depth + 1);
                }
            }
            Value::Object(fields) => {
                for (name, item) in fields {
                    let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                    self.flatten(key, item, depth + 1);
                }
            }
        }
    }

    /// The value of a key, exactly spelt.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The value of the first of these keys that is there and not empty.
    pub fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key)).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A value read as a number.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.trim().parse().ok()
    }

    /// A value read as yes or no: `true`/`false`, `1`/`0`, `On`/`Off`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        flag(self.get(key)?)
    }

    /// The keys and values that begin with `prefix`, with the rest of the key.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(move |(key, value)| (&key[prefix.len()..], value.as_str()))
    }

    /// Whether anything begins with `prefix`.
    pub fn has(&self, prefix: &str) -> bool {
        self.under(prefix).next().is_some()
    }

    /// The indices in `name[i]…`, ascending, each once.
    pub fn indices(&self, name: &str) -> Vec<usize> {
        let prefix = format!("{name}[");
        let mut found: Vec<usize> =
            self.under(&prefix).filter_map(|(rest, _)| rest.split_once(']')?.0.parse().ok()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Every key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Yes or no in the device's words.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// The device's words when a body says that the call failed. HTTP 200 does not mean that it worked.
pub fn failure(text: &str) -> Option<String> {
    let text = text.trim();
    let head = text.get(..5)?;
    let rest = &text[5..];
    let is_word =
        head.eq_ignore_ascii_case("error") && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '=');
    is_word.then(|| excerpt(text))
}

/// Whether a write was taken: the body is `OK`, in any case, perhaps followed by an empty line.
pub fn is_ok(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim().eq_ignore_ascii_case("ok"))
}

/// The beginning of a text on one line, for messages.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 120;
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

fn clip(value: &str) -> &str {
    let mut end = value.len().min(LONGEST_VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// A key without what only reads put before it.
fn bare(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix("table.").unwrap_or(key)
}

/// Keys are words with dots, indices and, in `RemoteDevice`, a `uuid:` part.
fn is_key(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._[]:-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_in_every_line_ending() {
        for text in [
            "table.A[0].B=1\r\ntable.A[0].C=x y\r\n",
            "table.A[0].B=1\ntable.A[0].C=x y\n\0",
            "A[0].B=1\r\r\nA[0].C=x y",
        ] {
            let values = Values::parse(text).expect(text);
            assert_eq!((values.number("A[0].B"), values.get("A[0].C")), (Some(1), Some("x y")), "{text:?}");
        }
    }

    #[test]
    fn values_go_on_over_bare_line_feeds() {
        let values = Values::parse(
            "table.ChannelTitle[0].Name=Yard\nnorth (a=b)\r\ntable.ChannelTitle[1].Name=Gate\r\n",
        )
        .expect("reads");
        assert_eq!(values.get("ChannelTitle[0].Name"), Some("Yard\nnorth (a=b)"));
        assert_eq!(values.get("ChannelTitle[1].Name"), Some("Gate"));
        assert_eq!(values.indices("ChannelTitle"), [0, 1]);
    }

    #[test]
    fn values_keep_what_follows_the_first_equals_sign() {
        let values = Values::parse("a=b=c\nempty=\n").expect("reads");
        assert_eq!((values.get("a"), values.get("empty")), (Some("b=c"), Some("")));
    }

    #[test]
    fn failures_are_not_values() {
        for text in [
            "Error\r\nBad Request!\r\n",
            "Error: No Events",
            "error",
            "Error: Error -1 getting param in name=VideoInOptions[4].NightOptions.SwitchMode",
        ] {
            assert!(matches!(Values::parse(text), Err(NotValues::Failed(_))), "{text}");
        }
        for text in ["<html><body>hello</body></html>", "\u{ff}\u{d8}", "OK"] {
            assert!(matches!(Values::parse(text), Err(NotValues::Unreadable(_))), "{text}");
        }
        assert_eq!(Values::parse("ErrorCount=3").expect("a key").get("ErrorCount"), Some("3"));
        assert!(Values::parse("").expect("nothing is said").is_empty());
        assert!(is_ok("OK\r\n") && is_ok("ok") && !is_ok("Error") && !is_ok(""));
    }

    #[test]
    fn json_gets_the_keys_of_the_text() {
        let json = serde_json::json!([{"MainFormat": [{"Video": {"Width": 1920, "Compression": "H.265"}, "VideoEnable": true}]}]);
        let values = Values::from_json("Encode", &json);
        assert_eq!(values.number("Encode[0].MainFormat[0].Video.Width"), Some(1920));
        assert_eq!(values.flag("Encode[0].MainFormat[0].VideoEnable"), Some(true));
        assert_eq!(Values::from_json("", &serde_json::json!({"a": {"b": 2}})).get("a.b"), Some("2"));
    }

    proptest! {
        #[test]
        fn any_text_is_values_or_an_error(text in "(table\\.)?[A-Za-z\\[\\]0-9.=\r\n\u{0}é ]{0,400}") {
            if let Ok(values) = Values::parse(&text) {
                for (key, value) in values.iter() {
                    prop_assert!(is_key(key), "{key:?}");
                    prop_assert!(value.len() <= LONGEST_VALUE);
                }
            }
            let _ = (failure(&text), is_ok(&text), excerpt(&text));
        }

        #[test]
        fn torn_tables_lose_only_their_last_line(rows in prop::collection::vec(("[A-Z][a-z]{1,8}\\[[0-9]\\]", "[a-z0-9]{0,8}"), 1..20), cut in 0usize..200) {
            let whole: String = rows.iter().map(|(key, value)| format!("table.{key}={value}\r\n")).collect();
            let cut = cut.min(whole.len());
            let torn = &whole[..cut];
            let all = Values::parse(&whole).expect("reads");
            if let Ok(values) = Values::parse(torn) {
                // The torn line is cut short, or its beginning goes on the value before it.
                for (key, value) in values.iter() {
                    let same = all.get(key).unwrap_or_default();
                    prop_assert!(same.starts_with(value) || value.starts_with(same), "{key} {value:?} {same:?}");
                }
                prop_assert!(values.iter().filter(|(key, value)| all.get(key) != Some(*value)).count() <= 1);
            }
        }
    }
}
