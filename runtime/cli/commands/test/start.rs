//! A script under test is started, as its test asks for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use wxmcp_broker::{Broker, BrokerConfig};
use wxmcp_host::{Guests, Job, Runtime, ToolsConfig};
use wxmcp_policy::{Caller, Hosts, Principal, ToolPatterns};
use wxmcp_recording::file::Recording;
use wxmcp_recording::{DEFAULT_NOW, Deterministic, HowToReplay, OtherScript, Recorded, Replay};
use wxmcp_run::{
    Access, CallContext, CapturedBody, Held, Language, Ledger, Limits, Mount, Outcome, Policy,
    Quota, Run, RunId, Script, Silent, Source, Stdin, ToolHost,
};
use wxmcp_toolfiles::{Interpreters as _, Tree, TreeConfig};
use wxmcp_upstream::GuardCommand;

use super::library;
use super::refusals::{Calls, NoResources};
use super::sources;
use super::stub::Stub;
use super::stubs::{Spaces, Stubs};
use super::under_test::{Asked, End, UnderTest, Watched};
use crate::commands::run::read_script;
use crate::exit::Failure;
use crate::mounts::PROJECT;
use crate::settings::Settings;

/// What all tests have in common.
pub(super) struct Common {
    pub(super) settings: Settings,
    pub(super) guests: Arc<Guests>,
    pub(super) ledger: Ledger,
    /// Wall-clock time of a test.
    pub(super) timeout: Duration,
    /// What tests in Python import, compiled.
    pub(super) python: Option<Vec<u8>>,
    /// The packages that the project has locked.
    pub(super) sees: Policy,
    tree: Option<TreeConfig>,
    servers: Vec<String>,
}

/// Where the scripts of a test are.
pub(super) struct Place {
    /// The folder that the test sees.
    pub(super) root: PathBuf,
    /// The folder of the test's file.
    pub(super) folder: PathBuf,
}

/// What a test gives a script: the arguments of `run`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    script: String,
    args: Option<Vec<String>>,
    stdin: Option<String>,
    env: BTreeMap<String, String>,
    stubs: Vec<Stub>,
    recording: Option<String>,
    files: BTreeMap<String, String>,
    project: bool,
    seed: u64,
    now: Option<String>,
    timeout: Option<f64>,
}

impl Common {
    /// # Errors
    ///
    /// When the configuration of tools makes no sense.
    pub(super) fn new(settings: Settings, timeout: Duration) -> Result<Self, Failure> {
        let guests = crate::guests::guests();
        let servers = crate::runtime::configured(&settings)?.upstreams;
        let ledger = match settings.host_memory_total {
            Some(total) => Ledger::of_process(total.as_u64()),
            None => usual_ledger(),
        };
        Ok(Self {
            python: None,
            sees: crate::packages::of_tools(&settings)?,
            tree: crate::runtime::tree(&settings, &guests, Arc::new(Silent))?,
            servers: servers.iter().map(|it| it.name().to_owned()).collect(),
            settings,
            guests,
            ledger,
            timeout,
        })
    }
}

impl Common {
    /// Has the module of Python's tests compiled, once for all of them.
    pub(super) async fn compile(&mut self) {
        let job = Job {
            script: library::compiler(),
            ..Job::new(Language::Python, "wxmcp test", "")
        };
        let runtime = Runtime::with_guests(Arc::clone(&self.guests)).build();
        if let Ok(runtime) = runtime
            && let Ok(report) = runtime.run(job).await
            && let Outcome::Returned(code) = report.outcome
        {
            // Without it each test compiles its own.
            self.python = serde_json::from_str(code.get()).ok();
        }
    }
}

/// The ledger of a process whose configuration says nothing of it.
fn usual_ledger() -> Ledger {
    let no_servers = GuardCommand {
        program: PathBuf::new(),
        args: Vec::new(),
    };
    ToolsConfig::new(no_servers).ledger
}

impl Place {
    /// A file that a test names, relative to its own.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not among those that the test sees.
    fn file(&self, name: &str) -> Result<PathBuf, String> {
        let found = self.folder.join(name).canonicalize();
        let found = found.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file `{name}` beside the test"),
            kind => format!("cannot read `{name}`: {kind}"),
        })?;
        if !found.starts_with(&self.root) {
            return Err(format!(
                "`{name}` is outside of what the test sees: `wxmcp test --project DIR` shows it a larger folder"
            ));
        }
        Ok(found)
    }
}

impl Start {
    /// Starts the script.
    ///
    /// # Errors
    ///
    /// What of this cannot be.
    pub(super) async fn begin(
        self,
        common: &Arc<Common>,
        place: &Place,
        until_it_ends: (OwnedSemaphorePermit, Held),
    ) -> Result<UnderTest, String> {
        let (asked, questions) = Asked::new(&self.script);
        let (mut run, replay) = match &self.recording {
            Some(name) => {
                let (run, replay) = self.recorded(common, place, name)?;
                (run, Some(replay))
            }
            None => (self.fresh(common, place, &asked).await?, None),
        };
        run.tools = Arc::new(Watched {
            inner: run.tools,
            asked: Arc::clone(&asked),
            stubs: self.stubs.clone(),
            is_recording: replay.is_some(),
        });
        let sandbox = common.guests.sandbox(run.script.language);
        let sandbox = sandbox.map_err(|error| error.to_string())?;
        let mounts = run.policy.mounts.clone();
        let asked_of = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let _kept = until_it_ends;
            let report = sandbox.run(run).await;
            let mut report = match report {
                Ok(report) => report,
                Err(error) => return end(Err(format!("`{}`: {error}", self.script)), None),
            };
            let mut fault = asked_of.first_fault(&report);
            if let Some(replay) = replay {
                let divergence = replay.finish(&mut report).divergence;
                fault = fault.or(divergence.map(|it| in_words(&self.script, &it)));
            }
            let canonical = wxmcp_recording::canonical_report(&report);
            let mut told = asked_of.with_arguments(canonical);
            if let Some(told) = told.as_object_mut() {
                told.insert("files".to_owned(), files_now(&mounts, &self.files));
            }
            end(Ok(told), fault)
        });
        Ok(UnderTest::new(asked, questions, task))
    }

    fn script(&self, place: &Place) -> Result<Script, String> {
        let file = place.file(&self.script)?;
        let name = file.to_str().ok_or("its path is not UTF-8")?;
        let script = read_script(name, None);
        let script = script.map_err(|failure| {
            let why = failure
                .error
                .root_cause()
                .to_string()
                .replace(name, &self.script);
            format!("`{}` cannot be run: {why}", self.script)
        })?;
        if script.language == Language::Component {
            return Err(format!(
                "`{}` is a component; tests run scripts",
                self.script
            ));
        }
        let inside = file.strip_prefix(&place.root).ok();
        let inside = inside.and_then(Path::to_str).filter(|_| self.project);
        Ok(Script {
            name: self.script.clone(),
            path: inside.map(|inside| format!("{PROJECT}/{inside}")),
            args: self.args.clone().unwrap_or_default(),
            ..script
        })
    }

    fn limits(&self, common: &Common) -> Result<Limits, String> {
        let given = self.timeout.map(Duration::try_from_secs_f64).transpose();
        let wall = given.map_err(|_| "`timeout` is no number of seconds".to_owned())?;
        let usual = &common.settings.limits;
        Ok(Limits {
            wall: wall.unwrap_or(usual.wall),
            ..usual.clone()
        })
    }

    /// A run whose calls stubs answer.
    async fn fresh(
        &self,
        common: &Arc<Common>,
        place: &Place,
        asked: &Arc<Asked>,
    ) -> Result<Run, String> {
        let now = self.now.as_deref().map(crate::cli::since_1970).transpose();
        let now = now.map_err(|error| format!("`now`: {error}"))?;
        let deterministic = Deterministic {
            seed: self.seed,
            now: now.unwrap_or(DEFAULT_NOW),
        };
        let limits = self.limits(common)?;
        let script = self.script(place)?;
        let tools = self.tools(common, place, asked, &script).await?;
        let seen = crate::packages::seen_in_test(&script, &common.sees, &common.settings)?;
        Ok(Run {
            id: RunId::random(),
            script,
            policy: Policy {
                mounts: [self.mounts(place)?, seen.mounts].concat(),
                packages: seen.packages,
                env: self.env.clone().into_iter().collect(),
                stdin: self.stdin.clone().map_or(Stdin::Empty, in_bytes),
                ..Policy::default()
            },
            ledger: common.ledger.for_run(limits.host_memory),
            limits,
            sources: deterministic.sources(),
            tools,
            observer: Arc::new(Silent),
            cancel: Box::pin(std::future::pending()),
        })
    }

    /// Who answers the calls of the script under test.
    async fn tools(
        &self,
        common: &Arc<Common>,
        place: &Place,
        asked: &Arc<Asked>,
        script: &Script,
    ) -> Result<Arc<dyn ToolHost>, String> {
        let tree = common.tree.clone();
        let approvals = tree.as_ref().map(|tree| tree.approvals.clone());
        let folder = tree.as_ref().map(|tree| tree.folder.as_path());
        let sources = self.sources(script, folder, place);
        let tree = tree.map(|tree| Tree::new(tree, common.ledger.clone()));
        let spaces = Spaces {
            tree: tree.as_ref(),
            servers: &common.servers,
            sources: &sources,
        };
        let stubs = Arc::new(Stubs::new(&self.stubs, &spaces, asked)?);
        let context = CallContext::outside_of_runs(&common.ledger);
        stubs.check(&context).await?;
        let broker = Broker::new(BrokerConfig {
            providers: vec![Arc::<Stubs>::clone(&stubs)],
            capabilities: Arc::new(NoResources(Arc::clone(asked))),
            approvals: approvals.unwrap_or_default(),
            call_timeout: common.settings.call_timeout,
            ledger: common.ledger.clone(),
            learned: None,
            watcher: Some(Arc::new(Calls {
                stubs,
                asked: Arc::clone(asked),
            })),
        });
        let caller = Caller::script(
            Principal::local(),
            ToolPatterns::everything(),
            Hosts::default(),
        );
        Ok(broker.for_caller(caller))
    }

    /// Texts that may name tools: the script, what it may start or import, and tool files that are run themselves.
    fn sources(&self, script: &Script, tree: Option<&Path>, place: &Place) -> Vec<String> {
        let tree = tree.filter(|_| self.stubs.iter().any(|stub| stub.real));
        let project = self.project.then_some(place.root.as_path());
        let folders = [tree, project].into_iter().flatten();
        let given = self.files.values().cloned();
        std::iter::once(script.source.clone())
            .chain(given)
            .chain(folders.flat_map(sources::inside))
            .collect()
    }

    /// A run that is given what was recorded, unless the test says otherwise.
    fn recorded(
        &self,
        common: &Common,
        place: &Place,
        name: &str,
    ) -> Result<(Run, Replay), String> {
        if let Some(stub) = self.stubs.iter().find(|stub| stub.real) {
            return Err(format!(
                "`{}` is `REAL`, and a recording has no tool files",
                stub.name
            ));
        }
        if !self.files.is_empty() || self.project || self.now.is_some() || self.seed != 0 {
            let words = "a recording says what files, clock and random numbers are: `files`, `project`, `now` and `seed` \
                         do not go with it";
            return Err(words.to_owned());
        }
        let path = place.file(name)?;
        let read = || -> anyhow::Result<Recorded> {
            let recording = Recording::read(std::fs::File::open(&path)?)?;
            Ok(Recorded::of(recording.events)?)
        };
        let recorded = read().map_err(|error| format!("the recording `{name}`: {error:#}"))?;
        let script = self.script(place)?;
        // Where the recorded script stood, this one finds what is beside it.
        let path = recorded.head.path.clone();
        let path =
            path.filter(|path| Path::new(path).file_name() == Path::new(&script.name).file_name());
        let replay = Replay::of(
            Arc::new(recorded),
            HowToReplay {
                script: Some(OtherScript {
                    name: script.name.clone(),
                    source: script.source,
                    stubbed: self.stubs.iter().map(|stub| stub.name.clone()).collect(),
                }),
                ..HowToReplay::default()
            },
        );
        let run = replay.run(&common.ledger, Arc::new(Silent));
        let mut run = run.map_err(|error| format!("the recording `{name}`: {error}"))?;
        run.script.language = script.language;
        run.script.path = path;
        run.limits.wall = self.limits(common)?.wall;
        if let Some(args) = &self.args {
            run.script.args.clone_from(args);
        }
        if let Some(stdin) = self.stdin.clone() {
            run.policy.stdin = in_bytes(stdin);
        }
        run.policy
            .env
            .retain(|(name, _)| !self.env.contains_key(name));
        run.policy.env.extend(self.env.clone());
        Ok((run, replay))
    }

    /// The folders that the script sees: the files that the test gives, and the project.
    fn mounts(&self, place: &Place) -> Result<Vec<Mount>, String> {
        let mut folders: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
        for (path, text) in &self.files {
            let (folder, inside) = split(path).ok_or_else(|| {
                format!(
                    "`files`: `{path}` is no path of a file in a folder, as `/data/orders.csv` is"
                )
            })?;
            let files = folders.entry(folder).or_default();
            files.push((inside, text.as_bytes()));
        }
        let mut mounts: Vec<_> = folders
            .into_iter()
            .map(|(folder, files)| library::folder(folder, files.into_iter()))
            .collect();
        if self.project {
            if mounts.iter().any(|mount| mount.guest == PROJECT) {
                return Err(format!("`files`: `{PROJECT}` is the project"));
            }
            mounts.push(Mount {
                source: Source::Host(place.root.clone()),
                guest: PROJECT.to_owned(),
                access: Access::ReadOnly,
                quota: Quota::default(),
            });
        }
        Ok(mounts)
    }
}

/// The first folder of an absolute path, and the rest.
fn split(path: &str) -> Option<(&str, &str)> {
    let (_, inside) = path.strip_prefix('/')?.split_once('/')?;
    let folder = path.strip_suffix(inside)?.strip_suffix('/')?;
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    (is_plain(folder) && inside.split('/').all(is_plain) && folder != "/dev")
        .then_some((folder, inside))
}

fn in_bytes(text: String) -> Stdin {
    Stdin::Bytes(text.into_bytes())
}

/// What the folders hold now that the test gave: texts by their paths, null for what is no text.
fn files_now(mounts: &[Mount], given: &BTreeMap<String, String>) -> Value {
    let mut files = serde_json::Map::new();
    for mount in mounts.iter().filter(|_| !given.is_empty()) {
        let Source::Captured(captured) = &mount.source else {
            continue;
        };
        for entry in captured.now() {
            if let CapturedBody::File(bytes) = &entry.body {
                let text = std::str::from_utf8(bytes).ok().map(Value::from);
                files.insert(format!("{}/{}", mount.guest, entry.path), text.into());
            }
        }
    }
    files.into()
}

fn end(report: Result<Value, String>, fault: Option<String>) -> End {
    End { report, fault }
}

/// Where a script does not ask for what was recorded.
fn in_words(script: &str, divergence: &wxmcp_recording::Divergence) -> String {
    let place = match divergence.line {
        Some(line) if divergence.at_line => format!("{script}, line {line}"),
        Some(line) => format!("{script}, before line {line} was done"),
        None => script.to_owned(),
    };
    let mut words = format!(
        "{place}: the script differs from the recording at event {}\n  recorded: {}\n  script:   {}",
        divergence.event, divergence.expected, divergence.actual
    );
    for line in divergence.difference.lines() {
        words.push_str("\n    ");
        words.push_str(line);
    }
    words
}
