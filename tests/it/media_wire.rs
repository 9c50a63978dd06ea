//! The media wire against the golden vectors that the page's reader is tested with too.

use bartizan_media::wire::{self, HEADER_LEN, Header, Kind, WireError};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::workspace;

#[derive(Deserialize)]
struct Vectors {
    valid: Vec<Valid>,
    invalid: Vec<Invalid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Valid {
    name: String,
    hex: String,
    header: Fields,
    payload_hex: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    kind: u8,
    flags: u16,
    tile: u32,
    seq: u32,
    pts_us: f64,
    arrival_us: f64,
}

#[derive(Deserialize)]
struct Invalid {
    name: String,
    hex: String,
    error: String,
}

fn vectors() -> Vectors {
    let text =
        std::fs::read_to_string(workspace().join("docs/media-wire-vectors.json")).expect("the vectors");
    serde_json::from_str(&text).expect("vectors in their shape")
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn valid_vectors_are_read_and_written_alike() {
    let valid = vectors().valid;
    assert!(valid.len() >= 7);
    for Valid { name, hex, header: wanted, payload_hex } in valid {
        let (bytes, wanted_payload) = (unhex(&hex), unhex(&payload_hex));
        let (header, payload, rest) = wire::decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(header.kind.to_byte(), wanted.kind, "{name}");
        assert_eq!(
            (header.flags, header.tile, header.seq),
            (wanted.flags, wanted.tile, wanted.seq),
            "{name}"
        );
        assert_eq!(header.pts_us.to_bits(), wanted.pts_us.to_bits(), "{name}");
        assert_eq!(header.arrival_us.to_bits(), wanted.arrival_us.to_bits(), "{name}");
        assert_eq!(payload, wanted_payload, "{name}");
        assert!(rest.is_empty(), "{name}");
        assert_eq!(wire::encode(&header, &[payload]), bytes, "{name}");
    }
}

#[test]
fn invalid_vectors_fail_as_named() {
    let invalid = vectors().invalid;
    assert!(invalid.len() >= 6);
    for Invalid { name, hex, error } in invalid {
        let failed = wire::decode(&unhex(&hex)).expect_err(&name);
        let named = match failed {
            WireError::Torn { .. } => "torn",
            WireError::Length(_) => "length",
            WireError::Version(_) => "version",
        };
        assert_eq!(named, error, "{name}");
    }
}

prop_compose! {
    fn message()(
        kind in 1u8..=4,
        flags in 0u16..4,
        tile: u32,
        seq: u32,
        pts_us in -1e15f64..1e15,
        arrival_us in 0f64..4e15,
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) -> (Header, Vec<u8>) {
        let kind = match kind {
            1 => Kind::Config,
            2 => Kind::AccessUnit,
            3 => Kind::Picture,
            _ => Kind::State,
        };
        (Header { kind, flags, tile, seq, pts_us, arrival_us }, payload)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_back_to_back_come_apart_again(messages in prop::collection::vec(message(), 0..6)) {
        let mut bytes = Vec::new();
        for (header, payload) in &messages {
            let (head, tail) = payload.split_at(payload.len() / 2);
            bytes.extend_from_slice(&wire::encode(header, &[head, tail]));
        }
        let mut rest = &bytes[..];
        for (header, payload) in &messages {
            let (got, got_payload, after) = wire::decode(rest).unwrap();
            prop_assert_eq!(&got, header);
            prop_assert_eq!(got_payload, &payload[..]);
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_cut_message_is_torn((header, payload) in message(), cut: prop::sample::Index) {
        let bytes = wire::encode(&header, &[&payload]);
        let cut = cut.index(bytes.len());
        let torn = matches!(wire::decode(&bytes[..cut]), Err(WireError::Torn { have, need })
            if have == cut && need > cut && need <= bytes.len());
        prop_assert!(torn);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((_, payload, rest)) = wire::decode(&bytes) {
            prop_assert_eq!(HEADER_LEN + payload.len() + rest.len(), bytes.len());
        }
    }

    #[test]
    fn a_lying_header_is_read_or_refused(
        (header, payload) in message(), at in 0usize..8, byte: u8,
    ) {
        let mut bytes = wire::encode(&header, &[&payload]).to_vec();
        bytes[at] = byte;
        if let Ok((_, payload, rest)) = wire::decode(&bytes) {
            prop_assert_eq!(HEADER_LEN + payload.len() + rest.len(), bytes.len());
        }
    }
}
