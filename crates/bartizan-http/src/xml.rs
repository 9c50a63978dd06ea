//! Documents as a tree of elements, matched by local name.
//!
//! Devices mix namespaces and prefixes even within one firmware, so reading looks at local names only; prefixes,
//! namespace declarations, attributes and order are kept, because ISAPI and ONVIF want whole elements written back.

use std::{borrow::Cow, fmt::Write as _, str::FromStr};

use quick_xml::{
    Reader, XmlVersion,
    escape::{escape, partial_escape},
    events::{BytesStart, Event},
};

/// Deepest nesting that is read. The deepest document seen in the field (DeviceCap) has about 12 levels.
pub const MAX_DEPTH: usize = 64;
/// Most elements in one document.
pub const MAX_ELEMENTS: usize = 100_000;
/// Longest document, bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Nothing that looks like an element.
    #[error("no XML element in it")]
    Empty,
    /// The declaration's quotes are typographic (“1.0”): a document that went through a word processor.
    #[error("typographic quotes in the XML declaration")]
    Declaration,
    /// Ends before its root element does.
    #[error("the document ends inside <{0}>")]
    Torn(String),
    /// Not well-formed.
    #[error("not well-formed at byte {position}: {reason}")]
    Malformed {
        /// Bytes from the first `<`.
        position: u64,
        /// The parser's words.
        reason: String,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Longer than [`MAX_BYTES`] or more than [`MAX_ELEMENTS`] elements.
    #[error("longer than {MAX_BYTES} bytes or {MAX_ELEMENTS} elements")]
    TooLarge,
}

/// One element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Namespace prefix, empty without one. Kept for writing back.
    pub prefix: String,
    /// Attributes by qualified name, in order, `xmlns` declarations included.
    pub attributes: Vec<(String, String)>,
    /// Its own text, trimmed; the texts between child elements joined.
    pub text: String,
    /// Child elements in order.
    pub children: Vec<Element>,
}

impl Element {
    /// An element without prefix, attributes and children.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), ..Self::default() }
    }

    /// Adds a child at the end.
    #[must_use]
    pub fn with(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// Reads a document.
    ///
    /// Tolerated: a byte order mark, UTF-16, bytes that are not UTF-8 (replaced), anything before the first `<` and
    /// after the root's end, undeclared prefixes and entities, a bare `&`, repeated attributes.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        if bytes.len() > MAX_BYTES {
            return Err(XmlError::TooLarge);
        }
        let text = decode(bytes);
        let text = &text[first_markup(&text).ok_or(XmlError::Empty)?..];
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        let (mut open, mut elements): (Vec<Element>, usize) = (Vec::new(), 0);
        loop {
            let event = reader.read_event().map_err(|e| {
                let torn = open.last().filter(|_| reader.error_position() as usize >= text.trim_end().len());
                match torn {
                    Some(element) => XmlError::Torn(element.name.clone()),
                    None => XmlError::Malformed { position: reader.error_position(), reason: e.to_string() },
                }
            })?;
            let malformed =
                |reason: String| XmlError::Malformed { position: reader.buffer_position(), reason };
            match event {
                Event::Start(start) => {
                    elements += 1;
                    if open.len() >= MAX_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    if elements > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    open.push(begin(&start).map_err(malformed)?);
                }
                Event::Empty(start) => {
                    elements += 1;
                    if elements > MAX_ELEMENTS {
                        return Err(XmlError::TooLarge);
                    }
                    let element = begin(&start).map_err(malformed)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Ok(element),
                    }
                }
                Event::End(_) => {
                    let Some(mut element) = open.pop() else {
                        return Err(malformed("an end without a start".into()));
                    };
                    trim(&mut element.text);
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Ok(element),
                    }
                }
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    if let Some(element) = open.last_mut() {
                        match reference.resolve_char_ref() {
                            Ok(Some(char)) => element.text.push(char),
                            _ => push_entity(&mut element.text, &reference.xml10_content()),
                        }
                    }
                }
                Event::Decl(declaration) => {
                    if declaration.contains(['“', '”', '‘', '’']) {
                        return Err(XmlError::Declaration);
                    }
                }
                Event::Eof => {
                    return Err(match open.first() {
                        Some(root) => XmlError::Torn(root.name.clone()),
                        None => XmlError::Empty,
                    });
                }
                Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    /// The first child of that local name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that local name.
    pub fn children<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element at a path of local names below this one, `"a/b/c"`; `""` is the element itself.
    pub fn find(&self, path: &str) -> Option<&Element> {
        let Some((head, rest)) = split(path) else { return Some(self) };
        self.children(head).find_map(|child| child.find(rest))
    }

    /// The first element of that local name at any depth, this one included.
    pub fn descendant(&self, name: &str) -> Option<&Element> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.descendant(name))
    }

    /// The text at a path; `None` when the element is missing or its text is empty.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.find(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The text at a path as a value; `None` when missing, empty or not readable as one.
    pub fn parse_text<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// An attribute by local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key.rsplit_once(':').map_or(key.as_str(), |(_, local)| local) == name)
            .map(|(_, value)| value.as_str())
    }

    /// Changes the text at a path of existing elements; false when there is no such element.
    pub fn set_text(&mut self, path: &str, value: &str) -> bool {
        let Some(element) = self.find_mut(path) else { return false };
        value.clone_into(&mut element.text);
        true
    }

    /// As [`Element::find`], to change it.
    pub fn find_mut(&mut self, path: &str) -> Option<&mut Element> {
        let Some((head, rest)) = split(path) else { return Some(self) };
        self.children.iter_mut().filter(|child| child.name == head).find_map(|child| child.find_mut(rest))
    }

    /// The document, with a declaration, without indentation.
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        self.write(&mut out);
        out
    }

    /// Appends the element without a declaration.
    pub fn write(&self, out: &mut String) {
        let name = if self.prefix.is_empty() {
            Cow::Borrowed(self.name.as_str())
        } else {
            Cow::Owned(format!("{}:{}", self.prefix, self.name))
        };
        let _ = write!(out, "<{name}");
        for (key, value) in &self.attributes {
            let _ = write!(out, " {key}=\"{}\"", escape(value.as_str()));
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        out.push_str(&partial_escape(self.text.as_str()));
        for child in &self.children {
            child.write(out);
        }
        let _ = write!(out, "</{name}>");
    }
}

fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_matches('/');
    if path.is_empty() { None } else { Some(path.split_once('/').unwrap_or((path, ""))) }
}

fn begin(start: &BytesStart<'_>) -> Result<Element, String> {
    let (name, prefix) = start.name().decompose();
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(value) => value.into_owned(),
            // An undeclared entity: the raw text is better than no document.
            Err(_) => attribute.value.to_string(),
        };
        attributes.push((attribute.key.0.to_owned(), value));
    }
    Ok(Element {
        name: name.as_ref().to_owned(),
        prefix: prefix.map_or_else(String::new, |prefix| prefix.as_ref().to_owned()),
        attributes,
        ..Element::default()
    })
}

fn push_entity(text: &mut String, name: &str) {
    match name {
        "lt" => text.push('<'),
        "gt" => text.push('>'),
        "amp" => text.push('&'),
        "apos" => text.push('\''),
        "quot" => text.push('"'),
        "nbsp" => text.push('\u{a0}'),
        other => {
            let _ = write!(text, "&{other};");
        }
    }
}

fn trim(text: &mut String) {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

/// Where the declaration or the first element begins.
fn first_markup(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        bytes.get(at + 1).is_some_and(|next| {
            next.is_ascii_alphabetic() || matches!(next, b'?' | b'!' | b'_') || *next >= 0x80
        })
    })
}

/// Text out of bytes: UTF-16 by its byte order mark, else UTF-8 with the unreadable replaced.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |big: bool| {
        let units = bytes[2..].chunks_exact(2).map(|pair| {
            if big { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) }
        });
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    };
    match bytes {
        [0xFE, 0xFF, ..] => wide(true),
        [0xFF, 0xFE, ..] => wide(false),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
