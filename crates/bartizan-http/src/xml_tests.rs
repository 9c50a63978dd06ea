use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Element {
    Element::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn local_names_whatever_the_prefix() {
    let root = parse(concat!(
        r#"<?xml version="1.0"?><s:Envelope xmlns:s="a" xmlns="b"><s:Body><undeclared:Value at="1" x:min="0">"#,
        " 12 </undeclared:Value><Value>7</Value></s:Body></s:Envelope>"
    ));
    assert_eq!((root.name.as_str(), root.prefix.as_str()), ("Envelope", "s"));
    assert_eq!(root.parse_text::<u8>("Body/Value"), Some(12));
    assert_eq!(root.find("Body").unwrap().children("Value").count(), 2);
    let value = root.find("/Body/Value").unwrap();
    assert_eq!(
        (value.attribute("at"), value.attribute("min"), value.attribute("max")),
        (Some("1"), Some("0"), None)
    );
    assert_eq!(root.descendant("Value"), Some(value));
    assert_eq!((root.text("Body"), root.text("Body/Nothing")), (None, None));
}

#[test]
fn find_looks_behind_the_first_of_a_name() {
    let root = parse("<l><i><id>1</id></i><i><id>2</id><name>x</name></i></l>");
    assert_eq!(root.text("i/name"), Some("x"));
}

#[test]
fn faults_seen_in_the_field_are_read() {
    for text in [
        "\u{feff}<a><b>x</b></a>",
        "\r\n\r\n<?xml version='1.0' encoding='utf-8'?><a><b>x</b></a>\0\0",
        "\x01\x02 junk < 3 <a><b>x</b></a> trailing <c>",
        "<!DOCTYPE a><!-- hello --><a><b> <![CDATA[x]]> </b></a>",
        "<a><b\n>\u{0}x\u{0}</b></a>",
        "<a><b k='1' k='2'>x</b></a>",
    ] {
        assert_eq!(parse(text).text("b"), Some("x"), "{text:?}");
    }
    assert_eq!(parse("<a>R&D &lt;&#65;&#x42;&gt; &unknown; &amp;</a>").text, "R&D <AB> &unknown; &");
    assert_eq!(Element::parse(b"<a>caf\xe9</a>").unwrap().text, "caf\u{fffd}");
    let wide: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("<a>x</a>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(Element::parse(&wide).unwrap().text, "x");
}

#[test]
fn faults_that_are_told() {
    for (text, wanted) in [
        ("", XmlError::Empty),
        ("404 not found", XmlError::Empty),
        ("<?xml version=\"1.0\"?>", XmlError::Empty),
        ("<?xml version=“1.0” encoding=”UTF-8”?><a/>", XmlError::Declaration),
        ("</a>", XmlError::Empty),
        ("<a><b>x</b>", XmlError::Torn("a".into())),
    ] {
        assert_eq!(Element::parse(text.as_bytes()), Err(wanted), "{text:?}");
    }
    for text in ["<a><b>x</a>", "<a b=“1”/>", "<a b=1/>"] {
        assert!(matches!(Element::parse(text.as_bytes()), Err(XmlError::Malformed { .. })), "{text:?}");
    }
    assert!(Element::parse(b"<a><b attr=").is_err());
    assert_eq!(Element::parse("<a>".repeat(MAX_DEPTH + 1).as_bytes()), Err(XmlError::TooDeep));
    let many = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
    assert_eq!(Element::parse(many.as_bytes()), Err(XmlError::TooLarge));
    assert_eq!(Element::parse(&vec![b' '; MAX_BYTES + 1]), Err(XmlError::TooLarge));
}

#[test]
fn writing_back_keeps_what_it_does_not_know() {
    let text = concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Color version="2.0" xmlns="http://x/ver20" xmlns:n="u:v">"#,
        r#"<brightnessLevel min="0" max="100">50</brightnessLevel><n:odd a="&quot;&lt;"/><unknown><deep>"#,
        "a &amp; b</deep></unknown></Color>"
    );
    let mut root = parse(text);
    assert_eq!(root.to_xml(), text);
    assert!(root.set_text("brightnessLevel", "70"));
    assert!(!root.set_text("hueLevel", "70"));
    assert_eq!(root.to_xml(), text.replace(">50<", ">70<"));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Element::parse(&bytes);
    }

    #[test]
    fn hostile_markup_never_panics(text in "(<|>|</|a|b|:|=|'|\"|&|;|\\?|!|\\[CDATA\\[|\\]\\]|--| |x){0,80}") {
        if let Ok(root) = Element::parse(text.as_bytes()) {
            let _ = Element::parse(root.to_xml().as_bytes());
        }
    }

    #[test]
    fn what_is_written_reads_the_same(names in proptest::collection::vec("[a-z]{1,6}", 1..8),
                                      texts in proptest::collection::vec("[ -~éß中]{0,12}", 8)) {
        let mut root = Element::new("root", "");
        for (name, text) in names.iter().zip(&texts) {
            let mut child = Element::new(name, text.trim());
            child.attributes.push(("k".into(), text.clone()));
            root.children.push(child);
        }
        prop_assert_eq!(Element::parse(root.to_xml().as_bytes()).unwrap(), root);
    }
}
