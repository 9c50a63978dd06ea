//! A device of this family on loopback, just real enough: Digest with a counter of wrong passwords, resources that
//! keep what is written to them, `notSupport` for the rest.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bartizan_base::{OwnedTask, Secret};
use bartizan_device::{Credentials, Endpoint, Login, ServicePorts};
use md5::{Digest as _, Md5};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) const PASSWORD: &str = "Pass1234";
const REALM: &str = "IP Camera(51253)";
const OK: &str = "<ResponseStatus version=\"2.0\" xmlns=\"http://www.hikvision.com/ver20/XMLSchema\">\
    <statusCode>1</statusCode><statusString>OK</statusString><subStatusCode>ok</subStatusCode></ResponseStatus>";
const NOT_SUPPORTED: &str = "<ResponseStatus version=\"2.0\" xmlns=\"http://www.hikvision.com/ver20/XMLSchema\">\
    <statusCode>4</statusCode><statusString>Invalid Operation</statusString>\
    <subStatusCode>notSupport</subStatusCode></ResponseStatus>";

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `PUT /path`.
    pub(crate) line: String,
    pub(crate) body: String,
    pub(crate) login: bool,
}

/// What the device is made of.
#[derive(Default)]
pub(crate) struct State {
    /// What GET answers, by path and query: status and body.
    pub(crate) resources: BTreeMap<String, (u16, Vec<u8>)>,
    /// Paths that PUT, POST or DELETE act on without being readable: status and answer.
    pub(crate) commands: BTreeMap<String, (u16, String)>,
    /// Readable without a login.
    pub(crate) open: Vec<String>,
    /// Wrong passwords still taken.
    pub(crate) tries: u32,
    /// Says the counter without a login too.
    pub(crate) tells: bool,
    pub(crate) seen: Vec<Seen>,
}

impl State {
    pub(crate) fn set(&mut self, path: &str, body: impl Into<Vec<u8>>) -> &mut Self {
        self.resources.insert(path.to_owned(), (200, body.into()));
        self
    }

    pub(crate) fn command(&mut self, path: &str) -> &mut Self {
        self.commands.insert(path.to_owned(), (200, OK.to_owned()));
        self
    }

    pub(crate) fn refuse(&mut self, path: &str, status: u16, sub: &str) -> &mut Self {
        let body = NOT_SUPPORTED.replace("notSupport", sub);
        self.resources.remove(path);
        self.commands.insert(path.to_owned(), (status, body));
        self
    }

    fn user_check(&self, ok: bool) -> String {
        let lock = if self.tries == 0 { "lock" } else { "unlock" };
        let unlock = if self.tries == 0 { 1800 } else { 0 };
        if ok {
            return "<userCheck><statusValue>200</statusValue><statusString>OK</statusString>\
                    <isActivated>true</isActivated></userCheck>"
                .into();
        }
        format!(
            "<userCheck version=\"2.0\" xmlns=\"http://www.isapi.org/ver20/XMLSchema\"><statusValue>401</statusValue>\
             <statusString>Unauthorized</statusString><isActivated>true</isActivated><lockStatus>{lock}</lockStatus>\
             <unlockTime>{unlock}</unlockTime><retryLoginTime>{}</retryLoginTime></userCheck>",
            self.tries
        )
    }

    fn answer(&mut self, method: &str, path: &str, head: &str, body: &str) -> (u16, Vec<u8>) {
        let header = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
        self.seen.push(Seen {
            line: format!("{method} {path}"),
            body: body.to_owned(),
            login: header.is_some(),
        });
        if !self.open.iter().any(|open| open == path) {
            let right = header.is_some_and(|header| self.tries > 0 && is_right(header, method, path));
            if !right {
                if header.is_some() {
                    self.tries = self.tries.saturating_sub(1);
                }
                let tell = path.ends_with("userCheck") && (header.is_some() || self.tells);
                let body = if tell { self.user_check(false) } else { String::new() };
                return (401, body.into_bytes());
            }
            self.tries = 7;
        }
        if path == "/ISAPI/Security/userCheck" {
            return (200, self.user_check(true).into_bytes());
        }
        if method == "GET" {
            if let Some((status, body)) = self.resources.get(path) {
                return (*status, body.clone());
            }
        } else {
            if let Some((status, body)) = self.commands.get(path) {
                return (*status, body.clone().into_bytes());
            }
            if method == "PUT" && self.resources.contains_key(path) {
                self.resources.insert(path.to_owned(), (200, body.as_bytes().to_vec()));
                return (200, OK.as_bytes().to_vec());
            }
        }
        match self.commands.get(path) {
            Some((status, body)) if *status != 200 => (*status, body.clone().into_bytes()),
            _ => (403, NOT_SUPPORTED.as_bytes().to_vec()),
        }
    }
}

fn hash(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_right(header: &str, method: &str, path: &str) -> bool {
    let part = |key: &str| {
        let at = header.find(&format!("{key}=")).map(|at| at + key.len() + 1)?;
        Some(header[at..].split(", ").next()?.trim_matches('"').to_owned())
    };
    let get = |key| part(key).unwrap_or_default();
    let secret = hash(&format!("admin:{REALM}:{PASSWORD}"));
    let target = hash(&format!("{method}:{path}"));
    let wanted = hash(&format!("{secret}:n1:{}:{}:auth:{target}", get("nc"), get("cnonce")));
    get("response") == wanted && get("uri") == path
}

/// A running device.
pub(crate) struct Mock {
    pub(crate) port: u16,
    pub(crate) state: Arc<Mutex<State>>,
    _task: OwnedTask,
}

impl Mock {
    pub(crate) async fn start(set_up: impl FnOnce(&mut State)) -> Self {
        let mut state = State { tries: 7, ..State::default() };
        set_up(&mut state);
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = state.clone();
        let task = OwnedTask::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                let shared = shared.clone();
                connections.push(OwnedTask::spawn(async move {
                    let _ = serve(socket, &shared).await;
                }));
            }
        });
        Self { port, state, _task: task }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// What was written since the last call, reads left out.
    pub(crate) fn writes(&self) -> Vec<(String, String)> {
        let seen = self.with(|state| std::mem::take(&mut state.seen));
        seen.into_iter()
            .filter(|seen| seen.login && !seen.line.starts_with("GET"))
            .map(|seen| (seen.line, seen.body))
            .collect()
    }

    pub(crate) fn logins(&self) -> usize {
        self.with(|state| state.seen.iter().filter(|seen| seen.login).count())
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            ports: ServicePorts { http: Some(self.port), ..ServicePorts::default() },
            ..Endpoint::new("127.0.0.1").unwrap()
        }
    }
}

pub(crate) fn login(password: &str, spend_last_try: bool) -> Login {
    Login {
        credentials: Some(Credentials { user: "admin".into(), password: Secret::new(password) }),
        spend_last_try,
    }
}

async fn serve(mut socket: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let length =
            head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        let (status, answer) =
            state.lock().unwrap().answer(method, path, &head, &String::from_utf8_lossy(&body));
        let challenge = if status == 401 {
            format!(
                "WWW-Authenticate: Digest qop=\"auth\", realm=\"{REALM}\", nonce=\"n1\", stale=\"FALSE\"\r\n\
                     WWW-Authenticate: Basic realm=\"{REALM}\"\r\n"
            )
        } else {
            String::new()
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nSet-Cookie: WebSession=abc\r\nContent-Length: {}\r\n{challenge}\r\n",
            answer.len()
        );
        socket.write_all(head.as_bytes()).await?;
        socket.write_all(&answer).await?;
    }
}
