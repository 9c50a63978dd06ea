//! First password of a factory-fresh unit: `Security/challenge`, then `System/activate`.

use aes::{
    Aes128,
    cipher::{BlockDecrypt, KeyInit, generic_array::GenericArray},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPublicKey, rand_core::OsRng};

use super::{Call, Isapi, VER20, XML, document};
use crate::front::Reply;

const MODULUS_BYTES: usize = 128;
const BLOCK: usize = 16;

/// The key given out with a challenge: 32 hex digits whose first 16 characters are the AES key's bytes.
pub(super) struct Challenge {
    hex: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Answers what may be asked of a fresh unit; `None` for everything else.
pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Option<Reply> {
    let path = call.ask.path();
    match (call.method, call.path.as_slice()) {
        ("POST", ["Security", "challenge"]) => Some(match challenge(call) {
            Some((challenge, document)) => {
                *isapi.challenge.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(challenge);
                Reply::new(200, XML, document)
            }
            None => isapi.status(path, 400, 6, "badXmlContent"),
        }),
        ("PUT", ["System", "activate"]) => {
            let challenge = isapi.challenge.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            Some(match challenge.and_then(|challenge| password(call, &challenge)) {
                Some(password) if is_strong(&password) => {
                    isapi.unit.activate(&password);
                    isapi.status(path, 200, 1, "ok")
                }
                Some(_) => isapi.status(path, 403, 4, "riskPassword"),
                None => isapi.status(path, 400, 6, "badXmlContent"),
            })
        }
        _ => None,
    }
}

fn challenge(call: &Call<'_>) -> Option<(Challenge, String)> {
    let key = BASE64.decode(call.body()?.text_at(&["key"])?.trim()).ok()?;
    let modulus = unhex(std::str::from_utf8(&key).ok()?)?;
    if modulus.len() != MODULUS_BYTES {
        return None;
    }
    let public = RsaPublicKey::new(BigUint::from_bytes_be(&modulus), BigUint::from(65_537u32)).ok()?;
    let mut random = [0; BLOCK];
    getrandom::fill(&mut random).ok()?;
    let secret = hex(&random);
    let sealed = public.encrypt(&mut OsRng, Pkcs1v15Encrypt, secret.as_bytes()).ok()?;
    let inner = format!("<key>{}</key>", BASE64.encode(hex(&sealed)));
    Some((Challenge { hex: secret }, document("Challenge", VER20, &inner)))
}

fn password(call: &Call<'_>, challenge: &Challenge) -> Option<String> {
    let body = call.body()?;
    let sealed = body.text_at(&["password"]).or_else(|| body.text_at(&["ActivateInfo", "password"]))?;
    let sealed = unhex(std::str::from_utf8(&BASE64.decode(sealed.trim()).ok()?).ok()?)?;
    // The secret's hex digits decode to the key that both sides use.
    let key = unhex(&challenge.hex)?;
    let cipher = Aes128::new_from_slice(&key).ok()?;
    let mut plain = Vec::new();
    for block in sealed.chunks_exact(BLOCK) {
        let mut block = *GenericArray::from_slice(block);
        cipher.decrypt_block(&mut block);
        plain.extend_from_slice(&block);
    }
    let (check, password) = plain.split_at_checked(BLOCK)?;
    if check != &challenge.hex.as_bytes()[..BLOCK] {
        return None;
    }
    let end = password.iter().position(|&byte| byte == 0).unwrap_or(password.len());
    String::from_utf8(password[..end].to_vec()).ok()
}

/// 8–16 characters of at least two kinds.
fn is_strong(password: &str) -> bool {
    let kinds = [
        password.chars().any(|c| c.is_ascii_lowercase()),
        password.chars().any(|c| c.is_ascii_uppercase()),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| !c.is_ascii_alphanumeric()),
    ];
    (8..=16).contains(&password.len()) && kinds.into_iter().filter(|kind| *kind).count() >= 2
}
