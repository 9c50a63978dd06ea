//! Endless `multipart/mixed` and `multipart/x-mixed-replace` bodies (RFC 2046 §5.1), as devices really send them.
//!
//! Sans I/O: chunks go in with [`Reader::push`], parts come out of [`Reader::next`]. Tolerated: a boundary with
//! quotes, in angle brackets, with its leading `--` already in the parameter, or not named at all; bare LF; parts
//! without `Content-Length`, which are given as soon as their XML or JSON is whole, not only when the next part
//! begins (that may be minutes later).

use bytes::{Buf, Bytes, BytesMut};

use crate::xml::Element;

/// Longest part, bytes: a full-size picture.
pub const MAX_PART: usize = 8 << 20;
/// Longest headers of a part, bytes.
pub const MAX_HEADERS: usize = 16 << 10;
/// Longest line that can be a delimiter, bytes (RFC 2046 allows 70).
const MAX_DELIMITER: usize = 256;

/// A part that breaks the bounds. The stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// Longer than [`MAX_PART`].
    #[error("a part is longer than {MAX_PART} bytes")]
    PartTooLarge,
    /// Headers longer than [`MAX_HEADERS`].
    #[error("a part's headers are longer than {MAX_HEADERS} bytes")]
    HeadersTooLarge,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Part {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body's type without parameters, lower case; empty without one.
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }
}

enum State {
    /// Before a delimiter.
    Between,
    /// After a delimiter, before the blank line.
    Headers,
    /// In a body of known length.
    Counted(Vec<(String, String)>, usize),
    /// In a body that ends with the next delimiter.
    Open(Vec<(String, String)>),
    /// After the closing delimiter.
    Ended,
    Failed(MultipartError),
}

/// Takes a body apart. See the module.
pub struct Reader {
    /// Without leading dashes, quotes and brackets; empty: learnt from the first line that begins with `--`.
    token: Vec<u8>,
    buffer: BytesMut,
    state: State,
    /// How much of an open body was searched for a delimiter already.
    searched: usize,
}

impl Reader {
    /// `content_type` is the whole header of the answer.
    pub fn new(content_type: &str) -> Self {
        let parameter = content_type.split(';').skip(1).find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
        });
        Self {
            token: bare(parameter.unwrap_or("").as_bytes()).to_vec(),
            buffer: BytesMut::new(),
            state: State::Between,
            searched: 0,
        }
    }

    /// Adds received bytes. Call [`Reader::next`] until it gives `None` before the next push: only that keeps the
    /// buffer bounded.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Ended | State::Failed(_)) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole part; `None` when more bytes are needed. After an error it stays an error.
    #[expect(clippy::should_implement_trait, reason = "None means not yet, not the end")]
    pub fn next(&mut self) -> Option<Result<Part, MultipartError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Between) {
                State::Ended => {
                    self.state = State::Ended;
                    return None;
                }
                State::Failed(error) => return Some(Err(self.fail(error))),
                State::Between => match self.next_delimiter()? {
                    true => self.state = State::Ended,
                    false => self.state = State::Headers,
                },
                State::Headers => {
                    let Some((end, length)) = blank_line(&self.buffer) else {
                        if self.buffer.len() > MAX_HEADERS {
                            return Some(Err(self.fail(MultipartError::HeadersTooLarge)));
                        }
                        self.state = State::Headers;
                        return None;
                    };
                    let headers = read_headers(&self.buffer[..end]);
                    self.buffer.advance(end + length);
                    self.searched = 0;
                    let length = headers.iter().find(|(name, _)| name == "content-length");
                    self.state = match length.and_then(|(_, value)| value.trim().parse::<usize>().ok()) {
                        Some(length) if length > MAX_PART => {
                            return Some(Err(self.fail(MultipartError::PartTooLarge)));
                        }
                        Some(length) => State::Counted(headers, length),
                        None => State::Open(headers),
                    };
                }
                State::Counted(headers, length) => {
                    if self.buffer.len() < length {
                        self.state = State::Counted(headers, length);
                        return None;
                    }
                    return Some(Ok(Part { headers, body: self.buffer.split_to(length).freeze() }));
                }
                State::Open(headers) => {
                    if let Some(end) = self.delimiter_in_body() {
                        let body = self.buffer.split_to(end).freeze();
                        return Some(Ok(Part { headers, body }));
                    }
                    if self.buffer.len() > MAX_PART {
                        return Some(Err(self.fail(MultipartError::PartTooLarge)));
                    }
                    if is_whole(&headers, &self.buffer) {
                        return Some(Ok(Part { headers, body: self.buffer.split().freeze() }));
                    }
                    self.state = State::Open(headers);
                    return None;
                }
            }
        }
    }

    fn fail(&mut self, error: MultipartError) -> MultipartError {
        self.buffer.clear();
        self.state = State::Failed(error);
        error
    }

    /// Drops lines up to and with the next delimiter; true when it is the closing one.
    fn next_delimiter(&mut self) -> Option<bool> {
        loop {
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                // A line too long for a delimiter is not one; what is kept of it cannot become one either.
                if self.buffer.len() > MAX_DELIMITER {
                    self.buffer.advance(self.buffer.len() - MAX_DELIMITER);
                }
                return None;
            };
            let line = self.buffer.split_to(end + 1);
            let line = line.trim_ascii();
            if self.token.is_empty() && line.starts_with(b"--") && line.len() > 2 {
                self.token = bare(line).to_vec();
            }
            if let Some(closing) = delimiter(line, &self.token) {
                return Some(closing);
            }
        }
    }

    /// Where the body before the next delimiter ends.
    fn delimiter_in_body(&mut self) -> Option<usize> {
        let mut from = self.searched;
        while let Some(newline) =
            self.buffer[from..].iter().position(|byte| *byte == b'\n').map(|at| at + from)
        {
            let line = &self.buffer[newline + 1..];
            let Some(length) = line.iter().take(MAX_DELIMITER).position(|byte| *byte == b'\n') else {
                if line.len() < MAX_DELIMITER {
                    // Not a whole line yet.
                    self.searched = newline;
                    return None;
                }
                from = newline + 1;
                continue;
            };
            if delimiter(line[..length].trim_ascii(), &self.token).is_some() {
                let end =
                    if newline > 0 && self.buffer[newline - 1] == b'\r' { newline - 1 } else { newline };
                return Some(end);
            }
            from = newline + 1;
        }
        self.searched = self.buffer.len();
        None
    }
}

/// A boundary without leading dashes and brackets.
fn bare(token: &[u8]) -> &[u8] {
    let mut token = token;
    while let [b'-', rest @ ..] = token {
        token = rest;
    }
    match token {
        [b'<', inner @ .., b'>'] => inner,
        other => other,
    }
}

/// Whether a trimmed line is a delimiter, and if so whether the closing one.
fn delimiter(line: &[u8], token: &[u8]) -> Option<bool> {
    if !line.starts_with(b"--") || token.is_empty() {
        return None;
    }
    let rest = bare(line);
    if rest == token {
        return Some(false);
    }
    let closing = rest.strip_suffix(b"--")?;
    (bare(closing) == token).then_some(true)
}

/// Where the first blank line begins, and how long its line ends are.
fn blank_line(bytes: &[u8]) -> Option<(usize, usize)> {
    if bytes.starts_with(b"\r\n") {
        return Some((0, 2));
    }
    if bytes.starts_with(b"\n") {
        return Some((0, 1));
    }
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| match &bytes[at + 1..] {
        [b'\n', ..] => Some((at, 2)),
        [b'\r', b'\n', ..] => Some((at, 3)),
        _ => None,
    })
}

fn read_headers(bytes: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}

/// Whether a body without a length is a whole document already.
fn is_whole(headers: &[(String, String)], body: &[u8]) -> bool {
    let kind =
        headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value.as_str());
    let last = body.trim_ascii_end().last();
    if kind.contains("xml") {
        last == Some(&b'>') && Element::parse(body).is_ok()
    } else if kind.contains("json") {
        last == Some(&b'}') && braces_balance(body)
    } else {
        false
    }
}

fn braces_balance(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_i32, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth -= 1,
            _ => {}
        }
    }
    depth == 0 && !in_text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(content_type: &str, bytes: &[u8], step: usize) -> Vec<Part> {
        let mut reader = Reader::new(content_type);
        let mut parts = Vec::new();
        for chunk in bytes.chunks(step.max(1)) {
            reader.push(chunk);
            while let Some(part) = reader.next() {
                parts.push(part.unwrap());
            }
        }
        parts
    }

    #[test]
    fn boundaries_as_devices_write_them() {
        for (content_type, line) in [
            ("multipart/mixed; boundary=boundary", "--boundary"),
            ("multipart/mixed; boundary=\"MIME_boundary\"", "--MIME_boundary"),
            ("multipart/mixed; boundary=<boundary>", "--<boundary>"),
            ("multipart/mixed; boundary=<boundary>", "--boundary"),
            ("multipart/x-mixed-replace; Boundary=--myboundary", "--myboundary"),
            ("multipart/x-mixed-replace;boundary=--myboundary", "----myboundary"),
            ("multipart/x-mixed-replace", "--anything"),
        ] {
            for end in ["\r\n", "\n"] {
                let part = |text: &str, length: bool| {
                    let length =
                        if length { format!("Content-Length: {}{end}", text.len()) } else { String::new() };
                    format!("{line}{end}Content-Type: text/plain{end}{length}{end}{text}{end}")
                };
                let body = format!(
                    "preamble{end}{end}{}{}{}{line}--{end}epilogue{end}{line}{end}",
                    part("one\n--not it\nend", false),
                    part("two\n--boundary\n", true),
                    part("", false)
                );
                for step in [1, 7, 4096] {
                    let parts = read(content_type, body.as_bytes(), step);
                    let texts: Vec<_> = parts.iter().map(|part| part.body.as_ref()).collect();
                    assert_eq!(
                        texts,
                        [&b"one\n--not it\nend"[..], b"two\n--boundary\n", b""],
                        "{content_type} {end:?}"
                    );
                    assert!(parts.iter().all(|part| part.content_type() == "text/plain"));
                }
            }
        }
    }

    #[test]
    fn a_whole_document_is_given_before_the_next_part() {
        for (kind, body) in [
            ("application/xml; charset=\"UTF-8\"", "<Alert><eventType>VMD</eventType></Alert>\r\n"),
            ("application/json", "{\"a\": \"}\\\"\", \"b\": [1, {}]}\r\n"),
        ] {
            let text = format!("--b\r\nContent-Type: {kind}\r\n\r\n{body}");
            for step in [1, 5, 999] {
                let parts = read("multipart/mixed;boundary=b", text.as_bytes(), step);
                assert_eq!(parts.len(), 1, "{kind} {step}");
                let both = read("multipart/mixed;boundary=b", format!("{text}{text}").as_bytes(), step);
                assert_eq!(both.len(), 2, "{kind} {step}");
            }
        }
    }

    #[test]
    fn parts_are_bounded() {
        let mut reader = Reader::new("multipart/mixed;boundary=b");
        reader.push(b"--b\nContent-Length: 99999999\n\n");
        assert_eq!(reader.next(), Some(Err(MultipartError::PartTooLarge)));
        assert_eq!(reader.next(), Some(Err(MultipartError::PartTooLarge)));
        let mut reader = Reader::new("multipart/mixed;boundary=b");
        reader.push(b"--b\n");
        reader.push(&vec![b'x'; MAX_HEADERS + 1]);
        assert_eq!(reader.next(), Some(Err(MultipartError::HeadersTooLarge)));
        let mut reader = Reader::new("multipart/mixed;boundary=b");
        reader.push(&vec![b'x'; 1 << 20]);
        assert_eq!(reader.next(), None);
        assert!(reader.buffer.len() <= MAX_DELIMITER);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
            let mut reader = Reader::new("multipart/mixed; boundary=b");
            for chunk in bytes.chunks(step) {
                reader.push(chunk);
                while let Some(Ok(_)) = reader.next() {}
            }
        }

        #[test]
        fn chunking_does_not_matter(text in "(--b|--b--|\\r\\n|\\n|a: b|content-length: 3|x|-){0,40}", step in 1_usize..9) {
            let whole = read("multipart/mixed; boundary=b", text.as_bytes(), usize::MAX);
            prop_assert_eq!(read("multipart/mixed; boundary=b", text.as_bytes(), step), whole);
        }
    }
}
