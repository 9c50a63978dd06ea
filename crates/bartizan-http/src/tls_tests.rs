use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// An HTTPS server with a fresh self-signed certificate that answers `200`.
struct TlsServer {
    port: u16,
    pin: CertificatePin,
    _task: OwnedTask,
}

impl TlsServer {
    async fn start() -> Self {
        use sha2::Digest as _;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let made = rcgen::generate_simple_self_signed(vec!["device".into()]).unwrap();
        let der = made.cert.der().clone();
        let pin = CertificatePin(sha2::Sha256::digest(&der).into());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let task = OwnedTask::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.push(OwnedTask::spawn(async move {
                    let Ok(mut socket) = acceptor.accept(socket).await else { return };
                    let mut bytes = [0; 4096];
                    while socket.read(&mut bytes).await.is_ok_and(|length| length > 0) {
                        let _ = socket.write_all(&answer("200 OK", &[], "secure")).await;
                    }
                }));
            }
        });
        Self { port, pin, _task: task }
    }

    fn endpoint(&self, pin: Option<CertificatePin>, http: Option<u16>) -> Endpoint {
        Endpoint {
            ports: ServicePorts { http, https: Some(self.port), ..ServicePorts::default() },
            pin,
            ..Endpoint::new("127.0.0.1").unwrap()
        }
    }
}

#[tokio::test]
async fn the_first_certificate_is_reported_and_the_pinned_one_is_kept() {
    let server = TlsServer::start().await;
    for pin in [None, Some(server.pin)] {
        let client = Client::dial(&server.endpoint(pin, None), &login(None)).await.unwrap();
        assert_eq!(client.certificate(), Some(server.pin));
        assert_eq!(client.get("/").await.unwrap().text(), "secure");
        assert_eq!(client.base().scheme(), "https");
    }
}

#[tokio::test]
async fn another_certificate_is_told_and_nothing_is_sent() {
    let server = TlsServer::start().await;
    let plain = digest_device(&[MD5]).await;
    let pin = CertificatePin([7; 32]);
    // Not even HTTP is tried instead.
    let error =
        Client::dial(&server.endpoint(Some(pin), Some(plain.port)), &login(Some("pw"))).await.unwrap_err();
    assert!(
        matches!(error, HttpError::CertificateChanged { expected, found, .. } if expected == pin && found == server.pin)
    );
    assert_eq!(plain.seen().len(), 0);
    let base = format!("https://127.0.0.1:{}/", server.port).parse().unwrap();
    let client = Client::at(&base, Some(pin), &login(Some("pw")), Options::default()).unwrap();
    let error = client.get("/").await.unwrap_err();
    assert!(matches!(error, HttpError::CertificateChanged { .. }), "{error:?}");
    assert_eq!(client.certificate(), None);
    let plain =
        Client::at(&"http://127.0.0.1/".parse().unwrap(), Some(pin), &login(None), Options::default());
    assert!(matches!(plain, Err(HttpError::LoginUnsafe { .. })));
}

#[tokio::test]
async fn https_that_does_not_work_gives_way_to_http_only_when_its_port_is_given() {
    let plain = digest_device(&[MD5]).await;
    let mut endpoint = endpoint(plain.port);
    endpoint.ports.https = Some(plain.port);
    let client = Client::dial(&endpoint, &login(Some("pw"))).await.unwrap();
    assert_eq!((client.base().scheme(), client.get("/").await.unwrap().status), ("http", 200));
    assert!(client.oddities()[0].contains("HTTPS does not work"));
    endpoint.ports.http = None;
    let error = Client::dial(&endpoint, &login(Some("pw"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn http_that_sends_us_to_https_of_the_same_host_is_followed_once() {
    let secure = TlsServer::start().await;
    let location = format!("Location: https://127.0.0.1:{}/doc/page/login.asp", secure.port);
    let server = Server::start(move |_, _| answer("301 Moved", &[&location], "")).await;
    let client = server.client(Some("pw")).await;
    for _ in 0..2 {
        assert_eq!(client.get("/x").await.unwrap().text(), "secure");
    }
    assert_eq!(client.base().as_str(), format!("https://127.0.0.1:{}/", secure.port));
    assert_eq!((server.seen().len(), server.logins(), client.certificate()), (1, 0, Some(secure.pin)));
}
