//! What a caller may ask of the host's capabilities.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;
use wxmcp_catalogue::wording::{bounded, quoted};
use wxmcp_run::{Capability, ToolError, ToolErrorKind};

use crate::grants::Grants;
use crate::hosts::{Hosts, Wanted};

/// The capabilities of one caller.
#[derive(Clone, Debug)]
pub enum CapabilityGrants {
    /// A script: requests to these hosts, and nothing else.
    Script(Arc<Hosts>),
    /// A tool file: what it requests, as far as it is approved.
    ToolFile(Arc<Grants>),
}

impl CapabilityGrants {
    /// Whether a URL may be asked, whatever its address.
    ///
    /// # Errors
    ///
    /// What is missing, and where it would be granted.
    pub fn url(&self, url: &Url) -> Result<(), ToolError> {
        let wanted = || Wanted(url).to_string();
        match self {
            Self::Script(hosts) if hosts.allow(url) => Ok(()),
            Self::Script(_) => Err(not_for_scripts(&shown(url), &wanted())),
            Self::ToolFile(grants) => match grants.hosts() {
                (asked, _) if !asked.requests_all() && !asked.allow(url) => {
                    Err(grants.does_not_ask(Capability::Http, &wanted()))
                }
                (_, approved) if !approved.allow(url) => {
                    Err(grants.is_not_approved(Capability::Http, &wanted()))
                }
                _ => Ok(()),
            },
        }
    }

    /// Whether a granted URL may lead to an address that is not public.
    ///
    /// # Errors
    ///
    /// What is missing, and where it would be granted.
    pub fn private_address(&self, address: IpAddr, url: &Url) -> Result<(), ToolError> {
        let where_to = match self {
            Self::Script(hosts) if hosts.name(address, url) => return Ok(()),
            Self::Script(_) => "`--allow-host ADDRESS`".to_owned(),
            Self::ToolFile(grants) => {
                let (asked, approved) = grants.hosts();
                let is_asked = asked.requests_all() || asked.name(address, url);
                if is_asked && approved.name(address, url) {
                    return Ok(());
                }
                format!("in `http` of its grants and under {}", grants.place())
            }
        };
        Err(ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "{} leads to an address that is not public: such an address is only reached \
                 when it is named itself: {where_to}",
                shown(url)
            ),
        ))
    }

    /// Whether a connection to a host may be used.
    ///
    /// # Errors
    ///
    /// What is missing, and where it would be granted.
    pub fn connection(&self, name: &str) -> Result<(), ToolError> {
        match self {
            Self::Script(hosts) if hosts.has_connection(name) => Ok(()),
            Self::Script(_) => {
                let name = bounded(name);
                Err(not_for_scripts(&format!("the connection `{name}`"), &name))
            }
            Self::ToolFile(grants) => match grants.hosts() {
                (asked, _) if !asked.has_connection(name) => {
                    Err(grants.does_not_ask(Capability::Http, name))
                }
                (_, approved) if !approved.has_connection(name) => {
                    Err(grants.is_not_approved(Capability::Http, name))
                }
                _ => Ok(()),
            },
        }
    }
}

/// Scheme, host and port of a URL: its path may hold what is not for messages.
fn shown(url: &Url) -> String {
    quoted(&url.origin().ascii_serialization())
}

fn not_for_scripts(what: &str, wanted: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::NotGranted,
        format!(
            "{what} is not granted: run the script with `--allow-host {wanted}`, or write \
             `allow-hosts = [\"{wanted}\"]` under `[policy]` in wxmcp.toml"
        ),
    )
}
