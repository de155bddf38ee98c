//! Searches and descriptions.

use futures_util::future::join_all;
use wxmcp_catalogue::stubs::ToolSet;
use wxmcp_catalogue::{Stop, Tool};
use wxmcp_run::{CallContext, Search, ToolDescription, ToolError, ToolErrorKind, ToolHit};

use super::hit::{Telling, description};
use super::search::{Asker, Listed};
use super::{Found, Space, unknown_tool};
use crate::host::CallerHost;
use crate::pipeline::turns::NotDone;

/// Tools described at once, at most.
const MAX_DESCRIBED: usize = 200;

/// Bytes from which on descriptions are made beside the event loop.
const LONG: u64 = 128 << 10;

impl CallerHost {
    /// Searches all namespaces; those that do not start are left out, unless
    /// none does.
    pub(crate) async fn find(
        &self,
        search: Search,
        context: &CallContext,
    ) -> Result<Vec<ToolHit>, ToolError> {
        let deadline = self.broker.call_timeout;
        let spaces = self.all_visible().into_iter();
        let opened = join_all(spaces.map(|it| Space::open(it, None, context, deadline))).await;
        let (opened, failed): (Vec<_>, Vec<Result<_, ToolError>>) =
            opened.into_iter().partition(Result::is_ok);
        if opened.is_empty()
            && let Some(failure) = failed.into_iter().find_map(Result::err)
        {
            return Err(failure);
        }
        let listed = opened.into_iter().flatten().map(|space| Listed {
            configured_name: space.configured_name().to_owned(),
            name: space.name().to_owned(),
            tools: space.tools().clone(),
        });
        let indexes = &self.broker.indexes;
        let asker = Asker {
            caller: &self.caller,
            context,
            limit: deadline,
        };
        indexes.search(listed.collect(), search, asker).await
    }

    /// Everything that the caller may know of the named tools.
    pub(crate) async fn explain(
        &self,
        names: Vec<String>,
        context: &CallContext,
    ) -> Result<Vec<ToolDescription>, ToolError> {
        if names.len() > MAX_DESCRIBED {
            return Err(ToolError::new(
                ToolErrorKind::InvalidCall,
                format!("at most {MAX_DESCRIBED} tools are described at once"),
            ));
        }
        let mut telling = Telling::new(&context.ledger)?;
        let mut found = Vec::new();
        for name in &names {
            let Found { space, tool } = self.resolve_flat(name, context).await?;
            let named = space
                .tools()
                .resolve(&tool)
                .ok_or_else(|| unknown_tool(name, &[]))?;
            let tool = self.with_learned(&space, named.tool);
            telling.count(&tool)?;
            found.push((space.name().to_owned(), named.attribute.to_owned(), tool));
        }
        let describe = move |(space, attribute, tool): (String, String, Tool)| {
            description(&space, &attribute, &tool)
        };
        let is_long = telling.bytes() > LONG;
        let held = telling.into_held();
        let work = move |_| found.into_iter().map(describe).collect::<Vec<_>>();
        let mut described = match is_long {
            false => work(Stop::default()),
            true => {
                let aside = self
                    .broker
                    .turns
                    .aside(held.clone(), self.broker.call_timeout, work);
                aside.await.map_err(not_described)?
            }
        };
        if let Some(first) = described.first_mut() {
            first.held = held;
        }
        Ok(described)
    }

    /// The tools of a namespace that the caller may call, whole, for stubs of them.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn tool_set(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<ToolSet, ToolError> {
        let space = self.open(namespace, context).await?;
        let tools = space.granted(&self.caller).map(|named| {
            let tool = self.with_learned(&space, named.tool);
            (named.attribute.to_owned(), tool)
        });
        Ok(ToolSet {
            namespace: space.name().to_owned(),
            tools: tools.collect(),
        })
    }

    /// A tool with what was learned of its answers.
    fn with_learned(&self, space: &Space, tool: &Tool) -> Tool {
        let learned = self.broker.learned.as_ref();
        let shape = learned
            .filter(|_| tool.output_schema().is_none())
            .and_then(|it| it.schema(self.caller.principal(), space.configured_name(), tool));
        tool.clone().with_learned_output(shape)
    }
}

fn not_described(_: NotDone) -> ToolError {
    ToolError::new(
        ToolErrorKind::CallTimedOut,
        "the descriptions were not made in time",
    )
}
