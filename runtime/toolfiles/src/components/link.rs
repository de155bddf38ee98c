//! The imports of a component, and the tools that answer them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use wxmcp_catalogue::nearest;
use wxmcp_catalogue::stubs::ToolSet;
use wxmcp_catalogue::wit::{self, Function, Interface, Wit};
use wxmcp_run::{CallContext, RunError, ToolError, ToolErrorKind};
use wxmcp_sandbox::supplied::{Interface as Import, LinkedTool, Supplied, TypedTool, Val};

use wxmcp_broker::CallerHost;
use wxmcp_run::ToolHost as _;

use super::check;
use super::values::{all_from_engine, to_engine};
use wxmcp_catalogue::wording::bounded;

/// Most imports of a component, and functions in all of them.
const MAX_IMPORTS: (usize, usize) = (1_000, 20_000);

/// Refused imports that are named.
const MAX_NAMED: usize = 10;

/// The packages of WASI 0.2 that components may import.
const WASI: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Why a component cannot be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It imports what nothing answers: each with its reason and, where one is near, the name
    /// that was perhaps meant.
    #[error("it imports what no tool answers: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// It imports more than any component may.
    #[error("it imports more than {} interfaces or {} functions", MAX_IMPORTS.0, MAX_IMPORTS.1)]
    TooMany,
    /// A namespace that it imports does not start.
    #[error("its import `{interface}` cannot be answered")]
    Namespace {
        /// The import.
        interface: String,
        /// Why.
        source: ToolError,
    },
}

/// The tools that a component imports.
#[derive(Default)]
pub struct Imports {
    /// As the sandbox links them in this process.
    pub tools: Vec<LinkedTool>,
    /// What they were found in, for another process.
    namespaces: Vec<Namespace>,
}

impl Imports {
    /// What another process needs to link the same component to the same tools, which it reads with [`Imports::read`]: the
    /// types of these tools alone, and no grant or secret.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, RunError> {
        let namespaces: Vec<Narrow> = self.namespaces.iter().map(|it| self.narrow(it)).collect();
        postcard::to_allocvec(&namespaces).map_err(|error| RunError::Engine(error.into()))
    }

    /// A namespace with the tools that are imported. Their labels stay what they are beside all of them.
    fn narrow(&self, namespace: &Namespace) -> Narrow {
        let labels: BTreeSet<&str> = self
            .tools
            .iter()
            .filter(|tool| tool.interface == namespace.import)
            .map(|tool| tool.function.as_str())
            .collect();
        let functions = namespace.interface.functions.iter();
        let tools: BTreeMap<&str, &String> = functions
            .filter(|function| labels.contains(function.label.as_str()))
            .filter_map(|it| Some((it.name.as_str(), namespace.attributes.get(&it.name)?)))
            .collect();
        let mut interface = Interface::clone(&namespace.interface);
        interface.narrow(|tool| tools.contains_key(tool));
        let attributes = tools.into_iter();
        Narrow {
            import: namespace.import.clone(),
            name: namespace.name.clone(),
            interface,
            attributes: attributes
                .map(|(tool, attribute)| (tool.to_owned(), attribute.clone()))
                .collect(),
        }
    }

    /// The tools of a component, as another process wrote them. Their types are held against the component's again.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are not what the component imports.
    pub(super) fn read(bytes: &[u8], component: &Supplied) -> Result<Self, RunError> {
        let namespaces: Vec<Narrow> =
            postcard::from_bytes(bytes).map_err(|error| RunError::Engine(error.into()))?;
        let namespaces: Vec<Namespace> = namespaces.into_iter().map(Namespace::from).collect();
        let (mut tools, mut refused) = (Vec::new(), Vec::new());
        let imports = component.imports();
        for import in imports.iter().filter(|import| !is_offered(import)) {
            let found = namespaces.iter().find(|it| it.import == import.name);
            match found.filter(|_| !import.holds_more) {
                Some(namespace) => namespace.link(import, &mut tools, &mut refused),
                None => refused.push(unknown(&import.name, std::iter::empty())),
            }
        }
        match refused.is_empty() {
            true => Ok(Self { tools, namespaces }),
            false => {
                let why = LinkError::Refused(refused).to_string();
                Err(RunError::Guest(why, None))
            }
        }
    }
}

/// Finds the tools that a component imports, as a caller may call them. Starts the servers of
/// the namespaces that it imports, and no others.
///
/// # Errors
///
/// When it imports what no tool answers, or functions of other types than the tools have.
pub async fn link(
    host: &CallerHost,
    component: &Supplied,
    context: &CallContext,
) -> Result<Imports, LinkError> {
    let imports = component.imports();
    let functions: usize = imports.iter().map(|import| import.functions.len()).sum();
    if imports.len() > MAX_IMPORTS.0 || functions > MAX_IMPORTS.1 {
        return Err(LinkError::TooMany);
    }
    let names = host.namespaces();
    let spaces: BTreeMap<String, String> = wit::labels(names.iter().map(String::as_str))
        .into_iter()
        .map(|(namespace, label)| (interface_name(&label), namespace))
        .collect();
    let mut refused = Vec::new();
    let mut found = Imports::default();
    for import in &imports {
        if is_offered(import) {
            continue;
        }
        match spaces.get(&import.name) {
            Some(namespace) if !import.holds_more => {
                let set = host.tool_set(namespace, context).await;
                let set = set.map_err(|source| LinkError::Namespace {
                    interface: bounded(&import.name),
                    source,
                })?;
                if let Some(namespace) = Namespace::of(import, namespace, &set) {
                    namespace.link(import, &mut found.tools, &mut refused);
                    found.namespaces.push(namespace);
                }
            }
            Some(_) => refused.push(format!(
                "`{}` is imported with more than functions and types of values",
                bounded(&import.name)
            )),
            None => refused.push(unknown(&import.name, spaces.keys().map(String::as_str))),
        }
    }
    if refused.is_empty() {
        return Ok(found);
    }
    let more = refused.len().saturating_sub(MAX_NAMED);
    refused.truncate(MAX_NAMED);
    if more > 0 {
        refused.push(format!("and {more} more"));
    }
    Err(LinkError::Refused(refused))
}

/// The name of the interface of a namespace.
fn interface_name(label: &str) -> String {
    format!("tools:{label}/{label}@0.1.0")
}

/// Whether an import needs no tool: WASI, our protocol, or types alone.
fn is_offered(import: &Import) -> bool {
    let is_wasi = import.name.contains("@0.2.")
        && WASI.iter().any(|package| import.name.starts_with(package));
    let is_protocol =
        import.name == "wxmcp:guest/host@0.1.0" || import.name == "wxmcp:guest/waiting@0.1.0";
    let is_types = import.functions.is_empty() && import.own.is_none() && !import.holds_more;
    is_wasi || is_protocol || is_types
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let shown = bounded(name);
    if name.starts_with("wasi:") {
        return format!("`{shown}` is not among what wxmcp offers of WASI");
    }
    match nearest(name, known).as_slice() {
        [] => format!("`{shown}` is no namespace of tools"),
        close => format!(
            "`{shown}` is no namespace of tools; did you mean `{}`?",
            close.join("` or `")
        ),
    }
}

/// A namespace that a component imports.
struct Namespace {
    /// The name of the import.
    import: String,
    name: String,
    interface: Arc<Interface>,
    /// From tools' own names to those in scripts.
    attributes: BTreeMap<String, String>,
}

/// The same as another process is sent it.
#[derive(Serialize, Deserialize)]
struct Narrow {
    import: String,
    name: String,
    interface: Interface,
    attributes: BTreeMap<String, String>,
}

impl From<Narrow> for Namespace {
    fn from(narrow: Narrow) -> Self {
        Self {
            import: narrow.import,
            name: narrow.name,
            interface: Arc::new(narrow.interface),
            attributes: narrow.attributes,
        }
    }
}

impl Namespace {
    fn of(import: &Import, name: &str, set: &ToolSet) -> Option<Self> {
        let tools = set.tools.iter().map(|(_, tool)| tool);
        let wit = Wit::generate([(name, tools)]);
        let attributes = set
            .tools
            .iter()
            .map(|(attribute, tool)| (tool.name().to_owned(), attribute.clone()));
        Some(Self {
            import: import.name.clone(),
            name: name.to_owned(),
            interface: Arc::new(wit.interfaces().first()?.clone()),
            attributes: attributes.collect(),
        })
    }

    fn link(&self, import: &Import, linked: &mut Vec<LinkedTool>, refused: &mut Vec<String>) {
        let functions = &self.interface.functions;
        for wanted in &import.functions {
            let shown = format!("`{}#{}`", bounded(&import.name), bounded(&wanted.name));
            let at = functions
                .iter()
                .position(|function| function.label == wanted.name);
            let Some((at, function)) = at.and_then(|at| Some((at, functions.get(at)?))) else {
                let labels = functions.iter().map(|function| function.label.as_str());
                refused.push(match nearest(&wanted.name, labels).as_slice() {
                    [] => format!("{shown} is no tool"),
                    close => format!(
                        "{shown} is no tool; did you mean `{}`?",
                        close.join("` or `")
                    ),
                });
                continue;
            };
            if let Some(what) = check::difference(&wanted.of, function, &self.interface) {
                refused.push(format!(
                    "{shown} has another type: {what} (the WIT is that of `wxmcp tools export --format wit`)"
                ));
                continue;
            }
            let attribute = self.attributes.get(function.name.as_str());
            let attribute = attribute.unwrap_or(&function.name);
            linked.push(LinkedTool {
                interface: import.name.clone(),
                function: wanted.name.clone(),
                is_async: wanted.of.async_(),
                tool: Arc::new(ImportedTool {
                    name: format!("{}.{attribute}", self.name),
                    interface: Arc::clone(&self.interface),
                    at,
                }),
            });
        }
    }
}

/// A tool, as components import it.
struct ImportedTool {
    name: String,
    interface: Arc<Interface>,
    /// Its place among the functions of the interface.
    at: usize,
}

impl ImportedTool {
    fn function(&self) -> Option<&Function> {
        self.interface.functions.get(self.at)
    }

    fn refused(&self, why: impl std::fmt::Display) -> ToolError {
        ToolError::new(
            ToolErrorKind::InvalidArguments,
            format!("the arguments of `{}` do not fit: {why}", self.name),
        )
    }

    fn value(&self, answer: &Json) -> Result<Val, ToolError> {
        let Some(function) = self.function() else {
            return Err(self.refused("there is no such function"));
        };
        let value = self.interface.value_of(&function.answer, answer);
        value.map(to_engine).map_err(|why| {
            ToolError::new(
                ToolErrorKind::InvalidAnswer,
                format!("the answer of `{}` does not fit its type: {why}", self.name),
            )
        })
    }
}

impl TypedTool for ImportedTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn arguments(&self, parameters: &[Val]) -> Result<Map<String, Json>, ToolError> {
        let values = all_from_engine(parameters).map_err(|why| self.refused(why))?;
        let function = self
            .function()
            .ok_or_else(|| self.refused("there is no such function"))?;
        match self.interface.arguments_of(function, &values) {
            Ok(Json::Object(arguments)) => Ok(arguments),
            Ok(_) => Err(self.refused("they are no JSON object")),
            Err(why) => Err(self.refused(why)),
        }
    }

    fn result(&self, answer: Result<Json, ToolError>) -> Val {
        let result = answer.and_then(|answer| self.value(&answer));
        Val::Result(match result {
            Ok(value) => Ok(Some(Box::new(value))),
            Err(error) => Err(Some(Box::new(tool_error(&error)))),
        })
    }
}

/// An error as the record `tool-error`.
fn tool_error(error: &ToolError) -> Val {
    let data = error
        .data
        .as_ref()
        .map(|data| Box::new(Val::String(data.to_string())));
    Val::Record(vec![
        ("kind".to_owned(), Val::String(error.kind.to_string())),
        ("message".to_owned(), Val::String(error.message.clone())),
        ("data".to_owned(), Val::Option(data)),
    ])
}
