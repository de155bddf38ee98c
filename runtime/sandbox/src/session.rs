//! An instance that is kept between runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wasmtime::component::{Instance, InstancePre, TypedFunc};
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;
use wxmcp_run::{
    BoxFuture, Limit, Limits, Observer, Outcome, OverBudget, Policy, Raised, Report, Run, RunError,
    RunnerSession, Script, ToolHost,
};

use crate::calls::{Calls, InRun};
use crate::children::{Children, Kin};
use crate::clock::RunClock;
use crate::engine::engine_error;
use crate::family::Family;
use crate::files::Files;
use crate::guest::{End, MESSAGE, Outbox, State, protocol};
use crate::limits::{MemoryMeter, Stop};
use crate::meter::{Meter, Metering};
use crate::outcome::{Ending, Entered, ended, not_begun, report, timed_out};
use crate::output::Output;
use crate::pages::charging;
use crate::programs::Programs;
use crate::sandbox::{Entry, Sandbox};
use crate::source;
use crate::supplied;
use crate::surroundings::Surroundings;
use crate::wasi;

/// Most bytes that one call from the guest may make the host copy. Above the limit
/// of one message, so that it is ours that is named.
const HOSTCALL: usize = 4 * MESSAGE;

/// Bytes of a source from which on reading it takes as long as starting a thread does
/// many times over: 2 ms.
const LONG_SOURCE: usize = 64 << 10;

/// Handles of resources, and of what goes on at once, that a guest may hold.
const HANDLES: usize = 8_192;

/// An instance that runs one script after the other; what they leave in its memory
/// stays. Mounts, standard input and the limit of memory are those of its first run.
pub struct Session {
    before: InstancePre<State>,
    entry: Entry,
    metering: Metering,
    live: Option<Live>,
    is_over: bool,
    family: Arc<Family>,
    /// Of a run that another one started.
    kin: Option<Kin>,
}

struct Live {
    store: Store<State>,
    instance: Instance,
}

impl Session {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        Self {
            before: sandbox.before.clone(),
            entry: sandbox.entry.clone(),
            metering: sandbox.metering,
            live: None,
            is_over: false,
            family: Family::new(),
            kin: None,
        }
    }

    /// The operations that started the instances on the way to this one.
    fn path(&self) -> Arc<[u64]> {
        match &self.kin {
            Some(kin) => Arc::clone(&kin.instance),
            None => Arc::default(),
        }
    }

    /// Makes instances for the runs that a script starts.
    fn opener(&self) -> Arc<dyn Fn(Kin) -> Box<dyn RunnerSession> + Send + Sync> {
        let (before, entry, metering) = (self.before.clone(), self.entry.clone(), self.metering);
        Arc::new(move |kin: Kin| -> Box<dyn RunnerSession> {
            Box::new(Self {
                before: before.clone(),
                entry: entry.clone(),
                metering,
                live: None,
                is_over: false,
                family: Arc::clone(&kin.family),
                kin: Some(kin),
            })
        })
    }

    /// Whether a run was ended from outside, or ended the interpreter: no other can
    /// follow it.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Bytes of memory that the ledger counts for the instance: what it has grown by, and a fixed amount
    /// for what it has written to of the memory that it began with. 0 before the first run.
    pub fn memory(&self) -> u64 {
        let live = self.live.as_ref();
        live.map_or(0, |live| {
            let state = live.store.data();
            state.memory.charged().saturating_add(state.files.held())
        })
    }

    /// Runs a script to its end. A tool file is read in the session's first run;
    /// in later ones only its task counts.
    ///
    /// # Errors
    /// When the run could not begin; once it has, every end is an [`Outcome`].
    #[expect(
        clippy::too_many_lines,
        reason = "one run from beginning to end, and each part of it may end it in another way"
    )]
    pub async fn run(&mut self, run: Run) -> Result<Report, RunError> {
        let Run {
            id,
            script,
            policy,
            limits,
            ledger,
            sources,
            tools,
            observer,
            mut cancel,
        } = run;
        if self.is_over {
            return Err(RunError::SessionOver);
        }
        let clock = Arc::new(RunClock::standing_still_for(limits.start));
        let knows = self.live.is_some() && script.task.is_some();
        let surroundings = Surroundings::of(&script, &policy, &limits);
        let program = match &self.entry {
            Entry::Supplied(_) => Some(&script),
            Entry::Run(_) | Entry::Driven { .. } => None,
        };
        // A supplied component is its own program: there is nothing to send.
        let request = match program {
            Some(_) => Vec::new(),
            None => {
                let reading = request(&script, &policy, &surroundings, knows);
                let read = match unless_ended(reading, &mut cancel, &clock, &limits).await {
                    Ok(read) => read.map_err(Outcome::Raised),
                    Err(ending) => Err(ended(ending, &limits)),
                };
                match read {
                    Ok(request) => request,
                    Err(outcome) => return Ok(not_begun(id, outcome, &clock)),
                }
            }
        };
        let this = InRun {
            run: id,
            clock: Arc::clone(&clock),
            ledger: ledger.clone(),
            family: Arc::clone(&self.family),
            clocks: sources.clocks.clone(),
            schedule: sources.schedule.clone(),
            instance: self.path(),
        };
        if self.kin.is_none() {
            self.family.begin(limits.tool_calls);
        }
        let policy = Arc::new(policy);
        let mut memory = MemoryMeter::among(limits.memory, Arc::clone(&self.family.memory));
        let is_kin = self.kin.is_some();
        let limit_of = |over: &OverBudget| match is_kin {
            true => Limit::Memory(limits.memory),
            false => over.limit(),
        };
        if is_kin && self.live.is_none() && memory.share().is_err() {
            let limit = limits.memory;
            return Err(RunError::MemoryTooSmall { limit });
        }
        // The source and what the guest is sent are there until the run ends.
        let mut sent = ledger.nothing();
        if script.task.is_some() || script.in_session {
            // Whoever called the tool file answers for its memory; that of a session stays when the run is over.
            let payer = match script.in_session {
                true => ledger.process(),
                false => &ledger,
            };
            let bytes = request.len().saturating_add(script.source.len());
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            let charging = async {
                sent.grow_when_free(bytes).await?;
                match &mut self.live {
                    Some(live) => {
                        let state = live.store.data_mut();
                        state.files.charge_to(&ledger)?;
                        state.memory.charge_to(payer)
                    }
                    None => memory.charge(payer).await,
                }
            };
            let outcome = match unless_ended(charging, &mut cancel, &clock, &limits).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(Outcome::Stopped(error.limit(), None)),
                Err(ending) => Some(ended(ending, &limits)),
            };
            if let Some(outcome) = outcome {
                return Ok(not_begun(id, outcome, &clock));
            }
        }
        // If this future is dropped before the run has ended, the instance must not be used again.
        self.is_over = true;
        let live = match self.live.take() {
            Some(mut live) => {
                live.begin_again(tools, observer, this, &limits, script.in_session);
                live
            }
            None => {
                let output = Output::charged(limits.output, Arc::clone(&observer), &ledger);
                let outbox = Outbox::new(limits.value, Arc::clone(&observer), script.in_session);
                let input = wasi::Input::of(&policy);
                let files = match &self.kin {
                    Some(kin) => Files::sharing(&kin.tree, (&ledger, &sources), &output),
                    None => Files::new(&policy, &surroundings, (&ledger, &sources), &output)?,
                };
                let state = State {
                    wasi: wasi::context(&policy, &output, &input, program, &sources),
                    table: wasi::table(),
                    files: files.reading(input, sources.randomness),
                    memory,
                    meter: Meter::among(Arc::clone(&self.family.fuel), self.kin.is_some()),
                    calls: Calls::new(tools, observer, output.clone(), this, &limits),
                    output,
                    outbox,
                    programs: Programs::default(),
                    clocks: sources.clocks.clone(),
                    host_bytes: 0,
                };
                // A component that was supplied may compute already when it is instantiated.
                let pages = state.memory.pages();
                let beginning = begin(&self.before, state, self.metering, &limits);
                let beginning = charging(pages, beginning);
                match unless_ended(beginning, &mut cancel, &clock, &limits).await {
                    Ok(Ok(Ok(live))) => live,
                    Ok(Ok(Err(Begun::Not(error)))) => return Err(error),
                    Ok(Err(over)) => {
                        let outcome = Outcome::Stopped(limit_of(&over), None);
                        return Ok(not_begun(id, outcome, &clock));
                    }
                    Ok(Ok(Err(Begun::Ended(ending)))) | Err(ending) => {
                        let outcome = ended(ending, &limits);
                        return Ok(not_begun(id, outcome, &clock));
                    }
                }
            }
        };
        let open = self.opener();
        let instance = self.path();
        let live = self.live.insert(live);
        // A tool file does its one thing, and a supplied component has no interpreter.
        if script.task.is_none() && !matches!(self.entry, Entry::Supplied(_)) {
            let state = live.store.data_mut();
            let depth = self.kin.as_ref().map_or(0, |kin| kin.depth);
            let starter = Children {
                open,
                metering: self.metering,
                language: script.language,
                policy,
                limits: limits.clone(),
                sources,
                ledger,
                family: Arc::clone(&self.family),
                tree: state.files.shared(),
                depth,
                instance,
            };
            state.calls.starts_by(Arc::new(starter), depth);
        }
        self.metering
            .begin(&mut live.store, limits.fuel)
            .map_err(engine_error)?;
        let pages = live.store.data().memory.pages();
        let entered = charging(pages, live.enter(&self.entry, request, &script));
        let ended = match unless_ended(entered, &mut cancel, &clock, &limits).await {
            Ok(Ok(entered)) => entered.map_err(Ending::from),
            Ok(Err(over)) => Err(Ending::Stopped(limit_of(&over))),
            Err(ending) => Err(ending),
        };
        if let Err(Ending::NotStarted(error)) = ended {
            return Err(engine_error(error));
        }
        self.is_over = ended.is_err();
        let fuel = self.metering.used(&live.store, limits.fuel);
        let state = live.store.data_mut();
        if let (Some(kin), Some(signal)) = (&self.kin, state.outbox.signal) {
            kin.signal.store(signal, Ordering::Relaxed);
        }
        state.calls.end_remaining().await;
        let report = report(id, state, ended.err(), &limits, &clock, fuel);
        state.calls.starts_no_more();
        state.outbox.held = None; // From here on it is the report's.
        drop(sent);
        // A script that a limit stopped may have come back to say so.
        self.is_over |= script.in_session && matches!(report.outcome, Outcome::Stopped(..));
        if self.is_over {
            // No other run can use the memory.
            self.live = None;
        }
        Ok(report)
    }
}

/// What some work answers, unless the run is cancelled or its time is over before.
async fn unless_ended<T>(
    work: impl Future<Output = T>,
    cancel: &mut BoxFuture<'static, ()>,
    clock: &RunClock,
    limits: &Limits,
) -> Result<T, Ending> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = cancel => Err(Ending::Cancelled),
        () = clock.over(limits.wall) => Err(timed_out(limits)),
    }
}

/// What the guest is sent. A long source is read by a thread, so that the deadline holds
/// meanwhile; a thread that is not waited for any more ends by itself.
async fn request(
    script: &Script,
    policy: &Policy,
    surroundings: &Surroundings,
    knows: bool,
) -> Result<Vec<u8>, Raised> {
    if script.source.len() < LONG_SOURCE {
        return source::request(script, Some(policy), surroundings, knows);
    }
    let (done, request) = tokio::sync::oneshot::channel();
    let (script, policy, surroundings) = (script.clone(), policy.clone(), surroundings.clone());
    let read = move || {
        drop(done.send(source::request(
            &script,
            Some(&policy),
            &surroundings,
            knows,
        )));
    };
    let thread = std::thread::Builder::new().spawn(read);
    match request.await {
        Ok(request) if thread.is_ok() => request,
        _ => Err(protocol("the source cannot be read")),
    }
}

/// Why there is no live instance.
enum Begun {
    /// It could not be made.
    Not(RunError),
    /// Its own code ended it.
    Ended(Ending),
}

async fn begin(
    before: &InstancePre<State>,
    state: State,
    metering: Metering,
    limits: &Limits,
) -> Result<Live, Begun> {
    let not = |error| Begun::Not(engine_error(error));
    let mut store = Store::new(before.engine(), state);
    store.limiter(|state| &mut state.memory);
    metering.begin(&mut store, limits.fuel).map_err(not)?;
    store.set_hostcall_fuel(HOSTCALL);
    store.set_max_component_handles(HANDLES);
    // Of engines that tick; guests of ours yield by fuel alone.
    store.set_epoch_deadline(1);
    // The engine's own yield is resumed by tokio dozens of times before timers and sockets have their turn.
    store.epoch_deadline_callback(|_| {
        let turn = Box::pin(tokio::task::yield_now());
        Ok(UpdateDeadline::YieldCustom(1, turn))
    });
    match before.instantiate_async(&mut store).await {
        Ok(instance) => Ok(Live { store, instance }),
        Err(_) if store.data().memory.refused().is_some() => {
            Err(Begun::Not(RunError::MemoryTooSmall {
                limit: limits.memory,
            }))
        }
        Err(error) if is_own(&error) => Err(Begun::Ended(Ending::from(Entered::Trapped(error)))),
        Err(error) => Err(not(error)),
    }
}

/// Whether an error came out of the guest's own code.
fn is_own(error: &wasmtime::Error) -> bool {
    error.is::<Trap>() || error.is::<Stop>() || error.is::<I32Exit>()
}

impl Live {
    /// Forgets the run before, all but what it left in the guest's memory.
    fn begin_again(
        &mut self,
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
        this: InRun,
        limits: &Limits,
        continues: bool,
    ) {
        let state = self.store.data_mut();
        state.outbox = Outbox::new(limits.value, Arc::clone(&observer), continues);
        state
            .output
            .begin(limits.output, Arc::clone(&observer), &this.ledger);
        state.files.begin(&this.ledger);
        state.memory.begin();
        state.clocks = this.clocks.clone();
        state.programs = Programs::default();
        let calls = Calls::new(tools, observer, state.output.clone(), this, limits);
        // What the script kept of operations of an earlier run must not mean one of this.
        state.calls = calls.above(&state.calls);
    }

    async fn enter(
        &mut self,
        entry: &Entry,
        request: Vec<u8>,
        script: &Script,
    ) -> Result<(), Entered> {
        let Self { store, instance } = self;
        let export = |store: &mut Store<State>, index| {
            instance
                .get_typed_func::<(Vec<u8>,), ()>(store, index)
                .map_err(Entered::Not)
        };
        match entry {
            Entry::Run(run) => {
                let run = export(store, run)?;
                enter(run, store, request).await
            }
            Entry::Driven { start, deliver } => {
                let deliver = export(store, deliver)?;
                let start = export(store, start)?;
                enter(start, store, request).await?;
                drive(deliver, store).await
            }
            Entry::Supplied(export) => supplied::enter(export, instance, store, script).await,
        }
    }
}

/// Hands over what has ended until nothing is under way, or the script has failed.
async fn drive(
    deliver: TypedFunc<(Vec<u8>,), ()>,
    store: &mut Store<State>,
) -> Result<(), Entered> {
    loop {
        let end = &store.data().outbox.end;
        let (settled, failed) = (end.is_some(), matches!(end, Some(End::Raised(_))));
        if failed {
            return Ok(());
        }
        let completions = store.data_mut().calls().wait(None).await;
        let idle = completions.is_empty();
        if !(idle && settled) {
            enter(deliver, store, completions).await?;
        }
        if idle {
            return Ok(());
        }
    }
}

async fn enter(
    function: TypedFunc<(Vec<u8>,), ()>,
    store: &mut Store<State>,
    bytes: Vec<u8>,
) -> Result<(), Entered> {
    function
        .call_async(store, (bytes,))
        .await
        .map_err(Entered::Trapped)
}

impl RunnerSession for Session {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.run(run))
    }

    fn is_over(&self) -> bool {
        self.is_over()
    }

    fn memory(&self) -> u64 {
        self.memory()
    }
}
