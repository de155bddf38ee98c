//! How fast the WIT of many real tools is made.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use wxmcp_catalogue::wit::Wit;
use wxmcp_catalogue::{Definition, Tool};

use super::{ms, row, space};

/// Measures it; asserts first that every tool has its function, and that the text is the same
/// each time.
pub(crate) fn speed(told: &[Value]) -> anyhow::Result<()> {
    let mut spaces: BTreeMap<&str, Vec<Tool>> = BTreeMap::new();
    for tool in told {
        let full = tool["name"].as_str().context("a tool without a name")?;
        let name = full.split_once('.').map_or(full, |(_, name)| name);
        let definition = Definition {
            name: name.to_owned(),
            description: tool["description"].as_str().unwrap_or_default().to_owned(),
            input_schema: tool["input"].clone(),
            output_schema: tool
                .get("output")
                .filter(|schema| !schema.is_null())
                .cloned(),
        };
        spaces
            .entry(space(full))
            .or_default()
            .push(Tool::new(definition)?);
    }
    let make = || {
        let wit = Wit::generate(spaces.iter().map(|(space, tools)| (*space, tools)));
        let files = wit.files();
        (wit, files)
    };
    let (wit, files) = make();
    let functions: usize = wit.interfaces().iter().map(|it| it.functions.len()).sum();
    ensure!(wit.left_out().is_empty(), "left out: {:?}", wit.left_out());
    ensure!(
        functions == told.len(),
        "{functions} functions of {} tools",
        told.len()
    );
    ensure!(make().1 == files, "the same tools have other text");
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            let started = Instant::now();
            let made = make();
            let time = started.elapsed();
            drop(made);
            time
        })
        .collect();
    times.sort();
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!("{functions} tools as WIT, {} KiB", bytes >> 10);
    row(
        "  making it, median",
        &ms(times[times.len() / 2]),
        "<= 200 ms",
    );
    row(
        "  making it, slowest of 20",
        &ms(times[times.len() - 1]),
        "",
    );
    Ok(())
}
