//! RPC2: the login that says why it refuses, and the few methods clients of this simulator ask for.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bartizan_base::random_token;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::initialise::Initialise;
use crate::{
    front::Reply,
    unit::{LoginOutcome, Unit},
};

const CHALLENGE: i64 = 268_632_079;
const WRONG: i64 = 268_632_085;
const LOCKED: i64 = 268_632_081;
const NO_SESSION: i64 = 287_637_505;
const NO_METHOD: i64 = 268_894_210;

#[derive(Default)]
struct Sessions {
    /// Session to its random.
    waiting: HashMap<String, String>,
    open: HashSet<String>,
}

pub(crate) struct Rpc {
    realm: String,
    sessions: Mutex<Sessions>,
}

fn md5_upper(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
}

pub(super) fn reply(id: &Value, session: &Value, body: Value) -> Reply {
    let mut answer = json!({ "id": id, "session": session });
    if let (Some(answer), Value::Object(body)) = (answer.as_object_mut(), body) {
        answer.extend(body);
    }
    Reply::new(200, "application/json", answer.to_string())
}

pub(super) fn error(code: i64, message: &str) -> Value {
    json!({ "result": false, "error": { "code": code, "message": message } })
}

impl Rpc {
    pub fn new(realm: String) -> Self {
        Self { realm, sessions: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `POST /RPC2_Login`, twice: for the challenge, then with the proof.
    pub fn login(&self, unit: &Unit, body: &[u8]) -> Reply {
        let Ok(ask) = serde_json::from_slice::<Value>(body) else {
            return Reply::new(400, "text/plain", "Error\r\nBad Request!\r\n");
        };
        let (id, method) = (&ask["id"], ask["method"].as_str());
        if method != Some("global.login") {
            return reply(id, &Value::Null, error(NO_METHOD, "no such method"));
        }
        let proof = ask["params"]["password"].as_str().unwrap_or_default();
        let user = ask["params"]["userName"].as_str().unwrap_or_default();
        if proof.is_empty() {
            let (session, random) = (random_token(), random_token());
            self.lock().waiting.insert(session.clone(), random.clone());
            let mut refused = error(CHALLENGE, "Component error: login challenge!");
            refused["params"] = json!({ "realm": self.realm, "random": random, "encryption": "Default" });
            return reply(id, &json!(session), refused);
        }
        let session = ask["session"].as_str().unwrap_or_default().to_owned();
        let Some(random) = self.lock().waiting.remove(&session) else {
            return reply(id, &json!(session), error(NO_SESSION, "Invalid session in request data!"));
        };
        let right = unit.password_of(user).is_some_and(|password| {
            let first = md5_upper(&format!("{user}:{}:{}", self.realm, password.expose()));
            md5_upper(&format!("{user}:{random}:{first}")) == proof
        });
        match unit.login(right) {
            LoginOutcome::Granted => {
                self.lock().open.insert(session.clone());
                let params = json!({ "keepAliveInterval": 60 });
                reply(id, &json!(session), json!({ "result": true, "params": params }))
            }
            LoginOutcome::Refused { .. } => {
                reply(id, &json!(session), error(WRONG, "Component error: password not valid!"))
            }
            LoginOutcome::Locked { .. } => {
                reply(id, &json!(session), error(LOCKED, "Component error: user has been locked!"))
            }
        }
    }

    /// `POST /RPC2`.
    pub fn call(&self, unit: &Unit, initialise: &Initialise, body: &[u8]) -> Reply {
        let Ok(ask) = serde_json::from_slice::<Value>(body) else {
            return Reply::new(400, "text/plain", "Error\r\nBad Request!\r\n");
        };
        let (id, session) = (&ask["id"], &ask["session"]);
        let method = ask["method"].as_str().unwrap_or_default();
        if method == "Security.getEncryptInfo" {
            return initialise.answer(unit, body);
        }
        let key = session.as_str().unwrap_or_default();
        if !self.lock().open.contains(key) {
            return reply(id, session, error(NO_SESSION, "Invalid session in request data!"));
        }
        let config = unit.config();
        let body = match method {
            "global.keepAlive" => json!({ "result": true, "params": { "timeout": 300 } }),
            "global.logout" => {
                self.lock().open.remove(key);
                json!({ "result": true })
            }
            "magicBox.getSerialNo" => json!({ "result": true, "params": { "sn": config.serial } }),
            "magicBox.getDeviceType" => json!({ "result": true, "params": { "type": config.model } }),
            "magicBox.getSystemInfo" => json!({ "result": true, "params": {
                "deviceType": config.model, "serialNumber": config.serial, "updateSerial": config.model,
            } }),
            _ => error(NO_METHOD, "Method not found!"),
        };
        reply(id, session, body)
    }
}
