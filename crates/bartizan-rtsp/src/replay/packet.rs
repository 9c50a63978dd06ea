//! What is read out of the packets of a recording, and how its moments are written.

use bartizan_base::{Code, Error, Result, UtcMicros};
use jiff::Timestamp;

use crate::stream::utc_of;

/// Marks the header extension that says when a picture was recorded (ONVIF Streaming §6).
const RECORDED_AT: u16 = 0xABAC;
/// RTCP SR (RFC 3550 §6.4.1).
const SENDER_REPORT: u8 = 200;
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
    utc_of(recorded_ntp(packet)?)
}

fn recorded_ntp(packet: &[u8]) -> Option<u64> {
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
    Some(u64::from_be_bytes(*rest.first_chunk()?))
}

/// Ticks of the RTP clock of pictures, a second (RFC 6184 §8.2.1, RFC 7798 §7.1).
const TICKS: i64 = 90_000;
/// How often it is said when pictures were recorded, ticks.
const SAY_EVERY: i64 = 2 * TICKS;
/// What recorded time and picture time may differ by before it is said again, ticks: at a gap in the recording.
const SAY_BEYOND: i64 = TICKS / 10;

/// Makes sender reports of header extensions.
///
/// The reports that devices send with a recording hold the time of sending, not of recording; these hold what pictures
/// are dated by, in a form that retina hands on.
#[derive(Default)]
pub(super) struct Diary {
    /// RTP time and NTP time of the present picture.
    present: Option<(u32, u64)>,
    /// The same as said last.
    said: Option<(u32, u64)>,
}

impl Diary {
    /// The device says when its pictures were recorded.
    pub(super) fn is_kept(&self) -> bool {
        self.present.is_some()
    }

    /// Takes an RTP packet; gives the report that is to follow it, if one is due.
    pub(super) fn note(&mut self, packet: &[u8]) -> Option<[u8; 28]> {
        let head: &[u8; 12] = packet.first_chunk()?;
        let rtp = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let is_last = head[1] & 0x80 != 0;
        if let Some(ntp) = recorded_ntp(packet).filter(|&ntp| utc_of(ntp).is_some()) {
            self.present = Some((rtp, ntp));
        }
        // Behind its last packet a picture is whole, and its time known.
        let (_, ntp) = self.present.filter(|&(of, _)| of == rtp && is_last)?;
        let is_due = self.said.is_none_or(|(said_rtp, said_ntp)| {
            let shown = i64::from(rtp.wrapping_sub(said_rtp).cast_signed());
            let recorded = i128::from(ntp.wrapping_sub(said_ntp).cast_signed()) * i128::from(TICKS);
            shown.abs() >= SAY_EVERY || ((recorded >> 32) - i128::from(shown)).abs() > i128::from(SAY_BEYOND)
        });
        if !is_due {
            return None;
        }
        self.said = Some((rtp, ntp));
        let mut report = [0; 28];
        report[..4].copy_from_slice(&[0x80, SENDER_REPORT, 0, 6]);
        report[4..8].copy_from_slice(&head[8..]);
        report[8..16].copy_from_slice(&ntp.to_be_bytes());
        report[16..20].copy_from_slice(&rtp.to_be_bytes());
        Some(report)
    }
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
    fn the_diary_says_what_was_recorded_when() {
        let at = |rtp: u32, ntp: u64, last: bool| {
            let mut packet = packet(0x90, 0, 0xABAC, 3, ntp);
            packet[1] |= u8::from(last) << 7;
            packet[4..8].copy_from_slice(&rtp.to_be_bytes());
            packet[8..12].copy_from_slice(b"ssrc");
            packet
        };
        let mut diary = Diary::default();
        let start = u32::MAX - 1000;
        assert!(!diary.is_kept());
        assert_eq!(diary.note(&at(start, NTP, false)), None, "the picture is not whole");
        assert!(diary.is_kept());
        let mut plain = at(start, 0, true);
        plain[0] = 0x80;
        let said = diary.note(&plain).expect("what its first packet said");
        assert_eq!(said[..8], [&[0x80, 200, 0, 6][..], b"ssrc"].concat());
        assert_eq!(said[8..20], [&NTP.to_be_bytes()[..], &start.to_be_bytes()].concat());
        assert_eq!(report(&said), Report::Sound);
        let second = 1u64 << 32;
        assert_eq!(diary.note(&at(start.wrapping_add(90_000), NTP + second, true)), None, "as expected");
        let gap = at(start.wrapping_add(93_600), NTP + 60 * second, true);
        assert!(diary.note(&gap).is_some(), "a minute is missing");
        assert_eq!(diary.note(&gap), None);
        assert!(
            diary.note(&at(start.wrapping_add(273_600), NTP + 62 * second, true)).is_some(),
            "now and then"
        );
        plain[4] ^= 1;
        assert_eq!(diary.note(&plain), None, "nothing is known of that picture");
        assert_eq!(diary.note(&at(7, 0, true)), None, "nonsense");
        assert_eq!(diary.note(b"short"), None);
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
            let mut diary = Diary::default();
            let _ = (diary.note(&marked), diary.note(&packet), diary.note(&marked));
        }
    }
}
