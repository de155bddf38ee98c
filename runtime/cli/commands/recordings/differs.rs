//! Where a replay differs, for people.

use wxmcp_recording::Divergence;

use super::load::Loaded;

/// Where a replay differs, for people.
pub(super) fn in_words(
    divergence: &Divergence,
    loaded: &Loaded,
    script: Option<&str>,
    file: &str,
) -> String {
    let (number, run) = loaded.run_of(divergence.event);
    let recorded = run.head.name.as_str();
    let edited = loaded.script.as_deref().filter(|_| loaded.edited.is_some());
    let script = script.or(edited).unwrap_or(recorded);
    let other = divergence.file.as_deref();
    let script = other.filter(|file| *file != recorded).unwrap_or(script);
    let place = match divergence.line {
        Some(line) if divergence.at_line => format!("{script}, line {line}"),
        Some(line) => format!("{script}, before line {line} was done"),
        None => script.to_owned(),
    };
    let place = match loaded.is_session() {
        true => format!("run {number} of {}: {place}", loaded.runs().count()),
        false => place,
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
