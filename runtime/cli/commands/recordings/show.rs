//! `wxmcp recording show`: what a recording holds.

use anyhow::Context as _;
use wxmcp_recording::file::{self, Recording, Show};

use super::{load, opening};
use crate::cli::{RecordingArgs, RecordingCommand};
use crate::exit::{Exit, Failure};
use crate::render;

/// Columns of a table of calls.
const COLUMNS: usize = 120;

pub(in crate::commands) fn execute(args: &RecordingArgs) -> Result<Exit, Failure> {
    let RecordingCommand::Show { file, calls } = &args.command;
    let read = || -> anyhow::Result<Recording> { Ok(Recording::read(opening::open(file)?)?) };
    let recording = read()
        .with_context(|| format!("read the recording `{}`", file.display()))
        .map_err(Failure::usage)?;
    if *calls {
        let table = file::table(&file::calls(&recording.events), COLUMNS);
        render::bytes(table.as_bytes());
    } else {
        for (number, event) in (0..).zip(&recording.events) {
            render::line(&file::line(number, event, Show { longest: None }));
        }
    }
    if let Some(note) = load::cut_short(&recording.completeness) {
        render::note(&note);
    }
    Ok(Exit::Success)
}
