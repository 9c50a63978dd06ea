//! RPC2: JSON over HTTP, as the device's own web page speaks it. Its login says why it refuses, which CGI does not.

use std::time::Duration;

use bartizan_base::Secret;
use bartizan_device::Credentials;
use bartizan_http::{Client, Request, Response};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::error::{DahuaError, Refusal, refusal, rpc};

const CALL_TIME: Duration = Duration::from_secs(8);
const LOGOUT_TIME: Duration = Duration::from_secs(3);

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// `result`: true, false, a number or an object's handle.
    pub result: Value,
    /// `params`.
    pub params: Value,
    /// The session it names.
    pub session: Option<String>,
    /// The number and words of `error`.
    pub error: Option<(i64, String)>,
}

impl Reply {
    /// Reads an answer. `None`: not one, such as a notification that crossed it (`{"NotifyMethod":…}`).
    pub fn parse(body: &[u8]) -> Option<Self> {
        let start = body.iter().position(|byte| *byte == b'{')?;
        let mut values = serde_json::Deserializer::from_slice(&body[start..]).into_iter::<Value>();
        let json = values.next()?.ok()?;
        if json.get("result").is_none() && json.get("error").is_none() && json.get("params").is_none() {
            return None;
        }
        let session = match json.get("session") {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) if number.as_u64() != Some(0) => Some(number.to_string()),
            _ => None,
        };
        let error = json.get("error").filter(|error| error.is_object()).map(|error| {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            let words = error.get("message").and_then(Value::as_str).unwrap_or_default();
            (code, crate::text::excerpt(words))
        });
        let of = |key: &str| json.get(key).cloned().unwrap_or_default();
        Some(Self { result: of("result"), params: of("params"), session, error })
    }

    /// It worked.
    pub fn is_success(&self) -> bool {
        self.error.is_none() && !matches!(self.result, Value::Bool(false) | Value::Null)
    }
}

/// What a device wants the password mixed with. Asking for it costs no try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    random: String,
    session: String,
}

impl Challenge {
    /// The challenge in an answer to the first login. `None`: none, or of a kind unknown here.
    pub fn of(reply: &Reply) -> Option<Self> {
        let code = reply.error.as_ref().map(|(code, _)| *code);
        if !matches!(code, Some(rpc::CHALLENGE | 401)) {
            return None;
        }
        let text = |key: &str| reply.params.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if !matches!(text("encryption"), None | Some("Default")) {
            return None;
        }
        Some(Self {
            realm: text("realm")?.to_owned(),
            random: text("random")?.to_owned(),
            session: reply.session.clone().unwrap_or_default(),
        })
    }
}

/// `MD5(user:random:MD5(user:realm:password))`, both in capitals.
pub fn hash(credentials: &Credentials, realm: &str, random: &str) -> Secret {
    let user = &credentials.user;
    let inner = md5_hex(&Secret::new(format!("{user}:{realm}:{}", credentials.password.expose())));
    md5_hex(&Secret::new(format!("{user}:{random}:{}", inner.expose())))
}

fn md5_hex(text: &Secret) -> Secret {
    Secret::new(Md5::digest(text.expose()).iter().map(|byte| format!("{byte:02X}")).collect::<String>())
}

/// A device's RPC2 side. Logs in when a call needs it, with credentials that were not refused yet.
pub struct Rpc {
    client: Client,
    credentials: Option<Credentials>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u32,
    session: Option<String>,
    cookies: Vec<(String, String)>,
    /// The password was refused once: it is not sent again.
    refused: bool,
}

impl Rpc {
    /// Nothing is sent yet.
    pub fn new(client: Client, credentials: Option<Credentials>) -> Self {
        Self { client, credentials, state: Mutex::new(State::default()) }
    }

    /// Asks for a challenge: `None` where there is no RPC2, or one of an unknown kind.
    ///
    /// # Errors
    /// A refusal that comes before any password (locked, blocked), or what ends every attempt to reach the device.
    pub async fn challenge(&self) -> Result<Option<Challenge>, DahuaError> {
        let Some(reply) = self.first_login().await? else { return Ok(None) };
        if let Some(challenge) = Challenge::of(&reply) {
            return Ok(Some(challenge));
        }
        let refused = self.login_refused(&reply);
        let known = matches!(
            refused,
            DahuaError::Login { refusal: Refusal::Locked | Refusal::Blocked | Refusal::Busy, .. }
        );
        if known { Err(refused) } else { Ok(None) }
    }

    /// The login without a password, which every device of the family answers with a challenge. Costs no try.
    pub async fn first_login(&self) -> Result<Option<Reply>, DahuaError> {
        let user = self.credentials.as_ref().map_or("admin", |credentials| credentials.user.as_str());
        let params = json!({ "userName": user, "password": "", "clientType": "Web3.0" });
        let mut state = self.state.lock().await;
        let body = request(&mut state, "global.login", params, Some(json!(0)));
        let answer = self.post(&mut state, "/RPC2_Login", &body).await?;
        Ok(Reply::parse(&answer.body))
    }

    /// Spends one try of the password on a challenge.
    pub async fn answer(&self, challenge: &Challenge) -> Result<(), DahuaError> {
        let mut state = self.state.lock().await;
        self.log_in(&mut state, challenge).await
    }

    async fn log_in(&self, state: &mut State, challenge: &Challenge) -> Result<(), DahuaError> {
        let Some(credentials) = self.credentials.as_ref().filter(|_| !state.refused) else {
            return Err(DahuaError::Here(
                bartizan_base::Code::WrongPassword,
                "the device refused this password before; it is not sent again".into(),
            ));
        };
        let hash = hash(credentials, &challenge.realm, &challenge.random);
        let params = json!({
            "userName": credentials.user, "password": hash.expose(), "clientType": "Web3.0",
            "loginType": "Direct", "authorityType": "Default", "passwordType": "Default",
        });
        let body = request(state, "global.login", params, Some(json!(challenge.session)));
        let answer = self.post(state, "/RPC2_Login", &body).await?;
        let reply = Reply::parse(&answer.body)
            .ok_or_else(|| self.unreadable("global.login", "neither a result nor an error"))?;
        if reply.is_success() {
            // Which of the two sessions stays valid differs; where the second answer names one, it is that.
            state.session = Some(reply.session.unwrap_or_else(|| challenge.session.clone()));
            return Ok(());
        }
        let refused = self.login_refused(&reply);
        state.refused = matches!(
            refused,
            DahuaError::Login { refusal: Refusal::Wrong | Refusal::Locked | Refusal::Blocked, .. }
        );
        Err(refused)
    }

    fn login_refused(&self, reply: &Reply) -> DahuaError {
        let (code, message) = reply.error.clone().unwrap_or_default();
        let number = |key: &str| reply.params.get(key).and_then(Value::as_u64);
        let locked_for = number("remainLockSecond").filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let tries_left = number("remainLoginTimes").and_then(|tries| u32::try_from(tries).ok());
        let refusal = match refusal(code, &message) {
            Refusal::Wrong if locked_for.is_some() && tries_left == Some(0) => Refusal::Locked,
            refusal => refusal,
        };
        DahuaError::Login { peer: self.peer(), code, message, refusal, tries_left, locked_for }
    }

    /// Calls a method within a session, logging in first where there is none. A session that is over is renewed once:
    /// its password was good.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, DahuaError> {
        let reply = self.call_in_session(method, &params).await?;
        let over = reply.error.as_ref().is_some_and(|(code, _)| rpc::SESSION_OVER.contains(code));
        let reply = if over {
            self.state.lock().await.session = None;
            self.call_in_session(method, &params).await?
        } else {
            reply
        };
        if reply.is_success() {
            return Ok(reply.params);
        }
        let (code, message) = reply.error.unwrap_or_default();
        Err(DahuaError::Rpc { peer: self.peer(), method: method.to_owned(), code, message })
    }

    async fn call_in_session(&self, method: &str, params: &Value) -> Result<Reply, DahuaError> {
        let session = self.state.lock().await.session.clone();
        if session.is_none() {
            let challenge =
                self.challenge().await?.ok_or_else(|| DahuaError::not_offered("RPC2 with a known login"))?;
            self.answer(&challenge).await?;
        }
        let mut state = self.state.lock().await;
        let session = json!(state.session.clone().unwrap_or_default());
        let body = request(&mut state, method, params.clone(), Some(session));
        // A notification of the device can come instead of the answer; the answer to the next asking is ours.
        for _ in 0..2 {
            let answer = self.post(&mut state, "/RPC2", &body).await?;
            if let Some(reply) = Reply::parse(&answer.body) {
                return Ok(reply);
            }
        }
        Err(self.unreadable(method, "no RPC2 answer"))
    }

    /// A call outside any login: `session` is left out unless given. A notification of the device can come instead of
    /// the answer; the caller knows whether asking again does harm.
    pub async fn call_outside(
        &self,
        path: &str,
        method: &str,
        params: Value,
        session: Option<Value>,
    ) -> Result<Reply, DahuaError> {
        let mut state = self.state.lock().await;
        let body = request(&mut state, method, params, session);
        let answer = self.post(&mut state, path, &body).await?;
        Reply::parse(&answer.body).ok_or_else(|| self.unreadable(method, "no RPC2 answer"))
    }

    /// Ends the session, so that it does not take one of the device's few places. Failing that, it runs out by itself.
    pub async fn log_out(&self) {
        let mut state = self.state.lock().await;
        let Some(session) = state.session.take() else { return };
        let body = request(&mut state, "global.logout", Value::Null, Some(json!(session)));
        let _ = tokio::time::timeout(LOGOUT_TIME, self.post(&mut state, "/RPC2", &body)).await;
        state.cookies.clear();
    }

    async fn post(&self, state: &mut State, path: &str, body: &Value) -> Result<Response, DahuaError> {
        let mut request = Request::post(path, body.to_string())
            .content_type("application/json")
            .without_login()
            .timeout(CALL_TIME);
        if !state.cookies.is_empty() {
            let cookies: Vec<_> =
                state.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", &cookies.join("; "));
        }
        let answer = self.client.send(request).await?;
        keep_cookies(&mut state.cookies, &answer.headers);
        Ok(answer)
    }

    fn unreadable(&self, method: &str, why: &str) -> DahuaError {
        DahuaError::Unreadable { peer: self.peer(), call: method.to_owned(), why: why.to_owned() }
    }

    /// Host and port, for messages.
    pub fn peer(&self) -> String {
        self.client.peer()
    }
}

fn request(state: &mut State, method: &str, params: Value, session: Option<Value>) -> Value {
    state.last_id = state.last_id.wrapping_add(1);
    let mut body = json!({ "method": method, "params": params, "id": state.last_id });
    if let Some(session) = session {
        body["session"] = session;
    }
    body
}

/// Keeps at most a handful of cookies; newer firmware wants `WebClientHttpSessionID` back.
fn keep_cookies(kept: &mut Vec<(String, String)>, headers: &[(String, String)]) {
    const MOST: usize = 8;
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
        let pair = value.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
        else {
            continue;
        };
        kept.retain(|(known, _)| known != name);
        if kept.len() < MOST && name.len() + value.len() < 512 {
            kept.push((name.to_owned(), value.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_login_hash() {
        let credentials = Credentials { user: "admin".into(), password: Secret::new("admin123") };
        // md5sum: "admin:Login to 4C00:admin123", then "admin:1234567890:" with that in capitals.
        let hash = hash(&credentials, "Login to 4C00", "1234567890");
        assert_eq!(hash.expose(), "C1A69CE393D3A5ADE595A254EE8D9197");
    }

    #[test]
    fn challenges() {
        let text = br#"{"error":{"code":268632079,"message":"Component error: login challenge!"},"id":1,
            "params":{"encryption":"Default","mac":"30E1F1000065","random":"1234567890","realm":"Login to 4C00"},
            "result":false,"session":"abc123"}"#;
        let reply = Reply::parse(text).expect("an answer");
        assert!(!reply.is_success());
        let challenge = Challenge::of(&reply).expect("a challenge");
        assert_eq!((challenge.realm.as_str(), challenge.random.as_str()), ("Login to 4C00", "1234567890"));
        assert_eq!(challenge.session, "abc123");
        for (from, to) in
            [("268632079", "268632081"), ("\"Default\"", "\"WatchNet\""), ("\"realm\"", "\"r\"")]
        {
            let other = String::from_utf8_lossy(text).replace(from, to);
            assert_eq!(Challenge::of(&Reply::parse(other.as_bytes()).expect("an answer")), None, "{to}");
        }
    }

    #[test]
    fn answers() {
        let reply =
            Reply::parse(br#"{"id":2,"params":{"keepAliveInterval":60},"result":true,"session":1234}"#)
                .expect("an answer");
        assert!(reply.is_success());
        assert_eq!(reply.session.as_deref(), Some("1234"));
        let handle = Reply::parse(br#"{"id":2,"result":38712,"session":0}"#).expect("an answer");
        assert!(handle.is_success() && handle.session.is_none());
        for text in [&br#"{"NotifyMethod":"1.2"}"#[..], b"", b"{", b"<html>", b"[]"] {
            assert_eq!(Reply::parse(text), None);
        }
    }

    #[test]
    fn cookies_are_few_and_newest() {
        let mut kept = Vec::new();
        let set = |value: &str| ("Set-Cookie".to_owned(), value.to_owned());
        keep_cookies(
            &mut kept,
            &[set("WebClientHttpSessionID=1; path=/"), set("username=admin"), set("nonsense")],
        );
        keep_cookies(&mut kept, &[set("WebClientHttpSessionID=2; path=/")]);
        assert_eq!(
            kept,
            [("username".into(), "admin".into()), ("WebClientHttpSessionID".into(), "2".into())]
        );
        let many: Vec<_> = (0..50).map(|at| set(&format!("c{at}=1"))).collect();
        keep_cookies(&mut kept, &many);
        assert_eq!(kept.len(), 8);
    }

    proptest! {
        #[test]
        fn torn_answers_never_panic(cut in 0usize..200, at in 0usize..200, byte in any::<u8>()) {
            let mut bytes = br#"{"error":{"code":268632079,"message":"x"},"id":1,"params":{"encryption":"Default","random":"1","realm":"r"},"result":false,"session":"s"}"#.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut);
            if let Some(reply) = Reply::parse(&bytes) {
                let _ = Challenge::of(&reply);
            }
        }
    }
}
