//! G.726 (ITU-T G.726, 12/1990): adaptive differential PCM at 16, 24, 32 and 40 kbit/s for 8000 samples a second.
//!
//! Written from the recommendation's block diagrams in integer arithmetic; names are those of the recommendation. The
//! output is the reconstructed signal before the optional companding of its clause 4.2.8, in 16 bits.

/// In which half of a byte the earlier sample lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// The low bits first: RTP "G726-16" to "G726-40" (RFC 3551 §4.5.4).
    LowFirst,
    /// The high bits first: RTP "AAL2-G726-16" to "AAL2-G726-40" (RFC 3551 §4.5.4, ITU-T I.366.2 annex E).
    HighFirst,
}

/// Per code word: the logarithm of the quantised difference, the scale multiplier, and the speed of change.
struct Tables {
    dqln: &'static [i32],
    wi: &'static [i32],
    fi: &'static [i32],
}

const TABLES: [Tables; 4] = [
    Tables { dqln: &[116, 365, 365, 116], wi: &[-704, 14_048, 14_048, -704], fi: &[0, 0xe00, 0xe00, 0] },
    Tables {
        dqln: &[-2048, 135, 273, 373, 373, 273, 135, -2048],
        wi: &[-128, 960, 4384, 18_624, 18_624, 4384, 960, -128],
        fi: &[0, 0x200, 0x400, 0xe00, 0xe00, 0x400, 0x200, 0],
    },
    Tables {
        dqln: &[-2048, 4, 135, 213, 273, 323, 373, 425, 425, 373, 323, 273, 213, 135, 4, -2048],
        wi: &[
            -384, 576, 1312, 2048, 3584, 6336, 11_360, 35_904, 35_904, 11_360, 6336, 3584, 2048, 1312, 576,
            -384,
        ],
        fi: &[0, 0, 0, 0x200, 0x200, 0x200, 0x600, 0xe00, 0xe00, 0x600, 0x200, 0x200, 0x200, 0, 0, 0],
    },
    Tables {
        dqln: &[
            -2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566, 566, 539, 514,
            488, 459, 429, 395, 358, 318, 274, 224, 169, 104, 28, -66, -2048,
        ],
        wi: &[
            448, 448, 768, 1248, 1280, 1312, 1856, 3200, 4512, 5728, 7008, 8960, 11_456, 14_080, 16_928,
            22_272, 22_272, 16_928, 14_080, 11_456, 8960, 7008, 5728, 4512, 3200, 1856, 1312, 1280, 1248,
            768, 448, 448,
        ],
        fi: &[
            0, 0, 0, 0, 0, 0x200, 0x200, 0x200, 0x200, 0x200, 0x400, 0x600, 0x800, 0xa00, 0xc00, 0xc00,
            0xc00, 0xc00, 0xa00, 0x800, 0x600, 0x400, 0x200, 0x200, 0x200, 0x200, 0x200, 0, 0, 0, 0, 0,
        ],
    },
];

/// Decodes one stream; what is lost between two packets costs a moment of adaptation and nothing more.
#[derive(Clone, Debug)]
pub struct Decoder {
    bits: u8,
    packing: Packing,
    /// Locked (slow) and unlocked (fast) scale factor.
    yl: i32,
    yu: i32,
    /// Short and long term mean of the speed, and the speed control.
    dms: i32,
    dml: i32,
    ap: i32,
    /// Predictor: two poles, six zeros; signs of the last differences; floating-point history.
    a: [i32; 2],
    b: [i32; 6],
    pk: [bool; 2],
    dq: [i32; 6],
    sr: [i32; 2],
    /// A tone was detected.
    td: bool,
}

impl Decoder {
    /// For `bits` (2 to 5) a sample: 16, 24, 32 or 40 kbit/s; `None` for any other number.
    pub fn new(bits: u8, packing: Packing) -> Option<Self> {
        (2..=5).contains(&bits).then_some(Self {
            bits,
            packing,
            yl: 34_816,
            yu: 544,
            dms: 0,
            dml: 0,
            ap: 0,
            a: [0; 2],
            b: [0; 6],
            pk: [false; 2],
            dq: [32; 6],
            sr: [32; 2],
            td: false,
        })
    }

    /// The samples of a packet. Bits behind the last whole sample are padding.
    pub fn decode(&mut self, packet: &[u8]) -> Vec<i16> {
        let bits = u32::from(self.bits);
        let mask = (1 << bits) - 1;
        let mut samples = Vec::with_capacity(packet.len() * 8 / bits as usize);
        let (mut held, mut count) = (0u32, 0);
        for byte in packet {
            match self.packing {
                Packing::LowFirst => held |= u32::from(*byte) << count,
                Packing::HighFirst => held = held << 8 | u32::from(*byte),
            }
            count += 8;
            while count >= bits {
                count -= bits;
                let code = match self.packing {
                    Packing::LowFirst => {
                        let code = held & mask;
                        held >>= bits;
                        code
                    }
                    Packing::HighFirst => held >> count & mask,
                };
                samples.push(self.sample(code as usize));
            }
        }
        samples
    }

    fn sample(&mut self, code: usize) -> i16 {
        let tables = &TABLES[usize::from(self.bits - 2)];
        let sezi: i32 = self.b.iter().zip(self.dq).map(|(b, dq)| fmult(b >> 2, dq)).sum();
        let se = (sezi + fmult(self.a[1] >> 2, self.sr[1]) + fmult(self.a[0] >> 2, self.sr[0])) >> 1;
        let y = self.step_size();
        let negative = code >> (self.bits - 1) & 1 == 1;
        let dq = reconstruct(negative, tables.dqln[code], y);
        let magnitude = dq & 0x7fff;
        let sr = if negative { se - magnitude } else { se + magnitude };
        let dqsez = sr - se + (sezi >> 1);
        self.update(y, tables.wi[code], tables.fi[code], dq, sr, dqsez);
        (sr << 2).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    }

    /// MIX: between the fast and the slow scale factor.
    fn step_size(&self) -> i32 {
        if self.ap >= 256 {
            return self.yu;
        }
        let (y, al) = (self.yl >> 6, self.ap >> 2);
        let difference = self.yu - y;
        match difference {
            1.. => y + ((difference * al) >> 6),
            0 => y,
            _ => y + ((difference * al + 0x3f) >> 6),
        }
    }

    fn update(&mut self, y: i32, wi: i32, fi: i32, dq: i32, sr: i32, dqsez: i32) {
        let pk0 = dqsez < 0;
        let magnitude = dq & 0x7fff;
        // TRANS: the end of a tone, on which the predictor begins anew.
        let (whole, fraction) = (self.yl >> 15, (self.yl >> 10) & 0x1f);
        let threshold = if whole > 9 { 31 << 10 } else { (32 + fraction) << whole };
        let transition = self.td && magnitude > (threshold + (threshold >> 1)) >> 1;
        self.yu = (y + ((wi - y) >> 5)).clamp(544, 5120);
        self.yl += self.yu + (-self.yl >> 6);
        let mut a2p = 0;
        if transition {
            self.a = [0; 2];
            self.b = [0; 6];
        } else {
            a2p = self.update_poles(pk0, dqsez);
            let leak = if self.bits == 5 { 9 } else { 8 };
            for (b, old) in self.b.iter_mut().zip(self.dq) {
                *b -= *b >> leak;
                if magnitude != 0 {
                    *b += if (dq ^ old) >= 0 { 128 } else { -128 };
                }
            }
        }
        self.dq.rotate_right(1);
        self.dq[0] = float(magnitude, dq < 0);
        self.sr[1] = self.sr[0];
        self.sr[0] = if sr <= -32_768 { -992 } else { float(sr.abs(), sr < 0) };
        self.pk = [pk0, self.pk[0]];
        self.td = !transition && a2p < -11_776;
        self.dms += (fi - self.dms) >> 5;
        self.dml += ((fi << 2) - self.dml) >> 7;
        let unsteady = ((self.dms << 2) - self.dml).abs() >= self.dml >> 3;
        self.ap = match transition {
            true => 256,
            false if y < 1536 || self.td || unsteady => self.ap + ((0x200 - self.ap) >> 4),
            false => self.ap + (-self.ap >> 4),
        };
    }

    /// UPA2, LIMC, UPA1, LIMD; gives the second coefficient.
    fn update_poles(&mut self, pk0: bool, dqsez: i32) -> i32 {
        let differs = pk0 != self.pk[0];
        let mut a2p = self.a[1] - (self.a[1] >> 7);
        if dqsez != 0 {
            let fa1 = if differs { self.a[0] } else { -self.a[0] };
            a2p += match fa1 {
                ..-8191 => -0x100,
                8192.. => 0xff,
                _ => fa1 >> 5,
            };
            a2p = if pk0 != self.pk[1] {
                match a2p {
                    ..=-12_160 => -12_288,
                    12_416.. => 12_288,
                    _ => a2p - 0x80,
                }
            } else {
                match a2p {
                    ..=-12_416 => -12_288,
                    12_160.. => 12_288,
                    _ => a2p + 0x80,
                }
            };
        }
        self.a[1] = a2p;
        self.a[0] -= self.a[0] >> 8;
        if dqsez != 0 {
            self.a[0] += if differs { -192 } else { 192 };
        }
        let limit = 15_360 - a2p;
        self.a[0] = self.a[0].clamp(-limit, limit);
        a2p
    }
}

/// The number of bits that `value` takes.
fn exponent(value: i32) -> i32 {
    (32 - value.leading_zeros() as i32).min(15)
}

/// FLOATA, FLOATB: sign, four bits of exponent, six of mantissa.
fn float(magnitude: i32, negative: bool) -> i32 {
    let value = match magnitude {
        0 => 0x20,
        _ => (exponent(magnitude) << 6) + ((magnitude << 6) >> exponent(magnitude)),
    };
    if negative { value - 0x400 } else { value }
}

/// FMULT: a coefficient times a floating-point number of the history.
fn fmult(an: i32, srn: i32) -> i32 {
    let magnitude = if an > 0 { an } else { -an & 0x1fff };
    let exp = exponent(magnitude) - 6;
    let mantissa = match magnitude {
        0 => 32,
        _ if exp >= 0 => magnitude >> exp,
        _ => magnitude << -exp,
    };
    let exp = exp + (srn >> 6 & 0xf) - 13;
    let product = (mantissa * (srn & 0x3f) + 0x30) >> 4;
    let value = if exp >= 0 { (product << exp) & 0x7fff } else { product >> -exp };
    if (an ^ srn) < 0 { -value } else { value }
}

/// ADDA, ANTILOG: sign in the highest bit, magnitude below.
fn reconstruct(negative: bool, dqln: i32, y: i32) -> i32 {
    let dql = dqln + (y >> 2);
    let magnitude = match dql {
        ..0 => 0,
        _ => (128 + (dql & 127)) << 7 >> (14 - (dql >> 7 & 15)).max(0),
    };
    if negative { magnitude - 0x8000 } else { magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    include!("g726_vectors.rs");

    #[test]
    fn decodes_as_the_reference_does() {
        for (bits, low_first, high_first, expected) in VECTORS {
            let low = Decoder::new(*bits, Packing::LowFirst).unwrap().decode(low_first);
            assert_eq!(low, *expected, "{bits} bits, low bits first");
            let high = Decoder::new(*bits, Packing::HighFirst).unwrap().decode(high_first);
            assert_eq!(high, *expected, "{bits} bits, high bits first");
        }
        assert!(Decoder::new(1, Packing::LowFirst).is_none() && Decoder::new(6, Packing::LowFirst).is_none());
    }

    proptest! {
        /// Any bytes give so many samples, however they are cut, and overflow nothing.
        #[test]
        fn any_bytes(bits in 2u8..=5, high in any::<bool>(), packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let packing = if high { Packing::HighFirst } else { Packing::LowFirst };
            let mut decoder = Decoder::new(bits, packing).unwrap();
            for packet in packets {
                prop_assert_eq!(decoder.decode(&packet).len(), packet.len() * 8 / usize::from(bits));
            }
        }
    }
}
