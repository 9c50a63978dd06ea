//! The two media carriers of this shell: a loopback WebSocket and a custom URI scheme. See `docs/media-wire.md`.

use std::{borrow::Cow, net::Ipv4Addr, sync::Arc, time::Duration};

use bartizan_api::media::carrier::{self, CLOSE_UNKNOWN_SESSION, CLOSE_WRONG_ORIGIN, CarrierQuery};
use bartizan_base::OwnedTask;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tauri::http::{Request, Response, StatusCode, header};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{Request as Handshake, Response as Accepted},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{Ready, backend};

/// The custom scheme of the long poll.
pub(crate) const SCHEME: &str = "vid";
/// Its address as the web view spells it.
pub(crate) const POLL_URL: &str = if cfg!(any(windows, target_os = "android")) {
    "http://vid.localhost/poll"
} else {
    "vid://localhost/poll"
};
/// The page's origin: the first on Linux, macOS and iOS, the second on Windows and Android.
const ORIGINS: [&str; 2] = ["tauri://localhost", "http://tauri.localhost"];
/// How long a connection may take over its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once. One page has one, two during a change-over.
const MOST_CONNECTIONS: usize = 8;

pub(crate) struct Listening {
    pub(crate) url: String,
    pub(crate) task: OwnedTask,
}

/// Listens on loopback. `None` where that is not possible: the page then polls.
pub(crate) async fn listen(ready: Ready) -> Option<Listening> {
    if std::env::var("BARTIZAN_CARRIER").is_ok_and(|carrier| carrier == "poll") {
        return None;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
    let port = listener.local_addr().ok()?.port();
    let task = OwnedTask::spawn(async move {
        let mut connections: Vec<OwnedTask> = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            connections.retain(|connection| !connection.is_finished());
            if connections.len() < MOST_CONNECTIONS {
                connections.push(OwnedTask::spawn(serve(socket, ready.clone())));
            }
        }
    });
    Some(Listening { url: format!("ws://127.0.0.1:{port}/ws"), task })
}

async fn serve(socket: TcpStream, ready: Ready) {
    let (mut query, mut own_page) = (CarrierQuery::default(), false);
    // Pictures go out as they come.
    let _ = socket.set_nodelay(true);
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let look = |request: &Handshake, response: Accepted| {
        query = CarrierQuery::parse(request.uri().query().unwrap_or_default());
        own_page = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok())
            .is_some_and(|origin| ORIGINS.contains(&origin));
        Ok(response)
    };
    let config = WebSocketConfig::default().max_message_size(Some(64 << 10));
    let handshake = accept_hdr_async_with_config(socket, look, Some(config));
    let Ok(Ok(socket)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await else { return };
    carry(socket, &query, own_page, ready).await;
}

async fn carry(mut socket: WebSocketStream<TcpStream>, query: &CarrierQuery, own_page: bool, ready: Ready) {
    let session = match backend(ready).await {
        Ok(backend) if own_page => backend.media().get(&query.session),
        _ => None,
    };
    let Some(session) = session else {
        let code = if own_page { CLOSE_UNKNOWN_SESSION } else { CLOSE_WRONG_ORIGIN };
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        let _ = socket.close(Some(frame)).await;
        return;
    };
    let (sink, stream) = socket.split();
    let outgoing = sink.with(|bytes: Bytes| {
        futures::future::ok::<_, tokio_tungstenite::tungstenite::Error>(Message::Binary(bytes))
    });
    let incoming = stream
        .take_while(|message| {
            futures::future::ready(matches!(message, Ok(message) if !matches!(message, Message::Close(_))))
        })
        .filter_map(|message| {
            futures::future::ready(match message {
                Ok(Message::Text(text)) => Some(text.to_string()),
                _ => None,
            })
        });
    carrier::pump(&session, query.after, Box::pin(outgoing), Box::pin(incoming)).await;
}

/// Answers one long poll.
pub(crate) async fn answer_poll(ready: Ready, request: &Request<Vec<u8>>) -> Response<Cow<'static, [u8]>> {
    let query = CarrierQuery::parse(request.uri().query().unwrap_or_default());
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let own = origin.filter(|origin| ORIGINS.contains(origin)).unwrap_or(ORIGINS[0]);
    let body = match backend(ready).await {
        Ok(backend) => {
            let sessions: Arc<_> = backend.media().clone();
            carrier::poll(&sessions, &query).await
        }
        Err(_) => None,
    };
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let body: Cow<'static, [u8]> = Cow::Owned(body.unwrap_or_default().to_vec());
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CACHE_CONTROL, "no-store")
        // The scheme is another origin than the page; only the page may read it.
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, own)
        .body(body)
        .unwrap_or_default()
}
