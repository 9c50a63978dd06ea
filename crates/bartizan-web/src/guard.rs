use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::Shared;

/// Refuses requests that name another host or come from another page.
pub(crate) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !single(headers, header::HOST).is_some_and(|host| is_own_host(host, shared.port)) {
        return (StatusCode::FORBIDDEN, "wrong Host").into_response();
    }
    // Browsers send Origin with every POST and every WebSocket; a missing one is a program of the same user, which
    // still has to know the token.
    if headers.contains_key(header::ORIGIN) && !is_own_origin(headers, shared.port) {
        return (StatusCode::FORBIDDEN, "wrong Origin").into_response();
    }
    next.run(request).await
}

/// The value of a header that is there exactly once.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn is_own_host(host: &str, port: u16) -> bool {
    host == format!("127.0.0.1:{port}") || host == format!("localhost:{port}")
}

pub(crate) fn is_own_origin(headers: &HeaderMap, port: u16) -> bool {
    single(headers, header::ORIGIN)
        .and_then(|origin| origin.strip_prefix("http://"))
        .is_some_and(|host| is_own_host(host, port))
}

/// Compares without telling by its duration where the difference is.
pub(crate) fn same_secret(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
