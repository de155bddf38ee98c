//! What a script under test sees as tools: the stubs of its test, with the definitions of the tool tree where it has such.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_broker::{Answer, Broken, CallerHost, ProvidedTools, Provider, Providers};
use wxmcp_catalogue::{Definition, Identifiers, Namespace, Tool, nearest, plain_identifier};
use wxmcp_policy::Grants;
use wxmcp_run::{BoxFuture, CallContext, Note, ToolError, ToolErrorKind};
use wxmcp_toolfiles::Tree;

use super::named;
use super::stub::Stub;
use super::under_test::Asked;

/// All namespaces of a script under test: those of the tool tree, of configured servers, and of stubs.
pub(super) struct Stubs {
    spaces: Vec<Arc<Space>>,
}

/// What there are namespaces of, besides the stubs.
pub(super) struct Spaces<'a> {
    pub(super) tree: Option<&'a Tree>,
    pub(super) servers: &'a [String],
    /// Texts that name tools: the script, and what it may start or have called.
    pub(super) sources: &'a [String],
}

/// Parameters of a stub that does not say what it takes: names of arguments that are given by position.
const BY_POSITION: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// One of them.
struct Space {
    configured: String,
    name: String,
    /// The folder of tool files, if it is one: it knows what its tools are.
    folder: Option<Arc<dyn Provider>>,
    /// The stubs as tools, where nothing else says what the tools are.
    made_up: Arc<Namespace>,
    /// The stubs of this namespace, by the names of their tools.
    stubs: Vec<(String, Stub)>,
    all: Vec<Stub>,
    asked: Arc<Asked>,
}

impl Stubs {
    /// # Errors
    ///
    /// When the name of a stub is no name of a tool.
    pub(super) fn new(
        stubs: &[Stub],
        spaces: &Spaces<'_>,
        asked: &Arc<Asked>,
    ) -> Result<Self, String> {
        let mut by_space: BTreeMap<String, Vec<(String, Stub)>> = BTreeMap::new();
        let folder_of = |space: &str| spaces.tree.and_then(|tree| tree.find(space));
        for stub in stubs {
            let Some((space, tool)) = stub.name.split_once('.') else {
                return Err(format!(
                    "`{}` is no name of a tool: it has no namespace, as in `github.list_issues`",
                    stub.name
                ));
            };
            let configured = folder_of(space).map(|it| it.configured_name().to_owned());
            let stubs = by_space.entry(configured.unwrap_or_else(|| space.to_owned()));
            stubs.or_default().push((tool.to_owned(), stub.clone()));
        }
        for name in spaces.servers {
            by_space.entry(name.clone()).or_default();
        }
        let folders = spaces.tree.map(|tree| tree.all()).unwrap_or_default();
        let known = by_space.keys().map(String::as_str);
        let known: Vec<&str> = known.collect();
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in spaces.sources {
            for (space, tools) in named::tools(source, known.iter().copied()) {
                named.entry(space).or_default().extend(tools);
            }
        }
        named.retain(|space, _| folder_of(space).is_none());
        for name in named.keys() {
            by_space.entry(name.clone()).or_default();
        }
        for folder in &folders {
            let name = folder.configured_name().to_owned();
            by_space.entry(name).or_default();
        }
        let identifiers = Identifiers::assign(by_space.keys().map(String::as_str));
        let space = |(configured, of_it): (String, Vec<(String, Stub)>)| {
            let folder = folders.iter().find(|it| it.configured_name() == configured);
            let name = match folder {
                Some(folder) => folder.name(),
                None => identifiers
                    .identifier(&configured)
                    .ok_or_else(|| format!("`{configured}` is no name of a namespace"))?,
            };
            let named = named.get(&configured).into_iter().flatten();
            Ok(Arc::new(Space {
                name: name.to_owned(),
                folder: folder.cloned(),
                made_up: Arc::new(made_up(&of_it, named)),
                stubs: of_it,
                all: stubs.to_vec(),
                asked: Arc::clone(asked),
                configured,
            }))
        };
        let spaces = by_space.into_iter().map(space);
        Ok(Self {
            spaces: spaces.collect::<Result<_, String>>()?,
        })
    }

    /// Whether a namespace has a tool of that name, or is a folder, which says itself what it has.
    pub(super) fn may_have(&self, space: &str, tool: &str) -> bool {
        let its = |it: &&Arc<Space>| it.configured == space || it.name == space;
        let space = self.spaces.iter().find(its);
        space.is_some_and(|it| it.folder.is_some() || it.made_up.resolve(tool).is_some())
    }

    /// Refuses stubs that the tool tree has no tools for.
    ///
    /// # Errors
    ///
    /// The first of them.
    pub(super) async fn check(&self, context: &CallContext) -> Result<(), String> {
        for space in &self.spaces {
            for (tool, stub) in &space.stubs {
                let Some(folder) = &space.folder else {
                    if stub.real {
                        return Err(format!(
                            "`{}` is no tool file, which `REAL` runs",
                            stub.name
                        ));
                    }
                    continue;
                };
                let provided = Arc::clone(folder);
                let provided = provided.tools(None, context, Duration::from_secs(30)).await;
                let provided = provided.map_err(|error| error.message)?;
                if provided.namespace().resolve(tool).is_some() {
                    continue;
                }
                if let Some(why) = provided.why_broken(tool) {
                    return Err(format!("the tool file of `{}`: {why}", stub.name));
                }
                let names = provided.namespace().tools().map(|it| it.attribute);
                let close = nearest(tool, names)
                    .first()
                    .map(|it| format!("; the nearest is `{}.{it}`", space.name));
                return Err(format!(
                    "there is a stub of `{}`, and no such tool in the tool tree{}",
                    stub.name,
                    close.unwrap_or_default()
                ));
            }
        }
        Ok(())
    }
}

/// The tools of a namespace that nothing else describes: its stubs, and what the script names besides.
fn made_up<'a>(stubs: &[(String, Stub)], named: impl Iterator<Item = &'a String>) -> Namespace {
    let of_stubs = Namespace::new(stubs.iter().map(|(tool, stub)| stub.definition(tool)));
    let others = named.filter(|name| {
        let plain = plain_identifier(name);
        of_stubs.resolve(name).is_none() && of_stubs.resolve(&plain).is_none()
    });
    let others = others.map(|name| definition(name, None, &[]));
    let stubs = stubs.iter().map(|(tool, stub)| stub.definition(tool));
    Namespace::new(stubs.chain(others))
}

fn definition(tool: &str, parameters: Option<&[String]>, required: &[String]) -> Definition {
    let properties = |names: &mut dyn Iterator<Item = &str>| -> Map<String, Value> {
        names.map(|name| (name.to_owned(), json!({}))).collect()
    };
    let schema = match parameters {
        Some(names) => json!({
            "type": "object",
            "properties": properties(&mut names.iter().map(String::as_str)),
            "required": required,
        }),
        None => json!({
            "type": "object",
            "properties": properties(&mut BY_POSITION.into_iter()),
            "additionalProperties": true,
        }),
    };
    Definition {
        name: tool.to_owned(),
        description: "A stub of a test.".to_owned(),
        input_schema: schema,
        output_schema: None,
    }
}

impl Stub {
    /// As a tool, by what the function that is the stub takes.
    fn definition(&self, tool: &str) -> Definition {
        definition(tool, self.parameters.as_deref(), &self.required)
    }
}

impl Providers for Stubs {
    fn all(&self) -> Vec<Arc<dyn Provider>> {
        let spaces = self.spaces.iter().cloned();
        spaces.map(|it| -> Arc<dyn Provider> { it }).collect()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Provider>> {
        let by = |spelled: fn(&Space) -> &str| self.spaces.iter().find(|it| spelled(it) == name);
        let found = by(|it| &it.configured).or_else(|| by(|it| &it.name))?;
        Some(found.clone())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Provider for Space {
    fn name(&self) -> &str {
        &self.name
    }

    fn configured_name(&self) -> &str {
        &self.configured
    }

    fn has_tool_files(&self) -> bool {
        self.folder.is_some()
    }

    fn known_tools(&self) -> Option<Vec<[String; 2]>> {
        if let Some(folder) = &self.folder {
            return folder.known_tools();
        }
        let names = self.made_up.tools();
        let names = names.map(|it| [it.attribute, it.tool.name()].map(str::to_owned));
        Some(names.collect())
    }

    fn tools<'a>(
        self: Arc<Self>,
        only: Option<&'a str>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn ProvidedTools>, ToolError>> {
        Box::pin(async move {
            let files = match &self.folder {
                Some(folder) => Some(Arc::clone(folder).tools(only, context, deadline).await?),
                None => None,
            };
            let tools: Box<dyn ProvidedTools> = Box::new(Stubbed { space: self, files });
            Ok(tools)
        })
    }
}

/// The tools of a namespace, answered by stubs.
struct Stubbed {
    space: Arc<Space>,
    files: Option<Box<dyn ProvidedTools>>,
}

impl Stubbed {
    /// The stub of a tool, by its own name.
    fn stub(&self, tool: &str) -> Option<&Stub> {
        let is_its = |(spelled, _): &&(String, Stub)| {
            let named = self.namespace().resolve(spelled);
            named.is_some_and(|named| named.tool.name() == tool)
        };
        let found = self.space.stubs.iter().find(is_its);
        found.map(|(_, stub)| stub)
    }

    /// The file of a tool that is run itself.
    fn real(&self, tool: &str) -> Option<&dyn ProvidedTools> {
        let files = self.files.as_deref()?;
        self.stub(tool).filter(|stub| stub.real)?;
        Some(files)
    }
}

impl ProvidedTools for Stubbed {
    fn namespace(&self) -> &Arc<Namespace> {
        match &self.files {
            Some(files) => files.namespace(),
            None => &self.space.made_up,
        }
    }

    fn grants(&self, tool: &str) -> Option<Arc<Grants>> {
        self.real(tool)?.grants(tool)
    }

    fn call<'a>(
        &'a self,
        tool: &'a Tool,
        arguments: Map<String, Value>,
        nested: Option<Arc<CallerHost>>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Answer, ToolError>> {
        if let Some(files) = self.real(tool.name()) {
            self.space.asked.passes(&context.id);
            return files.call(tool, arguments, nested, context, deadline);
        }
        Box::pin(async move {
            let Some(stub) = self.stub(tool.name()) else {
                let name = format!("{}.{}", self.space.name, tool.name());
                let (asked, stubs) = (&self.space.asked, &self.space.all);
                return Err(asked.not_stubbed(&name, &arguments, stubs));
            };
            let asked = self.space.asked.ask(&stub.name, arguments, context);
            let value = tokio::time::timeout(deadline, asked).await.map_err(|_| {
                let words = format!("`{}` did not answer within {deadline:?}", stub.name);
                ToolError::new(ToolErrorKind::CallTimedOut, words)
            })??;
            let bytes = u64::try_from(value.to_string().len()).unwrap_or(u64::MAX);
            let charge = context.ledger.charge(wxmcp_run::size_of(&value))?;
            Ok(Answer::of_file(value, bytes).held(charge.into()))
        })
    }

    fn note(&self) -> Option<Note> {
        self.files.as_ref()?.note()
    }

    fn why_broken(&self, tool: &str) -> Option<&str> {
        self.files.as_ref()?.why_broken(tool)
    }

    fn broken(&self) -> &[Broken] {
        match &self.files {
            Some(files) => files.broken(),
            None => &[],
        }
    }
}
