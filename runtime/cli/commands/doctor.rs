//! `wxmcp doctor`: is everything there that a run needs?

use std::sync::Arc;

use wxmcp_run::ToolHost;
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{CacheState, Sandbox};

use super::tools;
use crate::cli::{DoctorArgs, LimitArgs, PolicyArgs};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::{guests, render};
use wxmcp_guests::NATIVES;
use wxmcp_upstream::is_wxmcp_itself;

pub(super) fn execute(args: &DoctorArgs) -> Result<Exit, Failure> {
    let mut findings = Findings { sound: true };
    findings.good(&format!("wxmcp {}", env!("CARGO_PKG_VERSION")));
    cache(&mut findings);
    guest(&mut findings);
    let settings = Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), &args.config)
        .map_err(Failure::usage)?;
    servers(&settings, &mut findings)?;
    Ok(if findings.sound {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// Prints what is found, and remembers whether all of it was good.
struct Findings {
    sound: bool,
}

impl Findings {
    fn good(&mut self, what: &str) {
        render::line(&format!("ok    {what}"));
    }

    /// What a person may want to mend, and a run can live with.
    fn odd(&self, what: &str) {
        render::line(&format!("note  {what}"));
    }

    fn bad(&mut self, what: &str) {
        self.sound = false;
        render::line(&format!("FAIL  {what}"));
    }
}

fn cache(findings: &mut Findings) {
    let cache = guests::cache();
    for guest in NATIVES.all() {
        let name = guest.name;
        let path = cache.path(guest);
        let path = path.map_or_else(String::new, |path| format!(" ({})", path.display()));
        match cache.inspect(guest) {
            CacheState::Sound => findings.good(&format!(
                "guest `{name}` is unpacked, every byte right{path}"
            )),
            CacheState::Absent => findings.good(&format!(
                "guest `{name}` is not unpacked yet; a run does it"
            )),
            CacheState::Unsound => findings.bad(&format!(
                "guest `{name}` is not what was unpacked; remove it, a run unpacks it again{path}"
            )),
            CacheState::NoDirectory => {
                findings.good(
                    "no cache directory: each run unpacks into memory (HOME or WXMCP_CACHE_DIR is not set)",
                );
                return;
            }
        }
    }
}

fn guest(findings: &mut Findings) {
    for guest in NATIVES.all() {
        let name = guest.name;
        let opened = engine::engine(Allocation::OnDemand).and_then(|engine| {
            let guest = guests::cache().load(&engine, guest)?;
            Sandbox::open(&engine, &guest)
        });
        match opened {
            Ok(_) => findings.good(&format!("guest `{name}` loads")),
            Err(error) => findings.bad(&format!(
                "guest `{name}` does not load: {:#}",
                anyhow::Error::new(error)
            )),
        }
    }
}

/// Starts every configured server and counts its tools.
fn servers(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let Some(file) = &settings.mcp_config else {
        findings.good("no MCP servers are configured (no .mcp.json, no --mcp-config)");
        return Ok(());
    };
    let runtime = crate::runtime::open(settings, Arc::new(wxmcp_run::Silent))?;
    let broker = runtime.tools();
    let configured = crate::runtime::configured(settings)?;
    let place = file.display();
    for off in configured.upstreams.iter().filter(|it| it.is_disabled()) {
        findings.good(&format!("server `{}` of {place} is disabled", off.name()));
    }
    for note in &configured.notes {
        findings.bad(note);
    }
    for itself in &configured.itself {
        findings.good(itself);
    }
    crate::runtime::event_loop()?.run(async {
        for (name, inspected) in tools::inspections(broker, broker.namespaces()).await {
            match inspected {
                Ok((listing, problems)) => {
                    findings.good(&format!(
                        "server `{name}` of {place}: {} tools",
                        listing.tools.len()
                    ));
                    for odd in problems.odd {
                        findings.odd(&format!("server `{name}` of {place}: {odd}"));
                    }
                }
                Err(error) if is_wxmcp_itself(&error) => {
                    findings.good(&format!("server `{name}` of {place}: {error}"));
                }
                Err(error) => findings.bad(&format!("server `{name}` of {place}: {error}")),
            }
        }
        for unmatched in broker.unmatched_patterns() {
            findings.odd(&unmatched);
        }
        broker.shutdown().await;
    });
    Ok(())
}
