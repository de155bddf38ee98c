//! `wxmcp check`: a script against the types of its tools, without running it.

use std::sync::Arc;

use anyhow::Context;
use wxmcp_run::Silent;

use super::run;
use crate::check::{Checker, Findings};
use crate::cli::{CheckArgs, LimitArgs, PolicyArgs};
use crate::exit::{Exit, Failure};
use crate::render;
use crate::settings::Settings;

pub(super) fn execute(args: &CheckArgs) -> Result<Exit, Failure> {
    let mut settings =
        Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), &args.config)
            .map_err(Failure::usage)?;
    let script = run::read_script(&args.script, args.lang)?;
    crate::packages::provide(&mut settings, &script)?;
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let (guests, broker) = (runtime.guests(), runtime.tools());
    let findings = crate::runtime::event_loop()?.run(async {
        let checker = Checker {
            broker,
            guests,
            folder: settings.checkers.as_deref(),
            packages: crate::packages::shown(&settings),
        };
        let findings = checker.check(&script).await;
        broker.shutdown().await;
        findings
    });
    let findings = findings?;
    if args.json {
        let report = serde_json::to_value(&findings)
            .context("write the findings as JSON")
            .map_err(Failure::fault)?;
        render::line(&format!("{report:#}"));
    } else {
        for line in lines(&script.name, &findings) {
            render::line(&line);
        }
    }
    Ok(if findings.findings.is_empty() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// `script.py:3:5: rule: message`, a line a finding.
pub(super) fn lines(name: &str, findings: &Findings) -> Vec<String> {
    let mut lines: Vec<String> = findings
        .findings
        .iter()
        .map(|finding| {
            let (line, column) = (finding.line, finding.column);
            format!(
                "{name}:{line}:{column}: {}: {}",
                finding.rule, finding.message
            )
        })
        .collect();
    if findings.more > 0 {
        lines.push(format!("and {} more", findings.more));
    }
    lines
}
