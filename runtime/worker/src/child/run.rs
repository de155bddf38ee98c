//! One run in a worker.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::sync::oneshot;
use wxmcp_run::{
    BoxFuture, Language, Ledger, Limits, Report, Run, RunError, RunId, RunnerSession, Script,
};

use super::host::Proxy;
use super::recording::ToParent;
use super::way::{Listener, Way};
use super::{Instance, Runners, Wanted};
use crate::link::Outgoing;
use crate::message::{Begin, Component, Ended, Record, RunFailure, ToWorker};

/// A session between its runs; none before the first.
pub(super) type Kept = Arc<tokio::sync::Mutex<Option<Instanced>>>;

/// A session whose instance there is.
pub(super) struct Instanced {
    session: Box<dyn RunnerSession>,
    /// Where its recording goes, if it is recorded.
    recording: Option<Arc<ToParent>>,
}

/// A run that goes on.
pub(super) struct Live {
    way: Arc<Way>,
    cancel: Option<oneshot::Sender<()>>,
}

impl Live {
    /// Begins a run, in a session or alone.
    pub(super) fn begin(
        run: u128,
        mut begin: Begin,
        kept: Option<Kept>,
        runners: &Arc<Runners>,
        (out, ledger): (&Arc<Outgoing>, &Ledger),
    ) -> Self {
        let (cancel, cancelled) = oneshot::channel::<()>();
        let namespaces = std::mem::take(&mut begin.namespaces);
        let way = Arc::new(Way::new(
            run,
            Arc::clone(out),
            ledger.for_run(begin.budget),
            namespaces,
        ));
        if !begin.policy.mounts.is_empty() {
            // It may change files of the host at once.
            way.begin();
        }
        let cancelled = async move {
            // The sender is kept as long as the run goes on.
            let _cancelled = cancelled.await;
        };
        let carrying = carry_out(
            begin,
            kept,
            Arc::clone(runners),
            Arc::clone(&way),
            Box::pin(cancelled),
        );
        let carried = tokio::spawn(carrying);
        // A run that panics ends, too.
        let ending = Arc::clone(&way);
        tokio::spawn(async move {
            if carried.await.is_err() {
                ending.end(Ended {
                    result: Err(RunFailure::Other("the run's task panicked".to_owned())),
                    is_over: true,
                    held: 0,
                    memory: 0,
                });
            }
        });
        Self {
            way,
            cancel: Some(cancel),
        }
    }

    /// Takes what the parent says of it.
    pub(super) fn take(&mut self, message: ToWorker) {
        match message {
            ToWorker::Cancel => drop(self.cancel.take()),
            ToWorker::Answer {
                ask,
                answer,
                changed,
            } => self.way.answer(ask, answer, changed),
            ToWorker::Clock { pause } => self.way.turn_clock(pause),
            ToWorker::Taken(bytes) => self.way.take(bytes),
            // About no run that goes on.
            ToWorker::Begin(_) | ToWorker::EndSession(_) => {}
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.way.has_ended()
    }
}

/// Carries a run out and says how it ended; only then its instance is taken down.
async fn carry_out(
    mut begin: Begin,
    kept: Option<Kept>,
    runners: Arc<Runners>,
    way: Arc<Way>,
    cancel: BoxFuture<'static, ()>,
) {
    let (component, record) = (begin.component.take(), begin.record.take());
    let (run, language) = match assigned(begin, &way, cancel) {
        Ok(run) => run,
        Err(error) => return way.end(ended(Err(error), (true, 0), &way)),
    };
    let is_kept = kept.is_some();
    let instance = match is_kept || run.script.task.is_some() {
        true => Instance::Kept,
        false => Instance::Once,
    };
    // One that is alone is a session of one run.
    let kept = kept.unwrap_or_default();
    let mut kept = kept.lock().await;
    let Instanced { session, recording } = match kept.as_mut() {
        Some(instanced) => instanced,
        None => match runners(wanted(component, language, instance)) {
            Ok(runner) => kept.insert(Instanced::of(runner.session(), record)),
            Err(error) => return way.end(ended(Err(error), (true, 0), &way)),
        },
    };
    if let Some(recording) = recording {
        recording.goes_by(&way);
    }
    let ran = {
        let running = session.run(run);
        tokio::pin!(running);
        // What is held changes while the run has its turn.
        poll_fn(|context| {
            let polled = running.as_mut().poll(context);
            if polled.is_pending() {
                way.begin();
                way.tell_held();
            }
            polled
        })
        .await
    };
    let is_over = !is_kept || session.is_over();
    let memory = match is_over {
        true => 0,
        false => session.memory(),
    };
    way.end(ended(ran, (is_over, memory), &way));
    if is_over {
        *kept = None;
    }
}

impl Instanced {
    /// A session, and how its runs are recorded, if they are.
    fn of(session: Box<dyn RunnerSession>, record: Option<Record>) -> Self {
        let Some(record) = record else {
            return Self {
                session,
                recording: None,
            };
        };
        let recording = Arc::new(ToParent::default());
        Self {
            session: Box::new(recording.recorded(session, record)),
            recording: Some(recording),
        }
    }
}

/// What carries out the first run of an instance.
fn wanted(component: Option<Component>, language: Language, instance: Instance) -> Wanted {
    match component {
        Some(component) => Wanted::Component(component.of_parent(rustix::process::getppid())),
        None => Wanted::Interpreter(language, instance),
    }
}

/// The run that was assigned.
fn assigned(
    begin: Begin,
    way: &Arc<Way>,
    cancel: BoxFuture<'static, ()>,
) -> Result<(Run, Language), RunError> {
    let sources = begin.sources();
    let script = Script::try_from(begin.script).map_err(|error| RunError::Engine(error.into()))?;
    let language = script.language;
    let run = Run {
        id: RunId::from_bits(way.run()),
        script,
        policy: begin.policy.into(),
        limits: Limits::from(&begin.limits),
        ledger: way.ledger.clone(),
        sources,
        tools: Arc::new(Proxy(Arc::clone(way))),
        observer: Arc::new(Listener(Arc::clone(way))),
        cancel,
    };
    Ok((run, language))
}

fn ended(ran: Result<Report, RunError>, (is_over, memory): (bool, u64), way: &Way) -> Ended {
    let result = match ran {
        Ok(report) => crate::message::Report::try_from(report)
            .map_err(|error| RunFailure::Other(error.to_string())),
        Err(error) => Err(RunFailure::from(&error)),
    };
    Ended {
        result,
        is_over,
        held: way.ledger.held(),
        memory,
    }
}
