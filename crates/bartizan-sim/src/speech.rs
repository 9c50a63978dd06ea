//! Speech that comes up over HTTP. It breaks HTTP's rules (a body without length, an answer before it or none), so it
//! is taken off its connection before the web server sees that.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bartizan_base::OwnedTask;
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    ear::Call,
    front::{Ask, Body, Personality, Reply},
    unit::Unit,
};

/// How long the first bytes of a connection are waited for before it goes to the web server.
const FIRST_BYTES: Duration = Duration::from_millis(60);
const POLL: Duration = Duration::from_millis(5);
/// Longest head, bytes.
const HEAD_LIMIT: usize = 16 << 10;
/// A speaker who says nothing for this long has gone.
const SILENCE: Duration = Duration::from_secs(30);

/// What becomes of a call.
pub(crate) enum Greeting {
    /// It is heard; first this is said, where the family says anything.
    Listen(Call, &'static [u8]),
    /// It is not.
    Refuse(Reply),
}

/// Whether a connection begins with speech, judged by its first bytes, which stay where they are.
pub(crate) async fn begins_with(stream: &TcpStream, personality: &dyn Personality) -> bool {
    let until = Instant::now() + FIRST_BYTES;
    let mut first = [0; 160];
    while Instant::now() < until {
        if let Ok(Ok(length)) = timeout(POLL, stream.peek(&mut first)).await {
            let line = first[..length].split(|&byte| byte == b'\r').next().unwrap_or_default();
            let whole = line.len() < length || length == first.len();
            if whole || !matches!(first[0], b'P') {
                return personality.is_speech(&String::from_utf8_lossy(line));
            }
        }
        sleep(POLL).await;
    }
    false
}

/// Listens until the speaker goes.
pub(crate) fn listen(stream: TcpStream, unit: Arc<Unit>, personality: Arc<dyn Personality>) -> OwnedTask {
    OwnedTask::spawn(async move {
        unit.count_request();
        let _ = serve(stream, &*personality).await;
    })
}

async fn serve(mut stream: TcpStream, personality: &dyn Personality) -> std::io::Result<()> {
    let local = stream.local_addr()?;
    let mut inbox = Vec::new();
    let end = loop {
        if let Some(end) = inbox.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        let read = timeout(SILENCE, stream.read_buf(&mut inbox)).await??;
        if read == 0 || inbox.len() > HEAD_LIMIT {
            return Ok(());
        }
    };
    let spoken = inbox.split_off(end + 4);
    let Some(ask) = ask(&inbox, local) else { return Ok(()) };
    match personality.greet(&ask) {
        Greeting::Refuse(reply) => stream.write_all(&wire(reply)).await,
        Greeting::Listen(call, greeting) => {
            stream.write_all(greeting).await?;
            call.hear(&spoken);
            let mut piece = [0; 4096];
            while let Ok(Ok(length)) = timeout(SILENCE, stream.read(&mut piece)).await {
                if length == 0 {
                    break;
                }
                call.hear(&piece[..length]);
            }
            Ok(())
        }
    }
}

fn ask(head: &[u8], local: SocketAddr) -> Option<Ask> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some(Ask { method, target, headers, body: Bytes::new(), local })
}

fn wire(reply: Reply) -> Vec<u8> {
    let Body::Whole(body) = reply.body else { return Vec::new() };
    let mut head = format!("HTTP/1.1 {} Refused\r\nContent-Type: {}\r\n", reply.status, reply.content_type);
    for (name, value) in reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
    [head.into_bytes(), body].concat()
}
