//! RTP and RTCP packets as sent: RFC 3550 §5.1 and §6.4.1, H.264 payloads by RFC 6184.

use bartizan_media::nal::h264;
use bytes::Bytes;

/// Largest RTP payload. With all headers below an Ethernet frame's 1500 bytes, as cameras do.
pub(crate) const MAX_PAYLOAD: usize = 1400;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Cuts the NAL units of one access unit into RTP payloads in packetization-mode 1 (RFC 6184 §5.4, §5.6–5.8).
///
/// Parameter sets and SEI that stand together share a STAP-A; what does not fit a packet becomes FU-As.
pub(crate) fn packetize<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Vec<Bytes> {
    let mut packets = Vec::new();
    let mut small: Vec<&[u8]> = Vec::new();
    let mut small_len = 1;
    let flush = |small: &mut Vec<&[u8]>, packets: &mut Vec<Bytes>| {
        match small.as_slice() {
            [] => {}
            [unit] => packets.push(Bytes::copy_from_slice(unit)),
            units => {
                // F is 0, NRI is the highest of the aggregated units (RFC 6184 §5.7.1).
                let nri = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
                let mut packet = vec![nri | STAP_A];
                for unit in units {
                    packet.extend_from_slice(&(unit.len() as u16).to_be_bytes());
                    packet.extend_from_slice(unit);
                }
                packets.push(packet.into());
            }
        }
        small.clear();
    };
    for unit in units.into_iter().filter(|unit| !unit.is_empty()) {
        let is_slice = (h264::SLICE..=h264::IDR).contains(&(unit[0] & 0x1f));
        if !is_slice && unit.len() + 3 <= MAX_PAYLOAD {
            if small_len + 2 + unit.len() > MAX_PAYLOAD {
                flush(&mut small, &mut packets);
                small_len = 1;
            }
            small.push(unit);
            small_len += 2 + unit.len();
            continue;
        }
        flush(&mut small, &mut packets);
        small_len = 1;
        if unit.len() <= MAX_PAYLOAD {
            packets.push(Bytes::copy_from_slice(unit));
            continue;
        }
        let (header, body) = (unit[0], &unit[1..]);
        let count = body.len().div_ceil(MAX_PAYLOAD - 2);
        for (index, part) in body.chunks(MAX_PAYLOAD - 2).enumerate() {
            let start = if index == 0 { 0x80 } else { 0 };
            let end = if index + 1 == count { 0x40 } else { 0 };
            let mut packet = Vec::with_capacity(part.len() + 2);
            packet.extend_from_slice(&[header & 0xe0 | FU_A, start | end | header & 0x1f]);
            packet.extend_from_slice(part);
            packets.push(packet.into());
        }
    }
    flush(&mut small, &mut packets);
    packets
}

/// The fixed RTP header (RFC 3550 §5.1).
pub(crate) fn header(payload_type: u8, marker: bool, seq: u16, timestamp: u32, ssrc: u32) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = 0x80;
    header[1] = payload_type | u8::from(marker) << 7;
    header[2..4].copy_from_slice(&seq.to_be_bytes());
    header[4..8].copy_from_slice(&timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    header
}

/// Seconds from the NTP era (1900) to the Unix epoch.
const NTP_OFFSET: u64 = 2_208_988_800;

/// A moment as NTP writes it: seconds and their fraction.
fn ntp(utc_us: i64) -> (u32, u32) {
    let utc_us = u64::try_from(utc_us).unwrap_or(0);
    let fraction = ((utc_us % 1_000_000) << 32) / 1_000_000;
    ((utc_us / 1_000_000 + NTP_OFFSET) as u32, fraction as u32)
}

/// A source says goodbye (RFC 3550 §6.6): an empty receiver report, then BYE.
pub(crate) fn goodbye(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[0x81, 203, 0, 1]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

/// A compound of sender report and CNAME (RFC 3550 §6.4.1, §6.5.1; a compound is required by §6.1).
pub(crate) fn sender_report(ssrc: u32, utc_us: i64, timestamp: u32, packets: u32, octets: u32) -> Vec<u8> {
    let (seconds, fraction) = ntp(utc_us);
    let mut report = vec![0x80, 200, 0, 6];
    for word in [ssrc, seconds, fraction, timestamp, packets, octets] {
        report.extend_from_slice(&word.to_be_bytes());
    }
    // SDES with one chunk: SSRC, CNAME item of 8 bytes, end marker padded to a word: 4 + 10 + 2 bytes.
    report.extend_from_slice(&[0x81, 202, 0, 4]);
    report.extend_from_slice(&ssrc.to_be_bytes());
    report.extend_from_slice(&[1, 8]);
    report.extend_from_slice(b"bartizan");
    report.extend_from_slice(&[0, 0]);
    report
}

/// The header extension of recorded pictures (ONVIF Streaming, replay: RTP header extension).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplayExtension {
    /// When it was recorded.
    pub at_us: i64,
    /// It needs no picture before it (C).
    pub clean: bool,
    /// The recording ends with it (E).
    pub end: bool,
    /// It does not follow the picture sent before it (D).
    pub discontinuity: bool,
    /// The low byte of the PLAY's CSeq.
    pub cseq: u8,
}

impl ReplayExtension {
    /// With the extension's own header: profile 0xabac, three words.
    pub fn to_bytes(self) -> [u8; 16] {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&[0xab, 0xac, 0, 3]);
        let (seconds, fraction) = ntp(self.at_us);
        bytes[4..8].copy_from_slice(&seconds.to_be_bytes());
        bytes[8..12].copy_from_slice(&fraction.to_be_bytes());
        bytes[12] = flag(self.clean, 0x80) | flag(self.end, 0x40) | flag(self.discontinuity, 0x20);
        bytes[13] = self.cseq;
        bytes
    }
}

/// The receiving side, written from RFC 6184 rather than from the code above.
#[cfg(test)]
pub(crate) fn depacketize(packets: &[Bytes]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for packet in packets {
        match packet[0] & 0x1f {
            24 => {
                let mut rest = &packet[1..];
                while !rest.is_empty() {
                    let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                    units.push(rest[2..2 + len].to_vec());
                    rest = &rest[2 + len..];
                }
            }
            28 => {
                if packet[1] & 0x80 != 0 {
                    units.push(vec![packet[0] & 0xe0 | packet[1] & 0x1f]);
                }
                units.last_mut().unwrap().extend_from_slice(&packet[2..]);
            }
            _ => units.push(packet.to_vec()),
        }
    }
    units
}

/// What was packetized, with start codes.
#[cfg(test)]
pub(crate) fn annex_b(packets: &[Bytes]) -> Vec<u8> {
    depacketize(packets).iter().flat_map(|unit| [&[0, 0, 0, 1], &unit[..]].concat()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn units_survive(units in proptest::collection::vec(
            (prop_oneof![Just(0x67u8), Just(0x68), Just(0x06), Just(0x65), Just(0x41)], 0usize..5000), 1..8)
        ) {
            let units: Vec<Vec<u8>> = units
                .into_iter()
                .map(|(kind, len)| [kind].into_iter().chain((0..len).map(|i| (i * 7) as u8)).collect())
                .collect();
            let packets = packetize(units.iter().map(Vec::as_slice));
            prop_assert!(packets.iter().all(|packet| packet.len() <= MAX_PAYLOAD));
            for packet in &packets {
                // A unit never both starts and ends in one fragment (RFC 6184 §5.8).
                prop_assert!(packet[0] & 0x1f != 28 || packet[1] & 0xc0 != 0xc0);
            }
            prop_assert_eq!(depacketize(&packets), units);
        }
    }

    #[test]
    fn replay_extension_layout() {
        let extension =
            ReplayExtension { at_us: 500_000, clean: true, end: false, discontinuity: true, cseq: 9 };
        let bytes = extension.to_bytes();
        assert_eq!(bytes[..8], [0xab, 0xac, 0, 3, 0x83, 0xaa, 0x7e, 0x80]);
        assert_eq!(bytes[8..], [0x80, 0, 0, 0, 0xa0, 9, 0, 0]);
    }

    #[test]
    fn sender_report_layout() {
        let report = sender_report(0x0102_0304, 500_000, 7, 8, 9);
        assert_eq!(report.len(), 28 + 20);
        assert_eq!(&report[8..16], &[0x83, 0xaa, 0x7e, 0x80, 0x80, 0, 0, 0]);
        // Both lengths are in words minus one and together cover the datagram.
        assert_eq!((usize::from(report[3]) + 1) * 4 + (usize::from(report[31]) + 1) * 4, report.len());
    }
}
