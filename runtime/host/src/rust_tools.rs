//! Tools written in Rust, as a provider.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use wxmcp_broker::{Answer, CallerHost, ProvidedTools, Provider, Providers};
use wxmcp_catalogue::{Definition, Identifiers, Namespace, Tool};
use wxmcp_run::{BoxFuture, CallContext, ToolError, ToolErrorKind};

/// A tool written in Rust. It runs in this process, with all that the process may do.
pub trait RustTool: Send + Sync {
    /// Its name, description and schemas.
    fn definition(&self) -> Definition;

    /// Answers a call whose arguments fit the input schema. The answer must fit the output schema, if there is one. A
    /// future that is dropped is a call that was cancelled.
    fn call(&self, arguments: Map<String, Value>) -> BoxFuture<'_, Result<Value, ToolError>>;
}

/// A function as a tool.
pub fn rust_tool<F, A>(definition: Definition, function: F) -> Arc<dyn RustTool>
where
    F: Fn(Map<String, Value>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Value, ToolError>> + Send + 'static,
{
    Arc::new(Function {
        definition,
        function,
    })
}

struct Function<F> {
    definition: Definition,
    function: F,
}

impl<F, A> RustTool for Function<F>
where
    F: Fn(Map<String, Value>) -> A + Send + Sync,
    A: Future<Output = Result<Value, ToolError>> + Send + 'static,
{
    fn definition(&self) -> Definition {
        self.definition.clone()
    }

    fn call(&self, arguments: Map<String, Value>) -> BoxFuture<'_, Result<Value, ToolError>> {
        Box::pin((self.function)(arguments))
    }
}

/// Namespaces of tools written in Rust.
pub(crate) struct RustTools {
    by_name: BTreeMap<String, Arc<RustNamespace>>,
    identifiers: Identifiers,
}

impl RustTools {
    pub(crate) fn new(namespaces: BTreeMap<String, Vec<Arc<dyn RustTool>>>) -> Self {
        let identifiers = Identifiers::assign(namespaces.keys().map(String::as_str));
        let made = namespaces.into_iter().filter_map(|(configured, tools)| {
            let name = identifiers.identifier(&configured)?.to_owned();
            let namespace = Namespace::new(tools.iter().map(|tool| tool.definition()));
            let tools = tools.into_iter().map(|tool| (tool.definition().name, tool));
            let made = RustNamespace {
                configured: configured.clone(),
                name,
                namespace: Arc::new(namespace),
                tools: tools.collect(),
            };
            Some((configured, Arc::new(made)))
        });
        Self {
            by_name: made.collect(),
            identifiers,
        }
    }
}

impl Providers for RustTools {
    fn all(&self) -> Vec<Arc<dyn Provider>> {
        let namespaces = self.by_name.values();
        let namespaces = namespaces.cloned();
        namespaces.map(|it| -> Arc<dyn Provider> { it }).collect()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Provider>> {
        let found = self.by_name.get(self.identifiers.resolve(name)?)?;
        Some(found.clone())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct RustNamespace {
    configured: String,
    name: String,
    namespace: Arc<Namespace>,
    /// By own name.
    tools: BTreeMap<String, Arc<dyn RustTool>>,
}

impl Provider for RustNamespace {
    fn name(&self) -> &str {
        &self.name
    }

    fn configured_name(&self) -> &str {
        &self.configured
    }

    fn known_tools(&self) -> Option<Vec<[String; 2]>> {
        let names = self
            .namespace
            .tools()
            .map(|it| [it.attribute, it.tool.name()]);
        Some(names.map(|names| names.map(str::to_owned)).collect())
    }

    fn tools<'a>(
        self: Arc<Self>,
        _only: Option<&'a str>,
        _context: &'a CallContext,
        _deadline: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn ProvidedTools>, ToolError>> {
        Box::pin(async move {
            let tools: Box<dyn ProvidedTools> = Box::new(Provided(self));
            Ok(tools)
        })
    }
}

struct Provided(Arc<RustNamespace>);

impl ProvidedTools for Provided {
    fn namespace(&self) -> &Arc<Namespace> {
        &self.0.namespace
    }

    fn call<'a>(
        &'a self,
        tool: &'a Tool,
        arguments: Map<String, Value>,
        _nested: Option<Arc<CallerHost>>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Answer, ToolError>> {
        Box::pin(async move {
            let full = format!("{}.{}", self.0.name, tool.name());
            let Some(tool) = self.0.tools.get(tool.name()) else {
                let message = format!("there is no tool `{full}`");
                return Err(ToolError::new(ToolErrorKind::UnknownTool, message));
            };
            let answer = tokio::time::timeout(deadline, tool.call(arguments)).await;
            let value = answer.map_err(|_| {
                ToolError::new(
                    ToolErrorKind::CallTimedOut,
                    format!("`{full}` did not answer within {deadline:?}"),
                )
            })??;
            let bytes = u64::try_from(value.to_string().len()).unwrap_or(u64::MAX);
            let charge = context.ledger.charge(wxmcp_run::size_of(&value))?;
            Ok(Answer::of_file(value, bytes).held(charge.into()))
        })
    }
}
