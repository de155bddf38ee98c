//! How well are tools found, and how fast; how fast is their WIT made? `make bench-search`.
//!
//! The tools are those of 32 real MCP servers, started here with credentials that open nothing
//! and listed through the broker; the list is kept below `target/` until a version changes. The
//! questions are ours: `queries.txt`. They are split by a fixed rule; the ranking was tuned on
//! one half, and what is held out says how it does on what it was not tuned on.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that prints a table, and fails where it stands"
)]

mod listing;
mod questions;
mod wit;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::ensure;
use wxmcp_catalogue::{Document, SearchIndex};

use questions::{Half, Question};

/// Tools that must be there for the figures to mean anything.
const LEAST_TOOLS: usize = 500;

/// Tools that the time of a search is measured over.
const MANY_TOOLS: usize = 5_000;

fn main() -> anyhow::Result<()> {
    let told = listing::tools()?;
    let tools = listing::documents(&told)?;
    let servers: BTreeSet<&str> = tools.iter().map(|tool| space(&tool.name)).collect();
    println!("{} tools of {} servers", tools.len(), servers.len());
    ensure!(tools.len() >= LEAST_TOOLS, "too few tools to measure on");
    let names: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let questions = questions::read()?;
    for question in &questions {
        for name in &question.fits {
            let known = names.contains(name.as_str()) || !servers.contains(space(name));
            ensure!(known, "`{}`: there is no `{name}`", question.query);
        }
    }
    let index = SearchIndex::new(&tools);
    ensure!(
        index.search("jira_get_sprint_issues", 1)
            == position(&tools, "atlassian.jira_get_sprint_issues")
            && index.search("", 5).is_empty(),
        "the index finds no tool by its own name, or something for nothing"
    );
    println!("{:<58} {:>14} {:>14}", "question", "measured", "bar");
    for half in [Half::Tuning, Half::HeldOut] {
        let asked: Vec<&Question> = questions.iter().filter(|q| q.half == half).collect();
        quality(&format!("{half:?}"), &index, &tools, &asked);
    }
    quality("All", &index, &tools, &questions.iter().collect::<Vec<_>>());
    speed(&tools, &questions)?;
    wit::speed(&told)
}

/// How many questions have a good tool first, and among the first five; and whether
/// `nothing fits` is said where it is true, and only there.
fn quality(title: &str, index: &SearchIndex, tools: &[Document], asked: &[&Question]) {
    let (mut first, mut five, mut fit) = (0, 0, 0);
    let (mut silent, mut rightly, mut nothing) = (0, 0, 0);
    for question in asked {
        let hits = index.search(&question.query, 5);
        let is_good = |hit: &usize| question.fits.contains(&tools[*hit].name);
        silent += u32::from(hits.is_empty());
        if question.fits.is_empty() {
            nothing += 1;
            rightly += u32::from(hits.is_empty());
        } else {
            fit += 1;
            first += u32::from(hits.first().is_some_and(is_good));
            five += u32::from(hits.iter().any(is_good));
        }
    }
    println!("{title}: {fit} questions that tools fit, {nothing} that none fits");
    row("  recall@1", &share(first, fit), ">= 60 %");
    row("  recall@5", &share(five, fit), ">= 80 %");
    row(
        "  `nothing fits` is true when it is said",
        &share(rightly, silent),
        ">= 70 %",
    );
    row(
        "  `nothing fits` is said when it is true",
        &share(rightly, nothing),
        ">= 80 %",
    );
}

/// How long a search over many tools takes: the real ones, again and again under other
/// namespaces.
fn speed(tools: &[Document], questions: &[Question]) -> anyhow::Result<()> {
    let many: Vec<Document> = tools
        .iter()
        .cycle()
        .take(MANY_TOOLS)
        .enumerate()
        .map(|(number, tool)| Document {
            name: format!("n{}_{}", number / tools.len(), tool.name),
            ..tool.clone()
        })
        .collect();
    let started = Instant::now();
    let index = SearchIndex::new(&many);
    let reading = started.elapsed();
    ensure!(
        !index.search("send an email", 10).is_empty(),
        "a search over many tools finds nothing"
    );
    let mut times = Vec::new();
    for question in questions.iter().cycle().take(2_000) {
        let started = Instant::now();
        let hits = index.search(&question.query, 10);
        times.push(started.elapsed());
        ensure!(hits.len() <= 10);
    }
    times.sort();
    println!("{MANY_TOOLS} tools");
    row("  a search, p50", &ms(times[times.len() / 2]), "<= 2 ms");
    row("  a search, p99", &ms(times[times.len() * 99 / 100]), "");
    row("  reading them, once a list changes", &ms(reading), "");
    Ok(())
}

fn space(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn position(tools: &[Document], name: &str) -> Vec<usize> {
    tools
        .iter()
        .position(|tool| tool.name == name)
        .into_iter()
        .collect()
}

fn share(part: u32, of: u32) -> String {
    format!("{:.1} %", f64::from(part) / f64::from(of.max(1)) * 100.0)
}

fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

fn row(question: &str, measured: &str, bar: &str) {
    println!("{question:<58} {measured:>14} {bar:>14}");
}
