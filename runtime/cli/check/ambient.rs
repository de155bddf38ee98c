//! Types of names that a script uses and binds nowhere: namespaces, tools, and what programs for other hosts call them.

use std::collections::BTreeMap;

use wxmcp_catalogue::stubs::{StubFile, camel_name, member_name};
use wxmcp_run::ToolHost as _;

use super::{Checker, namespace_of};
use crate::commands::tools;

/// Names that other hosts have, whose types are those of what is found at run time.
const OTHERS: [&str; 8] = [
    "callMCPTool",
    "callMcpTool",
    "callTool",
    "call_mcp_tool",
    "call_tool",
    "codemode",
    "mcp",
    "mcp_servers",
];

/// Modules that scripts for other hosts use and do not import.
const MODULES: [&str; 2] = ["asyncio", "json"];

/// What other hosts call the tool tree, as packages of Python.
const ROOTS: [&str; 3] = ["servers", "mcp_servers", "mcp_tools"];

/// Names without namespace that are looked for, at most: all servers start for them.
const MAX_FLAT: usize = 50;

/// What such a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Namespace,
    Tool {
        namespace: String,
        attribute: String,
    },
    Module,
    Other,
}

/// The namespaces whose tools have such names.
pub(super) fn namespaces(ambient: &BTreeMap<String, Meaning>) -> Vec<String> {
    let spelled = ambient.iter().filter_map(|(name, meaning)| match meaning {
        Meaning::Namespace => Some(name.clone()),
        Meaning::Tool { namespace, .. } => Some(namespace.clone()),
        Meaning::Module | Meaning::Other => None,
    });
    spelled.collect()
}

impl Checker<'_> {
    /// What names that a script binds nowhere are; those that are nothing are left out, so that the
    /// checker finds them.
    pub(super) async fn ambient(&self, names: &[String]) -> BTreeMap<String, Meaning> {
        let all = self.broker.namespaces();
        let mut found = BTreeMap::new();
        let mut asked = 0_usize;
        for name in names {
            if namespace_of(&all, name).is_some() {
                found.insert(name.clone(), Meaning::Namespace);
            } else if OTHERS.contains(&name.as_str()) {
                found.insert(name.clone(), Meaning::Other);
            } else if asked < MAX_FLAT && !all.is_empty() {
                asked = asked.saturating_add(1);
                if let Some(tool) = self.flat(name).await {
                    found.insert(name.clone(), tool);
                }
            }
        }
        found
    }

    async fn flat(&self, name: &str) -> Option<Meaning> {
        let asked = self
            .broker
            .describe(vec![name.to_owned()], tools::context(self.broker));
        let described = asked.await.ok()?;
        let (namespace, attribute) = described.first()?.name.split_once('.')?;
        Some(Meaning::Tool {
            namespace: namespace.to_owned(),
            attribute: attribute.to_owned(),
        })
    }
}

/// The modules of Python among such names.
pub(super) fn modules(names: &[String]) -> impl Iterator<Item = (String, Meaning)> {
    let known = names.iter().filter(|name| MODULES.contains(&name.as_str()));
    known.map(|name| (name.clone(), Meaning::Module))
}

/// Adds such names to the builtins of the stubs, and the name that other hosts have for the tool tree.
pub(super) fn add_python(
    files: &mut Vec<StubFile>,
    ambient: &BTreeMap<String, Meaning>,
    has_items: bool,
) {
    let builtins = files
        .iter_mut()
        .find(|file| file.path == "__builtins__.pyi");
    let Some(builtins) = builtins else { return };
    if has_items {
        let import = "import tools as tools\n";
        builtins.text = builtins.text.replace(import, "from typing import Any\n");
        builtins.text.push_str("\ntools: Any\n");
    }
    for (name, meaning) in ambient {
        let line = match meaning {
            Meaning::Namespace => format!("from tools import {name} as {name}\n"),
            Meaning::Tool {
                namespace,
                attribute,
            } if attribute == name => {
                format!("from tools.{namespace} import {attribute} as {name}\n")
            }
            // What a stub imports by another name is its own.
            Meaning::Tool {
                namespace,
                attribute,
            } => {
                format!("from tools.{namespace} import {attribute} as _{name}\n{name} = _{name}\n")
            }
            Meaning::Module => format!("import {name} as {name}\n"),
            Meaning::Other => format!("from typing import Any as _Any\n{name}: _Any\n"),
        };
        builtins.text.push_str(&line);
    }
    let servers = files.iter().flat_map(|file| {
        let path = file.path.strip_prefix("tools/");
        ROOTS.iter().filter_map(move |root| {
            Some(StubFile {
                path: format!("{root}/{}", path?),
                text: file.text.clone(),
            })
        })
    });
    let servers: Vec<StubFile> = servers.collect();
    files.extend(servers);
}

/// Adds a file that declares such names, and the `through` that `tools` has as members.
pub(super) fn add_typescript(
    files: &mut Vec<StubFile>,
    ambient: &BTreeMap<String, Meaning>,
    through: &BTreeMap<String, Meaning>,
) {
    let mut text = String::new();
    for (name, meaning) in ambient {
        text.push_str(&format!("declare var {name}: {};\n", of(name, meaning)));
    }
    text.push_str("interface ToolNamespaces {\n");
    let own = ["search", "describe", "namespaces"];
    for (name, meaning) in through.iter().filter(|(it, _)| !own.contains(&it.as_str())) {
        text.push_str(&format!("  \"{name}\": {};\n", of(name, meaning)));
    }
    text.push_str("}\n");
    for file in files.iter_mut().filter(|file| file.path == "globals.d.ts") {
        let wide = "declare const tools: ToolNamespaces & {";
        file.text = file.text.replace("declare const tools: {", wide);
    }
    files.push(StubFile {
        path: "ambient.d.ts".to_owned(),
        text,
    });
}

/// The type of such a name.
fn of(name: &str, meaning: &Meaning) -> String {
    match meaning {
        Meaning::Namespace => format!("typeof import(\"./tools/{name}\")"),
        Meaning::Tool {
            namespace,
            attribute,
        } => {
            let member = member_name(&camel_name(attribute));
            format!("(typeof import(\"./tools/{namespace}\"))[\"{member}\"]")
        }
        Meaning::Module | Meaning::Other => "any".to_owned(),
    }
}
