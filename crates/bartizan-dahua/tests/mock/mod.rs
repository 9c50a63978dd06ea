//! A device on loopback: CGI with Digest, RPC2, DevInit, counted wrong passwords, and a log of what was asked.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use bartizan_base::{OwnedTask, Secret};
use bartizan_device::{Credentials, Endpoint, Login};
use md5::{Digest as _, Md5};
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey, rand_core::OsRng, traits::PublicKeyParts as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub const PASSWORD: &str = "Bartizan1";
const REALM: &str = "Login to 4X7C5A1ZAG21L3F";
const TRIES: u32 = 5;

/// What the device is like; change it before or while it runs.
pub struct State {
    pub cgi_takes_login: bool,
    pub rpc: bool,
    pub cgi: bool,
    /// 1 factory, 2 initialised; 0: no DevInit.
    pub init: u64,
    /// Wrong passwords so far, by any way.
    pub wrong: u32,
    /// What admin's password is.
    pub password: String,
    /// So many RPC2 calls are told that their session is over.
    pub sessions_over: u32,
    /// So many answers of `/OutsideCmd` are crossed by a notification, once they are past the first.
    pub notifications: u32,
    /// Every request: `GET path`, or the RPC2 method.
    pub log: Vec<String>,
    /// Fixed answers by path and query.
    pub answers: HashMap<String, (u16, Vec<u8>)>,
    /// Config as CGI keys, without `table.`.
    pub config: BTreeMap<String, String>,
    /// Config tables as RPC2 gives them.
    pub tables: HashMap<String, Value>,
    /// Answers of RPC2 methods.
    pub methods: HashMap<String, Value>,
    /// Requests that hold one of these are refused with 400.
    pub refused: Vec<&'static str>,
    /// Requests that hold one of these get a 401, right password or not.
    pub unauthorized: Vec<&'static str>,
    pub presets: BTreeMap<u16, String>,
    /// What DevInit.account brought, decrypted.
    pub account: Option<Value>,
}

/// Making one takes long without optimisation; the devices of a test binary share it.
static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| RsaPrivateKey::new(&mut OsRng, 1024).expect("a key"));

pub struct Mock {
    pub addr: SocketAddr,
    state: Arc<Mutex<State>>,
    _server: OwnedTask,
}

impl Mock {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
        let addr = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            cgi_takes_login: true,
            rpc: true,
            cgi: true,
            init: 2,
            wrong: 0,
            password: PASSWORD.to_owned(),
            sessions_over: 0,
            notifications: 0,
            log: Vec::new(),
            answers: HashMap::new(),
            config: BTreeMap::new(),
            tables: HashMap::new(),
            methods: HashMap::new(),
            refused: Vec::new(),
            unauthorized: Vec::new(),
            presets: BTreeMap::new(),
            account: None,
        }));
        let shared = state.clone();
        let server = OwnedTask::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.retain(|task: &OwnedTask| !task.is_finished());
                connections.push(OwnedTask::spawn(serve(stream, shared.clone())));
            }
        });
        let mock = Self { addr, state, _server: server };
        mock.lock().log.clear();
        mock.say(
            "magicBox.cgi?action=getSystemInfo",
            "deviceType=IPC-HDW5831R-ZE\r\nserialNumber=4X7C5A1ZAG21L3F\r\n",
        );
        mock.say("magicBox.cgi?action=getDeviceType", "type=SD49225T-HN\r\n");
        mock.say("magicBox.cgi?action=getDeviceClass", "class=IPC\r\n");
        mock.say("magicBox.cgi?action=getSoftwareVersion", "version=2.800.0000016.0.R,build:2020-06-05\r\n");
        mock.say("magicBox.cgi?action=getMachineName", "name=Yard\r\n");
        mock
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the answer to a call.
    pub fn say(&self, call: &str, text: &str) {
        self.lock().answers.insert(format!("/cgi-bin/{call}"), (200, text.as_bytes().to_vec()));
    }

    /// Puts config in, one `key=value` a line.
    pub fn configure(&self, lines: &str) {
        let mut state = self.lock();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.trim().split_once('=').expect("key=value");
            state.config.insert(key.to_owned(), value.to_owned());
        }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}", self.addr)).expect("an endpoint")
    }

    /// The logged requests that hold `part`, since the last [`Mock::forget`].
    pub fn asked(&self, part: &str) -> Vec<String> {
        self.lock().log.iter().filter(|line| line.contains(part)).cloned().collect()
    }

    pub fn forget(&self) {
        self.lock().log.clear();
    }
}

pub fn login(password: &str) -> Login {
    let credentials = Credentials { user: "admin".into(), password: Secret::new(password) };
    Login { credentials: Some(credentials), spend_last_try: false }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut waiting = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        while let Some((request, length)) = whole_request(&waiting) {
            waiting.drain(..length);
            let (status, headers, body) = {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                answer(&mut state, &request)
            };
            let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
            for header in headers {
                let _ = write!(head, "{header}\r\n");
            }
            head.push_str("\r\n");
            let sent = [head.into_bytes(), body].concat();
            if stream.write_all(&sent).await.is_err() {
                return;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => waiting.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
}

struct Asked {
    method: String,
    path: String,
    authorization: Option<String>,
    body: Vec<u8>,
}

fn whole_request(bytes: &[u8]) -> Option<(Asked, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let body = bytes.get(end..end + length)?.to_vec();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some((Asked { method, path, authorization: header("authorization"), body }, end + length))
}

type Answer = (u16, Vec<String>, Vec<u8>);

fn text(status: u16, body: &str) -> Answer {
    (status, vec!["Content-Type: text/plain".into()], body.as_bytes().to_vec())
}

fn bad_request() -> Answer {
    text(400, "Error\r\nBad Request!\r\n")
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    match asked.path.as_str() {
        "/RPC2_Login" | "/RPC2" | "/OutsideCmd" => return rpc(state, asked),
        path if !path.starts_with("/cgi-bin/") || !state.cgi => return text(404, "<html>not here</html>"),
        _ => {}
    }
    if state.init == 1 {
        state.log.push(format!("{} {}", asked.method, asked.path));
        return text(401, "Invalid Authority!");
    }
    let Some(authorization) = &asked.authorization else {
        state.log.push(format!("{} {} without login", asked.method, asked.path));
        let challenge = format!(
            "WWW-Authenticate: Digest realm=\"{REALM}\", qop=\"auth,auth-int\", nonce=\"1076028705\", opaque=\"b\""
        );
        return (401, vec![challenge], b"Error\r\nInvalid Authority!".to_vec());
    };
    let right = state.wrong < TRIES && is_right(authorization, &asked.method, &state.password);
    if !right || !state.cgi_takes_login {
        state.wrong += 1;
        state.log.push(format!("{} {} REFUSED", asked.method, asked.path));
        return (
            401,
            vec![format!("WWW-Authenticate: Digest realm=\"{REALM}\", qop=\"auth\", nonce=\"1076028705\"")],
            Vec::new(),
        );
    }
    if state.unauthorized.iter().any(|part| asked.path.contains(part)) {
        state.log.push(format!("{} {} UNAUTHORIZED", asked.method, asked.path));
        return text(401, "Invalid Authority!");
    }
    state.log.push(format!("{} {}", asked.method, asked.path));
    if state.refused.iter().any(|part| asked.path.contains(part)) {
        return bad_request();
    }
    if let Some((status, body)) = state.answers.get(&asked.path) {
        return (*status, Vec::new(), body.clone());
    }
    config(state, &asked.path).or_else(|| ptz(state, &asked.path)).unwrap_or_else(bad_request)
}

fn config(state: &mut State, path: &str) -> Option<Answer> {
    let query = path.strip_prefix("/cgi-bin/configManager.cgi?action=")?;
    if let Some(name) = query.strip_prefix("getConfig&name=") {
        let rows: String = state
            .config
            .iter()
            .filter(|(key, _)| key.strip_prefix(name).is_some_and(|rest| rest.starts_with(['[', '.'])))
            .map(|(key, value)| format!("table.{key}={value}\r\n"))
            .collect();
        return Some(if rows.is_empty() {
            text(200, &format!("Error: Error -1 getting param in name={name}"))
        } else {
            text(200, &rows)
        });
    }
    let writes: Vec<(String, String)> = query
        .strip_prefix("setConfig&")?
        .split('&')
        .map(|pair| {
            pair.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.replace("%20", " ")))
                .expect("key=value")
        })
        .collect();
    if writes.iter().any(|(key, _)| !state.config.contains_key(key)) {
        return Some(bad_request());
    }
    state.config.extend(writes);
    Some(text(200, "OK\r\n"))
}

fn ptz(state: &mut State, path: &str) -> Option<Answer> {
    let query = path.strip_prefix("/cgi-bin/ptz.cgi?action=")?;
    let argument = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| argument(name).and_then(|text| text.parse::<u16>().ok());
    match query.split('&').next()? {
        "getPresets" => {
            let rows: String = state
                .presets
                .iter()
                .enumerate()
                .map(|(at, (index, name))| {
                    format!("presets[{at}].Index={index}\r\npresets[{at}].Name={name}\r\n")
                })
                .collect();
            return Some(text(200, &rows));
        }
        "SetPreset" => {
            let name = argument("arg2")?.replace("%20", " ");
            *state.presets.get_mut(&number("arg1")?)? = name;
        }
        "start" if argument("code") == Some("SetPreset") => {
            let index = number("arg2")?;
            state.presets.insert(index, format!("Preset{index}"));
        }
        "start" if argument("code") == Some("ClearPreset") => {
            state.presets.remove(&number("arg2")?);
        }
        "start" | "stop" | "moveRelatively" | "moveAbsolutely" => {}
        _ => return None,
    }
    Some(text(200, "OK\r\n"))
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_right(authorization: &str, method: &str, password: &str) -> bool {
    let field = |name: &str| {
        let at = authorization.find(&format!("{name}="))? + name.len() + 1;
        let rest = &authorization[at..];
        Some(rest.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned())
    };
    let get = |name: &str| field(name).unwrap_or_default();
    let (nonce, uri) = ("1076028705", get("uri"));
    let a1 = md5(&format!("admin:{REALM}:{password}"));
    let a2 = md5(&format!("{method}:{uri}"));
    let wanted = md5(&format!("{a1}:{nonce}:{}:{}:{}:{a2}", get("nc"), get("cnonce"), "auth"));
    get("response") == wanted && get("username") == "admin"
}

fn reply(value: &Value) -> Answer {
    (200, vec!["Content-Type: application/json".into()], value.to_string().into_bytes())
}

fn rpc(state: &mut State, asked: &Asked) -> Answer {
    let call: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let method = call["method"].as_str().unwrap_or_default().to_owned();
    let refusal = |code: i64, message: &str, params: Value| {
        reply(
            &json!({ "error": { "code": code, "message": message }, "id": call["id"], "params": params, "result": false, "session": "c1" }),
        )
    };
    let success = |params: Value| {
        reply(&json!({ "id": call["id"], "params": params, "result": true, "session": "s2" }))
    };
    match asked.path.as_str() {
        "/OutsideCmd" => {
            state
                .log
                .push(format!("{method}{}", if call.get("session").is_some() { " in session" } else { "" }));
            if state.notifications > 0 && method != "DevInit.getStatus" {
                state.notifications -= 1;
                let _ = outside(state, &method, &call);
                return reply(&json!({ "NotifyMethod": "1.2" }));
            }
            return outside(state, &method, &call)
                .map_or_else(|| refusal(268_894_210, "no such method", Value::Null), success);
        }
        "/RPC2_Login" if state.rpc => {
            let given = call["params"]["password"].as_str().unwrap_or_default();
            if state.wrong >= TRIES {
                state.log.push(format!(
                    "{method} while locked{}",
                    if given.is_empty() { "" } else { " with password" }
                ));
                return refusal(
                    268_632_081,
                    "User locked!",
                    json!({ "remainLockSecond": 300, "remainLoginTimes": 0 }),
                );
            }
            if given.is_empty() {
                state.log.push(format!("{method} first"));
                return refusal(
                    268_632_079,
                    "login challenge!",
                    json!({ "realm": REALM, "random": "998877", "encryption": "Default" }),
                );
            }
            let inner = md5(&format!("admin:{REALM}:{}", state.password)).to_uppercase();
            if given == md5(&format!("admin:998877:{inner}")).to_uppercase() {
                state.log.push(format!("{method} right"));
                return success(json!({ "keepAliveInterval": 60 }));
            }
            state.wrong += 1;
            state.log.push(format!("{method} WRONG"));
            return refusal(
                268_632_085,
                "User or password not valid!",
                json!({ "remainLockSecond": 0, "remainLoginTimes": TRIES - state.wrong }),
            );
        }
        "/RPC2" if state.rpc => {}
        _ => return text(404, "<html>not here</html>"),
    }
    let name = call["params"]["name"].as_str().unwrap_or_default().to_owned();
    state.log.push(format!("{method} {name}"));
    if state.sessions_over > 0 {
        state.sessions_over -= 1;
        return refusal(287_637_505, "Invalid session in request data!", Value::Null);
    }
    if call["session"] != "s2" && method != "Security.getEncryptInfo" {
        return refusal(287_637_505, "Invalid session in request data!", Value::Null);
    }
    match method.as_str() {
        "configManager.getConfig" => match state.tables.get(&name) {
            Some(table) => success(json!({ "table": table })),
            None => refusal(268_894_211, "no such table", Value::Null),
        },
        "configManager.setConfig" => {
            state.tables.insert(name, call["params"]["table"].clone());
            success(Value::Null)
        }
        "global.logout" => success(Value::Null),
        _ => match state.methods.get(&method) {
            Some(params) => success(params.clone()),
            None => refusal(268_894_210, "no such method", Value::Null),
        },
    }
}

fn outside(state: &mut State, method: &str, call: &Value) -> Option<Value> {
    let open = |envelope: &Value| -> Option<Value> {
        use aes::cipher::{BlockDecryptMut as _, KeyIvInit as _, block_padding::NoPadding};
        use base64::Engine as _;
        let salt = envelope["salt"].as_str()?;
        let salt: Vec<u8> = (0..salt.len() / 2)
            .map(|at| u8::from_str_radix(&salt[at * 2..at * 2 + 2], 16))
            .collect::<Result<_, _>>()
            .ok()?;
        let digits = KEY.decrypt(Pkcs1v15Encrypt, &salt).ok()?;
        let content = base64::engine::general_purpose::STANDARD.decode(envelope["content"].as_str()?).ok()?;
        let plain = cbc::Decryptor::<aes::Aes256>::new_from_slices(&digits, b"0000000000000000")
            .ok()?
            .decrypt_padded_vec_mut::<NoPadding>(&content)
            .ok()?;
        serde_json::from_slice(plain.split(|byte| *byte == 0).next()?).ok()
    };
    match method {
        "DevInit.getStatus" if state.init > 0 => Some(json!({ "Init": state.init, "Find": "AB" })),
        // The page sends a session with this one only.
        "DevInit.setProtocolAgree" if call.get("session").is_some() => Some(Value::Null),
        "Security.getEncryptInfo" => {
            let key = format!("N:{:X},E:{:06X}", KEY.n(), KEY.e());
            Some(
                json!({ "asymmetric": "RSA", "cipher": ["AES", "RPAC"], "AESPadding": ["ZERO"], "pub": key }),
            )
        }
        "DevInit.account" if call.get("session").is_none() => {
            state.account = Some(open(&call["params"])?);
            state.init = 2;
            Some(Value::Null)
        }
        "DevInit.access" if call.get("session").is_none() => open(&call["params"]).map(|_| Value::Null),
        _ => None,
    }
}
