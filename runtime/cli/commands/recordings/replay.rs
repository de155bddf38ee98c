//! `wxmcp replay`: a recorded run once more.

use std::sync::Arc;

use wxmcp_recording::HowToReplay;
use wxmcp_run::Language;

pub(super) use super::differs::in_words;
use super::load::{Loaded, load, other, replay};
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
    if loaded.is_session() {
        return super::session::execute(args, &loaded, &guests);
    }
    if let Some(script) = &args.script {
        same_language(script, &loaded)?;
    }
    if args.live.live {
        return super::live::execute(args, &loaded);
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
    if args.json {
        render::line(&replayed.report.to_string());
    } else if !replayed.ended_early {
        render::report(&report, false, args.usage, args.quiet);
    }
    if !replayed.ended_early {
        return Ok(Exit::from(&report.outcome));
    }
    render::note(&match args.until {
        Some(event) => format!("stopped before event {event}"),
        None => "the recording ends here".to_owned(),
    });
    Ok(Exit::Success)
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
