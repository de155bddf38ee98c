//! Requests to hosts.
//!
//! A URL is read once, checked against the grants, and its name resolved once; every address of
//! it is checked, and only a checked one is connected to. A redirect is a request of its own
//! and passes all of it again. Nothing is taken from the environment: no proxy, no cookies,
//! no cache.

mod body;
mod connect;
mod exchange;
mod load;
mod request;
mod site;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use url::{Host, Url};
use wxmcp_run::{CallContext, ToolError, ToolErrorKind, Written};

use crate::charged::Charged;
use crate::resolve::{self, NotReached, Resolve, System};
use crate::{ConnectionConfig, ResourceError};
use connect::{NotConnected, Trust};
use exchange::{Answer, Exchange};
use load::Load;
pub(super) use request::Request;
use request::{Outgoing, Redirect};
use site::Site;
pub(super) use waiting::Waiting;
use wxmcp_catalogue::wording::{bounded, quoted};
use wxmcp_policy::{CapabilityGrants, bare, canonical, is_public};

/// Most redirects of one request that are followed.
const MAX_REDIRECTS: usize = 5;

/// A request whose method, headers and body can be sent.
pub(super) struct Prepared {
    request: Request,
    outgoing: Outgoing,
}

impl Prepared {
    /// Checks what does not depend on whom the request goes to.
    ///
    /// # Errors
    ///
    /// What cannot be sent.
    pub(super) fn new(mut request: Request) -> Result<Self, ToolError> {
        let outgoing = Outgoing::new(&mut request)?;
        Ok(Self { request, outgoing })
    }
}

/// Asks hosts on behalf of guests.
#[derive(Debug)]
pub(crate) struct Http {
    sites: BTreeMap<String, Site>,
    resolver: Arc<dyn Resolve>,
    trust: Trust,
    load: Load,
    timeout: Duration,
}

impl Http {
    /// Connects to nothing yet. `connections` are those whose URL is a host's; `authorities` are
    /// trusted besides those that browsers trust.
    ///
    /// # Errors
    ///
    /// A connection that cannot be used.
    pub(super) fn new<'a>(
        connections: impl IntoIterator<Item = (&'a String, &'a ConnectionConfig)>,
        authorities: Vec<CertificateDer<'static>>,
        timeout: Duration,
    ) -> Result<Self, ResourceError> {
        let sites = connections
            .into_iter()
            .map(|(name, config)| Ok((name.clone(), Site::new(name, config)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            sites,
            resolver: Arc::new(System::default()),
            trust: Trust::new(authorities),
            load: Load::default(),
            timeout,
        })
    }

    /// Whether there is a connection of that name.
    pub(super) fn has(&self, connection: &str) -> bool {
        self.sites.contains_key(connection)
    }

    /// Whether the place that a request names first may be asked, whatever its address.
    pub(super) fn permit(
        &self,
        prepared: &Prepared,
        granted: &CapabilityGrants,
    ) -> Result<(), ToolError> {
        let request = &prepared.request;
        match &request.connection {
            Some(name) => self.site(name, granted).map(drop),
            None if request.connect => {
                places(&request::url(&request.url, None)?, granted).map(drop)
            }
            None => granted.url(&request::url(&request.url, None)?),
        }
    }

    /// Sends a request and answers what came of it, as JSON.
    pub(super) async fn perform(
        &self,
        prepared: Prepared,
        granted: &CapabilityGrants,
        waiting: &Waiting,
        context: &CallContext,
    ) -> Result<Written, ToolError> {
        let request = &prepared.request;
        let limit = request.timeout_ms.map(Duration::from_millis);
        let limit = limit.unwrap_or(self.timeout).min(self.timeout);
        let place = quoted(request.connection.as_deref().unwrap_or(&request.url));
        let site = match &request.connection {
            None => None,
            Some(name) => Some(self.site(name, granted)?),
        };
        let asker = Asker {
            granted,
            waiting,
            context,
        };
        let place_only = request.connect.then(|| request.url.clone());
        let asking = async {
            match place_only {
                Some(url) => self.connect(&url, asker).await,
                None => self.follow(prepared, site, asker).await,
            }
        };
        let asking = tokio::time::timeout(limit, asking);
        let answer = asking.await.unwrap_or_else(|_| {
            Err(ToolError::new(
                ToolErrorKind::CallTimedOut,
                format!("{place} did not answer whole within {limit:?}"),
            ))
        });
        match site {
            None => answer,
            Some(site) => answer.map_err(|error| site.redacted(error)),
        }
    }

    fn site(&self, name: &str, granted: &CapabilityGrants) -> Result<&Site, ToolError> {
        granted.connection(name)?;
        self.sites.get(name).ok_or_else(|| {
            let name = bounded(name);
            ToolError::new(
                ToolErrorKind::NotGranted,
                format!(
                    "there is no connection `{name}` to a host: write `[connections.{name}]` \
                     with `url = \"https://..\"` in wxmcp.toml"
                ),
            )
        })
    }

    async fn follow(
        &self,
        prepared: Prepared,
        site: Option<&Site>,
        asker: Asker<'_>,
    ) -> Result<Written, ToolError> {
        let Prepared {
            request,
            mut outgoing,
        } = prepared;
        let mut url = match site {
            None => request::url(&request.url, None)?,
            Some(site) => site.url(&request.url)?,
        };
        let mut redirects = 0_usize;
        loop {
            // Outside of the connection it is a request like any other: it needs a grant, and
            // gets no secrets.
            let inside = site.filter(|site| site.holds(&url));
            let answer = self.send(&outgoing, &url, inside, asker).await?;
            let Some(location) = answer
                .location()
                .filter(|_| request.redirect != Redirect::Manual)
            else {
                let redactor = site.map(Site::redactor);
                return answer.into_json(&url, redirects > 0, redactor).await;
            };
            if request.redirect == Redirect::Error {
                return Err(failed(
                    &url,
                    "it redirects, and the request says that is an error",
                ));
            }
            if redirects >= MAX_REDIRECTS {
                return Err(ToolError::new(
                    ToolErrorKind::LimitReached,
                    format!("{} redirects more than {MAX_REDIRECTS} times", shown(&url)),
                ));
            }
            redirects = redirects.saturating_add(1);
            let next = request::url(&location, Some(&url)).map_err(|error| {
                // The error repeats the location, and cuts it.
                let why = match site.is_some_and(|site| site.has_secret(&location)) {
                    true => "a secret is in it".to_owned(),
                    false => error.to_string(),
                };
                failed(
                    &url,
                    &format!("it redirects to what cannot be asked: {why}"),
                )
            })?;
            if site.is_some_and(|site| !site.holds(&next) && site.has_secret(next.as_str())) {
                return Err(failed(
                    &url,
                    "it redirects elsewhere, with a secret in the URL",
                ));
            }
            outgoing.redirect(answer.status(), next.origin() == url.origin());
            url = next;
        }
    }

    async fn send(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        site: Option<&Site>,
        asker: Asker<'_>,
    ) -> Result<Answer, ToolError> {
        let Asker {
            granted,
            waiting,
            context,
        } = asker;
        let addresses = match site {
            Some(site) => self.site_addresses(url, site).await?,
            // Of a connection that waits, the address was checked by the same grants.
            None => match self.opened(url, granted, waiting).await? {
                Some(stream) => {
                    return self.exchange(stream, outgoing, url, None, context).await;
                }
                None => self.granted_addresses(url, granted).await?,
            },
        };
        let name = name_of(url);
        let tls = (url.scheme() == "https").then_some((&self.trust, name.as_str()));
        let stream = connect::connect(&addresses, port_of(url), tls)
            .await
            .map_err(|error| not_connected(url, error))?;
        self.exchange(stream, outgoing, url, site, context).await
    }

    async fn exchange(
        &self,
        stream: connect::Stream,
        outgoing: &Outgoing,
        url: &Url,
        site: Option<&Site>,
        context: &CallContext,
    ) -> Result<Answer, ToolError> {
        let nothing = HeaderMap::new();
        let injected = site.map_or(&nothing, Site::headers);
        let exchange = Exchange {
            url,
            load: &self.load,
            context,
        };
        exchange.run(stream, outgoing, injected).await
    }

    /// A connection to the place of a URL that was opened before, secured if the URL says so.
    async fn opened(
        &self,
        url: &Url,
        granted: &CapabilityGrants,
        waiting: &Waiting,
    ) -> Result<Option<connect::Stream>, ToolError> {
        granted.url(url)?;
        let is_secured = url.scheme() == "https";
        if let Some(stream) = waiting.take(url, is_secured) {
            return Ok(Some(stream));
        }
        let Some(plain) = waiting.take(url, false).filter(|_| is_secured) else {
            return Ok(None);
        };
        let secured = connect::secure(plain, &self.trust, &name_of(url)).await;
        secured.map(Some).map_err(|error| not_connected(url, error))
    }

    /// Opens a connection to the place of a URL, and keeps it for the request that follows.
    async fn connect(&self, text: &str, asker: Asker<'_>) -> Result<Written, ToolError> {
        let Asker {
            granted,
            waiting,
            context,
        } = asker;
        let url = request::url(text, None)?;
        let charge = context.ledger.charge_when_free(waiting::CONNECTION).await?;
        let place = places(&url, granted)?;
        let opened = match url.scheme() {
            "https" => self.opened(&url, granted, waiting).await?,
            _ => None,
        };
        let stream = match opened {
            Some(stream) => stream,
            None => {
                let addresses = self.granted_addresses(&place, granted).await?;
                let name = name_of(&url);
                let tls = (url.scheme() == "https").then_some((&self.trust, name.as_str()));
                let connecting = connect::connect(&addresses, port_of(&url), tls).await;
                connecting.map_err(|error| not_connected(&url, error))?
            }
        };
        waiting.keep(&url, stream, charge);
        let mut json = Charged::new(&context.ledger);
        json.json(&json!({ "connected": true }))?;
        Ok(json.written())
    }

    /// The addresses of a URL that is granted, each of them checked.
    async fn granted_addresses(
        &self,
        url: &Url,
        granted: &CapabilityGrants,
    ) -> Result<Vec<IpAddr>, ToolError> {
        granted.url(url)?;
        let addresses = self.addresses(url).await?;
        for address in &addresses {
            if !is_public(*address) {
                granted.private_address(*address, url)?;
            }
        }
        Ok(addresses)
    }

    /// The addresses of a URL of a connection. One that stands in the URL is granted with it.
    async fn site_addresses(&self, url: &Url, site: &Site) -> Result<Vec<IpAddr>, ToolError> {
        let Some(Host::Domain(name)) = url.host() else {
            return self.addresses(url).await;
        };
        let resolver = &*self.resolver;
        let found = resolve::addresses_of(bare(name), resolver, site.addresses()).await;
        found.map_err(|error| match error {
            NotReached::NotResolved(error) => coded(url, &error.to_string(), "ENOTFOUND"),
            NotReached::NotPublic => ToolError::new(
                ToolErrorKind::NotGranted,
                format!("{}: {error}", shown(url)),
            ),
        })
    }

    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, ToolError> {
        let name = match url.host() {
            Some(Host::Domain(name)) => bare(name),
            Some(Host::Ipv4(address)) => return Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => return Ok(vec![canonical(address.into())]),
            None => return Err(failed(url, "it has no host")),
        };
        let found = self.resolver.resolve(name).await;
        let found = found.map_err(|error| coded(url, &error.to_string(), "ENOTFOUND"))?;
        if found.is_empty() {
            return Err(coded(url, "there is no such host", "ENOTFOUND"));
        }
        Ok(found.into_iter().map(canonical).collect())
    }
}

/// Who asks: by which grants, over which connections, on whose account.
#[derive(Clone, Copy)]
struct Asker<'a> {
    granted: &'a CapabilityGrants,
    waiting: &'a Waiting,
    context: &'a CallContext,
}

/// The URL by which a connection to this place is granted: until the first request, one that is not secured may become
/// either.
fn places(url: &Url, granted: &CapabilityGrants) -> Result<Url, ToolError> {
    let refused = match granted.url(url) {
        Ok(()) => return Ok(url.clone()),
        Err(refused) => refused,
    };
    let secured = match (url.scheme(), url.host_str()) {
        ("http", Some(host)) => {
            let port = url.port_or_known_default().unwrap_or(80);
            request::url(&format!("https://{host}:{port}/"), None).ok()
        }
        _ => None,
    };
    secured
        .filter(|secured| granted.url(secured).is_ok())
        .ok_or(refused)
}

/// The name that a certificate of this URL's host is for.
fn name_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => bare(name).to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => String::new(),
    }
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(443)
}

fn not_connected(url: &Url, error: NotConnected) -> ToolError {
    coded(url, &error.to_string(), error.code())
}

/// Scheme, host and port of a URL: its path may hold what is not for messages.
fn shown(url: &Url) -> String {
    quoted(&url.origin().ascii_serialization())
}

fn failed(url: &Url, why: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::CapabilityFailed,
        format!("{}: {why}", shown(url)),
    )
}

/// A failure with a word for programs.
fn coded(url: &Url, why: &str, code: &str) -> ToolError {
    ToolError {
        data: Some(json!({ "code": code })),
        ..failed(url, why)
    }
}
