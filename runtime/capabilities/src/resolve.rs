//! From names to addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use parking_lot::Mutex;
use wxmcp_policy::{Addresses, canonical, is_this_machine};
use wxmcp_run::BoxFuture;

/// Answers the addresses of a name. Asked once for each request.
pub(super) trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses, or why there are none.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, NotResolved>>;
}

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotResolved {
    /// The name does not exist.
    #[error("there is no such host")]
    NoSuchName,
    /// The servers gave no answer.
    #[error("its name could not be looked up")]
    Failed,
}

/// Why a connection reaches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotReached {
    /// Its name has no address.
    #[error(transparent)]
    NotResolved(#[from] NotResolved),
    /// Its name has one that is not public. Which one is not for tools to know.
    #[error(
        "the name of its host leads to an address that is not public: such an address is only reached when it is \
         granted itself: `addresses = [\"ADDRESS\"]` beside the `url` of the connection in wxmcp.toml"
    )]
    NotPublic,
}

/// The addresses of the name that a connection has; each must be public, or granted.
pub(super) async fn addresses_of(
    name: &str,
    resolver: &dyn Resolve,
    granted: &Addresses,
) -> Result<Vec<IpAddr>, NotReached> {
    let found = resolver.resolve(name).await?;
    let found: Vec<IpAddr> = found.into_iter().map(canonical).collect();
    if found.is_empty() {
        return Err(NotResolved::NoSuchName.into());
    }
    match found.iter().all(|address| granted.allow(name, *address)) {
        true => Ok(found),
        false => Err(NotReached::NotPublic),
    }
}

/// The names that this machine knows: `/etc/hosts`, and the servers of `/etc/resolv.conf`.
///
/// Not the C library's: a static executable has no `getaddrinfo` to rely on.
#[derive(Default)]
pub(super) struct System {
    resolver: Mutex<Option<TokioResolver>>,
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}

impl System {
    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut known = self.resolver.lock();
        if let Some(resolver) = &*known {
            return Ok(resolver.clone());
        }
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
            // No configuration: names of `/etc/hosts` are still known.
            let no_servers = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            TokioResolver::builder_with_config(no_servers, TokioRuntimeProvider::default())
        });
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let resolver = builder.build()?;
        *known = Some(resolver.clone());
        Ok(resolver)
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, NotResolved>> {
        Box::pin(async move {
            // RFC 6761: these names are never sent to a server.
            if is_this_machine(name) {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            let resolver = self.resolver().map_err(|_| NotResolved::Failed)?;
            // A name with a dot is whole: no domain is tried behind it.
            let whole = if name.contains('.') {
                format!("{name}.")
            } else {
                name.to_owned()
            };
            match resolver.lookup_ip(whole).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                    Err(NotResolved::NoSuchName)
                }
                Err(_) => Err(NotResolved::Failed),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_this_machine_without_asking_anybody() {
        let system = System::default();
        for name in ["localhost", "a.localhost", "Localhost."] {
            let found = system.resolve(name).await.unwrap();
            assert!(found.iter().all(IpAddr::is_loopback), "{name}");
        }
        assert!(system.resolver.lock().is_none());
    }
}
