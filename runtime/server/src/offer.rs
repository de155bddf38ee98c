//! The tools that agents are offered, and the words that describe them: few, true, and the same number however many
//! tools are behind them.

use std::sync::Arc;

use rmcp::model::{JsonObject, MetaObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use wxmcp_run::{Bytes, Limits};

/// The names of our tools.
pub(crate) const RUN_CODE: &str = "run_code";
pub(crate) const SEARCH_TOOLS: &str = "search_tools";
pub(crate) const DESCRIBE_TOOLS: &str = "describe_tools";

/// Characters that the names of namespaces may take in a description; more are counted, and found by a search.
const MAX_NAMES: usize = 240;

/// What a server says of itself when a client connects. The first 512 characters stand alone.
pub(crate) const INSTRUCTIONS: &str = "\
Write a short program instead of calling many tools: run_code runs Python or TypeScript in a sandbox where tools are \
modules. Find tools with search_tools, see their types with describe_tools, then call them in one program: loop, \
filter and join there, gather independent calls, and return only what you need.";

/// Our tools, where scripts have these namespaces, packages and limits.
pub(crate) fn tools(namespaces: &[String], packages: &str, limits: &Limits) -> Vec<Tool> {
    vec![
        Tool::new(RUN_CODE, run_code(namespaces, packages, limits), schema(run_code_input()))
            .with_annotations(annotations(false))
            .with_meta(always_load()),
        Tool::new(
            SEARCH_TOOLS,
            "Find tools by what they do.",
            schema(json!({
                "type": "object",
                "properties": {
                    "query": {"type": "string"},
                    "detail": {"enum": ["names", "brief", "full"], "default": "brief"},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
                },
                "required": ["query"],
                "additionalProperties": false,
            })),
        )
        .with_annotations(annotations(true))
        .with_meta(always_load()),
        Tool::new(
            DESCRIBE_TOOLS,
            "Typed signatures of tools, as code.",
            schema(json!({
                "type": "object",
                "properties": {
                    "names": {"type": "array", "items": {"type": "string"}, "description": "github.create_issue, or a namespace"},
                    "language": {"enum": ["python", "typescript"], "default": "python"},
                },
                "required": ["names"],
                "additionalProperties": false,
            })),
        )
        .with_annotations(annotations(true))
        .with_meta(always_load()),
    ]
}

fn run_code(namespaces: &[String], packages: &str, limits: &Limits) -> String {
    format!(
        "Run a program in a sandbox. Namespaces of tools are globals, and modules.\n\
         Python 3.14: `github.create_issue(title=\"x\")`, or `from tools import github` first; where the script uses \
         `await`, calls are awaited, and `await asyncio.gather(..)` overlaps them.\n\
         TypeScript, JavaScript: `await github.createIssue({{title: 'x'}})`, or `import {{ createIssue }} from './tools/github'` \
         first; `Promise.all` overlaps.\n\
         Gather independent calls. The answer is the top-level `return` or the last expression, then what was printed: \
         return little. A failed call raises `ToolError`. Limits: {}, {}, {} tool calls; {}.{packages}\n{}",
        time(limits),
        Bytes(limits.memory),
        limits.tool_calls,
        files(limits),
        tools_there(namespaces)
    )
}

fn files(limits: &Limits) -> &'static str {
    match limits.scratch {
        0 => "no files or network but what was granted",
        _ => {
            "no network or files but what was granted, and scratch: the current folder and `/tmp`. \
             `artifact(path)` hands a file out"
        }
    }
}

fn time(limits: &Limits) -> String {
    format!("{} s", limits.wall.as_secs_f64())
}

fn tools_there(namespaces: &[String]) -> String {
    let names = namespaces.join(", ");
    match namespaces.len() {
        0 => "There are no tools yet.".to_owned(),
        _ if names.len() <= MAX_NAMES => format!("Namespaces: {names}."),
        count => format!("{count} namespaces: find their tools with search_tools."),
    }
}

fn run_code_input() -> Value {
    json!({
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "language": {"enum": ["python", "typescript", "javascript"], "default": "python"},
            "session": {"type": "string", "description": "\"new\" keeps variables and answers a handle; the handle continues; \"end:\" and the handle ends it"},
            "timeout_ms": {"type": "integer", "minimum": 1, "description": "lowers the time limit"},
            "record": {"type": "boolean", "description": "answers a recording"},
            "wait": {"type": "string", "description": "instead of code: the handle of a run that goes on"},
        },
        "additionalProperties": false,
    })
}

fn schema(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

/// Programs may call tools that change things; the others look tools up.
fn annotations(reads: bool) -> ToolAnnotations {
    ToolAnnotations::new()
        .read_only(reads)
        .destructive(!reads)
        .idempotent(reads)
        .open_world(!reads)
}

/// Clients that load definitions late have these at once: without them nothing is found.
fn always_load() -> MetaObject {
    let mut meta = MetaObject::new();
    meta.insert("anthropic/alwaysLoad".to_owned(), json!(true));
    meta
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens of all that a model reads of the offer, by the encoding o200k.
    fn tokens(namespaces: &[String]) -> usize {
        let encoding = tiktoken_rs::o200k_base().unwrap();
        let count = |text: &str| encoding.encode_ordinary(text).len();
        let tools = tools(namespaces, "", &Limits::default());
        let each = tools.iter().map(|tool| {
            let words = tool.description.as_deref().unwrap_or_default();
            count(&tool.name) + count(words) + count(&json!(tool.input_schema).to_string())
        });
        each.sum::<usize>() + count(INSTRUCTIONS)
    }

    #[test]
    fn the_offer_is_at_most_700_tokens_whatever_is_behind_it() {
        let few = ["github".to_owned(), "database".to_owned()];
        let worst: Vec<String> = (0..24).map(|at| format!("x{at}_9q7z")).collect();
        assert!(worst.join(", ").len() <= MAX_NAMES);
        let many: Vec<String> = (0..5_000).map(|at| format!("namespace_{at}")).collect();
        for namespaces in [&few[..], &worst, &many] {
            let tokens = tokens(namespaces);
            assert!(tokens <= 700, "{tokens} tokens");
            assert!(tokens > 300, "{tokens} tokens: something was not counted");
        }
    }

    #[test]
    fn clients_that_cut_instructions_keep_them_whole() {
        assert!(INSTRUCTIONS.len() <= 512, "{}", INSTRUCTIONS.len());
    }

    #[test]
    fn few_namespaces_are_named_and_many_are_counted() {
        let words = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            let tools = tools(&names, "", &Limits::default());
            tools[0].description.clone().unwrap().into_owned()
        };
        assert!(words(&["github", "slack"]).ends_with("Namespaces: github, slack."));
        assert!(
            words(&["n"; 200]).ends_with("200 namespaces: find their tools with search_tools.")
        );
        assert!(words(&[]).ends_with("There are no tools yet."));
    }
}
