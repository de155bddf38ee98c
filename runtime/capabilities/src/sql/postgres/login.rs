//! From an address to a server that listens to us: connect, encrypt, prove who we are.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, BackendKeyDataBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::address::{Address, Encryption};
use super::tls;
use super::wire::{Complaint, Lost, Socket, Wire};
use crate::resolve::{NotReached, addresses_of};

/// How long sending the cancellation of a statement may take.
const CANCELLING: Duration = Duration::from_secs(5);

/// A server that waits for statements.
pub(super) struct Greeted {
    pub(super) wire: Wire,
    pub(super) key: Key,
    /// The server's version: 18 of `18.4`; 0 if it does not say.
    pub(super) version: u32,
}

/// What names a connection to the server when a statement on it is cancelled.
#[derive(Clone, Copy, Default)]
pub(super) struct Key {
    process: i32,
    secret: i32,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Why a login failed. No text names the host: tools see these.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    /// No server answers there.
    #[error("the server cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// Its name leads to where it may not.
    #[error(transparent)]
    NotGranted(NotReached),
    /// It wants no encryption, and we do.
    #[error("the server does not encrypt, and `sslmode` of the URL wants it")]
    NoEncryption,
    /// Encryption failed.
    #[error("no encrypted connection: {0}")]
    Encryption(#[from] tls::TlsError),
    /// The server ended it.
    #[error("the server refuses the login: {}", .0.words)]
    Refused(Complaint),
    /// A way to log in that we do not have, or that would give the password away.
    #[error("the server wants to be logged in to by {0}, which is not supported")]
    Method(&'static str),
    /// The server does not know the password either.
    #[error("the server did not prove that it knows the password")]
    Impostor,
    /// It stopped talking, or talks something else.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl From<io::Error> for LoginError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.kind())
    }
}

/// Logs in. Waits as long as it takes: callers set the deadline.
pub(super) async fn log_in(address: &Address) -> Result<Greeted, LoginError> {
    let (socket, is_encrypted) = connect(address).await?;
    let mut wire = Wire::new(socket, address.secrets());
    let parameters = [
        ("user", address.user.as_str()),
        ("database", &address.database),
        ("client_encoding", "UTF8"),
        ("application_name", "wxmcp"),
    ];
    frontend::startup_message(parameters, &mut wire.out).map_err(|_| Lost::Protocol)?;
    wire.send().await?;
    authenticate(&mut wire, address, is_encrypted).await?;
    let mut greeted = Greeted {
        wire,
        key: Key::default(),
        version: 0,
    };
    loop {
        match greeted.wire.message().await? {
            Message::BackendKeyData(body) => greeted.key = Key::of(&body),
            Message::ParameterStatus(body) if body.name().is_ok_and(|n| n == "server_version") => {
                greeted.version = major(body.value().unwrap_or_default());
            }
            Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
            Message::ReadyForQuery(_) => return Ok(greeted),
            Message::ErrorResponse(body) => {
                return Err(LoginError::Refused(greeted.wire.complaint(&body)));
            }
            _ => return Err(Lost::Protocol.into()),
        }
    }
}

fn major(version: &str) -> u32 {
    let end = version.find(|c: char| !c.is_ascii_digit());
    let digits = version.get(..end.unwrap_or(version.len()));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

impl Key {
    fn of(body: &BackendKeyDataBody) -> Self {
        Self {
            process: body.process_id(),
            secret: body.secret_key(),
        }
    }
}

/// A stream to the server, and whether it is encrypted.
/// Connects to the first address of the server that answers.
async fn access(address: &Address) -> Result<TcpStream, LoginError> {
    let host = address.host.as_str();
    let addresses = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(one) => vec![one],
        Err(_) => addresses_of(host, &*address.names.resolver, &address.names.granted)
            .await
            .map_err(|error| match error {
                NotReached::NotResolved(_) => LoginError::Unreachable(io::ErrorKind::NotFound),
                NotReached::NotPublic => LoginError::NotGranted(error),
            })?,
    };
    let mut last = io::ErrorKind::NotFound;
    for one in addresses {
        match TcpStream::connect((one, address.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.kind(),
        }
    }
    Err(LoginError::Unreachable(last))
}

async fn connect(address: &Address) -> Result<(Box<dyn Socket>, bool), LoginError> {
    let mut stream = access(address).await?;
    stream.set_nodelay(true)?;
    let must = match &address.encryption {
        Encryption::None => return Ok((Box::new(stream), false)),
        Encryption::Prefer => false,
        Encryption::Require | Encryption::Verify { .. } => true,
    };
    let mut asked = BytesMut::new();
    frontend::ssl_request(&mut asked);
    stream.write_all(&asked).await?;
    // One byte and no more: what follows in the clear must not be taken for encrypted.
    match stream.read_u8().await? {
        b'S' => {
            let stream = tls::encrypt(stream, address).await?;
            Ok((Box::new(stream), true))
        }
        b'N' if !must => Ok((Box::new(stream), false)),
        b'N' => Err(LoginError::NoEncryption),
        _ => Err(Lost::Protocol.into()),
    }
}

async fn authenticate(
    wire: &mut Wire,
    address: &Address,
    is_encrypted: bool,
) -> Result<(), LoginError> {
    let password = address.password.as_bytes();
    loop {
        match wire.next().await? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationSasl(body) => scram(wire, &body, password).await?,
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(address.user.as_bytes(), password, body.salt());
                frontend::password_message(hash.as_bytes(), &mut wire.out)?;
                wire.send().await?;
            }
            Message::AuthenticationCleartextPassword if is_encrypted => {
                frontend::password_message(password, &mut wire.out)?;
                wire.send().await?;
            }
            Message::AuthenticationCleartextPassword => {
                return Err(LoginError::Method(
                    "a password in the clear over a connection that is not encrypted",
                ));
            }
            Message::ErrorResponse(body) => {
                return Err(LoginError::Refused(wire.complaint(&body)));
            }
            Message::AuthenticationGss | Message::AuthenticationSspi => {
                return Err(LoginError::Method("GSSAPI"));
            }
            _ => return Err(Lost::Protocol.into()),
        }
    }
}

/// SCRAM-SHA-256: neither side shows the password, and both prove that they know it.
async fn scram(
    wire: &mut Wire,
    offered: &AuthenticationSaslBody,
    password: &[u8],
) -> Result<(), LoginError> {
    let mut mechanisms = offered.mechanisms();
    let mut is_offered = false;
    while let Some(mechanism) = mechanisms.next().map_err(|_| Lost::Protocol)? {
        is_offered |= mechanism == SCRAM_SHA_256;
    }
    if !is_offered {
        return Err(LoginError::Method("a mechanism other than SCRAM-SHA-256"));
    }
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut wire.out)?;
    wire.send().await?;
    match wire.next().await? {
        Message::AuthenticationSaslContinue(body) => {
            scram
                .update(body.data())
                .map_err(|_| LoginError::Impostor)?;
        }
        Message::ErrorResponse(body) => return Err(LoginError::Refused(wire.complaint(&body))),
        _ => return Err(Lost::Protocol.into()),
    }
    frontend::sasl_response(scram.message(), &mut wire.out)?;
    wire.send().await?;
    match wire.next().await? {
        Message::AuthenticationSaslFinal(body) => {
            scram.finish(body.data()).map_err(|_| LoginError::Impostor)
        }
        Message::ErrorResponse(body) => Err(LoginError::Refused(wire.complaint(&body))),
        _ => Err(Lost::Protocol.into()),
    }
}

/// Asks the server to end what it does for a connection. It does not answer; whether it
/// heard is seen by what it does.
pub(super) async fn cancel(address: &Address, key: Key) {
    let asked = async {
        let (mut socket, _) = connect(address).await?;
        let mut out = BytesMut::new();
        frontend::cancel_request(key.process, key.secret, &mut out);
        socket.write_all(&out).await?;
        socket.flush().await?;
        // The server closes it when it has passed the request on.
        let mut nothing = [0; 1];
        let _closed = socket.read(&mut nothing).await?;
        Ok::<(), LoginError>(())
    };
    // Without it the server ends the statement by itself, at its own deadline.
    let _heard = tokio::time::timeout(CANCELLING, asked).await;
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::Arc;

    use wxmcp_policy::Addresses;
    use wxmcp_run::BoxFuture;

    use super::*;
    use crate::resolve::{NotResolved, Resolve};

    /// Has one address for every name.
    #[derive(Debug)]
    struct Always(IpAddr);

    impl Resolve for Always {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, NotResolved>> {
            Box::pin(async { Ok(vec![self.0]) })
        }
    }

    #[tokio::test]
    async fn a_name_reaches_only_public_and_granted_addresses() -> Result<(), Box<dyn Error>> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        for (host, granted, is_reached) in [
            ("db.test", &[][..], false),
            ("db.test", &["127.0.0.2", "10.0.0.0/8"], false),
            ("db.test", &["127.0.0.0/8"], true),
            ("localhost", &[], true),
            ("127.0.0.1", &[], true),
        ] {
            let address = Address::parse(&format!("postgres://u:p@{host}:{port}/d"))?;
            let mut address = address.granting(Addresses::new(granted)?);
            address.names.resolver = Arc::new(Always([127, 0, 0, 1].into()));
            match access(&address).await {
                Ok(_) => assert!(is_reached, "{host} {granted:?}"),
                Err(error) => {
                    assert!(!is_reached, "{host} {granted:?}: {error}");
                    assert!(matches!(error, LoginError::NotGranted(_)), "{error:?}");
                    assert!(!error.to_string().contains("127."), "{error}");
                }
            }
        }
        Ok(())
    }
}
