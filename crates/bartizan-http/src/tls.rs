//! TLS to devices: their certificates are self-signed, so the first one seen is accepted and from then on it alone.

use std::sync::{Arc, Mutex, PoisonError};

use bartizan_device::CertificatePin;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

/// Accepts the pinned certificate, or the first one seen, and remembers what was shown.
#[derive(Debug)]
pub(crate) struct Pinning {
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accepted: Option<CertificatePin>,
    shown: bool,
    /// Another one than accepted, shown last.
    changed: Option<CertificatePin>,
}

impl Pinning {
    pub(crate) fn new(pin: Option<CertificatePin>) -> Arc<Self> {
        Arc::new(Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            state: Mutex::new(State { accepted: pin, ..State::default() }),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate the device showed and we accepted.
    pub(crate) fn certificate(&self) -> Option<CertificatePin> {
        let state = self.state();
        state.accepted.filter(|_| state.shown)
    }

    /// What was expected and what was shown instead, once.
    pub(crate) fn take_changed(&self) -> Option<(CertificatePin, CertificatePin)> {
        let mut state = self.state();
        let found = state.changed.take()?;
        Some((state.accepted?, found))
    }

    pub(crate) fn config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(self.clone())
            .with_no_client_auth();
        // A resumed session shows no certificate; devices are few, so a full handshake each time costs little.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

impl ServerCertVerifier for Pinning {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = CertificatePin(Sha256::digest(end_entity).into());
        let mut state = self.state();
        match state.accepted {
            Some(accepted) if accepted != found => {
                state.changed = Some(found);
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => {
                state.accepted = Some(found);
                state.shown = true;
                Ok(ServerCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
