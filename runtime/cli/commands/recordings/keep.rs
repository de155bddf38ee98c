//! A run that is recorded.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wxmcp_broker::CallerHost;
use wxmcp_host::Runtime;
use wxmcp_recording::capture::{self, Mounts, NotCaptured};
use wxmcp_recording::event::{Event, Head};
use wxmcp_recording::file::Writer;
use wxmcp_recording::{NotRecorded, Recorder, Sink};
use wxmcp_run::{CallContext, Policy, Report, Run, Stdin, ToolHost as _};

use super::target::Target;
use super::{limits, names, secret_files};
use crate::cli::RunArgs;
use crate::exit::Failure;
use crate::render;

/// Most bytes of standard input that a recording holds.
const STDIN: u64 = 64 << 20;

/// Parts of the names of environment variables that look like secrets.
const SECRET: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];

/// Records one run into a file.
pub(in crate::commands) struct Keeper {
    recorder: Recorder,
    path: PathBuf,
    target: Target,
    /// The mounts, and what they held before.
    policy: Policy,
    mounts: Mounts,
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
) -> Result<(Run, Option<Keeper>), Failure> {
    let Some(path) = &args.keep.record else {
        return Ok((run, None));
    };
    let mut run = run;
    run.policy.stdin = read_stdin(run.policy.stdin)?;
    if !args.keep.record_env {
        refuse_secrets(&run)?;
    }
    let natives = runtime.guests().natives();
    let guest = natives.of(run.script.language).map(|guest| guest.component);
    let guest = guest.ok_or_else(|| {
        Failure::usage(anyhow::anyhow!(
            "a component is not recorded: `{}`",
            run.script.name
        ))
    })?;
    let head = Head::of(&run, guest, env!("CARGO_PKG_VERSION")).map_err(not_recorded)?;
    let words = command(std::env::args().skip(1).collect(), &args.words);
    let head = Head {
        command: limits::said(words, args.words.len()),
        ..head
    };
    let unwritten = |error: io::Error| {
        let what = format!("write the recording `{}`", path.display());
        Failure::usage(anyhow::Error::new(error).context(what))
    };
    let (target, file) = Target::create(path).map_err(unwritten)?;
    target.hide(&mut run.policy);
    let mounts = capture::capture(&run.policy).map_err(not_captured)?;
    if !args.keep.record_files {
        secret_files::refuse(&run.policy, &mounts)?;
    }
    let captured = capture::events(&mounts).collect();
    let policy = run.policy.clone();
    target.protect(&mut run.policy);
    let (run, recorder) = Kept::new(file)
        .and_then(|file| Recorder::of(run, head, captured, Box::new(file)))
        .map_err(unwritten)?;
    let keeper = Keeper {
        recorder,
        path: path.clone(),
        target,
        policy,
        mounts,
    };
    Ok((run, Some(keeper)))
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
        self.target.keep();
        let changes = capture::changes(&self.policy, &self.mounts).map_err(not_captured)?;
        changes
            .into_iter()
            .for_each(|event| self.recorder.push(event));
        let written = self.recorder.finish(report, digests(report, tools).await);
        written
            .and_then(|()| self.target.finish())
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::unwritten)
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

fn refuse_secrets(run: &Run) -> Result<(), Failure> {
    let looks_secret = |name: &str| {
        let name = name.to_uppercase();
        SECRET.iter().any(|part| name.contains(part))
    };
    let names = run.policy.env.iter().map(|(name, _)| name);
    match names.into_iter().find(|name| looks_secret(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(anyhow::anyhow!(
            "the environment variable `{name}` looks like a secret, and would be in the recording"
        ))
        .hint("drop it, give it to a server instead of the script, or say --record-env")),
    }
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
