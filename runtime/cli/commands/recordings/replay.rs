//! `wxmcp replay`: a recorded run once more.

use std::sync::Arc;

use wxmcp_recording::{Divergence, HowToReplay, OtherScript};
use wxmcp_run::Language;

use super::load::{Loaded, load, replay};
use crate::cli::ReplayArgs;
use crate::exit::{Exit, Failure};
use crate::guests;
use crate::render::{self, Terminal};

pub(in crate::commands) fn execute(args: &ReplayArgs) -> Result<Exit, Failure> {
    let guests = guests::guests();
    let loaded = load(&args.file, &guests)?;
    loaded.notes.iter().for_each(|note| render::note(note));
    if args.interactive {
        let how = HowToReplay {
            until: args.until,
            in_session: true,
            ..HowToReplay::default()
        };
        return super::super::repl::after_replay(&loaded, how, guests);
    }
    if let Some(script) = &args.script {
        same_language(script, &loaded)?;
    }
    let terminal = Arc::new(Terminal::new(!args.json, !args.quiet && !args.json));
    let how = HowToReplay {
        until: args.until,
        script: args.script.as_deref().map(other).transpose()?,
        ..HowToReplay::default()
    };
    let replayed = replay(&loaded, how, &guests, terminal.clone());
    let (replayed, report) = crate::runtime::event_loop()?.run(replayed)?;
    terminal.finish();
    if let Some(divergence) = &replayed.divergence {
        let file = args.file.display().to_string();
        render::failed(&in_words(
            divergence,
            &loaded,
            args.script.as_deref(),
            &file,
        ));
        return Ok(Exit::Diverged);
    }
    if let Some(event) = args.until {
        render::note(&format!("stopped before event {event}"));
    }
    if args.json {
        render::line(&replayed.report.to_string());
    } else {
        render::report(&report, false, args.usage, args.quiet);
    }
    Ok(Exit::from(&report.outcome))
}

/// Refuses a script in another language than that of the recording, in which it would be run.
fn same_language(script: &str, loaded: &Loaded) -> Result<(), Failure> {
    let name = match super::super::run::read_script(script, None)?.language {
        Language::Python => "python",
        Language::JavaScript => "javascript",
        Language::TypeScript => "typescript",
        Language::Component => "component",
    };
    let recorded = loaded.recorded.head.language.as_str();
    match name == recorded {
        true => Ok(()),
        false => Err(Failure::usage(anyhow::anyhow!(
            "`{script}` is in another language ({name}) than the recorded script ({recorded})"
        ))),
    }
}

/// A script that is given the recorded answers.
fn other(name: &str) -> Result<OtherScript, Failure> {
    Ok(OtherScript {
        name: name.to_owned(),
        source: super::super::run::read_script(name, None)?.source,
    })
}

/// Where a replay differs, for people.
pub(super) fn in_words(
    divergence: &Divergence,
    loaded: &Loaded,
    script: Option<&str>,
    file: &str,
) -> String {
    let recorded = loaded.recorded.head.name.as_str();
    let edited = loaded.script.as_deref().filter(|_| loaded.edited.is_some());
    let script = script.or(edited).unwrap_or(recorded);
    let other = divergence.file.as_deref();
    let script = other.filter(|file| *file != recorded).unwrap_or(script);
    let place = match divergence.line {
        Some(line) if divergence.at_line => format!("{script}, line {line}"),
        Some(line) => format!("{script}, before line {line} was done"),
        None => script.to_owned(),
    };
    let mut words = format!(
        "{place}: the replay differs from `{file}` at event {}\n  recorded: {}\n  replayed: {}\n",
        divergence.event, divergence.expected, divergence.actual
    );
    for line in divergence.difference.lines() {
        words.push_str("    ");
        words.push_str(line);
        words.push('\n');
    }
    words
}
