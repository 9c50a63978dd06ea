use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Cheap, so that tests are quick.
const CHEAP: KdfCost = KdfCost { memory_kib: 64, passes: 1, lanes: 1 };

fn device(number: usize) -> CardDevice {
    CardDevice {
        name: format!("Camera {number} – Garten"),
        family: "onvif".into(),
        routes: vec![
            CardRoute {
                host: format!("192.168.1.{number}"),
                ports: [("http".to_owned(), 80), ("rtsp".to_owned(), 554)].into(),
            },
            CardRoute { host: "site.example.org".into(), ports: BTreeMap::new() },
        ],
        user: Some("admin".into()),
        password: Some(Secret::new(format!("hunter2-{number}-{}", number * 7919))),
        serial: Some(format!("8L0A1B2PAZ{number:05}")),
        model: Some("IPC-1".into()),
        stream: None,
        channels: vec![CardChannel { number: 1, name: "Tor".into() }],
    }
}

fn password() -> CardSecrecy {
    CardSecrecy::Password(Secret::new("correct horse"))
}

fn read(parts: &[String], password: Option<&str>) -> Result<Vec<CardDevice>, CardError> {
    let mut reader = CardReader::new();
    for part in parts {
        reader.add(part)?;
    }
    reader.open(password.map(Secret::new).as_ref())
}

#[test]
fn one_device_is_one_small_code() {
    let parts = Card::seal(&[device(1)], &password()).unwrap();
    assert_eq!(parts.len(), 1);
    assert!(parts[0].starts_with("BZ1:"));
    assert!(crate::Qr::new(&parts[0]).unwrap().width() <= 69, "version 13 at most");
    assert!(!parts[0].contains("hunter2"));
    assert_eq!(read(&parts, Some("correct horse")).unwrap(), [device(1)]);
}

#[test]
fn many_devices_come_back_from_any_order_with_parts_seen_twice() {
    let devices: Vec<_> = (1..=40).map(device).collect();
    let mut parts = Card::seal_with(&devices, &password(), CHEAP).unwrap();
    assert!(parts.len() > 2, "{} parts", parts.len());
    for part in &parts {
        assert!(crate::Qr::new(part).unwrap().width() <= 69);
    }
    let total = parts.len();
    parts.reverse();
    let mut reader = CardReader::new();
    assert_eq!(reader.progress(), Progress { have: 0, total: 0 });
    for (number, part) in parts.iter().enumerate() {
        assert!(!reader.progress().is_complete() || number == 0);
        assert_eq!(reader.add(part).unwrap(), Progress { have: number + 1, total });
        assert_eq!(reader.add(part).unwrap(), Progress { have: number + 1, total });
        assert_eq!(reader.missing().len(), total - number - 1);
    }
    assert_eq!(reader.needs_password(), Some(true));
    assert_eq!(reader.open(Some(&Secret::new("correct horse"))).unwrap(), devices);
}

#[test]
fn a_wrong_password_is_not_a_torn_card() {
    let parts = Card::seal_with(&[device(1)], &password(), CHEAP).unwrap();
    assert_eq!(read(&parts, Some("correct horsf")), Err(CardError::WrongPassword));
    assert_eq!(read(&parts, None), Err(CardError::PasswordNeeded));
    assert_eq!(read(&parts, Some("")), Err(CardError::PasswordNeeded));
    let mut torn = parts[0].clone();
    torn.pop();
    assert!(matches!(read(&[torn], Some("correct horse")), Err(CardError::Damaged(_))));
    assert_eq!(Error::from(CardError::WrongPassword).code(), Code::CardPassword);
    assert_eq!(Error::from(CardError::Damaged("x")).code(), Code::CardUnreadable);
}

#[test]
fn a_plain_card_has_passwords_only_when_the_caller_says_so() {
    let without = Card::seal(&[device(1)], &CardSecrecy::Plain).unwrap();
    let read_back = read(&without, None).unwrap();
    assert_eq!(read_back[0].password, None);
    assert_eq!(read_back[0].user.as_deref(), Some("admin"));
    let with = Card::seal(&[device(1)], &CardSecrecy::PlainWithPasswords).unwrap();
    assert_eq!(read(&with, None).unwrap(), [device(1)]);
}

#[test]
fn an_empty_password_and_an_empty_card_are_refused() {
    let empty = CardSecrecy::Password(Secret::default());
    assert_eq!(Card::seal(&[device(1)], &empty), Err(CardError::EmptyPassword));
    assert!(matches!(Card::seal(&[], &password()), Err(CardError::TooLarge(_))));
    let long = CardDevice { name: "x".repeat(257), ..device(1) };
    assert!(matches!(Card::seal(&[long], &password()), Err(CardError::TooLarge(_))));
    let no_host = CardDevice { routes: vec![CardRoute::default()], ..device(1) };
    assert!(matches!(Card::seal(&[no_host], &password()), Err(CardError::TooLarge(_))));
}

#[test]
fn a_card_that_would_need_too_many_codes_is_refused() {
    // Names that do not compress.
    let name = |n: usize| -> String {
        let mut state = n as u64 + 1;
        (0..80)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + (state >> 58) as u8)
            })
            .collect()
    };
    let devices: Vec<_> = (0..500).map(|n| CardDevice { name: name(n), ..device(n) }).collect();
    assert!(matches!(Card::seal_with(&devices, &password(), CHEAP), Err(CardError::TooLarge(_))));
}

#[test]
fn two_cards_of_the_same_devices_share_nothing() {
    let one = Card::seal_with(&[device(1)], &password(), CHEAP).unwrap();
    let two = Card::seal_with(&[device(1)], &password(), CHEAP).unwrap();
    let mut reader = CardReader::new();
    reader.add(&one[0]).unwrap();
    assert_eq!(reader.add(&two[0]), Err(CardError::OtherCard));
    assert_eq!(reader.open(Some(&Secret::new("correct horse"))).unwrap(), [device(1)], "what was read stays");
}

#[test]
fn nothing_printed_holds_a_secret() {
    let parts = Card::seal_with(&[device(1)], &CardSecrecy::PlainWithPasswords, CHEAP).unwrap();
    let mut reader = CardReader::new();
    reader.add(&parts[0]).unwrap();
    let devices = reader.open(None).unwrap();
    let printed = format!("{reader:?} {devices:?} {:?} {:?}", password(), CardPart::parse(&parts[0]));
    assert!(!printed.contains("hunter2") && !printed.contains("horse"), "{printed}");
}

/// Cards made by another program; see the page beside them.
#[test]
fn the_published_vectors_are_read_as_published() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/device-card-vectors.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let parts = |vector: &Value| -> Vec<String> {
        let parts = vector["parts"].as_array().unwrap();
        parts.iter().map(|part| part.as_str().unwrap().to_owned()).collect()
    };
    let accepted = vectors["accepted"].as_array().unwrap();
    assert_eq!(accepted.len(), 4);
    for vector in accepted {
        let devices = read(&parts(vector), vector["password"].as_str()).unwrap();
        let content = wire::write(&devices, true).unwrap();
        let content: Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(content["d"], vector["devices"], "{}", vector["name"]);
    }
    let refused = vectors["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 11);
    for vector in refused {
        let error = read(&parts(vector), vector["password"].as_str()).unwrap_err();
        let name = format!("{error:?}");
        let name = name.split(['(', ' ']).next().unwrap();
        assert_eq!(name, vector["error"].as_str().unwrap(), "{}", vector["name"]);
    }
}

#[test]
fn sealing_writes_what_the_vectors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/device-card-vectors.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let card = vectors["accepted"][2]["cardHex"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&card[at * 2..at * 2 + 2], 16).unwrap();
    let random: [u8; 40] = std::array::from_fn(|at| byte(7 + at));
    let cost = KdfCost { memory_kib: 19456, passes: 2, lanes: 1 };
    let sealed = sealed::encrypt_with(b"{}", &Secret::new("correct horse"), cost, &random).unwrap();
    // Deflate may differ between programs; header and layout may not.
    assert_eq!(sealed[..47], (0..47).map(byte).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,300}") {
        let mut reader = CardReader::new();
        let _ = reader.add(&text);
        let _ = reader.add(&format!("BZ1:{text}"));
    }

    #[test]
    fn any_card_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..3) {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        // A cost that is cheap to try, where the bytes are long enough to have one.
        if kind == 1 && bytes.len() > 7 {
            bytes[1..7].copy_from_slice(&[0, 0, 0, 64, 1, 1]);
        }
        if let Ok(parts) = part::split(&bytes) {
            let _ = read(&parts, Some("x"));
        }
    }

    #[test]
    fn a_changed_character_never_passes_for_the_card(at in 4usize..400, with in "[0-9A-Z $%*+./:-]") {
        let parts = Card::seal_with(&[device(1)], &CardSecrecy::Plain, CHEAP).unwrap();
        let mut text = parts[0].clone();
        let at = at % (text.len() - 4) + 4;
        if text[at..=at] != with {
            text.replace_range(at..=at, &with);
            prop_assert!(read(&[text], None).is_err());
        }
    }

    #[test]
    fn any_devices_come_back(
        names in proptest::collection::vec(".{0,60}", 1..12),
        secret in proptest::option::of(".{1,40}"),
        ports in proptest::collection::btree_map("[a-z]{1,8}", 1u16.., 0..4),
    ) {
        let devices: Vec<_> = names.iter().map(|name| CardDevice {
            name: name.clone(),
            routes: vec![CardRoute { host: "h".into(), ports: ports.clone() }],
            password: secret.as_deref().map(Secret::new),
            ..CardDevice::default()
        }).collect();
        let parts = Card::seal_with(&devices, &password(), CHEAP).unwrap();
        prop_assert_eq!(read(&parts, Some("correct horse")).unwrap(), devices);
    }
}
