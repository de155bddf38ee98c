//! Encryption of a connection, by what the URL asks for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::{Address, Encryption};

/// Why a connection is not encrypted. No text names the host or a file: tools see these.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The file of `sslrootcert`.
    #[error("`sslrootcert` of the URL holds no certificates that can be used")]
    Roots,
    /// Of another name, out of date, or not signed by a trusted authority.
    #[error("the server's certificate is not valid for it")]
    Certificate,
    /// The host is none that a certificate could name.
    #[error("the host has no name that a certificate could prove")]
    Name,
    /// Anything else.
    #[error("the handshake failed")]
    Handshake,
}

/// Encrypts a stream, and checks who is at its other end if the URL asks for that.
pub(super) async fn encrypt(
    stream: TcpStream,
    address: &Address,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsError::Handshake)?;
    let config = match &address.encryption {
        Encryption::Verify { roots } => config.with_root_certificates(trusted(roots.as_deref())?),
        Encryption::None | Encryption::Prefer | Encryption::Require => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
    };
    let config = config.with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).map_err(|_| TlsError::Name)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(_)) => TlsError::Certificate,
            _ => TlsError::Handshake,
        }
    })
}

/// The certificates of a file, or those that browsers trust.
fn trusted(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let Some(file) = file else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|_| TlsError::Roots)? {
        let certificate = certificate.map_err(|_| TlsError::Roots)?;
        roots.add(certificate).map_err(|_| TlsError::Roots)?;
    }
    if roots.is_empty() {
        return Err(TlsError::Roots);
    }
    Ok(roots)
}

/// `sslmode=require` and `prefer`, as libpq means them: any server is accepted that holds the key of whatever
/// certificate. It keeps readers out, not impostors.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
