//! The table: figures of the programs beside this one, and of those of an earlier commit.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::MEASURE;
use crate::timing::text;

/// How often each group is measured, where two executables are compared.
const ROUNDS: usize = 3;

/// A row that a measuring process printed.
struct Row {
    question: String,
    measured: String,
    bar: String,
}

/// Measures groups of questions and prints their rows.
pub(crate) fn table(groups: &[&str], before: Option<&Path>) -> anyhow::Result<()> {
    let now = std::env::current_exe()?;
    let before = before.map(|folder| folder.join("figures"));
    match before {
        None => println!("{:<66} {:>14} {:>10}", "question", "measured", "bar"),
        Some(_) => println!(
            "{:<66} {:>14} {:>14} {:>7} {:>10}",
            "question", "before", "now", "ratio", "bar"
        ),
    }
    for group in groups {
        println!("{group}");
        match &before {
            None => {
                for row in measure(&now, group)? {
                    println!(
                        "  {:<64} {:>14} {:>10}",
                        row.question, row.measured, row.bar
                    );
                }
            }
            Some(before) => compare(before, &now, group)?,
        }
    }
    Ok(())
}

/// Measures a group with both, in turn, and prints the rows of each that are in the middle.
fn compare(before: &Path, now: &Path, group: &str) -> anyhow::Result<()> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // What the earlier commit cannot do it does not answer.
        old.push(measure(before, group).unwrap_or_default());
        new.push(measure(now, group)?);
    }
    for row in middle(&new) {
        let then = middle(&old)
            .into_iter()
            .find(|old| old.question == row.question);
        let ratio = then
            .and_then(|then| Some(number(&row.measured)? / number(&then.measured)?))
            .map(|ratio| format!("{ratio:.2}"));
        println!(
            "  {:<64} {:>14} {:>14} {:>7} {:>10}",
            row.question,
            then.map_or("", |then| then.measured.as_str()),
            row.measured,
            ratio.unwrap_or_default(),
            row.bar
        );
    }
    Ok(())
}

/// Of each row that all rounds have, the one whose number is in the middle.
fn middle(rounds: &[Vec<Row>]) -> Vec<&Row> {
    let Some(first) = rounds.first() else {
        return Vec::new();
    };
    let of = |question: &str| {
        let mut same: Vec<&Row> = rounds
            .iter()
            .flatten()
            .filter(|row| row.question == question)
            .collect();
        same.sort_by(|a, b| f64::total_cmp(&value(a), &value(b)));
        same.get(same.len() / 2).copied()
    };
    first.iter().filter_map(|row| of(&row.question)).collect()
}

fn value(row: &Row) -> f64 {
    number(&row.measured).unwrap_or(0.0)
}

/// The number that a figure begins with.
fn number(measured: &str) -> Option<f64> {
    let end = measured
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(measured.len());
    measured.get(..end)?.parse().ok()
}

fn measure(figures: &Path, group: &str) -> anyhow::Result<Vec<Row>> {
    let output = Command::new(figures)
        .args([MEASURE, group])
        .stderr(Stdio::inherit())
        .output()?;
    let mut rows = Vec::new();
    for line in text(output)?.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        ensure!(parts.len() == 3, "`{line}` is no row");
        rows.push(Row {
            question: parts[0].to_owned(),
            measured: parts[1].to_owned(),
            bar: parts[2].to_owned(),
        });
    }
    Ok(rows)
}
