//! What is read out of the packets of a recording, and how its moments are written.

use bartizan_base::{Code, Error, Result, UtcMicros};
use jiff::Timestamp;

use crate::stream::utc_of;

/// Marks the header extension that says when a picture was recorded (ONVIF Streaming §6).
const RECORDED_AT: u16 = 0xABAC;
/// RTCP BYE (RFC 3550 §6.6).
const BYE: u8 = 203;

/// The `Range` that plays from a moment on (RFC 2326 §3.7).
pub(super) fn range(from: UtcMicros) -> Result<String> {
    let moment = Timestamp::from_microsecond(from.0).ok().filter(|_| from.0 >= 0);
    let moment = moment.ok_or_else(|| Error::new(Code::InvalidInput, format!("no such time: {from}")))?;
    Ok(format!("clock={}-", moment.strftime("%Y%m%dT%H%M%S.%3fZ")))
}

/// When the picture that an RTP packet begins was recorded, by the device's clock.
pub(super) fn recorded_at(packet: &[u8]) -> Option<UtcMicros> {
    let (&first, _) = packet.split_first()?;
    if first >> 6 != 2 || first & 0x10 == 0 {
        return None;
    }
    let extension = packet.get(12 + 4 * usize::from(first & 0x0f)..)?;
    let (head, rest) = extension.split_first_chunk::<4>()?;
    let [a, b, c, d] = *head;
    // Another extension may hang behind its three words.
    let words = usize::from(u16::from_be_bytes([c, d]));
    if u16::from_be_bytes([a, b]) != RECORDED_AT || words < 3 || rest.len() < 4 * words {
        return None;
    }
    utc_of(u64::from_be_bytes(*rest.first_chunk()?))
}

/// What an RTCP packet is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// One that a reader takes.
    Sound,
    /// One that ends the stream.
    Bye,
    /// One whose lengths are wrong, which would end retina's session.
    Torn,
}

/// Walks through a compound RTCP packet (RFC 3550 §A.2).
pub(super) fn report(packet: &[u8]) -> Report {
    let mut rest = packet;
    let mut report = Report::Torn;
    while let [first, kind, high, low, ..] = *rest {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let padded = first & 0x20 != 0;
        if first >> 6 != 2 || length > rest.len() || (padded && length != rest.len()) {
            return Report::Torn;
        }
        report = if kind == BYE || report == Report::Bye { Report::Bye } else { Report::Sound };
        rest = &rest[length..];
    }
    if rest.is_empty() { report } else { Report::Torn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_to_the_millisecond() {
        assert_eq!(range(UtcMicros(1_795_168_800_123_999)).unwrap(), "clock=20261120T100000.123Z-");
        assert_eq!(range(UtcMicros(0)).unwrap(), "clock=19700101T000000.000Z-");
        for nonsense in [-1, i64::MIN, i64::MAX] {
            assert_eq!(range(UtcMicros(nonsense)).unwrap_err().code(), Code::InvalidInput);
        }
    }

    /// 2026-11-20 10:00:00.5 in NTP's time.
    const NTP: u64 = ((1_795_168_800 + 2_208_988_800) << 32) | 0x8000_0000;

    fn packet(first: u8, sources: usize, profile: u16, words: u16, ntp: u64) -> Vec<u8> {
        let mut packet = vec![first, 96];
        packet.extend_from_slice(&[0; 10]);
        packet.extend(std::iter::repeat_n(0xAB, 4 * sources));
        packet.extend_from_slice(&profile.to_be_bytes());
        packet.extend_from_slice(&words.to_be_bytes());
        packet.extend_from_slice(&ntp.to_be_bytes());
        packet.extend_from_slice(&[0xE0, 7, 0, 0]);
        packet.extend(std::iter::repeat_n(0, 4 * usize::from(words.saturating_sub(3)).min(9)));
        packet.extend_from_slice(&[0x65, 0x88]);
        packet
    }

    #[test]
    fn the_extension_says_when_it_was() {
        let moment = Some(UtcMicros(1_795_168_800_500_000));
        assert_eq!(recorded_at(&packet(0x90, 0, 0xABAC, 3, NTP)), moment);
        assert_eq!(recorded_at(&packet(0x92, 2, 0xABAC, 3, NTP)), moment, "behind contributing sources");
        assert_eq!(recorded_at(&packet(0x90, 0, 0xABAC, 5, NTP)), moment, "before another extension");
        for (packet, why) in [
            (packet(0x80, 0, 0xABAC, 3, NTP), "no extension"),
            (packet(0x50, 0, 0xABAC, 3, NTP), "no RTP"),
            (packet(0x90, 0, 0xBEDE, 3, NTP), "another extension"),
            (packet(0x90, 0, 0xABAC, 2, NTP), "too short"),
            (packet(0x90, 0, 0xABAC, 900, NTP), "longer than the packet"),
            (packet(0x9f, 0, 0xABAC, 3, NTP), "sources beyond the packet"),
            (packet(0x90, 0, 0xABAC, 3, 0), "no clock"),
            (packet(0x90, 0, 0xABAC, 3, 77 << 32), "counts from its start"),
            (Vec::new(), "empty"),
        ] {
            assert_eq!(recorded_at(&packet), None, "{why}");
        }
    }

    #[test]
    fn reports_are_told_apart() {
        let sender = [&[0x80, 200, 0, 6][..], &[0; 24]].concat();
        let bye = [0x81, BYE, 0, 1, 1, 2, 3, 4];
        assert_eq!(report(&sender), Report::Sound);
        assert_eq!(report(&[&sender[..], &bye].concat()), Report::Bye);
        assert_eq!(report(&[&bye[..], &sender].concat()), Report::Bye);
        for torn in [&b""[..], b"\x80", &sender[..27], &[&sender[..], &[0x80]].concat(), b"\x00\xc8\0\0"] {
            assert_eq!(report(torn), Report::Torn);
        }
        let padded = [&[0xa0, 200, 0, 0][..], &bye].concat();
        assert_eq!(report(&padded), Report::Torn, "padding before the last");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..60), from in proptest::num::i64::ANY) {
            let _ = (recorded_at(&packet), report(&packet), range(UtcMicros(from)));
            let marked = [&[0x90, 96][..], &[0; 10], &[0xAB, 0xAC], &packet].concat();
            let _ = recorded_at(&marked);
        }
    }
}
