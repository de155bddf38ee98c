//! Who calls: on whose behalf, in which run, with which grants, and through which tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wxmcp_catalogue::Named;
use wxmcp_catalogue::wording::quoted;
use wxmcp_run::{RunId, ToolError, ToolErrorKind};

use crate::capabilities::CapabilityGrants;
use crate::grants::Grants;
use crate::hosts::Hosts;
use crate::tools::ToolPatterns;

/// Deepest chain of tools that call tools.
pub const MAX_DEPTH: usize = 8;

/// Most calls that tools make on behalf of one call of a script.
const MAX_NESTED_CALLS: u32 = 200;

/// On whose behalf runs are started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// A name that no other principal of this process has.
    pub name: String,
    /// What principals of its kind are called, for policies and logs.
    pub role: String,
}

impl Principal {
    /// The user who started the command.
    pub fn local() -> Self {
        Self {
            name: "local".to_owned(),
            role: "owner".to_owned(),
        }
    }
}

/// Who calls. It travels with each call, listing, search and description; what a caller may see
/// depends on nothing else.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Arc<Principal>,
    run: Option<RunId>,
    /// Each of them must grant a tool.
    tools: Vec<Arc<ToolPatterns>>,
    /// What no tool file may call on this caller's behalf either.
    denials: Arc<ToolPatterns>,
    capabilities: CapabilityGrants,
    chain: Option<Arc<Link>>,
}

/// A tool that is being called, and what called it.
#[derive(Debug)]
struct Link {
    tool: String,
    caller: Option<Arc<Link>>,
    depth: usize,
    /// Calls that are left to the whole chain.
    left: Arc<AtomicU32>,
}

impl Caller {
    /// Scripts of a principal, which may call `tools` and ask `hosts`.
    pub fn script(principal: Principal, tools: ToolPatterns, hosts: Hosts) -> Self {
        Self {
            principal: Arc::new(principal),
            run: None,
            denials: Arc::new(tools.denials()),
            tools: vec![Arc::new(tools)],
            capabilities: CapabilityGrants::Script(Arc::new(hosts)),
            chain: None,
        }
    }

    /// The same caller in one run.
    pub fn in_run(&self, run: RunId) -> Self {
        Self {
            run: Some(run),
            ..self.clone()
        }
    }

    /// On whose behalf it calls.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The run that it calls in, once that is known.
    pub fn run(&self) -> Option<RunId> {
        self.run
    }

    /// What it may ask of capabilities.
    pub fn capabilities(&self) -> &CapabilityGrants {
        &self.capabilities
    }

    /// Where the approvals of a tool file stand; none for a script.
    pub fn place_of_grants(&self) -> Option<String> {
        match &self.capabilities {
            CapabilityGrants::Script(_) => None,
            CapabilityGrants::ToolFile(grants) => Some(grants.place()),
        }
    }

    /// The patterns of tools that it may call: each must grant one.
    pub fn tools(&self) -> &[Arc<ToolPatterns>] {
        &self.tools
    }

    /// Whether it is a script, and no tool file that a script called.
    pub fn is_script(&self) -> bool {
        self.chain.is_none()
    }

    /// How many tool files wait for what this caller calls; none for a script.
    pub fn depth(&self) -> usize {
        self.chain.as_ref().map_or(0, |link| link.depth)
    }

    /// Whether it may call a tool of the namespace `name`, which is configured as `configured`.
    pub fn may_call(&self, configured: &str, name: &str, tool: Named<'_>) -> bool {
        let mut tools = self.tools.iter();
        tools.all(|patterns| patterns.is_granted(configured, name, tool))
    }

    /// Whether it could call a tool of that name, if there was one.
    pub fn may_call_name(&self, configured: &str, name: &str, tool: &str) -> bool {
        let mut tools = self.tools.iter();
        tools.all(|patterns| patterns.is_name_granted(configured, name, tool))
    }

    /// Whether it may call anything in that namespace, whatever its tools are.
    pub fn may_see(&self, configured: &str, name: &str) -> bool {
        let mut tools = self.tools.iter();
        tools.all(|patterns| patterns.may_grant_in(configured, name))
    }

    /// The tool file `tool` (a full name), called by this caller, as a caller itself.
    ///
    /// # Errors
    ///
    /// When the tool is being called already, the chain is too long, or its calls are spent.
    pub fn calls(&self, tool: &str, grants: Arc<Grants>) -> Result<Self, ToolError> {
        let refuse = |message| ToolError::new(ToolErrorKind::CallCycle, message);
        let mut chain = vec![tool];
        let mut link = self.chain.as_deref();
        while let Some(at) = link {
            chain.push(&at.tool);
            if at.tool == tool {
                chain.reverse();
                return Err(refuse(format!(
                    "{} calls itself: {}",
                    quoted(tool),
                    chain.join(" -> ")
                )));
            }
            link = at.caller.as_deref();
        }
        let depth = self.depth();
        if depth >= MAX_DEPTH {
            return Err(refuse(format!(
                "{} is called through {MAX_DEPTH} other tools: that is the limit",
                quoted(tool)
            )));
        }
        let left = match &self.chain {
            None => Arc::new(AtomicU32::new(MAX_NESTED_CALLS)),
            Some(link) => Arc::clone(&link.left),
        };
        let [asked, approved] = grants.tools();
        let tools = [asked, approved, &self.denials].map(Arc::clone);
        Ok(Self {
            principal: Arc::clone(&self.principal),
            run: self.run,
            tools: tools.into(),
            denials: Arc::clone(&self.denials),
            capabilities: CapabilityGrants::ToolFile(grants),
            chain: Some(Arc::new(Link {
                tool: tool.to_owned(),
                caller: self.chain.clone(),
                depth: depth.saturating_add(1),
                left,
            })),
        })
    }

    /// Spends one of the calls that tools may make for one call of a script.
    ///
    /// # Errors
    ///
    /// When none is left.
    pub fn spend(&self) -> Result<(), ToolError> {
        let Some(link) = &self.chain else {
            return Ok(());
        };
        let spent = link
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        spent.map(|_| ()).map_err(|_| {
            ToolError::new(
                ToolErrorKind::LimitReached,
                format!(
                    "tools made {MAX_NESTED_CALLS} calls for one call of the script: that is the limit"
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{Approvals, CapabilityList};

    fn script() -> Caller {
        Caller::script(
            Principal::local(),
            ToolPatterns::everything(),
            Hosts::default(),
        )
    }

    fn grants(tool: &str) -> Arc<Grants> {
        let requests = CapabilityList::default();
        Arc::new(Grants::new(tool, &requests, &Approvals::default()))
    }

    fn calls(caller: &Caller, tool: &str) -> Result<Caller, ToolError> {
        caller.calls(tool, grants(tool))
    }

    #[test]
    fn a_cycle_is_named_whole() {
        let script = script();
        let a = calls(&script, "x.a").unwrap();
        let b = calls(&a, "x.b").unwrap();
        let error = calls(&b, "x.a").unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::CallCycle);
        assert_eq!(error.message, "`x.a` calls itself: x.a -> x.b -> x.a");
        assert!(calls(&b, "x.c").is_ok());
    }

    #[test]
    fn depth_and_calls_are_bounded() {
        let mut caller = script();
        for depth in 0..MAX_DEPTH {
            caller = calls(&caller, &format!("x.t{depth}")).unwrap();
        }
        let error = calls(&caller, "x.last").unwrap_err();
        assert!(error.message.contains("8 other tools"), "{error}");
        for _ in 0..MAX_NESTED_CALLS {
            caller.spend().unwrap();
        }
        let error = caller.spend().unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::LimitReached);
    }
}
