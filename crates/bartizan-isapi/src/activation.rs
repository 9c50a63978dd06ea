//! The first password of a factory-fresh device (`/ISAPI/Security/challenge`, `/ISAPI/System/activate`).

use aes::{
    Aes128,
    cipher::{BlockEncrypt, KeyInit, generic_array::GenericArray},
};
use bartizan_base::{Code, Error, Result, Secret};
use bartizan_http::{Client, Request, xml::Element};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey, traits::PublicKeyParts as _};

use crate::{IsapiError, link::Link};

/// Says without a login whether a device has a password.
pub(crate) const STATUS: &str = "/SDK/activateStatus";
const KEY_BITS: usize = 1024;

/// Whether devices take a first password: 8–16 characters of at least two classes (small letters, capitals, digits,
/// others).
pub fn check_password(password: &Secret) -> Result<()> {
    let text = password.expose();
    let weak = |why: &str| Err(Error::new(Code::WeakPassword, why.to_owned()));
    if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_control()) {
        return weak("only printable ASCII characters");
    }
    if !(8..=16).contains(&text.len()) {
        return weak("8 to 16 characters");
    }
    let classes: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |byte| {
            !byte.is_ascii_alphanumeric()
        }];
    if classes.iter().filter(|class| text.as_bytes().iter().any(class)).count() < 2 {
        return weak("at least two of small letters, capitals, digits and others");
    }
    Ok(())
}

/// `password` of `ActivateInfo`: base64 of the hex of AES-128-ECB over the key's first 16 hex digits and over the
/// password padded with zeros. `key_hex` is what the device sent, 32 hex digits. `None` when it is not.
pub fn encrypt_password(key_hex: &str, password: &Secret) -> Option<String> {
    if key_hex.len() != 32 || password.expose().len() > 16 {
        return None;
    }
    let cipher = Aes128::new(GenericArray::from_slice(&unhex(key_hex)?));
    let mut out = Vec::with_capacity(32);
    for text in [&key_hex.as_bytes()[..16], password.expose().as_bytes()] {
        let mut block = [0_u8; 16];
        block[..text.len()].copy_from_slice(text);
        let block = GenericArray::from_mut_slice(&mut block);
        cipher.encrypt_block(block);
        out.extend_from_slice(block);
    }
    Some(BASE64.encode(hex(&out)))
}

/// Whether the device has a password; `None` when it does not say.
pub(crate) fn status(body: &[u8]) -> Option<bool> {
    let root = Element::parse(body).ok()?;
    let word = root.descendant("Activated").or_else(|| root.descendant("activated"))?;
    match word.text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Sets the first password. `key` is fresh.
pub(crate) async fn activate(client: Client, password: &Secret, key: &RsaPrivateKey) -> Result<()> {
    check_password(password)?;
    let link = Link::new(client);
    let answer = link.client().send(Request::get(STATUS).without_login()).await.map_err(IsapiError::from)?;
    if answer.is_success() && status(&answer.body) == Some(true) {
        return Err(Error::new(Code::Forbidden, "the device has its password already"));
    }
    let modulus = key.n().to_bytes_be();
    let body = Element::new("PublicKey", "").with(Element::new("key", &BASE64.encode(hex(&modulus))));
    let request = Request::post("/ISAPI/Security/challenge", body.to_xml())
        .content_type("application/xml")
        .without_login();
    let what = link.what(&request);
    let challenge = link.exchange(request).await.map_err(in_the_web_page)?;
    let unexpected =
        |reason: &str| Error::from(IsapiError::Unexpected { what: what.clone(), reason: reason.to_owned() });
    let sent = challenge.text("key").ok_or_else(|| unexpected("no key"))?;
    let key_hex = open_challenge(sent, key).ok_or_else(|| unexpected("the key cannot be opened"))?;
    let encrypted =
        encrypt_password(&key_hex, password).ok_or_else(|| unexpected("the key is no AES key"))?;
    let body = Element::new("ActivateInfo", "").with(Element::new("password", &encrypted));
    let request = |body: &Element| {
        Request::put("/ISAPI/System/activate", body.to_xml()).content_type("application/xml").without_login()
    };
    match link.write(request(&body)).await {
        Ok(()) => Ok(()),
        // Access terminals want it wrapped.
        Err(IsapiError::Refused { status, .. }) if matches!(status.code, Some(5 | 6)) => {
            let wrapped = Element::new("Activate", "").with(body);
            link.write(request(&wrapped)).await.map_err(in_the_web_page)
        }
        Err(error) => Err(in_the_web_page(error)),
    }
}

/// A refusal, with what to do instead: newest firmware has another scheme, which only its web page speaks.
fn in_the_web_page(error: IsapiError) -> Error {
    match error.code() {
        Code::NotOffered | Code::Protocol | Code::WrongPassword | Code::Forbidden => Error::new(
            Code::NotOffered,
            format!("{error}; this firmware wants to be activated in its web page"),
        ),
        _ => error.into(),
    }
}

/// The AES key in hex out of the device's challenge: base64 of the hex of a PKCS#1 v1.5 ciphertext; the last 32
/// characters of the plaintext.
fn open_challenge(sent: &str, key: &RsaPrivateKey) -> Option<String> {
    let text = String::from_utf8(BASE64.decode(sent.trim()).ok()?).ok()?;
    let plain = key.decrypt(Pkcs1v15Encrypt, &unhex(text.trim())?).ok()?;
    let tail = plain.get(plain.len().checked_sub(32)?..)?;
    let tail = std::str::from_utf8(tail).ok()?;
    tail.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| tail.to_owned())
}

/// A fresh key pair. Takes tens of milliseconds: not for the runtime's threads.
pub(crate) fn new_key() -> Result<RsaPrivateKey> {
    RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS)
        .map_err(|e| Error::new(Code::Internal, e.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockDecrypt;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_devices_take() {
        for (password, taken) in [
            ("abcd1234", true),
            ("ABCDefgh", true),
            ("!!!!!!aa", true),
            ("0123456789abcdef", true),
            ("abcdefgh", false),
            ("abc123", false),
            ("0123456789abcdefg", false),
            ("pässword1", false),
            ("abcd 123\n", false),
        ] {
            let result = check_password(&Secret::new(password));
            assert_eq!(
                result.as_ref().map_err(Error::code),
                if taken { Ok(&()) } else { Err(Code::WeakPassword) },
                "{password}"
            );
        }
    }

    #[test]
    fn the_password_opens_again_on_the_device() {
        let key_hex = "00112233445566778899aabbccddeeff";
        let sent = encrypt_password(key_hex, &Secret::new("Abcd1234")).unwrap();
        let bytes = unhex(&String::from_utf8(BASE64.decode(sent).unwrap()).unwrap()).unwrap();
        let cipher = Aes128::new(GenericArray::from_slice(&unhex(key_hex).unwrap()));
        let open = |block: &[u8]| {
            let mut block = *GenericArray::from_slice(block);
            cipher.decrypt_block(&mut block);
            block.to_vec()
        };
        assert_eq!((bytes.len(), open(&bytes[..16])), (32, b"0011223344556677".to_vec()));
        assert_eq!(open(&bytes[16..]), b"Abcd1234\0\0\0\0\0\0\0\0");
        assert_eq!(encrypt_password("00", &Secret::new("Abcd1234")), None);
        assert_eq!(encrypt_password(&"g".repeat(32), &Secret::new("Abcd1234")), None);
    }

    #[test]
    fn activation_states() {
        assert_eq!(status(b"<ActivateStatus><Activated>false</Activated></ActivateStatus>"), Some(false));
        assert_eq!(status(b"<ActivateStatus><Activated>True</Activated></ActivateStatus>"), Some(true));
        assert_eq!(status(b"<html>Not found</html>"), None);
    }

    proptest! {
        #[test]
        fn hostile_keys_never_panic(key in ".{0,40}", password in "[ -~]{0,20}") {
            let _ = encrypt_password(&key, &Secret::new(password));
            let _ = unhex(&key);
        }
    }
}
