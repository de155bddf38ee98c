//! Takes values out of recordings in a process of its own, as runs of a server have their own: a replay is a run.
//!
//! The process is this program again. It reads the rules, one line of JSON, and the recording from its standard input, and
//! writes the recording without the values to its standard output.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Guests, cache_directory};
use wxmcp_recording::redact::{RuleText, Rules};
use wxmcp_run::BoxFuture;

use super::redactor::{Redactor, written};
use crate::exit::Failure;

/// The hidden first argument of that process.
pub(crate) const REDACTOR: &str = "__redact-recording";

/// Processes at once that take values out of recordings.
const AT_ONCE: usize = 2;

/// Time in which values are taken out of a recording.
const TIME: Duration = Duration::from_secs(120);

/// Bytes of a recording that values were taken out of, and of what its process reads.
const RECORDING: u64 = 128 << 20;

/// Bytes of what such a process says.
const WORDS: u64 = 4 << 10;

/// Starts those processes.
pub(in crate::commands) struct Aside {
    program: PathBuf,
    /// The rules, as a line.
    rules: Vec<u8>,
    turns: Semaphore,
}

impl Aside {
    /// None where there are no rules.
    ///
    /// # Errors
    ///
    /// When this program does not know its own file.
    pub(in crate::commands) fn of(rules: &Rules) -> Result<Option<Self>, Failure> {
        if rules.is_empty() {
            return Ok(None);
        }
        let texts: Vec<&RuleText> = rules.texts().collect();
        let mut rules = serde_json::to_vec(&texts).map_err(|error| Failure::fault(error.into()))?;
        rules.push(b'\n');
        Ok(Some(Self {
            program: crate::guests::this_program()?,
            rules,
            turns: Semaphore::new(AT_ONCE),
        }))
    }

    async fn ask(&self, uri: &str, recording: &[u8]) -> anyhow::Result<Vec<u8>> {
        let _turn = self.turns.acquire().await;
        let mut child = tokio::process::Command::new(&self.program)
            .arg(REDACTOR)
            .arg(uri)
            .args(cache_directory())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start a process that applies `recording.redact`")?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            bail!("the process that applies `recording.redact` has no streams");
        };
        let write = async move {
            // One that reads no more says why.
            let _is_gone = stdin.write_all(&self.rules).await;
            let _is_gone = stdin.write_all(recording).await;
        };
        let (mut redacted, mut words) = (Vec::new(), Vec::new());
        let mut stdout = stdout.take(RECORDING);
        let mut stderr = stderr.take(WORDS);
        let ((), read, said) = tokio::join!(
            write,
            stdout.read_to_end(&mut redacted),
            stderr.read_to_end(&mut words)
        );
        read.and(said)
            .context("read what values were taken out of")?;
        if child.wait().await?.success() {
            return Ok(redacted);
        }
        let words = String::from_utf8_lossy(&words);
        match words.trim() {
            "" => bail!("the process that applies `recording.redact` was lost"),
            words => bail!("{words}"),
        }
    }
}

impl wxmcp_server::Redactor for Aside {
    fn redacted<'a>(
        &'a self,
        uri: &'a str,
        recording: Vec<u8>,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            match tokio::time::timeout(TIME, self.ask(uri, &recording)).await {
                Ok(redacted) => redacted.map_err(|error| format!("{error:#}")),
                Err(_) => Err(format!(
                    "`recording.redact` was not applied within {TIME:?}"
                )),
            }
        })
    }
}

/// What that process does; the arguments are how the recording is called, and where guests are unpacked.
pub(crate) fn redact_main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let uri = arguments.next().and_then(|it| it.into_string().ok());
    let cache = arguments.next().map(PathBuf::from);
    let cache = cache.filter(|it| it.is_absolute());
    match redact(uri.unwrap_or_default(), cache) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _not_readable = writeln!(std::io::stderr(), "{:#}", failure.error);
            ExitCode::FAILURE
        }
    }
}

fn redact(uri: String, cache: Option<PathBuf>) -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| Failure::fault(error.into()))?;
    let mut read = Vec::new();
    std::io::stdin()
        .lock()
        .take(RECORDING)
        .read_to_end(&mut read)
        .context("read the recording")
        .map_err(Failure::usage)?;
    let Some(end) = read.iter().position(|byte| *byte == b'\n') else {
        return Err(Failure::usage(anyhow::anyhow!("this is not for people")));
    };
    let (texts, recording) = read.split_at(end);
    let recording = recording.get(1..).unwrap_or_default();
    let texts: Vec<RuleText> = serde_json::from_slice(texts)
        .context("read the rules")
        .map_err(Failure::usage)?;
    let rules = Rules::new(texts).map_err(|error| Failure::usage(error.into()))?;
    let guests = Arc::new(Guests::new(NATIVES, cache));
    let redactor = Redactor {
        rules: &rules,
        guests: &guests,
        file: uri,
        keeps_what_differs: None,
    };
    let (events, _) = crate::runtime::event_loop()?.run(redactor.redacted(recording))?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    written(&mut output, &events)
        .and_then(|()| Ok(output.flush()?))
        .context("write the recording")
        .map_err(Failure::unwritten)
}
