//! Two callers with different grants on one broker: nothing of one shows to the other.

use std::sync::Arc;

use serde_json::{Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_host::{Job, Runtime, ToolsConfig};
use wxmcp_policy::{Caller, Hosts, Principal, ToolPatterns};
use wxmcp_run::{
    CallContext, Detail, Language, Search, Silent, ToolCall, ToolError, ToolErrorKind,
    ToolHost as _,
};
use wxmcp_toolfiles::Interpreters as _;

use crate::support::{TestResult, config, guests, returned, tool_tree};

const FILES: &[(&str, &str)] = &[
    (
        "notes/read.py",
        "def read() -> str:\n    \"\"\"Reads the diary of a person.\"\"\"\n    return 'dear diary'\n",
    ),
    (
        "notes/burn.py",
        "def burn() -> str:\n    \"\"\"Burns the diary of a person.\"\"\"\n    return 'ashes'\n",
    ),
    (
        "vault/open.py",
        "def open() -> str:\n    \"\"\"Opens the vault with the diary.\"\"\"\n    return 'gold'\n",
    ),
    (
        "count/up.py",
        "from wxmcp import tool\n\nseen = []\n\n@tool(reusable=True)\ndef up() -> int:\n    seen.append(1)\n    return len(seen)\n",
    ),
    (
        "count/held.ts",
        "import { createTool, sql } from 'wxmcp';\nexport const held = createTool({\n  parameters: {},\n  \
         grants: { sql: ['main:rw'] },\n  async execute() {\n    const main = sql('main');\n    \
         const before = await main.query(\"select count(*) as n from sqlite_temp_master\");\n    \
         await main.execute('create temp table mine (x)');\n    return before[0].n;\n  },\n});\n",
    ),
    (
        "count/loose.py",
        "def loose(kind: str):\n    return {kind: 1}\n",
    ),
];

/// A broker, and two callers of it: one that may call everything, one that may only read notes and count.
struct Two {
    _folder: tempfile::TempDir,
    _learned: tempfile::TempDir,
    runtime: Runtime,
    all: Arc<CallerHost>,
    few: Arc<CallerHost>,
}

fn caller(name: &str, allow: &[&str]) -> Result<Caller, Box<dyn std::error::Error>> {
    let principal = Principal {
        name: name.to_owned(),
        role: "guest".to_owned(),
    };
    let tools = ToolPatterns::new(allow, [""; 0])?;
    Ok(Caller::script(principal, tools, Hosts::default()))
}

fn two() -> Result<Two, Box<dyn std::error::Error>> {
    let (folder, learned, guests) = (tool_tree(FILES)?, tempfile::tempdir()?, guests());
    let tools = ToolsConfig {
        learned: Some(learned.path().to_owned()),
        ..config(folder.path(), &guests)?
    };
    let runtime = Runtime::with_guests(guests).tools(tools).build()?;
    let broker = runtime.tools().broker();
    let few = broker.for_caller(caller("few", &["notes.read", "count.*"])?);
    let all = broker.for_caller(caller("all", &["*"])?);
    Ok(Two {
        _folder: folder,
        _learned: learned,
        runtime,
        all,
        few,
    })
}

async fn call(host: &CallerHost, name: &str, arguments: Value) -> Result<Value, ToolError> {
    let call = ToolCall {
        sequence: 1,
        name: name.to_owned(),
        arguments: arguments.as_object().cloned().unwrap_or_default(),
        context: CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
    };
    Ok(host.call(call).await?.value)
}

async fn found(host: &CallerHost) -> Result<Vec<String>, ToolError> {
    let search = Search {
        query: "diary of a person".to_owned(),
        limit: 10,
        detail: Detail::Names,
    };
    let hits = host
        .search(
            search,
            CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
        )
        .await?;
    Ok(hits.iter().map(|hit| hit.name().to_owned()).collect())
}

#[tokio::test]
async fn listings_show_what_each_may_call_whoever_asked_first() -> TestResult {
    let two = two()?;
    let list = async |host: &CallerHost| {
        let listing = host.namespace(
            "notes".to_owned(),
            CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
        );
        let tools = listing.await?.tools;
        Ok::<_, ToolError>(tools.into_iter().map(|it| it.name).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        assert_eq!(list(&two.few).await?, ["read"]);
        assert_eq!(list(&two.all).await?, ["burn", "read"]);
    }
    assert_eq!(two.few.namespaces(), ["count", "notes"]);
    assert_eq!(two.all.namespaces(), ["count", "liar", "notes", "vault"]);
    Ok(())
}

#[tokio::test]
async fn searches_find_what_each_may_call_whoever_asked_first() -> TestResult {
    let two = two()?;
    let alone = found(&two.few).await?;
    assert_eq!(alone, ["notes.read"]);
    let all = found(&two.all).await?;
    assert!(all.contains(&"notes.burn".to_owned()), "{all:?}");
    assert_eq!(found(&two.few).await?, alone);
    // Interleaved, as clients of a server would.
    let (few, many) = tokio::join!(found(&two.few), found(&two.all));
    assert_eq!((few?, many?), (alone, all));
    two.runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_tool_of_others_is_described_and_called_like_one_that_does_not_exist() -> TestResult {
    let two = two()?;
    call(&two.all, "vault.open", json!({})).await?;
    let describe = async |name: &str| {
        let names = vec![name.to_owned()];
        let described = two.few.describe(
            names,
            CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
        );
        described.await.map(drop).unwrap_err().to_string()
    };
    let missing = describe("valve.open").await.replace("valve", "vault");
    assert_eq!(describe("vault.open").await, missing);
    let refused = call(&two.few, "vault.open", json!({})).await.unwrap_err();
    let absent = call(&two.few, "valve.open", json!({})).await.unwrap_err();
    assert_eq!(refused.kind, ToolErrorKind::UnknownTool);
    assert_eq!(refused.message, absent.message.replace("valve", "vault"));
    assert_eq!(call(&two.few, "notes.read", json!({})).await?, "dear diary");
    Ok(())
}

/// One validator serves both, since one schema says the same to both; a refusal repeats its own caller's values only.
#[tokio::test]
async fn validators_are_shared_and_refusals_are_not() -> TestResult {
    let two = two()?;
    let secret = json!({"kind": 1234567});
    let all = call(&two.all, "count.loose", secret).await.unwrap_err();
    let few = call(&two.few, "count.loose", json!({"kind": 7}))
        .await
        .unwrap_err();
    assert_eq!(all.kind, ToolErrorKind::InvalidArguments);
    assert_eq!(few.kind, ToolErrorKind::InvalidArguments);
    assert!(!few.message.contains("1234567"), "{few}");
    Ok(())
}

#[tokio::test]
async fn learned_shapes_are_each_principals_own() -> TestResult {
    let two = two()?;
    let signature = async |host: &CallerHost| {
        let names = vec!["count.loose".to_owned()];
        let described = host
            .describe(
                names,
                CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
            )
            .await?;
        Ok::<_, ToolError>(described.first().map(|it| it.signature.clone()))
    };
    let before = signature(&two.few).await?;
    for _ in 0..4 {
        call(&two.all, "count.loose", json!({"kind": "confidential"})).await?;
    }
    let learned = signature(&two.all).await?.unwrap_or_default();
    assert!(learned.contains("confidential"), "{learned}");
    assert_eq!(signature(&two.few).await?, before);
    Ok(())
}

#[tokio::test]
async fn kept_instances_are_each_principals_own() -> TestResult {
    let two = two()?;
    assert_eq!(call(&two.all, "count.up", json!({})).await?, 1);
    assert_eq!(call(&two.all, "count.up", json!({})).await?, 2);
    assert_eq!(call(&two.few, "count.up", json!({})).await?, 1);
    assert_eq!(call(&two.all, "count.up", json!({})).await?, 3);
    assert_eq!(call(&two.few, "count.up", json!({})).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_leased_connection_keeps_nothing_for_the_next_caller() -> TestResult {
    let two = two()?;
    assert_eq!(call(&two.all, "count.held", json!({})).await?, 0);
    assert_eq!(call(&two.few, "count.held", json!({})).await?, 0);
    assert_eq!(call(&two.all, "count.held", json!({})).await?, 0);
    Ok(())
}

/// The same through scripts that run at the same time.
#[tokio::test]
async fn scripts_of_two_callers_at_once_see_their_own_tools() -> TestResult {
    let two = two()?;
    let sandbox = two.runtime.guests().sandbox(Language::Python)?;
    let script = "import tools\nfound = []\nfor name in ['notes.read', 'notes.burn', 'vault.open']:\n    try:\n        \
                  found.append(call_tool(name, {}))\n    except Exception as error:\n        found.append(error.kind)\nfound";
    let run = |host: &Arc<CallerHost>| {
        let job = Job::new(Language::Python, "both.py", script);
        job.into_run(Arc::clone(host), Arc::new(Silent), std::future::pending())
    };
    let (all, few) = tokio::join!(sandbox.run(run(&two.all)), sandbox.run(run(&two.few)));
    assert_eq!(returned(all?)?, json!(["dear diary", "ashes", "gold"]));
    let unknown = "unknown-tool";
    assert_eq!(returned(few?)?, json!(["dear diary", unknown, unknown]));
    Ok(())
}
