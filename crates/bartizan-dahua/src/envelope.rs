//! The envelope that secrets travel in (`cipher`, `salt`, `content`), and the words of a password that a device takes.
//!
//! The AES key is a string of decimal digits, used as its ASCII bytes; `salt` is that string under the device's RSA key
//! (PKCS#1 v1.5), lower-case hex; `content` is the JSON under AES-CBC with zero padding and an IV of sixteen ASCII `0`,
//! in Base64. Devices call that `RPAC-256`.

use aes::cipher::{BlockEncryptMut as _, KeyIvInit as _, block_padding::ZeroPadding};
use bartizan_base::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPublicKey, rand_core::OsRng};

const IV: [u8; 16] = *b"0000000000000000";
/// Longest RSA modulus that is taken, hex digits (4096 bits).
const LONGEST_MODULUS: usize = 1024;

/// Why an envelope cannot be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// `Security.getEncryptInfo` gave no usable RSA key.
    #[error("the device's RSA key is unreadable")]
    Key,
    /// The device does not offer the cipher.
    #[error("the device does not offer the RPAC cipher")]
    Cipher,
    /// The operating system gave no randomness, or the key is too small for the envelope.
    #[error("the envelope could not be closed")]
    Seal,
}

/// How many digits the AES key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLength {
    /// AES-128: security baselines before V2.0.
    Digits16,
    /// AES-256.
    Digits32,
}

impl KeyLength {
    /// By the device's security baseline (`V1.3`, `V2.0`, `V2.1` …); unknown ones are new.
    pub fn of_baseline(baseline: Option<&str>) -> Self {
        let major = baseline.and_then(|text| {
            text.trim().trim_start_matches(['V', 'v']).split('.').next()?.parse::<u32>().ok()
        });
        if major.is_some_and(|major| major < 2) { Self::Digits16 } else { Self::Digits32 }
    }
}

/// The device's RSA key as it writes it: `N:<hex>,E:<hex>`.
pub fn public_key(text: &str) -> Result<RsaPublicKey, SealError> {
    let part = |name: &str| {
        let hex = text.split(',').find_map(|part| part.trim().strip_prefix(name))?.trim();
        let sane = (1..=LONGEST_MODULUS).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit());
        sane.then(|| BigUint::parse_bytes(hex.as_bytes(), 16)).flatten()
    };
    let (modulus, exponent) = part("N:").zip(part("E:")).ok_or(SealError::Key)?;
    RsaPublicKey::new(modulus, exponent).map_err(|_| SealError::Key)
}

/// A closed envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The AES key under RSA, hex.
    pub salt: String,
    /// The JSON under AES, Base64.
    pub content: String,
}

impl Envelope {
    /// Closes `json` with a fresh key.
    pub fn seal(key: &RsaPublicKey, length: KeyLength, json: &Secret) -> Result<Self, SealError> {
        let digits = random_digits(match length {
            KeyLength::Digits16 => 16,
            KeyLength::Digits32 => 32,
        })?;
        let salt = key
            .encrypt(&mut OsRng, Pkcs1v15Encrypt, digits.expose().as_bytes())
            .map_err(|_| SealError::Seal)?;
        let salt = salt.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { salt, content: STANDARD.encode(encrypt(digits.expose(), json.expose())?) })
    }

    /// The three fields as the device wants them.
    pub fn params(&self) -> serde_json::Value {
        serde_json::json!({ "cipher": "RPAC-256", "salt": self.salt, "content": self.content })
    }
}

fn encrypt(digits: &str, json: &str) -> Result<Vec<u8>, SealError> {
    let (key, plain) = (digits.as_bytes(), json.as_bytes());
    match key.len() {
        16 => cbc::Encryptor::<aes::Aes128>::new_from_slices(key, &IV)
            .map(|cipher| cipher.encrypt_padded_vec_mut::<ZeroPadding>(plain)),
        _ => cbc::Encryptor::<aes::Aes256>::new_from_slices(key, &IV)
            .map(|cipher| cipher.encrypt_padded_vec_mut::<ZeroPadding>(plain)),
    }
    .map_err(|_| SealError::Seal)
}

/// Digits 1–9, evenly: the vendor's page leaves the zeros out too.
fn random_digits(count: usize) -> Result<Secret, SealError> {
    let mut digits = String::with_capacity(count);
    while digits.len() < count {
        let mut bytes = [0u8; 64];
        getrandom::fill(&mut bytes).map_err(|_| SealError::Seal)?;
        let even = bytes.iter().filter(|byte| **byte < 252).map(|byte| char::from(b'1' + byte % 9));
        digits.extend(even.take(count - digits.len()));
    }
    Ok(Secret::new(digits))
}

/// What a first password must be like, by the vendor's rule: 8–32 printable ASCII characters of at least two kinds
/// (capitals, small letters, digits, others), without `' " ; : &`. `Err` says what is missing.
pub fn check_password(password: &Secret) -> Result<(), &'static str> {
    let text = password.expose();
    if !(8..=32).contains(&text.len()) {
        return Err("8 to 32 characters are wanted");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("only letters, digits and signs of ASCII are taken, no spaces");
    }
    if text.contains(['\'', '"', ';', ':', '&']) {
        return Err("the characters ' \" ; : & are not taken");
    }
    let kinds: [fn(u8) -> bool; 4] = [
        |byte| byte.is_ascii_uppercase(),
        |byte| byte.is_ascii_lowercase(),
        |byte| byte.is_ascii_digit(),
        |byte| byte.is_ascii_punctuation(),
    ];
    let used = kinds.iter().filter(|kind| text.bytes().any(kind)).count();
    if used < 2 {
        Err("at least two of capitals, small letters, digits and signs are wanted")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockDecryptMut as _, block_padding::NoPadding};
    use proptest::prelude::*;
    use rsa::{RsaPrivateKey, traits::PublicKeyParts as _};

    use super::*;

    fn open(key: &RsaPrivateKey, envelope: &Envelope) -> (String, String) {
        let salt: Vec<u8> = (0..envelope.salt.len() / 2)
            .map(|at| u8::from_str_radix(&envelope.salt[at * 2..at * 2 + 2], 16).expect("hex"))
            .collect();
        let digits = key.decrypt(Pkcs1v15Encrypt, &salt).expect("the device opens it");
        let content = STANDARD.decode(&envelope.content).expect("Base64");
        let plain = match digits.len() {
            16 => cbc::Decryptor::<aes::Aes128>::new_from_slices(&digits, &IV)
                .expect("a key")
                .decrypt_padded_vec_mut::<NoPadding>(&content),
            _ => cbc::Decryptor::<aes::Aes256>::new_from_slices(&digits, &IV)
                .expect("a key")
                .decrypt_padded_vec_mut::<NoPadding>(&content),
        }
        .expect("whole blocks");
        let plain = String::from_utf8(plain).expect("text").trim_end_matches('\0').to_owned();
        (String::from_utf8(digits).expect("digits"), plain)
    }

    #[test]
    fn the_device_can_open_it() {
        let device = RsaPrivateKey::new(&mut OsRng, 1024).expect("a key");
        let written = format!("N:{:X},E:{:06X}", device.n(), device.e());
        let key = public_key(&written).expect("reads");
        for (length, digits) in [(KeyLength::Digits32, 32), (KeyLength::Digits16, 16)] {
            // 72 bytes become 80 and 108 characters of Base64, as measured on a device.
            let json = format!("{{\"x\":\"{}\"}}", "y".repeat(64));
            assert_eq!(json.len(), 72);
            let envelope = Envelope::seal(&key, length, &Secret::new(&json)).expect("seals");
            assert_eq!(envelope.content.len(), 108);
            assert_eq!(envelope.salt.len(), 256);
            let (used, plain) = open(&device, &envelope);
            assert_eq!((used.len(), plain.as_str()), (digits, json.as_str()));
            assert!(used.bytes().all(|byte| byte.is_ascii_digit()), "{used}");
            assert_eq!(envelope.params()["cipher"], "RPAC-256");
        }
    }

    #[test]
    fn known_ciphertext() {
        // Computed with openssl enc -aes-256-cbc -nopad over the zero-padded text.
        let made = encrypt("12345678912345678912345678912345", "{\"name\":\"admin\"}").expect("encrypts");
        assert_eq!(STANDARD.encode(made), "CdcaV9OAuY+jzRlMXPDKeg==");
    }

    #[test]
    fn baselines() {
        for (baseline, wanted) in [
            (None, KeyLength::Digits32),
            (Some("V2.0"), KeyLength::Digits32),
            (Some("V2.1"), KeyLength::Digits32),
            (Some("V1.4"), KeyLength::Digits16),
            (Some("?"), KeyLength::Digits32),
        ] {
            assert_eq!(KeyLength::of_baseline(baseline), wanted, "{baseline:?}");
        }
    }

    #[test]
    fn passwords() {
        for good in ["admin123", "Bartizan1", "12345678a", "a!!!!!!!"] {
            assert_eq!(check_password(&Secret::new(good)), Ok(()), "{good}");
        }
        for bad in
            ["", "abc1", "abcdefgh", "12345678", "admin 123", "admin:123", "pässword1", &"a1".repeat(17)]
        {
            assert!(check_password(&Secret::new(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_key_text_is_a_key_or_an_error(text in "(N:)?[0-9A-Fa-fNE:, ]{0,80}(,E:010001)?") {
            if let Ok(key) = public_key(&text) {
                let _ = Envelope::seal(&key, KeyLength::Digits32, &Secret::new("{}"));
            }
        }
    }
}
