//! Who asks, and what they may ask.

use std::net::IpAddr;

use url::Url;
use wxmcp_run::{ToolError, ToolErrorKind};

use super::hosts::{Hosts, Wanted};
use super::shown;
use crate::tree::ToolGrants;
use crate::wording::bounded;

/// The hosts of whoever asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Granted<'a> {
    /// A script: what the policy allows.
    Script(&'a Hosts),
    /// A tool file: what it asks for, as far as it is approved.
    Tool(&'a ToolGrants),
}

impl Granted<'_> {
    /// Whether a URL may be asked, whatever its address.
    pub(super) fn url(&self, url: &Url) -> Result<(), ToolError> {
        let wanted = || Wanted(url).to_string();
        match self {
            Self::Script(hosts) if hosts.allow(url) => Ok(()),
            Self::Script(_) => Err(not_for_scripts(&shown(url), &wanted())),
            Self::Tool(grants) => match grants.hosts() {
                (asked, _) if !asked.wish_for_all() && !asked.allow(url) => {
                    Err(grants.does_not_ask("http", &wanted()))
                }
                (_, approved) if !approved.allow(url) => {
                    Err(grants.is_not_approved("http", &wanted()))
                }
                _ => Ok(()),
            },
        }
    }

    /// Whether a granted URL may lead to an address that is not public.
    pub(super) fn private_address(&self, address: IpAddr, url: &Url) -> Result<(), ToolError> {
        let where_to = match self {
            Self::Script(hosts) if hosts.name(address, url) => return Ok(()),
            Self::Script(_) => "`--allow-host ADDRESS`".to_owned(),
            Self::Tool(grants) => {
                let (asked, approved) = grants.hosts();
                let is_asked = asked.wish_for_all() || asked.name(address, url);
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

    /// Whether a connection may be used.
    pub(super) fn connection(&self, name: &str) -> Result<(), ToolError> {
        match self {
            Self::Script(hosts) if hosts.has_connection(name) => Ok(()),
            Self::Script(_) => {
                let name = bounded(name);
                Err(not_for_scripts(&format!("the connection `{name}`"), &name))
            }
            Self::Tool(grants) => match grants.hosts() {
                (asked, _) if !asked.has_connection(name) => Err(grants.does_not_ask("http", name)),
                (_, approved) if !approved.has_connection(name) => {
                    Err(grants.is_not_approved("http", name))
                }
                _ => Ok(()),
            },
        }
    }
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
