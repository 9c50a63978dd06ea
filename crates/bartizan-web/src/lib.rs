//! The loopback web shell: the same page and the same commands in an ordinary browser.
//!
//! It binds 127.0.0.1 only. Every request must name that host (against DNS rebinding), a browser's `Origin` must be
//! the shell's own, commands need the per-run token, and carriers need the id of a media session, which only a command
//! gives out.
#![warn(missing_docs)]

mod carriers;
mod guard;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bartizan_api::{Backend, ShellInfo, dispatch, dto::Shell};
use bartizan_app::App;
use bartizan_base::{OwnedTask, random_token};
use tower_http::services::{ServeDir, ServeFile};

/// The header that carries the per-run token.
pub const TOKEN_HEADER: &str = "x-bartizan-token";

/// What the shell serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes any.
    pub port: u16,
    /// Folder of the built page.
    pub ui: PathBuf,
}

/// A running shell. Dropping it stops it.
pub struct Server {
    addr: SocketAddr,
    token: String,
    backend: Arc<Backend>,
    _task: OwnedTask,
}

pub(crate) struct Shared {
    pub(crate) backend: Arc<Backend>,
    pub(crate) token: String,
    pub(crate) port: u16,
}

impl Server {
    /// Binds and serves.
    pub async fn start(app: Arc<App>, config: Config) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let token = random_token();
        let backend = Arc::new(Backend::new(
            app,
            ShellInfo {
                shell: Shell::Web,
                ws_url: Some(format!("ws://{addr}/ws")),
                // Relative: the page may have been opened as localhost, which is another origin than 127.0.0.1.
                poll_url: "/media/poll".to_owned(),
                // The browser saves files by itself.
                pictures: None,
                search_loopback: std::env::var_os(bartizan_api::SEARCH_LOOPBACK).is_some(),
            },
        ));
        let shared = Arc::new(Shared { backend: backend.clone(), token: token.clone(), port: addr.port() });
        let router = router(shared, config.ui);
        let task = OwnedTask::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the web shell stopped");
            }
        });
        Ok(Self { addr, token, backend, _task: task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The per-run token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The page's address with its token; for the person who started the shell only.
    pub fn url(&self) -> String {
        format!("http://{}/?token={}", self.addr, self.token)
    }

    /// The commands behind it.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }
}

fn router(shared: Arc<Shared>, ui: PathBuf) -> Router {
    let index = ui.join("index.html");
    Router::new()
        .route("/rpc/{name}", post(rpc))
        .route("/ws", get(carriers::websocket))
        .route("/media/poll", get(carriers::poll))
        // Deep links belong to the page's own router.
        .fallback_service(ServeDir::new(ui).fallback(ServeFile::new(index)))
        .layer(middleware::map_response(with_headers))
        .layer(middleware::from_fn_with_state(shared.clone(), guard::check))
        .with_state(shared)
}

async fn rpc(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(request): Json<serde_json::Value>,
) -> Response {
    let given = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if !guard::same_secret(given, shared.token.as_bytes()) {
        return (StatusCode::FORBIDDEN, "missing or wrong token").into_response();
    }
    Json(dispatch(shared.backend.as_ref(), &name, request).await).into_response()
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        // Ionic writes style attributes; nothing else is inline.
        HeaderValue::from_static(
            "default-src 'self'; connect-src 'self' ws://127.0.0.1:*; img-src 'self' data: blob:; \
             style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; media-src 'none'; object-src 'none'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
