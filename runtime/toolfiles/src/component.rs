//! Tool files in WebAssembly: the functions that a component exports are tools.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tokio::sync::OnceCell;
use wxmcp_catalogue::wit::plain_name;
use wxmcp_run::{CallContext, ComponentEntry, RunnerSession, without_position, without_values};
use wxmcp_sandbox::supplied::{CompileError, Function, Supplied};

use crate::components::{link, read, runner};
use crate::config::Shared;
use crate::definition::{Defined, Described, ExportName, Undescribed};
use crate::host::FileHost;
use crate::read_file::read_file;
use crate::stamp::beside;
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::CapabilityList;

/// Largest component, in bytes. The compiler has the same limit, and says so.
const MAX_COMPONENT: u64 = 128 << 20;

/// Largest file beside a component, in bytes.
const MAX_BESIDE: u64 = 1 << 20;

/// Most functions of one component that are tools.
const MAX_FUNCTIONS: usize = 1_000;

/// Most bytes of the schemas of one component's functions.
const MAX_SCHEMAS: usize = 4 << 20;

/// The contents of `<tool>.json` beside `<tool>.wasm`: a component cannot hold them itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Beside {
    /// What the tool does, where the component is one tool.
    description: String,
    /// What it requests. Tools that it imports need not be listed.
    grants: CapabilityList,
    /// Whether instances may be kept between calls.
    reusable: bool,
    /// What each of several tools does, by its function's name.
    tools: BTreeMap<String, About>,
}

impl Beside {
    /// What the tool of a function does.
    fn description_of(&self, label: &str, function: &str, is_alone: bool) -> String {
        let about = self.tools.get(label).or_else(|| self.tools.get(function));
        match about {
            Some(about) => about.description.clone(),
            None if is_alone => self.description.clone(),
            None => String::new(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct About {
    description: String,
}

/// A component, and the description beside it.
pub(crate) struct Content {
    wasm: Vec<u8>,
    beside: Option<Vec<u8>>,
}

impl Content {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// What is wrong with them, in words.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let wasm =
            read_file(path, MAX_COMPONENT).map_err(|why| format!("it cannot be read: {why}"))?;
        let beside = beside(path);
        let beside = match beside.try_exists() {
            Ok(true) => Some(read_file(&beside, MAX_BESIDE).map_err(|why| {
                let name = beside.file_name().unwrap_or_default().to_string_lossy();
                format!("`{name}` beside it cannot be read: {why}")
            })?),
            _ => None,
        };
        Ok(Self { wasm, beside })
    }

    /// SHA-256 of both, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        let wasm = wxmcp_cache::hex(&self.wasm);
        match &self.beside {
            Some(beside) => {
                wxmcp_cache::hex(format!("{wasm} {}", wxmcp_cache::hex(beside)).as_bytes())
            }
            None => wasm,
        }
    }
}

impl From<CompileError> for Undescribed {
    fn from(error: CompileError) -> Self {
        let why = chain(&error);
        if error.is_lasting() {
            Self::Lasting(why)
        } else {
            Self::Now(why)
        }
    }
}

/// What is wrong with the file beside a component, without its values.
fn unusable(stem: &str, error: &serde_json::Error) -> String {
    let why = match error.is_data() {
        true => without_values(&without_position(error)),
        false => error.to_string(),
    };
    format!("`{stem}.json` beside it says nothing usable: {why}")
}

/// What a component exports, as tools. It is compiled, not run.
pub(crate) async fn describe(
    content: &Content,
    stem: &str,
    shared: &Shared,
) -> Result<Described, Undescribed> {
    let beside: Beside = match &content.beside {
        Some(text) => wxmcp_catalogue::json::read(text).map_err(|it| unusable(stem, &it))?,
        None => Beside::default(),
    };
    if !beside.grants.is_bounded() {
        return Err("it asks for too many grants".to_owned().into());
    }
    let supplied = compile(&content.wasm, shared).await?;
    let functions = functions(&supplied);
    if functions.is_empty() {
        return Err("it exports no functions".to_owned().into());
    }
    if functions.len() > MAX_FUNCTIONS {
        return Err(format!("it exports more than {MAX_FUNCTIONS} functions").into());
    }
    let mut grants = beside.grants.clone();
    if grants.tools.is_empty() {
        grants.tools = imported_tools(&supplied);
    }
    let mut described = Described::default();
    let mut schemas = 0_usize;
    let is_alone = functions.len() == 1;
    for (name, function) in functions {
        let label = plain_name(&function.name);
        let export = match read(&function.of) {
            Ok(export) => export,
            Err(why) => {
                described.left_out.push(format!(
                    "its function `{}` is no tool: {why}",
                    bounded(&function.name)
                ));
                continue;
            }
        };
        schemas = schemas
            .saturating_add(export.input_schema().to_string().len())
            .saturating_add(export.output_schema().to_string().len());
        if schemas > MAX_SCHEMAS {
            return Err(
                format!("the types of its functions take more than {MAX_SCHEMAS} bytes").into(),
            );
        }
        let description = beside.description_of(&label, &function.name, is_alone);
        described.tools.push(Defined {
            name: tool_name(stem, &label, is_alone),
            export: Some(name),
            description,
            input: export.input_schema().clone(),
            output: Some(export.output_schema().clone()),
            grants: grants.clone(),
            reusable: beside.reusable,
        });
    }
    Ok(described)
}

/// One function is the tool that the file is called after; of several each has its own name
/// behind that, but for the one that is called like the file.
fn tool_name(stem: &str, label: &str, is_alone: bool) -> String {
    if is_alone || plain_name(stem) == label {
        stem.to_owned()
    } else {
        format!("{stem}_{label}")
    }
}

/// All functions that are exported, except those of WASI.
fn functions(supplied: &Supplied) -> Vec<(ExportName, Function)> {
    let mut functions = Vec::new();
    for interface in supplied.exports() {
        if interface.name.starts_with("wasi:") {
            continue;
        }
        if let Some(own) = interface.own {
            let name = ExportName {
                interface: None,
                function: own.name.clone(),
            };
            functions.push((name, own));
        }
        for function in interface.functions {
            let name = ExportName {
                interface: Some(interface.name.clone()),
                function: function.name.clone(),
            };
            functions.push((name, function));
        }
    }
    functions
}

/// The tools that a component imports: importing them requests them.
fn imported_tools(supplied: &Supplied) -> Vec<String> {
    let imports = supplied.imports();
    let of_tools = imports.iter().filter_map(|import| {
        let (label, _) = import.name.strip_prefix("tools:")?.split_once('/')?;
        Some((plain_name(label), &import.functions))
    });
    of_tools
        .flat_map(|(namespace, functions)| {
            functions
                .iter()
                .map(move |function| format!("{namespace}.{}", plain_name(&function.name)))
        })
        .collect()
}

/// The component behind a tool, compiled when the tool is first called.
pub(crate) struct ComponentTool {
    name: ExportName,
    supplied: OnceCell<Supplied>,
}

impl ComponentTool {
    pub(crate) fn new(name: ExportName) -> Self {
        Self {
            name,
            supplied: OnceCell::new(),
        }
    }

    /// An instance of its own, linked to the tools that its caller may call for it: in another process, where tool files
    /// run in such.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(crate) async fn session(
        &self,
        path: &Path,
        digest: &str,
        host: &FileHost,
        shared: &Shared,
    ) -> Result<Box<dyn RunnerSession>, String> {
        let supplied = self
            .supplied
            .get_or_try_init(|| async {
                let content = Content::read(path)?;
                if content.digest() != digest {
                    return Err("it was changed during the call; call it again".to_owned());
                }
                let compiled = compile(&content.wasm, shared).await;
                compiled.map_err(|error| chain(&error))
            })
            .await?;
        let context = CallContext::outside_of_runs(&shared.ledger);
        let imports = link(&host.broker, supplied, &context)
            .await
            .map_err(|error| host.not_linked(&error))?;
        let entry = ComponentEntry::Function {
            interface: self.name.interface.clone(),
            function: self.name.function.clone(),
        };
        let principal = host.broker.caller().principal();
        let elsewhere = shared.config.interpreters.elsewhere(Some(principal));
        let runner = runner(supplied, entry, &imports, elsewhere).map_err(|error| chain(&error))?;
        Ok(runner.session())
    }
}

async fn compile(wasm: &[u8], shared: &Shared) -> Result<Supplied, CompileError> {
    shared.config.interpreters.component(wasm).await
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    bounded(&text)
}
