//! Servers that lie, crash, hang and flood: each is met with the named error,
//! and an honest call to the same server works before or after.

use std::time::Duration;

use crate::support::{
    CANARY, TestResult, answer, broker, call, context, echoes, error, liar, lying, search,
};
use futures_util::TryFutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_run::{ToolErrorKind as Kind, ToolHost as _};

/// Resident memory of this process, in bytes.
fn resident() -> Result<usize, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    let kib: usize = line.split_whitespace().nth(1).ok_or("no figure")?.parse()?;
    Ok(kib * 1024)
}

#[tokio::test]
async fn both_eras_are_spoken() -> TestResult {
    for era in ["legacy", "modern"] {
        let broker = lying(&["--era", era])?;
        echoes(&broker).await?;
        let sum = answer(&broker, "liar.add", json!({"a": 1, "b": 2.5})).await?;
        assert_eq!(sum.value, json!({"sum": 3.5}));
        assert!((50..500).contains(&sum.bytes), "{}", sum.bytes);
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_the_newer_handshake_confuses_is_started_again_with_the_older() -> TestResult
{
    for era in ["empty-discover", "dies-on-discover"] {
        let broker = lying(&["--era", era])?;
        echoes(&broker).await?;
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn results_are_unwrapped() -> TestResult {
    let broker = lying(&[])?;
    for (tool, value) in [
        ("json_text", json!({"rows": [1, 2]})),
        ("several_texts", json!(["one", {"two": 2}])),
        ("nothing", json!(null)),
        ("answers_twice", json!("first")),
        ("answers_with_noise", json!("clear")),
        ("asks_back", json!("asked")),
    ] {
        assert_eq!(
            call(&broker, &format!("liar.{tool}"), json!({})).await?,
            value,
            "{tool}"
        );
    }
    let image = call(&broker, "liar.image", json!({})).await?;
    assert_eq!(
        (&image["type"], &image["mimeType"]),
        (&json!("image"), &json!("image/png"))
    );
    let both = call(&broker, "liar.text_and_image", json!({})).await?;
    assert_eq!(both, json!([{"type": "text", "text": "a dot"}, image]));
    let deep = call(&broker, "liar.answers_deep_text", json!({})).await?;
    assert_eq!(deep.as_str().map(str::len), Some(100_000));
    echoes(&broker).await
}

#[tokio::test]
async fn what_a_tool_says_of_its_failure_reaches_the_script() -> TestResult {
    let broker = lying(&[])?;
    let failed = error(&broker, "liar.says_it_failed", json!({})).await?;
    assert_eq!(failed.kind, Kind::ToolFailed);
    assert_eq!(failed.message, "no such table: orders");
    assert_eq!(failed.data, Some(json!({"table": "orders"})));

    let refused = error(&broker, "liar.refuses", json!({})).await?;
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (Kind::ToolFailed, "the moon is full")
    );
    assert_eq!(
        refused.data,
        Some(json!({"code": -32050, "data": {"phase": "full"}}))
    );

    let arguments = error(&broker, "liar.refuses_arguments", json!({})).await?;
    assert_eq!(arguments.kind, Kind::InvalidArguments);
    assert_eq!(arguments.message, "`path` must be relative");

    let input = error(&broker, "liar.asks_for_input", json!({})).await?;
    assert_eq!(input.kind, Kind::ToolFailed);
    assert!(input.message.contains("asked for input"), "{input}");
    echoes(&broker).await
}

#[tokio::test]
async fn an_answer_that_is_no_answer_fails_its_call_and_no_other() -> TestResult {
    let broker = lying(&["--era", "modern"])?;
    for (tool, reason) in [
        ("answers_neither", "neither a result nor an error"),
        ("answers_both", "both a result and an error"),
        ("answers_deeply", "recursion limit"),
        ("answers_a_string", "not an object"),
        ("answers_bad_blocks", "no `text`"),
    ] {
        let invalid = error(&broker, &format!("liar.{tool}"), json!({})).await?;
        assert_eq!(invalid.kind, Kind::InvalidAnswer, "{tool}: {invalid}");
        assert!(invalid.message.contains(reason), "{tool}: {invalid}");
    }
    echoes(&broker).await?;
    // The same process answered throughout: nothing above was worth a restart.
    assert_eq!(
        call(&broker, "liar.cancellations", json!({})).await?,
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_at_once_in_bounded_memory() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.answer_limit = 1024 * 1024
    })?;
    echoes(&broker).await?;
    let before = resident()?;
    for tool in [
        "answers_a_hundred_megabytes",
        "answers_a_hundred_megabytes_id_last",
    ] {
        let large = error(&broker, &format!("liar.{tool}"), json!({})).await?;
        assert_eq!(large.kind, Kind::AnswerTooLarge, "{tool}: {large}");
        assert!(
            large.message.contains("larger than 1 MiB"),
            "{tool}: {large}"
        );
        // The same process goes on; what follows the long line is read.
        echoes(&broker).await?;
    }
    let grown = resident()?.saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "grew by {grown} bytes");
    Ok(())
}

#[tokio::test]
async fn many_values_are_refused_before_they_are_built() -> TestResult {
    let broker = lying(&[])?;
    let many = error(&broker, "liar.answers_many_values", json!({})).await?;
    assert_eq!(many.kind, Kind::AnswerTooLarge);
    assert!(many.message.contains("more than 1000000 values"), "{many}");
    echoes(&broker).await
}

#[tokio::test]
async fn an_answer_without_end_ends_the_server_not_the_broker() -> TestResult {
    let broker = lying(&[])?;
    echoes(&broker).await?;
    let endless = error(&broker, "liar.answers_without_end", json!({})).await?;
    assert_eq!(endless.kind, Kind::AnswerTooLarge, "{endless}");
    echoes(&broker).await
}

#[tokio::test]
async fn a_crash_is_told_with_its_status_and_last_words_and_the_next_call_restarts() -> TestResult {
    let broker = lying(&[])?;
    let crashed = error(&broker, "liar.crashes", json!({})).await?;
    assert_eq!(crashed.kind, Kind::UpstreamCrashed);
    assert_eq!(
        crashed.message,
        "`liar` ended during the call: it exited with status 7; its last words: \
         `fatal: token [SECRET] was not accepted`"
    );
    echoes(&broker).await?;
    let killed = error(&broker, "liar.kills_itself", json!({})).await?;
    assert_eq!(killed.kind, Kind::UpstreamCrashed);
    assert!(killed.message.contains("signal 9"), "{killed}");
    echoes(&broker).await?;
    let closed = error(&broker, "liar.closes_stdout", json!({})).await?;
    assert_eq!(closed.kind, Kind::UpstreamCrashed);
    assert!(closed.message.ends_with("it closed its output"), "{closed}");
    echoes(&broker).await?;
    // Restarts are not for ever.
    error(&broker, "liar.crashes", json!({})).await?;
    let tired = error(&broker, "liar.echo", json!({"text": "hi"})).await?;
    assert_eq!(tired.kind, Kind::UpstreamUnavailable);
    assert!(tired.message.contains("not started again"), "{tired}");
    Ok(())
}

#[tokio::test]
async fn open_calls_share_the_fate_of_a_crashed_server() -> TestResult {
    let broker = lying(&[])?;
    echoes(&broker).await?;
    let (hung, crashed) = tokio::join!(
        error(&broker, "liar.hangs", json!({})),
        error(&broker, "liar.crashes", json!({})),
    );
    assert_eq!(
        (hung?.kind, crashed?.kind),
        (Kind::UpstreamCrashed, Kind::UpstreamCrashed)
    );
    echoes(&broker).await
}

#[tokio::test]
async fn a_call_that_hangs_times_out_and_the_server_is_told() -> TestResult {
    for era in ["legacy", "modern"] {
        let broker = broker(json!({"liar": liar(&["--era", era])}), |config| {
            config.call_timeout = Duration::from_secs(1);
        })?;
        let (hung, noisy) = tokio::join!(
            error(&broker, "liar.hangs", json!({})),
            error(&broker, "liar.answers_noise_only", json!({})),
        );
        for (tool, late) in [("hangs", hung?), ("answers_noise_only", noisy?)] {
            assert_eq!(late.kind, Kind::CallTimedOut);
            assert_eq!(
                late.message,
                format!("`liar` did not answer `{tool}` within 1s")
            );
        }
        let told = call(&broker, "liar.cancellations", json!({})).await?;
        assert_eq!(told.as_array().map(Vec::len), Some(2), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers() -> TestResult {
    let broker = lying(&[])?;
    let calls = (0..200).map(|n| {
        call(&broker, "liar.echo", json!({"text": n.to_string()})).map_ok(move |echoed| (n, echoed))
    });
    for answered in join_all(calls).await {
        let (n, echoed) = answered?;
        assert_eq!(echoed, json!(n.to_string()));
    }
    Ok(())
}

/// Ends when the server has read a call of that tool.
async fn arrived(broker: &CallerHost, tool: &str) -> TestResult {
    loop {
        let calls = call(broker, "liar.calls", json!({})).await?;
        if calls
            .as_array()
            .is_some_and(|calls| calls.contains(&json!(tool)))
        {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_upstream() -> TestResult {
    let broker = lying(&[])?;
    echoes(&broker).await?;
    {
        let hanging = call(&broker, "liar.hangs", json!({}));
        tokio::pin!(hanging);
        tokio::select! {
            biased;
            _ = &mut hanging => return Err("the call came back".into()),
            // One that was not sent when it is dropped is never sent.
            arrived = arrived(&broker, "hangs") => arrived?,
        }
    }
    // The cancellation goes its own way, and may be behind the next call.
    let told = async {
        loop {
            let told = call(&broker, "liar.cancellations", json!({})).await?;
            if told != json!([]) {
                return Ok::<_, Box<dyn std::error::Error>>(told);
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(30), told).await??;
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_asks_without_reading_only_harms_itself() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_secs(2);
    })?;
    echoes(&broker).await?;
    let before = resident()?;
    let flooded = error(&broker, "liar.floods_with_pings", json!({})).await?;
    assert_eq!(flooded.kind, Kind::CallTimedOut);
    let grown = resident()?.saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "grew by {grown} bytes");
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_start_that_fails_says_why() -> TestResult {
    for (args, reason) in [
        (
            &["--start", "dead"][..],
            "it exited with status 3; its last words:\n  usage: liar needs\n    a better token than [SECRET]",
        ),
        (
            &["--start", "refuses"],
            "it refused the handshake: `no licence for [SECRET]` (code -32000)",
        ),
        (
            &["--start", "nonsense"],
            "its answer to the handshake is not what the protocol says",
        ),
        (&["--list", "nonsense"], "its tool list has no `tools`"),
        (&["--list", "loop"], "leads back to a page already read"),
        (&["--list", "many"], "it lists more than 10000 tools"),
        (
            &["--list", "endless"],
            "its tool list has more than 1000 pages",
        ),
        (
            &["--list", "heavy"],
            "its tool list holds more than 1000000 values",
        ),
    ] {
        let broker = lying(args)?;
        let failed = error(&broker, "liar.echo", json!({"text": "hi"})).await?;
        assert_eq!(failed.kind, Kind::UpstreamUnavailable, "{args:?}: {failed}");
        assert!(failed.message.contains(reason), "{args:?}: {failed}");
        assert!(!format!("{failed:?}").contains(CANARY));
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_speaks_the_protocol_is_given_up_in_time() -> TestResult {
    let broker = broker(json!({"liar": liar(&["--start", "prose"])}), |config| {
        config.start_timeout = Duration::from_secs(3);
    })?;
    let silent = error(&broker, "liar.echo", json!({})).await?;
    assert_eq!(silent.kind, Kind::UpstreamUnavailable);
    assert_eq!(
        silent.message,
        "`liar` could not be started: it did not answer the handshake within 3s; \
         it wrote `Listening on port 8080 ...`, which is not the protocol"
    );
    let broker = self::broker(json!({"liar": liar(&["--start", "nobody"])}), |config| {
        config.start_timeout = Duration::from_secs(3);
    })?;
    let stray = error(&broker, "liar.echo", json!({})).await?;
    assert_eq!(
        stray.message,
        "`liar` could not be started: it did not answer the handshake within 3s; \
         it answered a request that was never made (id 4711)"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_run_is_named_and_not_tried_twice() -> TestResult {
    let starts = tempfile::NamedTempFile::new()?;
    let broker = broker(
        json!({
            "missing": {"command": "/nowhere/no-such-program"},
            "nowhere": {"command": "python3", "cwd": "/no/such/place"},
            "unset": {"command": "python3", "env": {"KEY": "${NOT_SET_HERE}"}},
            "remote": {"type": "http", "url": "https://example.invalid/"},
            "liar": liar(&[]),
            "script": {"command": starts.path()},
        }),
        |_| {},
    )?;
    for (tool, reason) in [
        (
            "missing.x",
            "it exited with status 127; its last words: `cannot run 'no-such-program': No such file or directory (os error 2)`",
        ),
        ("script.x", "Permission denied"),
        ("nowhere.x", "its working directory does not exist"),
        (
            "unset.x",
            "test.json: mcpServers.unset.env.KEY: the variable NOT_SET_HERE is not set",
        ),
        (
            "remote.x",
            "mcpServers.remote: servers over HTTP (`http`) are not there yet",
        ),
    ] {
        let failed = error(&broker, tool, json!({})).await?;
        assert_eq!(failed.kind, Kind::UpstreamUnavailable);
        assert!(failed.message.contains(reason), "{tool}: {failed}");
        assert!(!failed.message.contains("/nowhere"), "{failed}");
    }
    // One upstream that cannot be had does not spoil another.
    echoes(&broker).await?;
    assert_eq!(
        broker.search(search("echo", 1), context()).await?[0].name(),
        "liar.echo"
    );
    Ok(())
}

#[tokio::test]
async fn secrets_appear_in_no_error() -> TestResult {
    let broker = lying(&[])?;
    let told = error(&broker, "liar.tells_its_secret", json!({})).await?;
    assert_eq!(told.message, "denied for token [SECRET]");
    // Nor does a part of one, where a text is cut.
    for padding in 16_370..16_390 {
        let cut = error(
            &broker,
            "liar.tells_its_secret",
            json!({ "padding": padding }),
        )
        .await?;
        assert!(
            cut.message.len() <= 16 * 1024 && !cut.message.contains("canary"),
            "{padding}"
        );
    }
    for form in ["upper", "split"] {
        let told = error(&broker, "liar.tells_its_secret", json!({ "form": form })).await?;
        assert_eq!(told.message, "denied for token [SECRET]", "{form}");
    }
    for padding in 200..300 {
        let unfit = error(
            &broker,
            "liar.unfit_with_its_secret",
            json!({ "padding": padding }),
        )
        .await?;
        assert_eq!(unfit.kind, Kind::InvalidAnswer);
        assert!(!unfit.to_string().contains("canary"), "{padding}: {unfit}");
        let data = unfit.data.unwrap_or_default().to_string();
        assert!(!data.contains("canary"), "{padding}: {data}");
    }
    assert!(!format!("{broker:?}").contains(CANARY));
    Ok(())
}

/// What only resembles a secret is an answer like any other.
#[tokio::test]
async fn what_resembles_a_secret_is_passed_on() -> TestResult {
    let broker = lying(&[])?;
    let near = CANARY.strip_suffix('2').unwrap_or_default();
    let failed = error(
        &broker,
        "liar.fails_with",
        json!({ "text": format!("no {near}!") }),
    )
    .await?;
    assert_eq!(failed.message, format!("no {near}!"));
    Ok(())
}

#[tokio::test]
async fn descriptions_show_no_secret_of_their_server() -> TestResult {
    let broker = lying(&[])?;
    let names = vec!["liar.says_its_secret".to_owned()];
    let described = broker.describe(names, context()).await?;
    let described = described.first().ok_or("it is not described")?;
    let shown = format!(
        "{} {} {}",
        described.signature, described.description, described.input
    );
    assert!(!shown.to_lowercase().contains("canary"), "{shown}");
    assert!(described.description.starts_with("For [SECRET]. xxx"));
    assert_eq!(
        described.input["properties"]["token"]["default"],
        "[SECRET]"
    );
    let called = call(&broker, "liar.says_its_secret", json!({})).await?;
    assert_eq!(called, "said");
    Ok(())
}

#[tokio::test]
async fn the_environment_is_what_was_configured_and_little_else() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.environment = wxmcp_upstream::Environment::new([
            ("PATH", std::env::var("PATH").unwrap_or_default().as_str()),
            ("LC_TIME", "C"),
            ("AWS_SECRET_ACCESS_KEY", "never"),
            ("SECRET", CANARY),
        ]);
    })?;
    let Value::Object(seen) = call(&broker, "liar.environment", json!({})).await? else {
        return Err("not an object".into());
    };
    let mut names: Vec<&str> = seen.keys().map(String::as_str).collect();
    names.sort_unstable();
    // Python and shells in front of it set these themselves.
    let own = ["LC_CTYPE", "OLDPWD", "PWD", "SHLVL", "_"];
    names.retain(|name| !own.contains(name) && !name.contains("PYENV"));
    assert_eq!(names, ["LC_TIME", "PATH", "SECRET"]);
    // It has the value: answers say the variable's name in its place.
    assert_eq!(seen["SECRET"], json!("[SECRET]"));
    Ok(())
}
