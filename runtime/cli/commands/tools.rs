//! `wxmcp tools`: the tools that scripts would see, as a person sees them.

pub(crate) mod export;

use std::sync::Arc;

use anyhow::{Context, anyhow};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use wxmcp_broker::{CallerHost, Problems};
use wxmcp_run::{
    CallContext, NamespaceListing, Observer, Search, Silent, ToolCall, ToolDescription, ToolError,
    ToolHit, ToolHost, without_lone_surrogates,
};

use crate::cli::{Format, LimitArgs, PolicyArgs, ToolsArgs, ToolsCommand};
use crate::exit::{Exit, Failure};
use crate::render;
use crate::render::ToolOutput;
use crate::settings::Settings;

/// Tools that are named where some could be reusable.
const MAX_REUSABLE: usize = 5;

pub(super) fn execute(args: &ToolsArgs) -> Result<Exit, Failure> {
    let limits = LimitArgs::default();
    let settings =
        Settings::resolve(&limits, &PolicyArgs::default(), &args.config).map_err(Failure::usage)?;
    let observer: Arc<dyn Observer> = match &args.command {
        ToolsCommand::Call { .. } => Arc::new(ToolOutput),
        _ => Arc::new(Silent),
    };
    let runtime = crate::runtime::open(&settings, observer)?;
    let broker = runtime.tools();
    crate::runtime::event_loop()?.run(async {
        let exit = answer(broker, args).await;
        if matches!(
            args.command,
            ToolsCommand::List { .. } | ToolsCommand::Check
        ) {
            notes(&settings, broker)?;
        }
        if let ToolsCommand::Export(export) = &args.command
            && export.format == Format::Python
        {
            crate::packages::export(&settings, &export.output)?;
        }
        broker.shutdown().await;
        exit
    })
}

async fn answer(broker: &Arc<CallerHost>, args: &ToolsArgs) -> Result<Exit, Failure> {
    match &args.command {
        ToolsCommand::List { namespace } => list(broker, namespace.as_deref(), args.json).await,
        ToolsCommand::Check => check(broker, args.json).await,
        ToolsCommand::Search {
            words,
            limit,
            detail,
        } => {
            let question = Search {
                query: words.join(" "),
                limit: *limit,
                detail: (*detail).into(),
            };
            search(broker, question, args.json).await
        }
        ToolsCommand::Show { names } => {
            let described = broker.describe(names.clone(), context(broker)).await;
            let described = described.map_err(failed)?;
            if args.json {
                return print_json(&described);
            }
            for tool in &described {
                show(tool);
            }
            Ok(Exit::Success)
        }
        ToolsCommand::Export(export) => export::execute(broker, export).await,
        ToolsCommand::Call { name, args: given } => {
            let arguments: Map<String, Value> = serde_json::from_str(given)
                .or_else(|error| match without_lone_surrogates(given.as_bytes()) {
                    Some(mended) => serde_json::from_slice(&mended),
                    None => Err(error),
                })
                .context("the arguments are no JSON object")
                .map_err(Failure::usage)?;
            let call = ToolCall {
                sequence: 1,
                name: name.clone(),
                arguments,
                context: context(broker),
            };
            match broker.call(call).await {
                Ok(answer) => {
                    answer
                        .notes
                        .iter()
                        .for_each(|note| render::note(&note.text));
                    // Standard output is one document, so that it can be parsed.
                    if let Some(content) = answer.content {
                        render::note(&format!("content: {content:#}"));
                    }
                    print_json(&answer.value)
                }
                Err(error) => Err(failed(error)),
            }
        }
    }
}

/// What a person should know of the files that say which tools there are.
fn notes(settings: &Settings, broker: &CallerHost) -> Result<(), Failure> {
    let file = crate::runtime::configured(settings)?;
    let disabled = file.upstreams.iter().filter(|it| it.is_disabled());
    let disabled = disabled.map(|it| format!("`{}` is disabled", it.name()));
    let notes = file.notes.iter().chain(&file.itself);
    let notes = notes.cloned().chain(disabled);
    for note in notes.chain(broker.unmatched_patterns()) {
        render::note(&note);
    }
    Ok(())
}

/// What fits, or that nothing does: then exit code 1, also with `--json`.
async fn search(broker: &CallerHost, question: Search, json: bool) -> Result<Exit, Failure> {
    let found = broker
        .search(question, context(broker))
        .await
        .map_err(failed)?;
    if json {
        print_json(&found)?;
    }
    if found.is_empty() {
        render::note("no tool fits these words; `wxmcp tools list` shows all there are");
        return Ok(Exit::Failure);
    }
    if json {
        return Ok(Exit::Success);
    }
    for (position, hit) in found.iter().enumerate() {
        match hit {
            ToolHit::Name { name } => render::line(name),
            ToolHit::Brief { name, description } => {
                render::line(format!("{name}  {description}").trim_end());
            }
            ToolHit::Full(tool) => {
                if position > 0 {
                    render::line("");
                }
                show(tool);
            }
        }
    }
    Ok(Exit::Success)
}

/// All that a script may know of a tool.
fn show(tool: &ToolDescription) {
    render::line(&tool.signature);
    if !tool.description.is_empty() {
        render::line(&format!("\n{}", tool.description));
    }
    render::line(&format!("\narguments: {:#}", tool.input));
    if let Some(output) = &tool.output {
        render::line(&format!("answer: {output:#}"));
    }
}

/// Reads every tool, and says of each what is wrong with it.
async fn check(broker: &CallerHost, json: bool) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    let mut reusable = Vec::new();
    let mut tools = 0_usize;
    for (name, inspected) in inspections(broker, broker.namespaces()).await {
        let problems = match inspected {
            Ok((listing, problems)) => {
                tools = tools.saturating_add(listing.tools.len());
                problems
            }
            Err(error) => {
                findings.push(json!({"namespace": name, "problem": error.message}));
                continue;
            }
        };
        let could = broker.could_be_reusable(&name, &context(broker)).await;
        reusable.extend(could.map_err(failed)?);
        for broken in problems.broken {
            findings.push(json!({"file": broken.file, "problem": broken.why}));
        }
        for odd in problems.odd {
            findings.push(json!({"namespace": name, "problem": odd}));
        }
        for (tool, requests) in problems.unapproved {
            let lines = requests.join("`, `");
            let problem = format!(
                "it asks for what is not approved: write `{lines}` under `[grants.\"{tool}\"]` in wxmcp.toml"
            );
            findings.push(json!({"tool": tool, "problem": problem}));
        }
    }
    if json {
        let report = json!({"tools": tools, "findings": findings, "could_be_reusable": reusable});
        print_json(&report)?;
    } else {
        for finding in &findings {
            let text = |key: &str| finding.get(key).and_then(Value::as_str);
            let what = text("file").or(text("tool")).or(text("namespace"));
            let problem = text("problem").unwrap_or_default();
            render::line(&format!("{}: {problem}", what.unwrap_or_default()));
        }
        render::note(&format!("{tools} tools, {} findings", findings.len()));
        if let Some(note) = reuse(&reusable) {
            render::note(&note);
        }
    }
    Ok(if findings.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// What reuse would save, and where.
fn reuse(tools: &[String]) -> Option<String> {
    let shown = tools.get(..MAX_REUSABLE).unwrap_or(tools).join("`, `");
    let more = tools.len().saturating_sub(MAX_REUSABLE);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!tools.is_empty()).then(|| {
        format!(
            "`{shown}`{more} could be `reusable: true`: their files show nothing that a call could leave \
             for the next (what they call was not looked at), and kept instances save the start of one"
        )
    })
}

async fn list(broker: &CallerHost, namespace: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let names = match namespace {
        Some(name) => vec![name.to_owned()],
        None => broker.namespaces(),
    };
    if names.is_empty() {
        render::note("there are no tools: no folder `tools`, no `.mcp.json`");
    }
    let mut exit = Exit::Success;
    let mut listed = Vec::new();
    for (name, inspected) in inspections(broker, names).await {
        match inspected {
            Ok((found, problems)) => {
                listed.push(found);
                for broken in problems.broken {
                    render::note(&format!("{}: {}", broken.file, broken.why));
                    exit = Exit::Failure;
                }
                for odd in problems.odd {
                    render::note(&format!("`{name}`: {odd}"));
                }
            }
            Err(error) if namespace.is_some() => return Err(failed(error)),
            Err(error) => {
                render::note(&format!("`{name}`: {error}"));
                exit = Exit::Failure;
            }
        }
    }
    if json {
        print_json(&listed)?;
        return Ok(exit);
    }
    let lines: Vec<String> = listed.iter().flat_map(lines).collect();
    if !lines.is_empty() {
        render::line(&lines.join("\n"));
    }
    Ok(exit)
}

/// A line for each tool of a namespace.
fn lines(namespace: &NamespaceListing) -> impl Iterator<Item = String> {
    namespace.tools.iter().map(|tool| {
        let parameters = tool.parameters.join(", ");
        let name = format!("{}.{}({parameters})", namespace.name, tool.attribute);
        format!("{name}  {}", tool.description)
            .trim_end()
            .to_owned()
    })
}

/// The tools of each namespace and what is wrong with it, in order. Their servers start at the
/// same time.
pub(crate) async fn inspections(
    broker: &CallerHost,
    names: Vec<String>,
) -> Vec<(String, Result<(NamespaceListing, Problems), ToolError>)> {
    let inspection = names.into_iter().map(|name| async move {
        let inspected = broker.inspect(&name, &context(broker)).await;
        (name, inspected)
    });
    join_all(inspection).await
}

pub(crate) fn context(broker: &CallerHost) -> CallContext {
    CallContext::outside_of_runs(broker.broker().ledger())
}

fn print_json(value: &impl serde::Serialize) -> Result<Exit, Failure> {
    let value = serde_json::to_value(value)
        .context("write the answer as JSON")
        .map_err(Failure::fault)?;
    render::line(&format!("{value:#}"));
    Ok(Exit::Success)
}

/// A refusal or failure of a tool: exit code 1, after what else it said.
pub(crate) fn failed(error: ToolError) -> Failure {
    if let Some(data) = error.data.filter(|data| *data != json!(null)) {
        render::note(&data.to_string());
    }
    Failure::raised(anyhow!("{}: {}", error.kind, error.message))
}
