//! First password of a factory-fresh unit: `DevInit` at `/OutsideCmd`, secrets in an RPAC-256 envelope.

use std::sync::OnceLock;

use aes::cipher::{BlockDecryptMut as _, KeyIvInit as _, block_padding::NoPadding};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey, rand_core::OsRng, traits::PublicKeyParts};
use serde_json::{Value, json};

use super::rpc::{error, reply};
use crate::{front::Reply, unit::Unit};

const KEY_BITS: usize = 1024;
const IV: [u8; 16] = *b"0000000000000000";
const REFUSED: i64 = 268_894_209;

#[derive(Default)]
pub(crate) struct Initialise {
    key: OnceLock<Option<RsaPrivateKey>>,
    agreed: std::sync::atomic::AtomicBool,
}

impl Initialise {
    fn key(&self) -> Option<&RsaPrivateKey> {
        self.key.get_or_init(|| RsaPrivateKey::new(&mut OsRng, KEY_BITS).ok()).as_ref()
    }

    /// `POST /OutsideCmd`.
    pub fn answer(&self, unit: &Unit, body: &[u8]) -> Reply {
        use std::sync::atomic::Ordering::Relaxed;
        let Ok(ask) = serde_json::from_slice::<Value>(body) else {
            return Reply::new(400, "text/plain", "Error\r\nBad Request!\r\n");
        };
        let fresh = !unit.activated();
        let params = &ask["params"];
        let body = match ask["method"].as_str().unwrap_or_default() {
            "DevInit.getStatus" => {
                json!({ "result": true, "params": { "Init": if fresh { 1 } else { 2 }, "Find": "AB" } })
            }
            "DevInit.getDevCaps" => {
                json!({ "result": true, "params": { "SecurityBaselineVersion": "V2.1" } })
            }
            "DevInit.setProtocolAgree" if fresh => {
                self.agreed.store(params["ProtocolEnable"] == true, Relaxed);
                json!({ "result": true })
            }
            "Security.getEncryptInfo" => match self.key() {
                Some(key) => {
                    let public = format!("N:{},E:010001", key.n().to_str_radix(16));
                    json!({ "result": true, "params": {
                        "pub": public, "cipher": ["AES", "RPAC"], "AESPadding": ["zero"],
                    } })
                }
                None => error(REFUSED, "no key"),
            },
            "DevInit.account" if fresh && self.agreed.load(Relaxed) => match self.open(params) {
                Some(account) if account["name"] == json!(unit.config().user) => {
                    match account["pwd"].as_str().filter(|password| is_strong(password)) {
                        Some(password) => {
                            unit.note(format!(
                                "account mail={}",
                                account["Mail"].as_str().unwrap_or_default()
                            ));
                            unit.activate(password);
                            json!({ "result": true })
                        }
                        None => error(REFUSED, "password not valid!"),
                    }
                }
                _ => error(REFUSED, "decrypt failed"),
            },
            "DevInit.access" | "DevInit.setCurrentTime" | "DevInit.setLocalityConfig" => {
                json!({ "result": true })
            }
            _ => error(REFUSED, "Request invalid!"),
        };
        reply(&ask["id"], &ask["session"], body)
    }

    fn open(&self, params: &Value) -> Option<Value> {
        let salt = params["salt"].as_str()?;
        let sealed: Option<Vec<u8>> = (0..salt.len() / 2)
            .map(|at| u8::from_str_radix(salt.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
        let digits = self.key()?.decrypt(Pkcs1v15Encrypt, &sealed?).ok()?;
        if params["cipher"] != "RPAC-256" || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let content = BASE64.decode(params["content"].as_str()?).ok()?;
        let plain = match digits.len() {
            16 => cbc::Decryptor::<aes::Aes128>::new_from_slices(&digits, &IV)
                .ok()?
                .decrypt_padded_vec_mut::<NoPadding>(&content),
            32 => cbc::Decryptor::<aes::Aes256>::new_from_slices(&digits, &IV)
                .ok()?
                .decrypt_padded_vec_mut::<NoPadding>(&content),
            _ => return None,
        };
        let plain = plain.ok()?;
        let end = plain.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
        serde_json::from_slice(&plain[..end]).ok()
    }
}

fn is_strong(password: &str) -> bool {
    let kinds = [
        password.chars().any(|c| c.is_ascii_lowercase()),
        password.chars().any(|c| c.is_ascii_uppercase()),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| !c.is_ascii_alphanumeric()),
    ];
    (8..=32).contains(&password.len()) && kinds.into_iter().filter(|kind| *kind).count() >= 2
}
