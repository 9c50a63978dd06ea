//! The client against a hand-made server on loopback: it speaks just enough HTTP to show each fault.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bartizan_base::{Code, OwnedTask, Secret};
use bartizan_device::{Credentials, ServicePorts};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// What the server saw of one request.
#[derive(Clone, Debug, Default)]
struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A parameter of the `Authorization` header.
    fn auth(&self, key: &str) -> Option<String> {
        let header = self.header("authorization")?;
        let at = header.find(&format!("{key}="))? + key.len() + 1;
        let value = header[at..].split(", ").next()?;
        Some(value.trim_matches('"').to_owned())
    }
}

struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _task: OwnedTask,
}

impl Server {
    /// Answers each request with what `answer` gives; an empty answer closes the connection.
    async fn start(answer: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let log = seen.clone();
        let task = OwnedTask::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), answer.clone());
                connections.push(OwnedTask::spawn(async move {
                    while let Some(request) = read_request(&mut socket).await {
                        let count = {
                            let mut log = log.lock().unwrap();
                            log.push(request.clone());
                            log.len()
                        };
                        let bytes = answer(count, &request);
                        if bytes.is_empty() || socket.write_all(&bytes).await.is_err() {
                            return;
                        }
                        if bytes.ends_with(b"<TORN>") {
                            return;
                        }
                    }
                }));
            }
        });
        Self { port, seen, _task: task }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn logins(&self) -> usize {
        self.seen().iter().filter(|seen| seen.header("authorization").is_some()).count()
    }

    async fn client(&self, password: Option<&str>) -> Client {
        Client::dial(&endpoint(self.port), &login(password)).await.unwrap()
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).await.ok()?;
        bytes.push(byte[0]);
        // A TLS handshake is no request.
        if !bytes.is_ascii() || bytes[0] < b' ' {
            return None;
        }
    }
    let head = String::from_utf8(bytes).ok()?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut seen = Seen { line, headers, body: String::new() };
    let length = seen.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}

fn answer(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    format!("{text}\r\n{body}").into_bytes()
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        ports: ServicePorts { http: Some(port), ..ServicePorts::default() },
        ..Endpoint::new("127.0.0.1").unwrap()
    }
}

fn login(password: Option<&str>) -> Login {
    Login {
        credentials: password
            .map(|password| Credentials { user: "admin".into(), password: Secret::new(password) }),
        spend_last_try: false,
    }
}

fn md5(text: &str) -> String {
    use md5::Digest as _;
    md5::Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether an `Authorization` is right for realm `r` and password `pw`, computed apart from the library in use.
fn is_right(seen: &Seen, nonce: &str) -> bool {
    let Some(header) = seen.header("authorization") else { return false };
    let hash = if header.contains("SHA-256") { sha256 } else { md5 };
    let mut words = seen.line.split(' ');
    let (method, uri) = (words.next().unwrap(), words.next().unwrap());
    let part = |key| seen.auth(key).unwrap_or_default();
    let response = hash(&format!(
        "{}:{nonce}:{}:{}:{}:{}",
        hash("admin:r:pw"),
        part("nc"),
        part("cnonce"),
        part("qop"),
        hash(&format!("{method}:{uri}"))
    ));
    part("uri") == uri && part("nonce") == nonce && part("response") == response && part("qop") == "auth"
}

fn challenge(nonce: &str, more: &str) -> String {
    format!(r#"WWW-Authenticate: Digest realm="r", qop="auth", nonce="{nonce}"{more}"#)
}

/// A device with password `pw` and one nonce.
async fn digest_device(challenges: &'static [&'static str]) -> Server {
    Server::start(move |_, seen| {
        if is_right(seen, "n1") {
            answer("200 OK", &[], "in")
        } else {
            answer(
                "401 Unauthorized",
                challenges,
                "<userCheck><retryLoginTime>3</retryLoginTime></userCheck>",
            )
        }
    })
    .await
}

const MD5: &str = r#"WWW-Authenticate: Digest realm="r", qop="auth,auth-int", nonce="n1""#;
const SHA256: &str =
    r#"WWW-Authenticate: Digest qop="auth", realm="r", algorithm=SHA-256, nonce="n1", stale="FALSE","#;
const BASIC: &str = r#"WWW-Authenticate: Basic realm="r""#;
const BOTH: &str =
    r#"www-authenticate: Basic realm="x", digest realm="r", qop="auth", nonce="n1", algorithm="MD5""#;

#[tokio::test]
async fn every_shape_of_challenge_is_answered() {
    for challenges in
        [&[MD5][..], &[BASIC, MD5], &[SHA256, MD5], &[SHA256], &[BOTH], &["WWW-Authenticate: NTLM", MD5]]
    {
        let server = digest_device(challenges).await;
        let client = server.client(Some("pw")).await;
        let response = client.get("/a/b?x[0].y=1&z=%20").await.expect(challenges[0]);
        assert_eq!((response.status, response.text().as_str()), (200, "in"));
        let seen = server.seen();
        assert_eq!(seen.len(), 2, "{challenges:?}");
        assert_eq!(seen[1].line, "GET /a/b?x[0].y=1&z=%20 HTTP/1.1");
        assert!(!seen.iter().any(|seen| format!("{seen:?}").contains("pw")));
    }
}

#[tokio::test]
async fn a_nonce_is_kept_and_counted() {
    let server = digest_device(&[MD5]).await;
    let client = server.client(Some("pw")).await;
    for _ in 0..3 {
        client.send(Request::put("/x", "<a/>").content_type("application/xml")).await.unwrap();
    }
    let seen = server.seen();
    let counts: Vec<_> = seen.iter().filter_map(|seen| seen.auth("nc")).collect();
    assert_eq!((seen.len(), counts), (4, vec!["00000001".into(), "00000002".into(), "00000003".into()]));
    assert!(
        seen.iter().all(|seen| seen.body == "<a/>" && seen.header("Content-Type") == Some("application/xml"))
    );
}

#[tokio::test]
async fn a_nonce_that_ran_out_is_renewed_whether_the_device_says_stale_or_not() {
    for more in [", stale=true", ""] {
        let server = Server::start(move |count, seen| {
            let nonce = if count < 4 { "n1" } else { "n2" };
            if is_right(seen, nonce) {
                answer("200 OK", &[], "in")
            } else {
                let more = if seen.header("authorization").is_some() { more } else { "" };
                answer("401 Unauthorized", &[&challenge(nonce, more)], "")
            }
        })
        .await;
        let client = server.client(Some("pw")).await;
        for _ in 0..3 {
            assert_eq!(client.get("/").await.unwrap().status, 200);
        }
        assert_eq!(server.seen().len(), 5, "401, n1, n1, 401 to n1, n2");
        assert!(!client.refused());
    }
}

#[tokio::test]
async fn nonces_that_serve_one_request_let_parallel_ones_through() {
    let fresh = Arc::new(AtomicUsize::new(0));
    let used = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let server = Server::start(move |_, seen| {
        let nonce = seen.auth("nonce").unwrap_or_default();
        if nonce.starts_with('n') && is_right(seen, &nonce) && used.lock().unwrap().insert(nonce.clone()) {
            return answer("200 OK", &[], "in");
        }
        let next = format!("n{}", fresh.fetch_add(1, Ordering::SeqCst));
        let stale = if nonce.is_empty() { "" } else { ", stale=true" };
        answer("401 Unauthorized", &[&challenge(&next, stale)], "")
    })
    .await;
    let client = server.client(Some("pw")).await;
    for _ in 0..4 {
        let all = futures::future::join_all((0..16).map(|_| client.get("/"))).await;
        assert!(
            all.iter().all(|result| result.as_ref().is_ok_and(|response| response.status == 200)),
            "{all:?}"
        );
    }
    assert!(!client.refused());
}

#[tokio::test]
async fn a_device_that_always_says_stale_is_not_answered_for_ever() {
    let server =
        Server::start(|_, _| answer("401 Unauthorized", &[&challenge("n", ", stale=true")], "")).await;
    let client = server.client(Some("pw")).await;
    assert!(matches!(client.get("/").await, Err(HttpError::Refused { .. })));
    assert_eq!(server.logins(), MAX_FRESH_ANSWERS);
    assert!(matches!(client.get("/").await, Err(HttpError::Refused { .. })));
    assert_eq!(server.logins(), MAX_FRESH_ANSWERS);
}

#[tokio::test]
async fn sixteen_requests_at_once_spend_one_try_of_a_wrong_password() {
    let server = digest_device(&[MD5]).await;
    let client = server.client(Some("hunter2")).await;
    let all = futures::future::join_all((0..16).map(|_| client.get("/"))).await;
    for result in all {
        let Err(error @ HttpError::Refused { .. }) = result else { panic!("{result:?}") };
        let HttpError::Refused { body, .. } = &error else { unreachable!() };
        assert!(std::str::from_utf8(body).unwrap().contains("retryLoginTime"));
        let error = bartizan_base::Error::from(error);
        assert_eq!(error.code(), Code::WrongPassword);
        assert!(!error.to_string().contains("hunter2"));
    }
    assert_eq!(server.logins(), 1);
    assert!(client.refused());
    let before = server.seen().len();
    assert!(matches!(client.get("/again").await, Err(HttpError::Refused { .. })));
    assert_eq!(server.seen().len(), before, "nothing is sent any more");
    assert_eq!(client.send(Request::get("/").without_login()).await.unwrap().status, 401);
}

#[tokio::test]
async fn sixteen_requests_at_once_log_in_once_and_use_three_connections() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, highest) = (now.clone(), most.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = OwnedTask::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let (inside, highest) = (inside.clone(), highest.clone());
            connections.push(OwnedTask::spawn(async move {
                while let Some(seen) = read_request(&mut socket).await {
                    highest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    let bytes = if is_right(&seen, "n1") {
                        answer("200 OK", &[], "in")
                    } else {
                        answer("401 Unauthorized", &[MD5], "")
                    };
                    socket.write_all(&bytes).await.unwrap();
                }
            }));
        }
    });
    let client = Client::dial(&endpoint(port), &login(Some("pw"))).await.unwrap();
    let all = futures::future::join_all((0..16).map(|_| client.get("/"))).await;
    assert!(all.iter().all(|result| result.as_ref().is_ok_and(|response| response.status == 200)));
    assert!((1..=MAX_CONCURRENT).contains(&most.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn a_login_without_an_answer_is_not_repeated_by_those_who_waited() {
    let server = Server::start(|_, seen| {
        if seen.header("authorization").is_some() {
            Vec::new()
        } else {
            answer("401 Unauthorized", &[MD5], "")
        }
    })
    .await;
    let client = server.client(Some("pw")).await;
    let all = futures::future::join_all((0..16).map(|_| client.get("/"))).await;
    assert!(all.iter().all(|result| matches!(result, Err(HttpError::Disconnected { .. }))), "{all:?}");
    // Places are given one by one: those who were not yet waiting at the gate may try once more, never all.
    assert!(server.logins() <= 16usize.div_ceil(MAX_CONCURRENT), "{}", server.logins());
}

#[tokio::test]
async fn no_credentials_no_login() {
    let server = digest_device(&[MD5]).await;
    let error = server.client(None).await.get("/x?pwd=secret").await.unwrap_err();
    assert!(matches!(&error, HttpError::PasswordNeeded { body, .. } if body.starts_with(b"<userCheck>")));
    assert_eq!(server.logins(), 0);
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(bartizan_base::Error::from(error).code(), Code::PasswordNeeded);
}

#[tokio::test]
async fn basic_alone_is_answered_within_the_lan_and_noted() {
    let server = Server::start(|_, seen| match seen.header("authorization") {
        Some("Basic YWRtaW46cHc=") => answer("200 OK", &[], "in"),
        _ => answer("401 Unauthorized", &[BASIC], ""),
    })
    .await;
    let client = server.client(Some("pw")).await;
    assert_eq!(client.get("/").await.unwrap().status, 200);
    assert!(client.oddities()[0].contains("Basic"), "{:?}", client.oddities());
    assert!(is_local("192.168.1.2".parse().unwrap()) && is_local("::ffff:10.0.0.1".parse().unwrap()));
    assert!(!is_local("93.184.216.34".parse().unwrap()) && !is_local("2001:db8::1".parse().unwrap()));
}

#[test]
fn basic_is_refused_where_the_password_would_cross_networks() {
    let state = LoginState::new(login(Some("pw")).credentials);
    let headers = ["Basic realm=\"r\"".to_owned()];
    let verdict = state.challenged(&headers, Bytes::new(), None, false);
    assert!(matches!(verdict, Verdict::Unsafe(_)));
    assert!(state.answer(&Request::get("/"), "/").unwrap().is_none(), "nothing is there to be sent");
}

#[tokio::test]
async fn a_scheme_nobody_knows_is_told() {
    let server = Server::start(|_, _| answer("401 Unauthorized", &["WWW-Authenticate: NTLM"], "")).await;
    let error = server.client(Some("pw")).await.get("/").await.unwrap_err();
    assert!(matches!(&error, HttpError::LoginUnsafe { .. }) && error.to_string().contains("NTLM"));
    assert_eq!(bartizan_base::retry(bartizan_base::Error::from(error).kind()), bartizan_base::Retry::Never);
}

#[tokio::test]
async fn a_login_never_follows_a_redirect_to_another_host() {
    let other = digest_device(&[MD5]).await;
    let location = format!("Location: http://localhost:{}/", other.port);
    let server = Server::start(move |_, seen| match seen.header("authorization") {
        Some(_) => answer("302 Found", &[&location], ""),
        None => answer("401 Unauthorized", &[MD5], ""),
    })
    .await;
    let response = server.client(Some("pw")).await.get("/").await.unwrap();
    assert_eq!((response.status, response.header("location").is_some()), (302, true));
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn bodies_and_times_are_bounded() {
    let server = Server::start(|_, seen| {
        if seen.line.contains("/known") {
            answer("200 OK", &[], &"x".repeat(101))
        } else if seen.line.contains("/chunked") {
            let chunks = "19\r\nxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(5);
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes()
        } else if seen.line.contains("/torn") {
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<TORN>".to_vec()
        } else if seen.line.contains("/garbage") {
            b"this is not HTTP\r\n\r\n<TORN>".to_vec()
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow".to_vec()
        }
    })
    .await;
    let client = server.client(None).await;
    for path in ["/known", "/chunked"] {
        let error = client.send(Request::get(path).body_limit(100)).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: 100, .. }), "{error:?}");
        assert!(client.send(Request::get(path).body_limit(125)).await.is_ok());
    }
    let error = client.get("/torn").await.unwrap_err();
    assert!(matches!(error, HttpError::Disconnected { .. }), "{error:?}");
    let error = client.get("/garbage").await.unwrap_err();
    assert!(matches!(error, HttpError::Protocol { .. } | HttpError::Disconnected { .. }), "{error:?}");
    let error = client.send(Request::get("/slow").timeout(Duration::from_millis(50))).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
    let mut stream = client.open(Request::get("/slow").timeout(Duration::from_millis(50))).await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "slow");
    assert!(matches!(stream.chunk().await, Err(HttpError::Timeout { .. })));
}

#[tokio::test]
async fn a_dead_kept_connection_is_replaced_for_reading_only() {
    let count = Arc::new(AtomicUsize::new(0));
    let calls = count.clone();
    let server = Server::start(move |_, _| {
        if calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            Vec::new()
        } else {
            answer("200 OK", &[], "in")
        }
    })
    .await;
    let client = server.client(None).await;
    assert_eq!(client.get("/").await.unwrap().status, 200);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert!(matches!(client.send(Request::put("/", "x")).await, Err(HttpError::Disconnected { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn where_nothing_answers() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = Client::dial(&endpoint(port), &login(None)).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
    let nowhere = Endpoint::new("no-such-host.invalid").unwrap();
    let error = Client::dial(&nowhere, &login(None)).await.unwrap_err();
    assert!(matches!(error, HttpError::HostUnknown { .. }), "{error:?}");
    let later =
        Client::at(&"http://no-such-host.invalid/".parse().unwrap(), None, &login(None), Options::default());
    let error = later.unwrap().get("/").await.unwrap_err();
    assert!(matches!(error, HttpError::HostUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn a_recording_holds_no_secret() {
    let server = digest_device(&[MD5]).await;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let to = kept.clone();
    let recorder = move |exchange: crate::Exchange| to.lock().unwrap().push(exchange);
    let options = Options { recorder: Some(Arc::new(recorder)), ..Options::default() };
    let client = Client::dial_with(&endpoint(server.port), &login(Some("pw")), options).await.unwrap();
    client.send(Request::put("/x?user=admin", "<User><password>hunter2</password></User>")).await.unwrap();
    let kept = kept.lock().unwrap().clone();
    assert_eq!(kept.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [401, 200]);
    assert_eq!(kept[1].sent, "<User><password>***</password></User>");
    let text = format!("{kept:?}");
    assert!(!text.contains("hunter2") && !text.contains("admin") && !text.contains("nonce"), "{text}");
}

#[path = "tls_tests.rs"]
mod tls_tests;
