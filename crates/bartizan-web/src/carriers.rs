use std::sync::Arc;

use axum::{
    extract::{
        RawQuery, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bartizan_api::media::carrier::{self, CLOSE_UNKNOWN_SESSION, CLOSE_WRONG_ORIGIN, CarrierQuery};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};

use crate::{Shared, guard};

/// The largest text message of a page: credits of all its tiles.
const LARGEST_TEXT: usize = 64 << 10;

pub(crate) async fn websocket(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = CarrierQuery::parse(&query.unwrap_or_default());
    // `guard::check` refused a wrong Origin already; a WebSocket must also have one, as every browser sends it.
    let own_page = guard::is_own_origin(&headers, shared.port);
    upgrade
        .max_message_size(LARGEST_TEXT)
        .on_upgrade(move |socket| async move { carry(&shared, &query, own_page, socket).await })
}

async fn carry(shared: &Shared, query: &CarrierQuery, own_page: bool, mut socket: WebSocket) {
    let session = shared.backend.media().get(&query.session);
    let refusal = match (&session, own_page) {
        (_, false) => Some(CLOSE_WRONG_ORIGIN),
        (None, true) => Some(CLOSE_UNKNOWN_SESSION),
        (Some(_), true) => None,
    };
    if let Some(code) = refusal {
        let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
        return;
    }
    let Some(session) = session else { return };
    let (sink, stream) = socket.split();
    let outgoing = sink.with(|bytes: Bytes| futures::future::ok::<_, axum::Error>(Message::Binary(bytes)));
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

pub(crate) async fn poll(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let query = CarrierQuery::parse(&query.unwrap_or_default());
    match carrier::poll(shared.backend.media(), &query).await {
        None => (StatusCode::NOT_FOUND, "unknown media session").into_response(),
        Some(body) => {
            ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")], body)
                .into_response()
        }
    }
}
