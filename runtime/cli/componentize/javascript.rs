//! What is put around a script in JavaScript or TypeScript.

use anyhow::anyhow;
use serde_json::Value;
use wxmcp_catalogue::stubs::StubFile;
use wxmcp_javascript::{ImportedTools, ToolUses};
use wxmcp_run::Script;

use super::contents::Contents;
use super::uses::{Used, Uses};
use super::{embedded, raised, sources};
use crate::exit::Failure;

/// What the component asks of WASI by name; `wit/deps` of both adapters has it.
const WASI: [&str; 7] = [
    "wasi:cli/environment@0.2.10",
    "wasi:cli/exit@0.2.10",
    "wasi:cli/stdin@0.2.10",
    "wasi:cli/stdout@0.2.10",
    "wasi:cli/stderr@0.2.10",
    "wasi:filesystem/preopens@0.2.10",
    "wasi:filesystem/types@0.2.10",
];

/// What a script uses.
pub(super) fn uses(script: &Script) -> Result<Uses, Failure> {
    let message = wxmcp_sandbox::message(script).map_err(|error| raised(script, &error))?;
    let message: Value = serde_json::from_slice(&message).unwrap_or_default();
    let imports = message.get("imports").and_then(Value::as_array);
    let text = |import: &Value, key: &str| {
        let text = import.get(key).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    for import in imports.into_iter().flatten() {
        let refused = match (text(import, "module"), text(import, "file")) {
            (Some(module), _) if module == "zod" => {
                Some((module, "check values in the script's own code"))
            }
            (Some(module), _) if module.starts_with("node:") => {
                Some((module, "use what the language has, and the global `files`"))
            }
            (_, Some(file)) => Some((file, "bundle it into the script")),
            _ => None,
        };
        if let Some((what, hint)) = refused {
            let line = import.get("line").and_then(Value::as_u64).unwrap_or(1);
            return Err(Failure::usage(anyhow!(
                "{}:{line}: `{what}` is not in components that are built",
                script.name
            ))
            .hint(hint));
        }
    }
    let uses = ToolUses::new(script).map_err(|error| raised(script, &error))?;
    let used = |imported: Vec<ImportedTools>| {
        let imported = imported.into_iter();
        let used = imported.map(|ImportedTools { namespace, tools }| Used { namespace, tools });
        used.collect()
    };
    Ok(Uses {
        imported: used(uses.imported),
        perhaps: used(uses.perhaps),
        named: uses.named,
        everything: false,
        is_open: uses.is_open,
    })
}

/// The files that componentize-js makes a component of.
pub(super) fn files(contents: &Contents, script: Value) -> Vec<StubFile> {
    let mut files = embedded(sources::JAVASCRIPT, "");
    files.push(StubFile {
        path: "wxmcp-adapter/data.js".to_owned(),
        text: data(contents, script),
    });
    files.extend(contents.wit(&WASI));
    files
}

/// The module with the imports, in the order of the namespaces, and the data that goes into the component.
fn data(contents: &Contents, script: Value) -> String {
    let mut imports = String::new();
    let mut names = Vec::new();
    for (place, module) in contents.modules().enumerate() {
        names.push(match module {
            Some(module) => {
                imports.push_str(&format!("import * as ${place} from \"{module}\";\n"));
                format!("${place}")
            }
            None => "{}".to_owned(),
        });
    }
    // JSON of a text is a literal of JavaScript.
    let data = Value::from(contents.data(script).to_string());
    let names = names.join(", ");
    format!("{imports}export const modules = [{names}];\nexport const text = {data};\n")
}
