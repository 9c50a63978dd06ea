//! Reaching a device before anything is asked: TCP, TLS, and which of HTTP and HTTPS it speaks.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bartizan_device::Endpoint;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

use crate::{HttpError, Wire, tls::Pinning};

/// A TCP connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How much longer than HTTP the usual HTTPS port may take to accept a connection; a firewall may swallow it.
const HTTPS_GRACE: Duration = Duration::from_millis(700);
/// A TLS handshake: seconds on a small processor.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn connect(host: &str, port: u16, at: &Wire) -> Result<TcpStream, HttpError> {
    let connecting = async {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| HttpError::HostUnknown { at: at.clone() })?
            .collect();
        let mut last = HttpError::HostUnknown { at: at.clone() };
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = HttpError::of_io(&error, at.clone()),
            }
        }
        Err(last)
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(HttpError::Timeout { at: at.clone() }))
}

pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    pinning: &Arc<Pinning>,
    at: &Wire,
) -> Result<TlsStream<TcpStream>, HttpError> {
    let tls = |reason: String| HttpError::Tls { at: at.clone(), reason };
    let config = pinning.config().map_err(|e| tls(e.to_string()))?;
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|e| tls(e.to_string()))?;
    let shaking = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(HANDSHAKE_TIMEOUT, shaking).await {
        Err(_) => Err(HttpError::Timeout { at: at.clone() }),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(match pinning.take_changed() {
            Some((expected, found)) => HttpError::CertificateChanged { at: at.clone(), expected, found },
            None => tls(error.to_string()),
        }),
    }
}

/// Usual ports: both are tried at once. HTTPS wins when it answers a handshake; it is not waited for much longer than
/// HTTP when it does not even take the connection.
pub(crate) async fn prefer_https(
    endpoint: &Endpoint,
    pinning: &Arc<Pinning>,
    plain: impl Future<Output = Result<(), HttpError>>,
) -> Result<(bool, Option<String>), HttpError> {
    let at = Wire::new(&format!("{}:443", endpoint.url_host()), "CONNECT", String::new());
    let mut secure = std::pin::pin!(connect(&endpoint.host, 443, &at));
    let mut plain = std::pin::pin!(plain);
    let mut plain_result = None;
    let stream = tokio::select! {
        stream = &mut secure => Some(stream),
        result = &mut plain => {
            let reached = result.is_ok();
            plain_result = Some(result);
            if reached { timeout(HTTPS_GRACE, &mut secure).await.ok() } else { Some(secure.await) }
        }
    };
    let refusal = match stream {
        Some(Ok(stream)) => match handshake(stream, &endpoint.host, pinning, &at).await {
            Ok(_) => return Ok((true, None)),
            Err(error) => Some(format!("port 443 is open, but HTTP is used: {error}")),
        },
        Some(Err(_)) | None => None,
    };
    match plain_result {
        Some(result) => result,
        None => plain.await,
    }
    .map(|()| (false, refusal))
}
