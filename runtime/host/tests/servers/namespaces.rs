//! What a run sees of upstreams and their tools: names, grants, search,
//! descriptions, and when upstreams start.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_policy::ToolPatterns;
use wxmcp_run::{CallContext, Detail, Search, ToolErrorKind as Kind, ToolHost as _};
use wxmcp_sandbox::RunClock;

use crate::support::{
    TestResult, answer_in, broker, call, context, echoes, error, liar, lying, make_fifo, search,
};

async fn names(broker: &CallerHost, namespace: &str) -> Result<Vec<(String, String)>, String> {
    let listing = broker
        .namespace(namespace.to_owned(), context())
        .await
        .map_err(|error| error.message)?;
    Ok(listing
        .tools
        .into_iter()
        .map(|tool| (tool.name, tool.attribute))
        .collect())
}

#[tokio::test]
async fn a_listing_tells_names_parameters_and_summaries() -> TestResult {
    let broker = lying(&["--list", "pages"])?;
    let listing = broker.namespace("liar".to_owned(), context()).await?;
    assert_eq!(listing.name, "liar");
    let echo = listing
        .tools
        .iter()
        .find(|tool| tool.name == "echo")
        .ok_or("no echo")?;
    assert_eq!(
        (echo.attribute.as_str(), &echo.parameters),
        ("echo", &vec!["text".to_owned()])
    );
    let asks = listing
        .tools
        .iter()
        .find(|tool| tool.name == "asks_back")
        .ok_or("no asks_back")?;
    assert_eq!(
        asks.description,
        "Asks for everything that a server can ask a client for."
    );
    assert!(listing.tools.is_sorted_by_key(|tool| tool.name.clone()));
    assert!(
        listing.tools.len() > 30,
        "all pages: {}",
        listing.tools.len()
    );
    Ok(())
}

#[tokio::test]
async fn colliding_names_lead_to_their_own_tools() -> TestResult {
    let broker = lying(&["--list", "colliding"])?;
    for (name, attribute) in names(&broker, "liar").await? {
        for spelled in [&name, &attribute] {
            let arguments = json!({"text": name});
            let reached = call(&broker, &format!("liar.{spelled}"), arguments).await?;
            assert_eq!(reached, json!(name), "{spelled}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn hostile_names_and_definitions_are_bounded_and_told() -> TestResult {
    let broker = lying(&["--list", "names"])?;
    let names = names(&broker, "liar").await?;
    // Each with its own identifier; those that a reader could take for others with digits.
    for (name, attribute, digits) in [
        ("\u{1b}[2J", "_2_j_", 4),
        ("__class__", "class_", 0),
        ("a\nb", "a_b_", 4),
        ("a\u{202e}b", "a_b_", 4),
        ("deep", "deep", 0),
        ("echo", "echo", 0),
        ("flat", "flat", 0),
        ("import", "import_", 0),
        ("poisoned", "poisoned", 0),
        ("日本", "unnamed", 0),
    ] {
        let (_, found) = names.iter().find(|(own, _)| own == name).ok_or(name)?;
        assert!(found.starts_with(attribute), "{found}");
        assert_eq!(found.len(), attribute.len() + digits, "{found}");
    }
    assert_eq!(names.len(), 10, "{names:?}");
    let odd = broker.inspect("liar", &context()).await?.1.odd;
    assert_eq!(odd.len(), 10, "{odd:?}");
    echoes(&broker).await?;
    let poisoned = &broker
        .describe(vec!["liar.poisoned".to_owned()], context())
        .await?[0];
    assert!(poisoned.description.starts_with("Adds.xxx"));
    assert!(poisoned.description.len() <= 8 * 1024);
    Ok(())
}

#[tokio::test]
async fn namespaces_are_identifiers_and_both_spellings_are_understood() -> TestResult {
    let broker = broker(
        json!({"my-server": liar(&[]), "my_server": liar(&[]), "a.b": liar(&[])}),
        |_| {},
    )?;
    let namespaces = broker.namespaces();
    assert_eq!((namespaces.len(), namespaces[0].as_str()), (3, "a_b"));
    assert!(namespaces[1] == "my_server" && namespaces[2].starts_with("my_server_"));
    for name in ["my-server.echo", "my_server.echo", "a.b.echo", "a_b.echo"] {
        assert_eq!(
            call(&broker, name, json!({"text": "x"})).await?,
            json!("x"),
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_granted_looks_like_what_does_not_exist() -> TestResult {
    let broker = broker(json!({"liar": liar(&[]), "hidden": liar(&[])}), |config| {
        let grants = ToolPatterns::new(["liar.*"], ["liar.crashes", "*.add"]);
        config.tools = grants.unwrap_or_else(|_| ToolPatterns::everything());
    })?;
    assert_eq!(broker.namespaces(), ["liar"]);
    for (denied, absent) in [
        ("liar.crashes", "liar.crushes"),
        ("liar.add", "liar.bdd"),
        ("hidden.echo", "nowhere.echo"),
        ("hidden.crashes", "hiddem.crashes"),
    ] {
        let denied_error = error(&broker, denied, json!({})).await?;
        let absent_error = error(&broker, absent, json!({})).await?;
        assert_eq!(denied_error.kind, Kind::UnknownTool);
        assert_eq!(
            denied_error.message.replace(denied, ".."),
            absent_error.message.replace(absent, "..")
        );
    }
    let listed = names(&broker, "liar").await?;
    let is_listed = |name: &str| listed.iter().any(|(listed, _)| listed == name);
    assert_eq!(
        ["echo", "crashes", "add"].map(is_listed),
        [true, false, false]
    );
    let hidden = names(&broker, "hidden").await;
    assert_eq!(
        hidden.err().as_deref(),
        Some("there is no namespace `hidden`")
    );
    for (query, name, is_found) in [
        ("echo", "liar.echo", true),
        ("crashes", "liar.crashes", false),
    ] {
        let hits = broker.search(search(query, 10), context()).await?;
        assert_eq!(hits.iter().any(|hit| hit.name() == name), is_found);
    }
    let describe = |name: &str| broker.describe(vec![name.to_owned()], context());
    assert_eq!(describe("liar.echo").await?.len(), 1);
    let denied = describe("liar.add").await.err().ok_or("it is described")?;
    assert_eq!(denied.message, "there is no tool `liar.add`");
    echoes(&broker).await
}

#[tokio::test]
async fn a_misspelt_name_gets_suggestions() -> TestResult {
    let broker = lying(&[])?;
    for (name, message) in [
        (
            "liar.ecko",
            "there is no tool `liar.ecko`; did you mean `liar.echo`?",
        ),
        (
            "lair.echo",
            "there is no tool `lair.echo`; did you mean `liar.*`?",
        ),
        (
            "echo",
            "there is no tool `echo`; tools are called `namespace.tool`",
        ),
        ("database.query", "there is no tool `database.query`"),
        ("liar.", "there is no tool `liar.`"),
        ("", "there is no tool ``; tools are called `namespace.tool`"),
        ("liar.a\u{1b}[2J`\n", "there is no tool `liar.a[2J'`"),
    ] {
        let unknown = error(&broker, name, json!({})).await?;
        assert_eq!(
            (unknown.kind, unknown.message.as_str()),
            (Kind::UnknownTool, message)
        );
    }
    let long = error(&broker, &format!("liar.{}", "x".repeat(1 << 20)), json!({})).await?;
    assert!(long.kind == Kind::UnknownTool && long.message.len() < 500);
    Ok(())
}

#[tokio::test]
async fn a_search_tells_as_much_as_it_is_asked() -> TestResult {
    let broker = lying(&[])?;
    let mut told = Vec::new();
    for detail in [Detail::Names, Detail::Brief, Detail::Full] {
        let search = Search {
            detail,
            ..search("add", 1)
        };
        let hits = serde_json::to_value(broker.search(search, context()).await?)?;
        assert_eq!(hits[0]["name"], "liar.add");
        let keys = hits[0].as_object().map(|hit| hit.len());
        told.push(keys.unwrap_or_default());
        if detail == Detail::Full {
            let described = broker.describe(vec!["liar.add".to_owned()], context());
            assert_eq!(hits, serde_json::to_value(described.await?)?);
        }
    }
    assert_eq!(told, [1, 2, 5]);
    Ok(())
}

#[tokio::test]
async fn tools_are_found_and_described() -> TestResult {
    let broker = lying(&[])?;
    let hits = broker
        .search(search("hundred megabytes", 1), context())
        .await?;
    assert_eq!(hits.len(), 1);
    assert!(
        hits[0]
            .name()
            .starts_with("liar.answers_a_hundred_megabytes")
    );
    assert!(
        broker
            .search(search("kubernetes", 10), context())
            .await?
            .is_empty()
    );
    let described = broker
        .describe(vec!["liar.add".to_owned()], context())
        .await?;
    assert_eq!(
        described[0].signature,
        "liar.add(a: float, b: float) -> {\"sum\": float}"
    );
    assert_eq!(described[0].input["required"], json!(["a", "b"]));
    assert!(described[0].output.is_some());
    Ok(())
}

#[tokio::test]
async fn a_changed_list_is_read_again() -> TestResult {
    let broker = lying(&[])?;
    assert_eq!(
        error(&broker, "liar.grown", json!({})).await?.kind,
        Kind::UnknownTool
    );
    call(&broker, "liar.grows", json!({})).await?;
    assert_eq!(
        call(&broker, "liar.grown", json!({"text": "x"})).await?,
        json!("x")
    );
    Ok(())
}

/// Upstreams start when they are first used, once for all who wait, and the
/// run's clock stands still meanwhile.
#[tokio::test]
async fn first_uses_share_one_start_that_costs_the_run_no_time() -> TestResult {
    let directory = tempfile::tempdir()?;
    let fifo = make_fifo(&directory)?;
    let starts = directory.path().join("starts");
    let mut waits = liar(&["--start", "waits"]);
    waits["env"] = json!({"FIFO": fifo, "STARTS": starts});
    let broker = broker(
        json!({"liar": waits, "unused": {"command": "/nowhere"}}),
        |_| {},
    )?;
    assert_eq!(broker.namespaces(), ["liar", "unused"]);
    assert!(!starts.exists());

    let clock = Arc::new(RunClock::start());
    let context = CallContext {
        clock: clock.handle(),
        ..context()
    };
    let _guest_waits = clock.guest_waits();
    // Lets the server answer the handshake after a while; opening blocks until
    // the server has opened its end.
    let watched = Arc::clone(&clock);
    let opener = std::thread::spawn(move || {
        let mut pipe = std::fs::File::options().write(true).open(fifo)?;
        let stood_still = stands_still(&watched);
        pipe.write_all(b"go")?;
        Ok::<_, std::io::Error>(stood_still)
    });
    let ask = |text: &'static str| {
        answer_in(
            &broker,
            "liar.echo",
            json!({ "text": text }),
            context.clone(),
        )
    };
    let (one, two, three) = tokio::join!(ask("1"), ask("2"), ask("3"));
    let answers: Vec<Value> = [one?, two?, three?].into_iter().map(|a| a.value).collect();
    assert_eq!(answers, [json!("1"), json!("2"), json!("3")]);
    let stood_still = opener.join().map_err(|_| "the opener panicked")??;
    assert!(stood_still, "the clock ran while the server started");
    assert!(!stands_still(&clock), "the clock stands still for ever");
    assert_eq!(std::fs::read_to_string(&starts)?, "started\n");
    Ok(())
}

/// Whether a run's clock counts less than half of a time that passes. One that counts never does, however busy the
/// machine; one that does not may, if this thread is held up between two looks: so it is looked at more than once.
fn stands_still(clock: &RunClock) -> bool {
    (0..50).any(|_| {
        let (before, watch) = (clock.elapsed(), RunClock::start());
        while watch.elapsed() < Duration::from_millis(5) {
            std::thread::yield_now();
        }
        clock.elapsed().saturating_sub(before) < Duration::from_millis(2)
    })
}

#[tokio::test]
async fn those_who_wait_for_a_start_share_its_failure() -> TestResult {
    let directory = tempfile::tempdir()?;
    let starts = directory.path().join("starts");
    let mut dead = liar(&["--start", "refuses"]);
    dead["env"]["STARTS"] = json!(starts);
    let broker = broker(json!({ "liar": dead }), |_| {})?;
    let all = (0..5).map(|_| error(&broker, "liar.echo", json!({})));
    for error in futures_util::future::join_all(all).await {
        assert_eq!(error?.kind, Kind::UpstreamUnavailable);
    }
    // Two handshakes were tried, once.
    assert_eq!(std::fs::read_to_string(&starts)?.lines().count(), 2);
    Ok(())
}
