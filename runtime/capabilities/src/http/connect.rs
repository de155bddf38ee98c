//! A connection to an address that was checked.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Most addresses of one name that are tried.
const MAX_TRIED: usize = 6;

/// Time for one of several addresses to answer.
const ONE_ADDRESS: Duration = Duration::from_secs(3);

/// Time to connect in all, TLS included.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Why connecting failed. Never names an address: a guest that may ask a host by name is not shown
/// the addresses behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotConnected {
    /// The address refuses connections.
    #[error("the connection was refused")]
    Refused,
    /// No answer in time.
    #[error("it does not answer: no connection in {} s", CONNECT.as_secs())]
    TimedOut,
    /// The network cannot reach it.
    #[error("it cannot be reached")]
    Unreachable,
    /// Its certificate is not one to trust.
    #[error("its certificate is not trusted: {0}")]
    Certificate(&'static str),
    /// It does not speak TLS as we do.
    #[error("it does not agree on TLS")]
    Tls,
}

impl NotConnected {
    /// The word that programs know it by.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Refused => "ECONNREFUSED",
            Self::TimedOut => "ETIMEDOUT",
            Self::Unreachable => "EHOSTUNREACH",
            Self::Certificate(_) => "CERT_UNTRUSTED",
            Self::Tls => "EPROTO",
        }
    }
}

/// Whom https trusts.
#[derive(Default)]
pub(super) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Option<Arc<ClientConfig>>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("extra", &self.extra.len())
            .finish_non_exhaustive()
    }
}

impl Trust {
    /// The authorities that browsers trust, and these.
    pub(super) fn new(extra: Vec<CertificateDer<'static>>) -> Self {
        Self {
            extra,
            config: OnceLock::new(),
        }
    }

    fn config(&self) -> Option<Arc<ClientConfig>> {
        self.config.get_or_init(|| self.build()).clone()
    }

    fn build(&self) -> Option<Arc<ClientConfig>> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Some(Arc::new(config))
    }
}

/// Connects to the first of these addresses that answers, and speaks TLS as `name` if asked.
pub(super) async fn connect(
    addresses: &[IpAddr],
    port: u16,
    tls: Option<(&Trust, &str)>,
) -> Result<Stream, NotConnected> {
    let connecting = async {
        let stream = first_that_answers(addresses, port).await?;
        let _late_small_packets = stream.set_nodelay(true);
        match tls {
            None => Ok(Stream::Plain(stream)),
            Some((trust, name)) => secured(stream, trust, name).await,
        }
    };
    tokio::time::timeout(CONNECT, connecting)
        .await
        .unwrap_or(Err(NotConnected::TimedOut))
}

async fn first_that_answers(addresses: &[IpAddr], port: u16) -> Result<TcpStream, NotConnected> {
    let mut last = NotConnected::Unreachable;
    let tried = addresses.len().min(MAX_TRIED);
    for (at, address) in addresses.iter().take(MAX_TRIED).enumerate() {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        let is_last = at.saturating_add(1) == tried;
        let patience = if is_last { CONNECT } else { ONE_ADDRESS };
        last = match tokio::time::timeout(patience, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                NotConnected::Refused
            }
            Ok(Err(_)) => NotConnected::Unreachable,
            Err(_) => NotConnected::TimedOut,
        };
    }
    Err(last)
}

/// Speaks TLS as `name` over a connection that is open already.
pub(super) async fn secure(
    stream: Stream,
    trust: &Trust,
    name: &str,
) -> Result<Stream, NotConnected> {
    let Stream::Plain(stream) = stream else {
        return Ok(stream);
    };
    tokio::time::timeout(CONNECT, secured(stream, trust, name))
        .await
        .unwrap_or(Err(NotConnected::TimedOut))
}

async fn secured(stream: TcpStream, trust: &Trust, name: &str) -> Result<Stream, NotConnected> {
    let config = trust.config().ok_or(NotConnected::Tls)?;
    let name = ServerName::try_from(name.to_owned()).map_err(|_| NotConnected::Tls)?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected
        .map(|stream| Stream::Secured(Box::new(stream)))
        .map_err(|error| why(&error))
}

/// Our own words for what a peer may have had a hand in.
fn why(error: &io::Error) -> NotConnected {
    use rustls::CertificateError as Bad;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(bad)) = inner else {
        return NotConnected::Tls;
    };
    NotConnected::Certificate(match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => "it has expired",
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => "it is not valid yet",
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "it is another host's",
        Bad::UnknownIssuer => "nobody who is trusted signed it",
        Bad::Revoked => "it was revoked",
        _ => "it cannot be verified",
    })
}

/// A connection, secured or not.
pub(super) enum Stream {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether it is encrypted.
    pub(super) fn is_secured(&self) -> bool {
        matches!(self, Self::Secured(_))
    }

    /// Whether the peer has neither closed it nor sent anything. What comes over TLS before an answer is TLS's own.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Plain(stream) => {
                let read = stream.try_read(&mut [0]);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Secured(_) => true,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
