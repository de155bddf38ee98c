//! https, with an authority of the test's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{ResourceError, authorities};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A server with a certificate for this name.
    async fn server(&self, name: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate)];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        raw_server(move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut read = [0_u8; 4096];
                    let _read = stream.read(&mut read).await;
                    let _gone = stream.write_all(&ok("secure")).await;
                    let _gone = stream.shutdown().await;
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn https_is_trusted_by_authority_and_name() {
    let authority = Authority::new();
    let server = authority.server("api.test").await;
    let port = server.port();
    let mut http = http(&Arc::new(Flipping::new(&[&["127.0.0.1"]])), &[]);
    let hosts = ["127.0.0.1", "*:*"];
    let by = |name: &str| json!({"url": format!("https://{name}:{port}/")});
    let error = ask(&http, &hosts, by("api.test")).await.unwrap_err();
    assert_eq!(
        error.message,
        format!(
            "`https://api.test:{port}`: its certificate is not trusted: nobody who is trusted signed it"
        )
    );
    http.trust = Trust::new(authorities(Some(authority.pem.as_bytes())).unwrap());
    assert_eq!(
        ask(&http, &hosts, by("api.test")).await.unwrap()["text"],
        "secure"
    );
    assert_eq!(
        ask(&http, &hosts, by("API.test.")).await.unwrap()["text"],
        "secure"
    );
    for name in ["other.test", "127.0.0.1"] {
        let error = ask(&http, &hosts, by(name)).await.unwrap_err();
        assert!(
            error
                .message
                .ends_with("is not trusted: it is another host's"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_host_that_does_not_speak_tls_is_named() {
    let server = raw_server(|mut stream, _| async move {
        let _gone = stream.write_all(b"220 smtp.test ESMTP\r\n").await;
        std::future::pending().await
    })
    .await;
    let http = http(&Arc::default(), &[]);
    let request = json!({"url": format!("https://{}/", server.address)});
    let error = ask(&http, &["127.0.0.1"], request).await.unwrap_err();
    assert!(
        error.message.ends_with("it does not agree on TLS"),
        "{error}"
    );
}

#[test]
fn a_file_without_certificates_is_refused() {
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
    ] {
        let refused = authorities(Some(pem.as_bytes())).err();
        assert!(
            matches!(refused, Some(ResourceError::Authorities)),
            "{pem}: {refused:?}"
        );
    }
}
