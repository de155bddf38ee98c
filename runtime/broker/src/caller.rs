//! Who calls a tool: a script, or a tool file that a script called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wxmcp_catalogue::Named;
use wxmcp_run::{ToolError, ToolErrorKind};

use crate::grants::Grants;
use crate::wording::quoted;

/// Deepest chain of tools that call tools.
pub(crate) const MAX_DEPTH: usize = 8;

/// Most calls that tools make on behalf of one call of a script.
const MAX_NESTED_CALLS: u32 = 200;

/// What a caller may call, and where it was called from.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Every one of them must grant a tool.
    pub(crate) grants: Vec<Arc<Grants>>,
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
    /// A script.
    pub(crate) fn script(grants: Arc<Grants>) -> Self {
        Self {
            grants: vec![grants],
            chain: None,
        }
    }

    pub(crate) fn is_script(&self) -> bool {
        self.chain.is_none()
    }

    /// How many tool files wait for what this caller calls; none for a script.
    pub(crate) fn depth(&self) -> usize {
        self.chain.as_ref().map_or(0, |link| link.depth)
    }

    pub(crate) fn may_call(&self, owner: &str, namespace: &str, tool: Named<'_>) -> bool {
        self.grants
            .iter()
            .all(|grants| grants.is_granted(owner, namespace, tool))
    }

    pub(crate) fn may_see(&self, owner: &str, namespace: &str) -> bool {
        self.grants
            .iter()
            .all(|grants| grants.may_grant_in(owner, namespace))
    }

    /// The tool file `tool` (a full name), called by this caller, as a caller itself.
    ///
    /// # Errors
    ///
    /// When the tool is being called already, the chain is too long, or its calls are spent.
    pub(crate) fn calls(&self, tool: &str, grants: Vec<Arc<Grants>>) -> Result<Self, ToolError> {
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
        Ok(Self {
            grants,
            chain: Some(Arc::new(Link {
                tool: tool.to_owned(),
                caller: self.chain.clone(),
                depth: depth.saturating_add(1),
                left,
            })),
        })
    }

    /// Spends one of the calls that tools may make for one call of a script.
    pub(crate) fn spend(&self) -> Result<(), ToolError> {
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

    #[test]
    fn a_cycle_is_named_whole() {
        let script = Caller::script(Arc::new(Grants::everything()));
        let a = script.calls("x.a", Vec::new()).unwrap();
        let b = a.calls("x.b", Vec::new()).unwrap();
        let error = b.calls("x.a", Vec::new()).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::CallCycle);
        assert_eq!(error.message, "`x.a` calls itself: x.a -> x.b -> x.a");
        assert!(b.calls("x.c", Vec::new()).is_ok());
    }

    #[test]
    fn depth_and_calls_are_bounded() {
        let mut caller = Caller::script(Arc::new(Grants::everything()));
        for depth in 0..MAX_DEPTH {
            caller = caller.calls(&format!("x.t{depth}"), Vec::new()).unwrap();
        }
        let error = caller.calls("x.last", Vec::new()).unwrap_err();
        assert!(error.message.contains("8 other tools"), "{error}");
        for _ in 0..MAX_NESTED_CALLS {
            caller.spend().unwrap();
        }
        let error = caller.spend().unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::LimitReached);
    }
}
