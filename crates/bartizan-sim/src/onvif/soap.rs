//! SOAP 1.2 as ONVIF uses it (Core specification, ch. 5.8): requests into a tree, answers and faults out.

use std::{fmt::Write as _, time::Duration};

use quick_xml::{
    NsReader, XmlVersion,
    escape::{escape, resolve_predefined_entity},
    events::{BytesStart, Event},
    name::ResolveResult,
};

/// Deeper requests are refused; ONVIF's own need about twelve levels.
const DEPTH_LIMIT: usize = 64;
/// Elements of one request.
const ELEMENT_LIMIT: usize = 4096;

pub(crate) const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
pub(crate) const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
pub(crate) const MEDIA2: &str = "http://www.onvif.org/ver20/media/wsdl";
pub(crate) const PTZ: &str = "http://www.onvif.org/ver20/ptz/wsdl";
pub(crate) const IMAGING: &str = "http://www.onvif.org/ver20/imaging/wsdl";
pub(crate) const EVENTS: &str = "http://www.onvif.org/ver10/events/wsdl";
pub(crate) const DEVICE_IO: &str = "http://www.onvif.org/ver10/deviceIO/wsdl";
pub(crate) const RECORDING: &str = "http://www.onvif.org/ver10/recording/wsdl";
pub(crate) const SEARCH: &str = "http://www.onvif.org/ver10/search/wsdl";
pub(crate) const REPLAY: &str = "http://www.onvif.org/ver10/replay/wsdl";
pub(crate) const NOTIFICATION: &str = "http://docs.oasis-open.org/wsn/b-2";

/// Prefixes of every answer, declared once at the envelope as gSOAP does.
const NAMESPACES: &[(&str, &str)] = &[
    ("SOAP-ENV", "http://www.w3.org/2003/05/soap-envelope"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("xsd", "http://www.w3.org/2001/XMLSchema"),
    ("wsa5", "http://www.w3.org/2005/08/addressing"),
    ("wstop", "http://docs.oasis-open.org/wsn/t-1"),
    ("wsnt", NOTIFICATION),
    ("tns1", "http://www.onvif.org/ver10/topics"),
    ("wsse", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"),
    ("ter", "http://www.onvif.org/ver10/error"),
    ("tt", "http://www.onvif.org/ver10/schema"),
    ("tds", DEVICE),
    ("trt", MEDIA),
    ("tr2", MEDIA2),
    ("tptz", PTZ),
    ("timg", IMAGING),
    ("tev", EVENTS),
    ("tmd", DEVICE_IO),
    ("trc", RECORDING),
    ("tse", SEARCH),
    ("trp", REPLAY),
];

/// An element of a request, found by its local name: prefixes are the client's affair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: String,
    pub namespace: String,
    pub attributes: Vec<(String, String)>,
    /// Character data directly inside, trimmed.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of that local name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Children of that local name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Follows local names downwards.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Text at the end of a path, where there is any.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A finite number at the end of a path.
    pub fn number_at(&self, path: &[&str]) -> Option<f32> {
        self.text_at(path)?.parse().ok().filter(|number: &f32| number.is_finite())
    }

    /// An attribute by local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A finite number in an attribute.
    pub fn number(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.trim().parse().ok().filter(|number: &f32| number.is_finite())
    }

    /// Reads a document; `None` when it is torn, too deep or too large.
    pub fn parse(text: &str) -> Option<Element> {
        let mut reader = NsReader::from_str(text);
        let mut open: Vec<Element> = Vec::new();
        let mut root = None;
        let mut elements = 0;
        loop {
            let (resolved, event) = reader.read_resolved_event().ok()?;
            let namespace = match resolved {
                ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
                _ => String::new(),
            };
            let closed = match event {
                Event::Start(start) => {
                    elements += 1;
                    open.push(element(&start, namespace)?);
                    None
                }
                Event::Empty(start) => {
                    elements += 1;
                    Some(element(&start, namespace)?)
                }
                Event::End(_) => Some(open.pop()?),
                Event::Text(text) => {
                    add_text(&mut open, &text);
                    None
                }
                Event::CData(text) => {
                    add_text(&mut open, &text);
                    None
                }
                Event::GeneralRef(reference) => {
                    let mut buffer = [0; 4];
                    let text = match reference.resolve_char_ref().ok()? {
                        Some(letter) => &*letter.encode_utf8(&mut buffer),
                        None => resolve_predefined_entity(&reference)?,
                    };
                    add_text(&mut open, text);
                    None
                }
                Event::Eof => break,
                // A document type could only define entities, which no client needs.
                Event::DocType(_) => return None,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => None,
            };
            if open.len() > DEPTH_LIMIT || elements > ELEMENT_LIMIT {
                return None;
            }
            let Some(mut closed) = closed else { continue };
            closed.text = closed.text.trim().to_owned();
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None if root.is_none() => root = Some(closed),
                None => return None,
            }
        }
        if open.is_empty() { root } else { None }
    }
}

fn element(start: &BytesStart<'_>, namespace: String) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    let name = start.local_name().as_ref().to_owned();
    Some(Element { name, namespace, attributes, ..Element::default() })
}

fn add_text(open: &mut [Element], text: &str) {
    if let Some(parent) = open.last_mut() {
        parent.text.push_str(text);
    }
}

/// What a client asks.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Children of the SOAP header.
    pub headers: Vec<Element>,
    /// The body's element: the operation, its namespace the service.
    pub body: Element,
}

impl Call {
    /// Reads an envelope; the prefixes and even SOAP's version are not looked at, as devices do.
    pub fn parse(body: &str) -> Option<Call> {
        let mut envelope = Element::parse(body.trim_start_matches('\u{feff}'))?;
        if envelope.name != "Envelope" {
            return None;
        }
        let at = envelope.children.iter().position(|child| child.name == "Body")?;
        let mut body = envelope.children.swap_remove(at);
        if body.children.is_empty() {
            return None;
        }
        let header = envelope.children.into_iter().find(|child| child.name == "Header");
        Some(Call { headers: header.unwrap_or_default().children, body: body.children.swap_remove(0) })
    }

    /// A header by local name.
    pub fn header(&self, name: &str) -> Option<&Element> {
        self.headers.iter().find(|header| header.name == name)
    }
}

/// What went wrong, as the Core specification names it (table of generic faults and each service's own).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `true` for `env:Sender`, `false` for `env:Receiver`.
    pub sender: bool,
    /// Outer first; without a prefix they are `ter:`'s.
    pub subcodes: Vec<&'static str>,
    pub reason: String,
}

impl Fault {
    pub fn sender(subcodes: &[&'static str], reason: impl Into<String>) -> Self {
        Self { sender: true, subcodes: subcodes.to_vec(), reason: reason.into() }
    }

    pub fn receiver(subcodes: &[&'static str], reason: impl Into<String>) -> Self {
        Self { sender: false, subcodes: subcodes.to_vec(), reason: reason.into() }
    }

    /// `ter:NotAuthorized`, as a refused login or right is answered.
    pub fn not_authorized() -> Self {
        Self::sender(&["NotAuthorized"], "Sender not Authorized")
    }

    /// What gSOAP's WS-Security plugin says of a wrong login.
    pub fn failed_authentication() -> Self {
        Self::sender(
            &["wsse:FailedAuthentication"],
            "The security token could not be authenticated or authorized",
        )
    }

    /// An operation this device does not have.
    pub fn not_supported(operation: &str) -> Self {
        Self::receiver(&["ActionNotSupported"], format!("Optional Action Not Implemented: {operation}"))
    }

    /// An argument out of range or of no use.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::sender(&["InvalidArgVal"], reason)
    }

    /// A token nobody has.
    pub fn no(subcode: &'static str, token: &str) -> Self {
        Self::sender(&["InvalidArgVal", subcode], format!("no such token: {token}"))
    }

    pub fn body(&self) -> String {
        let codes = self.subcodes.iter().rev().fold(String::new(), |inner, code| {
            let prefix = if code.contains(':') { "" } else { "ter:" };
            format!(
                "<SOAP-ENV:Subcode><SOAP-ENV:Value>{prefix}{code}</SOAP-ENV:Value>{inner}</SOAP-ENV:Subcode>"
            )
        });
        let side = if self.sender { "Sender" } else { "Receiver" };
        format!(
            "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:{side}</SOAP-ENV:Value>{codes}</SOAP-ENV:Code>\
             <SOAP-ENV:Reason><SOAP-ENV:Text xml:lang=\"en\">{}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>",
            escape(self.reason.as_str())
        )
    }
}

/// An envelope around ready-made header and body elements.
pub(crate) fn envelope(headers: &str, body: &str) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SOAP-ENV:Envelope");
    for (prefix, uri) in NAMESPACES {
        // Writing to a string cannot fail.
        let _ = write!(text, " xmlns:{prefix}=\"{uri}\"");
    }
    text.push('>');
    if !headers.is_empty() {
        let _ = write!(text, "<SOAP-ENV:Header>{headers}</SOAP-ENV:Header>");
    }
    let _ = write!(text, "<SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>");
    text
}

/// Reads `PnDTnHnMnS` (ISO 8601, xs:duration); years and months have no fixed length and are refused.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, times) = rest.split_once('T').unwrap_or((rest, ""));
    let (mut seconds, mut parts) = (0.0, 0);
    for (part, units) in [(days, &[('D', 86_400.0)][..]), (times, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])]
    {
        let mut rest = part;
        while !rest.is_empty() {
            let at = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
            let unit = units.iter().find(|(name, _)| rest[at..].starts_with(*name))?;
            seconds += rest[..at].parse::<f64>().ok()? * unit.1;
            rest = &rest[at + 1..];
            parts += 1;
        }
    }
    // Longer than a year is no time a device waits.
    (parts > 0 && (0.0..=366.0 * 86_400.0).contains(&seconds)).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_and_default_namespaces_alike() {
        for body in [
            "<s:Envelope xmlns:s='x'><s:Body><GetProfiles xmlns='http://www.onvif.org/ver20/media/wsdl'>\
             <Type>All</Type></GetProfiles></s:Body></s:Envelope>",
            "\u{feff}<?xml version='1.0'?><Envelope><Header><a:Security xmlns:a='q' mustUnderstand='1'/></Header><Body>\
             <b:GetProfiles xmlns:b='http://www.onvif.org/ver20/media/wsdl'><b:Type> A&#108;l </b:Type>\
             </b:GetProfiles></Body></Envelope>",
        ] {
            let call = Call::parse(body).unwrap();
            assert_eq!((call.body.name.as_str(), call.body.namespace.as_str()), ("GetProfiles", MEDIA2));
            assert_eq!(call.body.text_at(&["Type"]), Some("All"));
        }
    }

    #[test]
    fn what_is_torn_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENT_LIMIT));
        for body in ["", "<a>", "<a></b>", "<a/><b/>", "<Envelope/>", "<!DOCTYPE a []><a/>", &deep, &many] {
            assert!(Call::parse(body).is_none(), "{body}");
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in
            [("PT10S", 10.0), ("PT0.5S", 0.5), ("PT1M30S", 90.0), ("P1DT1H", 90_000.0), ("P1D", 86_400.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "P", "10", "PT", "P1Y", "P1M", "PT-1S", "PTS", "PT1", "P1000D"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn faults_are_read_back() {
        let fault = Fault::sender(&["InvalidArgVal", "NoProfile"], "<none>");
        let text = envelope("", &fault.body());
        let call = Call::parse(&text).unwrap();
        let value = ["Code", "Subcode", "Subcode", "Value"];
        assert_eq!(call.body.text_at(&value), Some("ter:NoProfile"));
        assert_eq!(call.body.text_at(&["Reason", "Text"]), Some("<none>"));
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_breaks_it(bytes in ".{0,200}", xml in "(<[a-c:]{1,3}( x='[&;a-z]*')?/?>|</[a-c:]{1,3}>|&[a-z#0-9]*;|t){0,20}") {
            let _ = Call::parse(&bytes);
            let _ = Call::parse(&xml);
            let _ = duration(&bytes);
        }

        #[test]
        fn text_survives(text in "\\PC{0,40}") {
            let xml = format!("<Envelope><Body><a x=\"{0}\">{0}</a></Body></Envelope>", escape(text.as_str()));
            let call = Call::parse(&xml).unwrap();
            prop_assert_eq!(&call.body.text, text.trim());
        }
    }
}
