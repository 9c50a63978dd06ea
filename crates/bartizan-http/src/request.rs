use std::{borrow::Cow, time::Duration};

use bartizan_base::{UtcMicros, redact_login};
use bytes::Bytes;

/// How long an exchange may take, body included, unless the request says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(8);
/// Longest body that is read unless the request says otherwise, bytes.
pub const BODY_LIMIT: usize = 8 << 20;

/// The methods devices understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or calls (SOAP).
    Post,
    /// Writes.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Whether a request may log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// With the client's credentials when the device asks.
    #[default]
    Digest,
    /// Never: a 401 is an answer as any other.
    None,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Path and query, beginning with `/`, already encoded as the device wants it.
    pub path: String,
    /// Headers beside `Host`, `Content-Length`, `Content-Type` and `Authorization`.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Bytes,
    /// The body's type.
    pub content_type: Option<String>,
    /// Whether it may log in.
    pub auth: Auth,
    /// For the whole exchange; with [`crate::Client::open`] until the headers, then between chunks.
    pub timeout: Duration,
    /// Longest body taken, bytes.
    pub body_limit: usize,
}

impl Request {
    fn new(method: Method, path: impl Into<String>, body: Bytes) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body,
            content_type: None,
            auth: Auth::Digest,
            timeout: TIMEOUT,
            body_limit: BODY_LIMIT,
        }
    }

    /// Reads.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path, Bytes::new())
    }

    /// Writes a body.
    pub fn put(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new(Method::Put, path, body.into())
    }

    /// Sends a body.
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new(Method::Post, path, body.into())
    }

    /// Removes.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path, Bytes::new())
    }

    /// Names the body's type.
    #[must_use]
    pub fn content_type(mut self, value: &str) -> Self {
        self.content_type = Some(value.to_owned());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Never logs in.
    #[must_use]
    pub fn without_login(mut self) -> Self {
        self.auth = Auth::None;
        self
    }

    /// Another time-out.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Another limit of the body, bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }
}

/// An answer with its body.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in order, names in lower case; repeated ones stay apart.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What was asked, without user info, shown as by [`shown_path`].
    pub url: String,
    /// Our clock at the middle of the exchange that gave the answer: what a device's clock is compared with.
    pub date: UtcMicros,
    /// How long that exchange took up to the headers.
    pub round_trip: Duration,
}

impl Response {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All headers of that name.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text: UTF-8 or UTF-16 by its mark; what is neither is replaced.
    pub fn text(&self) -> String {
        crate::xml::decode(&self.body).into_owned()
    }

    /// 200–299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A path and query fit for logs: values of parameters named like a user or a secret are blanked, also in the path.
pub fn shown_path(path: &str) -> Cow<'_, str> {
    let Some((before, query)) = path.split_once('?') else { return Cow::Owned(redact_login(path)) };
    let secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        ["user", "usr", "pass", "pwd", "auth", "token", "session", "secret", "key"]
            .iter()
            .any(|word| key.contains(word))
    };
    let shown: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if secret(key) => Cow::Owned(format!("{key}=***")),
            _ => Cow::Borrowed(pair),
        })
        .collect();
    Cow::Owned(format!("{}?{}", redact_login(before), shown.join("&")))
}
