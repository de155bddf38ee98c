//! A run that is recorded.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wxmcp_broker::CallerHost;
use wxmcp_host::Runtime;
use wxmcp_policy::{has_password, is_name_of_secret};
use wxmcp_recording::capture::{self, Mounts, NotCaptured};
use wxmcp_recording::event::{Event, Head};
use wxmcp_recording::file::Writer;
use wxmcp_recording::redact::Rules;
use wxmcp_recording::{NotRecorded, Recorder, Sink};
use wxmcp_run::{CallContext, Policy, Report, Run, Stdin, ToolHost as _};

use super::redacting::Redacting;
use crate::cli::{KeepArgs, RunArgs};
use crate::exit::Failure;

/// Most bytes of standard input that a recording holds.
const STDIN: u64 = 64 << 20;

/// Records one run into a file.
pub(in crate::commands) struct Keeper {
    recorder: Recorder,
    path: PathBuf,
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
        refuse_secrets(&run)?;
    }
    let keep = Keep {
        path,
        args: &args.keep,
        rules,
        command: command(std::env::args().skip(1).collect(), args.words.len()),
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
        let mounts = capture::capture(&run.policy).map_err(not_captured)?;
        let captured = capture::events(&mounts).collect();
        let policy = run.policy.clone();
        let begin = || {
            let (redacting, sink): (_, Box<dyn Sink>) = match self.rules.is_empty() {
                true => (None, Box::new(Kept::new(File::create(self.path)?)?)),
                false => {
                    let (redacting, sink) =
                        Redacting::begin(self.path, self.rules, self.args, runtime)?;
                    (Some(redacting), sink)
                }
            };
            let (run, recorder) = Recorder::of(run, head, captured, sink)?;
            io::Result::Ok((run, recorder, redacting))
        };
        let (run, recorder, redacting) = begin()
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::usage)?;
        let keeper = Keeper {
            recorder,
            path: self.path.to_owned(),
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
        self,
        report: &Report,
        tools: &CallerHost,
    ) -> Result<(), Failure> {
        let changes = capture::changes(&self.policy, &self.mounts).map_err(not_captured)?;
        changes
            .into_iter()
            .for_each(|event| self.recorder.push(event));
        let written = self.recorder.finish(report, digests(report, tools).await);
        written
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::unwritten)?;
        match self.redacting {
            None => Ok(()),
            Some(redacting) => redacting.end().await,
        }
    }
}

/// Digests of the definitions of the tools that a run called, by their names as it spelled them.
async fn digests(report: &Report, tools: &CallerHost) -> Vec<(String, String)> {
    let namespaces = tools.namespaces();
    // Others are requests to hosts, or would start servers that the run did not use.
    let is_of_one = |name: &&String| {
        let namespace = name.split_once('.').map(|(namespace, _)| namespace);
        namespace.is_some_and(|it| namespaces.iter().any(|known| known == it))
    };
    let names = report.calls.iter().map(|call| &call.name);
    let names: BTreeSet<_> = names.filter(is_of_one).cloned().collect();
    let mut digests = Vec::new();
    for name in names {
        let context = CallContext::outside_of_runs(tools.broker().ledger());
        // What cannot be described was no tool, or its server has ended.
        if let Ok(described) = tools.describe(vec![name.clone()], context).await {
            let digest = described.first().map(wxmcp_recording::definition_digest);
            digests.extend(digest.map(|digest| (name, digest)));
        }
    }
    digests
}

/// The words of a command line, without those that ask for a recording. The last `own` of them are the script's.
fn command(mut words: Vec<String>, own: usize) -> Vec<String> {
    let own = words.split_off(words.len().saturating_sub(own));
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
    kept.extend(own);
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

fn refuse_secrets(run: &Run) -> Result<(), Failure> {
    for (name, value) in &run.policy.env {
        let why = match (is_name_of_secret(name), has_password(value)) {
            (true, _) => "looks like a secret",
            (false, true) => "has a password in its URL",
            (false, false) => continue,
        };
        return Err(Failure::usage(anyhow::anyhow!(
            "the environment variable `{name}` {why}, and would be in the recording"
        ))
        .hint("drop it, give it to a server instead of the script, or say --record-env"));
    }
    Ok(())
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

/// The file of a script's recording, where none is named: beside it.
pub(in crate::commands) fn default_path(script: &str) -> PathBuf {
    Path::new(script).with_extension("wxr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_ask_for_a_recording_are_left_out() {
        let of =
            |line: &str, own| command(line.split(' ').map(str::to_owned).collect(), own).join(" ");
        let recorded = of("record -o a.wxr --fuel 9 a.py x", 2);
        assert_eq!(recorded, "run --fuel 9 a.py x");
        assert_eq!(of("run --record a.wxr a.py", 1), "run a.py");
        // Behind the script they are its own.
        let own = "a.py -o out --record b";
        assert_eq!(
            of(&format!("run --record=a.wxr {own}"), 5),
            format!("run {own}")
        );
    }

    #[test]
    fn the_recording_of_a_script_has_its_name() {
        let beside = default_path("scripts/report.py");
        assert_eq!(beside, Path::new("scripts/report.wxr"));
    }
}
