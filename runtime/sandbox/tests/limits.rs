//! Each limit stops the probe by its name, and its twin below the limit passes.

mod probe;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use probe::{Events, TestResult, limits, request, run};
use wxmcp_run::{
    BoxFuture, Ledger, Limit, Limits, Note, Outcome, Report, ToolAnswer, ToolCall, ToolError,
    ToolHost,
};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{NativeCache, Sandbox};

#[test]
fn a_script_returns_prints_and_is_counted() -> TestResult {
    let report = run("oev", limits())?;
    assert!(matches!(&report.outcome, Outcome::Returned(value) if value.get() == "42"));
    assert_eq!(report.stdout, b"out\n");
    assert_eq!(report.stderr, b"err\n");
    assert!(report.usage.fuel > 0);
    assert!(report.usage.peak_memory >= 17 << 16);
    Ok(())
}

#[test]
fn the_time_limit_stops_a_guest_that_spins() -> TestResult {
    let wall = Duration::from_millis(100);
    let report = run("os", Limits { wall, ..limits() })?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::WallTime(100), None)
    ));
    assert_eq!(report.stdout, b"out\n", "what was printed is kept");
    Ok(())
}

#[test]
fn the_time_limit_stops_a_guest_that_waits_for_a_tool() -> TestResult {
    let wall = Duration::from_millis(100);
    for source in ["nw", "nWWv"] {
        let report = run(source, Limits { wall, ..limits() })?;
        let waited = matches!(report.outcome, Outcome::Stopped(Limit::WallTime(100), None));
        assert_eq!(waited, source == "nw", "{source}");
        let ended: Vec<bool> = report.calls.iter().map(|it| it.ended.is_some()).collect();
        assert_eq!(ended, [false], "{source}");
    }
    Ok(())
}

#[test]
fn the_fuel_limit_stops_a_guest_that_spins() -> TestResult {
    let fuel = Some(1_000_000);
    let report = run("s", Limits { fuel, ..limits() })?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::Fuel(1_000_000), None)
    ));
    assert_eq!(report.usage.fuel, 1_000_000);
    let report = run("v", Limits { fuel, ..limits() })?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    Ok(())
}

#[test]
fn fuel_is_counted_to_the_unit_and_as_much_as_is_used_is_enough() -> TestResult {
    let used = run("v", limits())?.usage.fuel;
    assert!(used > 0);
    assert_eq!(run("v", limits())?.usage.fuel, used);
    let fuel = Some(used);
    let report = run("v", Limits { fuel, ..limits() })?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    let fuel = Some(used - 1);
    let report = run("v", Limits { fuel, ..limits() })?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::Fuel(_), None)
    ));
    assert_eq!(report.usage.fuel, used - 1);
    Ok(())
}

#[test]
fn the_memory_limit_is_named_also_where_the_guest_traps() -> TestResult {
    let memory = 64 << 20;
    let small = Limits { memory, ..limits() };
    let report = run("G", small.clone())?;
    assert!(
        matches!(&report.outcome, Outcome::Stopped(limit, None) if *limit == Limit::Memory(memory))
    );
    // A guest that was refused and says MemoryError was stopped by the limit ...
    let report = run("ggggggR", small.clone())?;
    assert!(
        matches!(&report.outcome, Outcome::Stopped(Limit::Memory(_), Some(raised)) if raised.kind == "MemoryError")
    );
    // ... one that was not refused was not, and one that copes goes on.
    let report = run("gR", small.clone())?;
    assert!(matches!(&report.outcome, Outcome::Raised(raised) if raised.kind == "MemoryError"));
    let report = run("ggggggv", small)?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    assert!(report.usage.peak_memory <= memory);
    Ok(())
}

#[test]
fn the_stack_limit_is_named() -> TestResult {
    let report = run("r", limits())?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::Stack, None)
    ));
    Ok(())
}

#[test]
fn the_output_limit_keeps_what_fits() -> TestResult {
    let report = run("oOv", limits())?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::Output(_), None)
    ));
    assert_eq!(report.stdout.len(), 1 << 20);
    assert!(report.stdout.starts_with(b"out\n"));
    let report = run("Ov", limits())?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    Ok(())
}

#[test]
fn the_limit_of_tool_calls_stops_the_call_after_the_last() -> TestResult {
    let tool_calls = 2;
    let report = run(
        "CCv",
        Limits {
            tool_calls,
            ..limits()
        },
    )?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    let report = run(
        "CCCv",
        Limits {
            tool_calls,
            ..limits()
        },
    )?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::ToolCalls(2), None)
    ));
    assert_eq!(report.calls.len(), 2, "calls already made are told");
    Ok(())
}

#[test]
fn calls_above_the_concurrency_limit_wait_for_their_turn() -> TestResult {
    let concurrent_calls = 1;
    for (source, calls) in [("cccwwwv", 3), ("cccCv", 4)] {
        let report = run(
            source,
            Limits {
                concurrent_calls,
                ..limits()
            },
        )?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{source}");
        let ended = report.calls.iter().filter(|call| call.ended.is_some());
        assert_eq!(
            (ended.count(), report.calls.len()),
            (calls, calls),
            "{source}"
        );
    }
    Ok(())
}

#[test]
fn a_message_that_is_too_large_is_named() -> TestResult {
    let report = run("B", limits())?;
    assert!(
        matches!(report.outcome, Outcome::Stopped(Limit::Message(_), None)),
        "{:?}",
        report.outcome
    );
    let report = run(
        "v",
        Limits {
            value: 1,
            ..limits()
        },
    )?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::Value(1), None)
    ));
    Ok(())
}

#[test]
fn a_guest_that_traps_is_a_crash_and_not_ours() -> TestResult {
    let report = run("ou", limits())?;
    assert!(matches!(&report.outcome, Outcome::Raised(raised) if raised.kind == "GuestCrash"));
    assert_eq!(report.stdout, b"out\n");
    Ok(())
}

#[test]
fn a_guest_that_breaks_the_protocol_harms_nobody() -> TestResult {
    for (source, kind) in [
        ("V", "InterpreterError"),
        ("", "InterpreterError"),
        ("vX", "InterpreterError"),
    ] {
        let report = run(source, limits())?;
        assert!(
            matches!(&report.outcome, Outcome::Raised(raised) if raised.kind == kind),
            "{source}: {:?}",
            report.outcome
        );
    }
    for source in ["Ev", "kv", "Nv", "wv", "bwv", "qwv"] {
        let report = run(source, limits())?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{source}");
        assert!(report.calls.is_empty(), "{source}");
    }
    let report = run("bwpv", limits())?;
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(text.contains("invalid-call"), "{text}");
    Ok(())
}

#[test]
fn a_script_may_end_itself() -> TestResult {
    assert!(matches!(run("x", limits())?.outcome, Outcome::Exited(5)));
    Ok(())
}

#[test]
fn calls_come_back_packed() -> TestResult {
    let report = run("Cpv", limits())?;
    assert_eq!(report.stdout, b"\x01{\"a\":1}");
    let report = run("cwpv", limits())?;
    assert_eq!(report.stdout, b"\x01\0\0\0\0\0\0\0\x01\x07\0\0\0{\"a\":1}");
    assert_eq!(report.usage.tool_calls, 1);
    assert_eq!(report.calls[0].name, "t.echo");
    Ok(())
}

#[test]
fn what_is_cancelled_never_comes() -> TestResult {
    let report = run("nkwpv", limits())?;
    assert_eq!(report.stdout, b"");
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    Ok(())
}

/// A host with something to say of each answer.
struct Noting;

impl ToolHost for Noting {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let mut answer = ToolAnswer::new(call.sequence.into(), 1);
            for about in ["a server", "a tool"] {
                let about = about.to_owned();
                let text = format!("{about} {}", call.sequence);
                answer.notes.push(Note { about, text });
            }
            Ok(answer)
        })
    }
}

#[test]
fn of_notes_about_one_thing_the_first_is_printed() -> TestResult {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = NativeCache::new(None).load(&engine, &probe::guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut noting = request("CCeCv", limits());
    noting.tools = Arc::new(Noting);
    let report = runtime.block_on(sandbox.run(noting))?;
    let stderr = String::from_utf8(report.stderr)?;
    assert_eq!(stderr, "note: a server 1\nnote: a tool 1\nerr\n");
    Ok(())
}

#[test]
fn artifacts_and_progress_reach_the_host() -> TestResult {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = NativeCache::new(None).load(&engine, &probe::guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let events = Arc::new(Events::default());
    let mut run = request("aPoCv", limits());
    run.observer = events.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(sandbox.run(run))?;
    assert_eq!(report.artifacts[0].data, "hi");
    let heard = events.0.lock().map_err(|_| "poisoned")?.join("\n");
    for part in ["half", "Stdout out", "CallStarted", "CallEnded"] {
        assert!(heard.contains(part), "{part} is missing in {heard}");
    }
    Ok(())
}

#[test]
fn a_run_that_is_cancelled_says_so_and_keeps_its_output() -> TestResult {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = NativeCache::new(None).load(&engine, &probe::guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let mut run = request("onw", limits());
    run.cancel = Box::pin(std::future::ready(()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(sandbox.run(run))?;
    assert!(matches!(report.outcome, Outcome::Cancelled));
    assert_eq!(report.stdout, b"out\n");
    Ok(())
}

#[test]
fn runs_share_nothing_in_a_pool_of_one() -> TestResult {
    let engine = engine::engine(Allocation::Pooled {
        instances: 1,
        memory: 64 << 20,
    })?;
    let guest = NativeCache::new(None).load(&engine, &probe::guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let first = runtime.block_on(sandbox.run(request("CpOv", limits())))?;
    assert!(first.stdout.starts_with(b"\x01{\"a\":1}"));
    // The answer of the first run lay at the address that `p` reads.
    let second = runtime.block_on(sandbox.run(request("pv", limits())))?;
    assert_eq!(second.stdout, b"");
    Ok(())
}

/// Runs a probe script of a run that may hold so many bytes; all of them are given back.
fn holding(source: &str, budget: u64) -> Result<Report, Box<dyn Error>> {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = NativeCache::new(None).load(&engine, &probe::guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut run = request(source, limits());
    let ledger = Ledger::of_process(u64::MAX).for_run(budget);
    run.ledger = ledger.clone();
    let report = runtime.block_on(sandbox.run(run))?;
    drop(sandbox);
    drop(runtime);
    assert_eq!(ledger.held(), 0);
    Ok(report)
}

#[test]
fn what_a_guest_hands_out_is_charged() -> TestResult {
    let report = holding(&"a".repeat(50), 500)?;
    let Outcome::Stopped(limit, _) = report.outcome else {
        return Err(format!("{:?}", report.outcome).into());
    };
    assert_eq!(limit, Limit::HostMemory(500));
    let report = holding("aav", 500)?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    assert_eq!(report.artifacts.len(), 2);
    Ok(())
}

#[test]
fn operations_that_wait_are_charged() -> TestResult {
    // Half of them are refused; there is no room to print that either.
    let report = holding(&format!("{}wpv", "n".repeat(100)), 80 << 10)?;
    let Outcome::Stopped(limit, _) = report.outcome else {
        return Err(format!("{:?}", report.outcome).into());
    };
    assert_eq!(limit, Limit::HostMemory(80 << 10));
    let report = holding(&format!("{}cwpv", "n".repeat(20)), 80 << 10)?;
    let stdout = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(stdout.contains("{\"a\":1}"), "{stdout}");
    Ok(())
}
