//! G.711 (ITU-T G.711, 11/1988): 8-bit companded speech, one byte a sample, usually at 8 kHz.

const ULAW_BIAS: i32 = 0x84;
const ULAW_CLIP: i32 = 32_635;

/// A linear 16-bit sample to µ-law.
pub fn encode_ulaw(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.abs().min(ULAW_CLIP) + ULAW_BIAS;
    // The exponent is the position of the highest set bit above bit 7; the bias guarantees at least bit 7.
    let exponent = (31 - magnitude.leading_zeros() as i32 - 7).clamp(0, 7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | (exponent << 4) | mantissa) as u8
}

/// A µ-law byte to a linear 16-bit sample.
pub fn decode_ulaw(byte: u8) -> i16 {
    let byte = i32::from(!byte);
    let exponent = (byte >> 4) & 7;
    let magnitude = ((((byte & 0x0f) << 3) + ULAW_BIAS) << exponent) - ULAW_BIAS;
    (if byte & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

/// A linear 16-bit sample to A-law.
pub fn encode_alaw(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let (sign, magnitude) = if sample >= 0 { (0x80, sample) } else { (0, -sample - 1) };
    let magnitude = magnitude >> 3;
    let code = if magnitude < 32 {
        magnitude >> 1
    } else {
        let exponent = (31 - magnitude.leading_zeros() as i32 - 4).clamp(1, 7);
        (exponent << 4) | ((magnitude >> exponent) & 0x0f)
    };
    ((sign | code) ^ 0x55) as u8
}

/// An A-law byte to a linear 16-bit sample.
pub fn decode_alaw(byte: u8) -> i16 {
    let byte = i32::from(byte ^ 0x55);
    let exponent = (byte >> 4) & 7;
    let mantissa = byte & 0x0f;
    let magnitude =
        if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 0x108) << (exponent - 1) };
    (if byte & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_recommendation() {
        // G.711 table 2a/1a: the ends of the scale and the smallest steps.
        assert_eq!(decode_ulaw(0xff), 0);
        assert_eq!(decode_ulaw(0x80), 32_124);
        assert_eq!(decode_ulaw(0x00), -32_124);
        assert_eq!(decode_alaw(0xd5), 8);
        assert_eq!(decode_alaw(0x55), -8);
        assert_eq!(decode_alaw(0xaa), 32_256);
        assert_eq!(decode_alaw(0x2a), -32_256);
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for byte in 0..=255u8 {
            let linear = decode_ulaw(byte);
            // Two codes mean zero in µ-law; the encoder picks the positive one.
            if byte != 0x7f {
                assert_eq!(encode_ulaw(linear), byte, "ulaw {byte:#x} {linear}");
            }
            assert_eq!(encode_alaw(decode_alaw(byte)), byte, "alaw {byte:#x}");
        }
        for sample in [i16::MIN, -1, 0, 1, i16::MAX] {
            let (u, a) = (decode_ulaw(encode_ulaw(sample)), decode_alaw(encode_alaw(sample)));
            assert!((i32::from(u) - i32::from(sample)).abs() < 1100, "{sample} {u}");
            assert!((i32::from(a) - i32::from(sample)).abs() < 1100, "{sample} {a}");
        }
    }
}
