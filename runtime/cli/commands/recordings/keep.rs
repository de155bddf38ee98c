//! A run that is recorded.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wxmcp_broker::CallerHost;
use wxmcp_host::Runtime;
use wxmcp_recording::capture::{self, Mounts, NotCaptured};
use wxmcp_recording::event::{Event, Head};
use wxmcp_recording::file::Writer;
use wxmcp_recording::redact::Rules;
use wxmcp_recording::{NotRecorded, Recorder, Sink};
use wxmcp_run::{Policy, Report, Run, Stdin};

use super::redacting::Redacting;
use super::target::Target;
use super::{limits, names};
use crate::cli::{KeepArgs, RunArgs};
use crate::exit::Failure;
use crate::render;

/// Most bytes of standard input that a recording holds.
const STDIN: u64 = 64 << 20;

/// Records one run into a file.
pub(in crate::commands) struct Keeper {
    recorder: Recorder,
    path: PathBuf,
    target: Target,
    /// The mounts, and what they held before.
    policy: Policy,
    mounts: Mounts,
    /// The file that is written when the values of rules are out of it.
    redacting: Option<Redacting>,
}

/// How a run is recorded.
pub(super) struct Keep<'a> {
    pub(super) path: &'a Path,
    pub(super) args: &'a KeepArgs,
    pub(super) rules: &'a Rules,
    /// The words of the command line that began it, without those that asked for the recording.
    pub(super) command: Vec<String>,
}

/// The run as it is recorded, if it is to be.
///
/// # Errors
///
/// When it cannot be recorded, or the file cannot be written.
pub(in crate::commands) fn keep(
    run: Run,
    args: &RunArgs,
    runtime: &Runtime,
    rules: &Rules,
) -> Result<(Run, Option<Keeper>), Failure> {
    let Some(path) = &args.keep.record else {
        return Ok((run, None));
    };
    let mut run = run;
    run.policy.stdin = read_stdin(run.policy.stdin)?;
    if !args.keep.record_env {
        refuse_secrets(&run.policy.env)?;
    }
    let words = command(std::env::args().skip(1).collect(), &args.words);
    let keep = Keep {
        path,
        args: &args.keep,
        rules,
        command: limits::said(words, args.words.len()),
    };
    let (run, keeper) = keep.begin(run, runtime)?;
    Ok((run, Some(keeper)))
}

impl Keep<'_> {
    /// The run as it is recorded.
    ///
    /// # Errors
    ///
    /// When it cannot be recorded, or the file cannot be written.
    pub(super) fn begin(self, run: Run, runtime: &Runtime) -> Result<(Run, Keeper), Failure> {
        let natives = runtime.guests().natives();
        let guest = natives.of(run.script.language).map(|guest| guest.component);
        let guest = guest.ok_or_else(|| {
            Failure::usage(anyhow::anyhow!(
                "a component is not recorded: `{}`",
                run.script.name
            ))
        })?;
        let head = Head::of(&run, guest, env!("CARGO_PKG_VERSION")).map_err(not_recorded)?;
        let head = Head {
            command: self.command,
            ..head
        };
        let unwritten = |error: io::Error| {
            let what = format!("write the recording `{}`", self.path.display());
            Failure::usage(anyhow::Error::new(error).context(what))
        };
        let mut run = run;
        let (target, file) = Target::create(self.path).map_err(unwritten)?;
        target.hide(&mut run.policy);
        let mounts = capture::capture(&run.policy).map_err(not_captured)?;
        if !self.args.record_files {
            refuse_secret_files(&run.policy, &mounts)?;
        }
        let captured = capture::events(&mounts).collect();
        let policy = run.policy.clone();
        target.protect(&mut run.policy);
        let begin = || {
            let (redacting, sink): (_, Box<dyn Sink>) = match self.rules.is_empty() {
                true => (None, Box::new(Kept::new(file)?)),
                false => {
                    let to = (self.path, file);
                    let (redacting, sink) = Redacting::begin(to, self.rules, self.args, runtime)?;
                    (Some(redacting), sink)
                }
            };
            let (run, recorder) = Recorder::of(run, head, captured, sink)?;
            io::Result::Ok((run, recorder, redacting))
        };
        let (run, recorder, redacting) = begin().map_err(unwritten)?;
        let keeper = Keeper {
            recorder,
            path: self.path.to_owned(),
            target,
            policy,
            mounts,
            redacting,
        };
        Ok((run, keeper))
    }
}

impl Keeper {
    /// Ends the recording.
    ///
    /// # Errors
    ///
    /// When some of it could not be written.
    pub(in crate::commands) async fn end(
        mut self,
        report: &Report,
        tools: &CallerHost,
    ) -> Result<(), Failure> {
        // Nothing of it is in the file before the values of rules are out of it.
        if self.redacting.is_none() {
            self.target.keep();
        }
        let changes = capture::changes(&self.policy, &self.mounts).map_err(not_captured)?;
        changes
            .into_iter()
            .for_each(|event| self.recorder.push(event));
        let digests = wxmcp_recording::digests(report, tools, tools.broker().ledger()).await;
        let unwritten = |error: io::Error| {
            let what = format!("write the recording `{}`", self.path.display());
            Failure::unwritten(anyhow::Error::new(error).context(what))
        };
        let written = self.recorder.finish(report, digests);
        written.map_err(&unwritten)?;
        if let Some(redacting) = self.redacting {
            redacting.end().await?;
        }
        self.target.finish().map_err(unwritten)
    }
}

/// The words of a command line, without those that ask for a recording. Its last are the script's `own`, among which the name of
/// the recording may stand.
fn command(mut words: Vec<String>, own: &[String]) -> Vec<String> {
    let begins = |more: usize| {
        let at = words.len().checked_sub(own.len().saturating_add(more))?;
        (words.get(at) == own.first()).then_some(at)
    };
    let at = (0..=2).find_map(begins).unwrap_or(words.len());
    words.truncate(at);
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "record" if kept.is_empty() => kept.push("run".to_owned()),
            "--record" | "-o" | "--output" => drop(words.next()),
            word if word.starts_with("--record=") || word.starts_with("--output=") => {}
            _ => kept.push(word),
        }
    }
    kept.extend_from_slice(own);
    kept
}

/// What the script reads from standard input, all of it.
fn read_stdin(stdin: Stdin) -> Result<Stdin, Failure> {
    if !matches!(stdin, Stdin::Inherit) {
        return Ok(stdin);
    }
    let input = io::stdin();
    if input.is_terminal() {
        return Ok(Stdin::Empty);
    }
    let mut bytes = Vec::new();
    let read = input.lock().take(STDIN + 1).read_to_end(&mut bytes);
    read.context("read standard input, which is recorded")
        .map_err(Failure::usage)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > STDIN {
        let error = anyhow::anyhow!("standard input is larger than a recording holds: 64 MiB");
        return Err(Failure::usage(error));
    }
    Ok(Stdin::Bytes(bytes))
}

pub(in crate::commands) fn refuse_secrets(env: &[(String, String)]) -> Result<(), Failure> {
    match wxmcp_recording::secret_of(env) {
        None => Ok(()),
        Some((name, why)) => Err(Failure::usage(anyhow::anyhow!(
            "the environment variable `{name}` {why}, and would be in the recording"
        ))
        .hint("drop it, give it to a server instead of the script, or say --record-env")),
    }
}

fn refuse_secret_files(policy: &Policy, mounts: &Mounts) -> Result<(), Failure> {
    let Some((path, guest)) = wxmcp_recording::secret_file_of(policy, mounts) else {
        return Ok(());
    };
    let error = anyhow::anyhow!(
        "`{}` of the mount `{guest}` looks like a secret, and would be in the recording",
        path.escape_debug(),
    );
    let error = error.context("the run cannot be recorded");
    Err(Failure::usage(error).hint(
        "mount a folder without it, or say --record-files: then the recording holds all that the mounts hold",
    ))
}

fn not_recorded(error: NotRecorded) -> Failure {
    Failure::usage(anyhow::Error::new(error).context("the run cannot be recorded"))
}

fn not_captured(error: NotCaptured) -> Failure {
    Failure::usage(anyhow::Error::new(error).context("the run cannot be recorded"))
}

/// The file of a recording.
struct Kept(Writer<File>);

impl Kept {
    fn new(file: File) -> io::Result<Self> {
        Writer::new(file).map(Self).map_err(io::Error::other)
    }
}

impl Sink for Kept {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        self.0.push(event).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(io::Error::other)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.finish().map(drop).map_err(io::Error::other)
    }
}

/// The file that `-o FILE.wxr` names right behind the script, which is taken from the words. Whatever else stands there is
/// the script's own.
pub(in crate::commands) fn output_behind(words: &mut Vec<String>) -> Option<PathBuf> {
    let is_recording = |file: &str| Path::new(file).extension().is_some_and(|it| it == "wxr");
    let (count, file) = match words.as_slice() {
        [_, flag, file, ..] if flag == "-o" || flag == "--output" => (2, file.as_str()),
        [_, flag, ..] => (1, flag.strip_prefix("--output=")?),
        _ => return None,
    };
    let file = is_recording(file).then(|| PathBuf::from(file))?;
    words.drain(1..=count);
    Some(file)
}

/// The file of a script's recording, where none is named: beside it.
pub(in crate::commands) fn default_path(script: &str) -> PathBuf {
    let script = Path::new(script);
    let path = names::recording_of(script);
    if path != script.with_extension("wxr") {
        render::note(&format!(
            "it is recorded into `{}`: the other name is that of another script's recording",
            path.display()
        ));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_ask_for_a_recording_are_left_out() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |line: &str, own: &str| {
            let mut own = words(own);
            output_behind(&mut own);
            command(words(line), &own).join(" ")
        };
        let recorded = of("record -o a.wxr --fuel 9 a.py x", "a.py x");
        assert_eq!(recorded, "run --fuel 9 a.py x");
        assert_eq!(of("run --record a.wxr a.py", "a.py"), "run a.py");
        for output in ["-o a.wxr", "--output a.wxr", "--output=a.wxr"] {
            let own = format!("a.py {output} x -o a.wxr");
            let recorded = of(&format!("record --fuel 9 {own}"), &own);
            assert_eq!(recorded, "run --fuel 9 a.py x -o a.wxr");
        }
        // Behind the script others are its own.
        let own = "a.py -o out --record b";
        let recorded = of(&format!("run --record=a.wxr {own}"), own);
        assert_eq!(recorded, format!("run {own}"));
    }
}
