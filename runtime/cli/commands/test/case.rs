//! One test: its run, and how that went.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use wxmcp_run::{
    Access, Clocks, Limits, Mount, Outcome, Policy, Quota, Randomness, Report, Run, RunId, Script,
    Silent, Source, Sources, Stdin, ToolHost,
};
use wxmcp_toolfiles::Interpreters as _;

use super::file::TestFile;
use super::host::TestHost;
use super::library;
use super::start::Common;
use crate::mounts::PROJECT;

/// Calls of the host that a test makes: two for each call that it answers, three for each script.
const CALLS: u64 = 100_000;

/// What is to be run, or was found to be broken.
pub(super) enum Case<'a> {
    Test {
        file: &'a TestFile,
        name: Name,
        /// What the file is compiled to, if its language says.
        code: Option<Arc<str>>,
    },
    Broken {
        file: &'a TestFile,
        words: String,
    },
}

/// A test in a file.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) line: Option<u64>,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test { file, name, .. } => write!(f, "{}: {}", file.path.display(), name.name),
            Self::Broken { file, .. } => write!(f, "{}", file.path.display()),
        }
    }
}

/// The tests of a file.
pub(super) enum Listed {
    Tests(Tests),
    /// It cannot be read; why.
    Broken(String),
}

/// The tests that are in a file.
#[derive(Deserialize)]
pub(super) struct Tests {
    pub(super) names: Vec<Name>,
    /// What the file is compiled to, as text: what runs one of its tests need not compile it.
    #[serde(default)]
    pub(super) code: Option<Arc<str>>,
}

/// How a test went.
pub(super) struct Tested {
    pub(super) file: PathBuf,
    /// None: the file could not be read.
    pub(super) name: Option<Name>,
    pub(super) took: Duration,
    /// What the test printed.
    pub(super) printed: String,
    pub(super) ended: Ended,
}

pub(super) enum Ended {
    Passed,
    /// An assertion failed, or the test raised.
    Failed(Box<Failed>),
    /// It was ended, or the file could not be read.
    Broken(String),
}

/// How a test failed, as the module that it imports says.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
pub(super) struct Failed {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) line: Option<u64>,
    /// The text of that line.
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) traceback: Option<String>,
    /// Of a comparison that was false: what was compared, and how.
    #[serde(default)]
    pub(super) operator: Option<String>,
    #[serde(default)]
    pub(super) left: Option<String>,
    #[serde(default)]
    pub(super) right: Option<String>,
    /// A script that did not return.
    #[serde(default)]
    pub(super) script: Option<WentWrong>,
}

/// How a script ended that did not return.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
pub(super) struct WentWrong {
    pub(super) name: String,
    pub(super) outcome: String,
    /// Its traceback, or what stopped it.
    pub(super) words: String,
}

/// What the script that runs a test answers.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Tests(Tests),
    Passed {},
    Failed(Box<Failed>),
    /// The file cannot be read.
    Broken(String),
}

/// Reads the names of the tests in a file.
pub(super) async fn list(common: &Arc<Common>, file: &TestFile) -> Listed {
    let report = match carry_out(common, file, &[]).await {
        Err(words) => return Listed::Broken(words),
        Ok((report, _)) => report,
    };
    match answer(&report) {
        Ok(Answer::Tests(tests)) if tests.names.is_empty() => {
            Listed::Broken("there is no test in it".to_owned())
        }
        Ok(Answer::Tests(tests)) => Listed::Tests(tests),
        Ok(Answer::Broken(words)) => Listed::Broken(file.seen_from_outside(&words)),
        Ok(_) => Listed::Broken(NO_ANSWER.to_owned()),
        Err(words) => Listed::Broken(file.seen_from_outside(&words)),
    }
}

/// Runs one test.
pub(super) async fn run(common: &Arc<Common>, case: &Case<'_>) -> Tested {
    let began = Instant::now();
    let (file, name, code) = match case {
        Case::Test { file, name, code } => (file, name, code),
        Case::Broken { file, words } => {
            return Tested {
                file: file.path.clone(),
                name: None,
                took: Duration::ZERO,
                printed: String::new(),
                ended: Ended::Broken(words.clone()),
            };
        }
    };
    let words: Vec<_> = [name.name.as_str()]
        .into_iter()
        .chain(code.as_deref())
        .collect();
    let ran = carry_out(common, file, &words).await;
    let (ended, printed) = match ran {
        Err(words) => (Ended::Broken(words), String::new()),
        Ok((report, waits)) => {
            let printed = [&report.stdout[..], &report.stderr].concat();
            let printed = String::from_utf8_lossy(&printed).into_owned();
            (file.ended(&report, &waits), printed)
        }
    };
    Tested {
        file: file.path.clone(),
        name: Some(name.clone()),
        took: began.elapsed(),
        printed,
        ended,
    }
}

const NO_ANSWER: &str =
    "the test ended without a word: something in it took the place of `wxmcp_test`";

fn answer(report: &Report) -> Result<Answer, String> {
    match &report.outcome {
        Outcome::Returned(value) => {
            serde_json::from_str(value.get()).map_err(|_| NO_ANSWER.to_owned())
        }
        Outcome::Raised(raised) if raised.traceback.is_empty() => Err(raised.message.clone()),
        Outcome::Raised(raised) => Err(raised.traceback.clone()),
        Outcome::Exited(code) => Err(format!("the test ended itself, with exit code {code}")),
        Outcome::Stopped(limit, _) => Err(format!("stopped by {limit}")),
        Outcome::Cancelled => Err("the test was cancelled".to_owned()),
    }
}

/// Runs the script that looks at a file of tests, or, with the words that say which, runs one of them; returns what it waits for at its end, too.
async fn carry_out(
    common: &Arc<Common>,
    file: &TestFile,
    words: &[&str],
) -> Result<(Report, Vec<String>), String> {
    let cannot = |error: &dyn std::error::Error| format!("the test cannot be started: {error}");
    let guests = &common.guests;
    let sandbox = guests.sandbox(file.language).map_err(|it| cannot(&it))?;
    let limits = Limits {
        wall: common.timeout,
        memory: common.settings.limits.memory,
        host_memory: common.settings.limits.host_memory,
        tool_calls: CALLS,
        ..Limits::default()
    };
    let ledger = common.ledger.for_run(limits.host_memory);
    let host = Arc::new(TestHost::new(Arc::clone(common), file));
    let tools: Arc<dyn ToolHost> = host.clone();
    let run = Run {
        id: RunId::random(),
        script: script(file, words),
        policy: policy(common, file),
        ledger,
        limits,
        sources: Sources {
            clocks: Clocks::Live,
            randomness: Randomness::seeded(0),
            schedule: None,
        },
        tools,
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let report = wxmcp_run::Runner::run(&*sandbox, run).await;
    let waits = host.waits();
    Ok((report.map_err(|it| cannot(&it))?, waits))
}

fn script(file: &TestFile, words: &[&str]) -> Script {
    let path = format!("{PROJECT}/{}", file.inside);
    Script {
        name: "wxmcp test".to_owned(),
        path: None,
        language: file.language,
        source: library::driver(file.language).to_owned(),
        args: [path.as_str()]
            .iter()
            .chain(words)
            .map(|&it| it.to_owned())
            .collect(),
        in_session: false,
        task: None,
    }
}

fn policy(common: &Common, file: &TestFile) -> Policy {
    let project = Mount {
        source: Source::Host(file.root.clone()),
        guest: PROJECT.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    };
    let seen = wxmcp_packages::seen_by(file.language, &common.sees);
    let own = [
        project,
        library::mount(file.language, common.python.as_deref()),
    ];
    Policy {
        hidden: Vec::new(),
        mounts: own.into_iter().chain(seen.mounts).collect(),
        env: Vec::new(),
        stdin: Stdin::Empty,
        protected: wxmcp_run::Protected::default(),
        packages: seen.packages,
        workdir: None,
    }
}

impl TestFile {
    fn ended(&self, report: &Report, waits: &[String]) -> Ended {
        match answer(report) {
            Ok(Answer::Passed {}) => Ended::Passed,
            Ok(Answer::Failed(mut failed)) => {
                failed.message = self.seen_from_outside(&failed.message);
                failed.traceback = failed.traceback.map(|it| self.seen_from_outside(&it));
                let text = std::fs::read_to_string(&self.path).ok();
                let line = failed.line.and_then(|line| usize::try_from(line).ok());
                failed.source = text.zip(line).and_then(|(text, line)| {
                    let line = text.lines().nth(line.saturating_sub(1))?;
                    Some(line.trim().to_owned())
                });
                Ended::Failed(failed)
            }
            Ok(Answer::Broken(words)) => Ended::Broken(self.seen_from_outside(&words)),
            Ok(Answer::Tests(_)) => Ended::Broken(NO_ANSWER.to_owned()),
            Err(words) => {
                let is_stopped = matches!(report.outcome, Outcome::Stopped(..));
                let mut words = self.seen_from_outside(&words);
                for wait in waits.iter().filter(|_| is_stopped) {
                    words.push_str("\n  ");
                    words.push_str(wait);
                }
                Ended::Broken(words)
            }
        }
    }
}
