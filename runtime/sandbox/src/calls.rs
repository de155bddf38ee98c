//! Operations that a guest has begun: tool calls and questions about tools.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use crate::aside::aside;
use crate::clock::RunClock;
use crate::family::{Family, Starts};
use crate::limits::Stop;
use crate::operation::{Operation, read, request_name};
use crate::output::Output;
use wxmcp_run::CallProgress;
use wxmcp_run::Observer;
use wxmcp_run::{CallContext, Capability, Note, ToolCall, ToolError, ToolHit, ToolHost};
use wxmcp_run::{CallEnd, CallRecord};
use wxmcp_run::{CallId, Clocks, ForTool, Schedule};
use wxmcp_run::{Charge, Held, Ledger, OverBudget};
use wxmcp_run::{Limit, Limits};
use wxmcp_run::{RunId, Seen};

mod ended;
mod handing;
mod known;
mod packed;
mod records;
mod typed;

use ended::{Done, Ended, unwritten, written};

/// Most operations that may be under way or undelivered at once: bounds the
/// host's bookkeeping when a guest submits and never waits.
const PENDING: usize = 10_000;

/// Most bytes of answers handed over by one `wait`, the first answer excepted.
const DELIVERY: usize = 16 << 20;

/// Bytes that an operation takes while it is under way, beside its arguments and its answer.
const OPERATION: u64 = 1 << 10;

/// The id of what no operation asked for: the namespaces whose tools changed.
const NEWS: u64 = 0;

/// Most notes that the host prints in one run.
const NOTES: usize = 100;

/// Bytes of a tool's name that a report keeps.
const NAME: usize = 256;

/// All operations of one run. Dropping it cancels what is under way.
pub(crate) struct Calls {
    tools: Arc<dyn ToolHost>,
    observer: Arc<dyn Observer>,
    output: Output,
    /// What notes were printed about in this run.
    noted: HashSet<String>,
    context: CallContext,
    clock: Arc<RunClock>,
    clocks: Clocks,
    /// Who decides what is handed over when; none: what has ended is, as it ends.
    schedule: Option<Arc<dyn Schedule>>,
    /// What the run had used when the guest last called.
    pub(crate) fuel: u64,
    /// Timers that take no time of this machine: they have ended when the schedule says so.
    timers: BTreeMap<u64, (Duration, Ended)>,
    family: Arc<Family>,
    /// Who starts the runs that the script asks for, if it may.
    starter: Option<Arc<dyn Starts>>,
    /// How many runs are around this one.
    depth: usize,
    slots: Arc<Semaphore>,
    last_id: u64,
    /// Questions for what is known of tools.
    last_known: u64,
    running: JoinSet<Ended>,
    aborts: HashMap<u64, AbortHandle>,
    ready: VecDeque<Ended>,
    /// What is charged for what was handed over last.
    delivered: Vec<Option<Charge>>,
    /// Tool calls by operation id -> index into `records`.
    indices: HashMap<u64, usize>,
    records: Vec<CallRecord>,
    answer_bytes: u64,
}

/// The run that calls are made in.
pub(crate) struct InRun {
    pub(crate) run: RunId,
    pub(crate) clock: Arc<RunClock>,
    pub(crate) ledger: Ledger,
    pub(crate) family: Arc<Family>,
    pub(crate) clocks: Clocks,
    pub(crate) schedule: Option<Arc<dyn Schedule>>,
    /// The operations that started the instances on the way to this one.
    pub(crate) instance: Arc<[u64]>,
}

impl Calls {
    pub(crate) fn new(
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
        output: Output,
        this: InRun,
        limits: &Limits,
    ) -> Self {
        let slots = usize::try_from(limits.concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            tools,
            observer,
            output,
            noted: HashSet::new(),
            context: CallContext {
                run: this.run,
                clock: this.clock.handle(),
                ledger: this.ledger,
                seen: Seen::now(),
                held: Held::default(),
                id: CallId {
                    instance: this.instance,
                    operation: 0,
                },
                for_tool: ForTool::default(),
                progress: CallProgress::default(),
            },
            clock: this.clock,
            clocks: this.clocks,
            schedule: this.schedule,
            fuel: 0,
            timers: BTreeMap::new(),
            family: this.family,
            starter: None,
            depth: 0,
            slots: Arc::new(Semaphore::new(slots.max(1))),
            last_id: 0,
            last_known: 0,
            running: JoinSet::new(),
            aborts: HashMap::new(),
            ready: VecDeque::new(),
            delivered: Vec::new(),
            indices: HashMap::new(),
            records: Vec::new(),
            answer_bytes: 0,
        }
    }

    /// The same, with ids above those of an earlier run.
    pub(crate) fn above(mut self, earlier: &Self) -> Self {
        self.last_id = earlier.last_id;
        self
    }

    /// Begins what the guest asked for; a payload that is no request ends at once
    /// with an error that the guest can catch.
    #[expect(
        clippy::too_many_lines,
        reason = "a line or two for each operation, and each may be refused in its own way"
    )]
    pub(crate) async fn submit(
        &mut self,
        operation: u8,
        payload: Vec<u8>,
        held: Result<Held, OverBudget>,
    ) -> Result<u64, Stop> {
        self.delivered.clear();
        // What was cancelled is a task until the event loop has dropped it.
        self.collect();
        if self.pending() >= PENDING {
            return Err(Stop(Limit::Pending(length(PENDING))));
        }
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        let held = match held {
            Ok(held) => held,
            Err(error) => {
                if let Some(schedule) = &self.schedule {
                    schedule.began(id, operation, None, self.fuel);
                }
                self.fail(id, &too_much("arguments", error));
                return Ok(id);
            }
        };
        let argument_bytes = payload.len();
        let read = read(operation, payload, &held).await;
        if let Some(schedule) = &self.schedule {
            let timer = match &read {
                Ok(Operation::Timer(time)) => Some(*time),
                _ => None,
            };
            schedule.began(id, operation, timer, self.fuel);
        }
        match read {
            Ok(Operation::Call {
                name,
                arguments,
                content,
            }) => {
                self.family
                    .spend_call()
                    .map_err(|total| Stop(Limit::ToolCalls(total)))?;
                let sequence = self.record(id, &name, argument_bytes);
                let mut context = self.context(id, held);
                context.progress = self.progress(sequence, &name);
                if let Some(schedule) = &self.schedule {
                    context.for_tool = schedule.tool(id);
                }
                let call = ToolCall {
                    sequence,
                    name,
                    arguments,
                    context,
                };
                let tools = Arc::clone(&self.tools);
                self.begin(id, async move {
                    let answer = tools.call(call).await?;
                    let bytes = usize::try_from(answer.bytes).unwrap_or(usize::MAX);
                    aside(bytes, move || Done::answered(answer, content)).await
                });
            }
            Ok(Operation::Timer(time)) => self.wake(id, time, held),
            // It leaves the machine, as a call may.
            Ok(Operation::Capability {
                capability: Capability::Http,
                request,
            }) => {
                self.family
                    .spend_call()
                    .map_err(|total| Stop(Limit::ToolCalls(total)))?;
                self.record(id, &request_name(&request), argument_bytes);
                let (tools, context) = (Arc::clone(&self.tools), self.context(id, held));
                self.begin(id, async move {
                    let answer = tools.capability(Capability::Http, request, context).await?;
                    let bytes = length(answer.json.len());
                    Ok(Done::written(answer, bytes))
                });
            }
            Ok(Operation::Run(wanted)) => self.start(id, wanted, held).await,
            Ok(question) => self.ask(id, question, held),
            Err(error) => self.fail(id, &error),
        }
        Ok(id)
    }

    /// Charges what an operation with this payload holds while it is under way, before the payload is copied; the guest
    /// waits while other runs hold too much.
    pub(crate) async fn hold(&self, parsed: u64) -> Result<Held, OverBudget> {
        let bytes = parsed.saturating_add(OPERATION);
        let ledger = &self.context.ledger;
        if let Ok(charge) = ledger.charge(bytes) {
            return Ok(charge.into());
        }
        let _waiting = self.clock.guest_waits();
        Ok(ledger.charge_when_free(bytes).await?.into())
    }

    /// What is under way, or not handed over.
    fn pending(&self) -> usize {
        let ended = self.ready.len().saturating_add(self.timers.len());
        self.running.len().saturating_add(ended)
    }

    /// The context of an operation that holds something.
    fn context(&self, id: u64, held: Held) -> CallContext {
        CallContext {
            held,
            id: CallId {
                operation: id,
                ..self.context.id.clone()
            },
            ..self.context.clone()
        }
    }

    /// Ends an operation that was never begun.
    fn fail(&mut self, id: u64, error: &ToolError) {
        let ended = Ended::failed(id, error, Duration::ZERO, &self.context.ledger);
        self.ready.push_back(ended);
    }

    /// A timer takes no slot: a script with many still makes its calls.
    fn wake(&mut self, id: u64, time: Duration, held: Held) {
        let ended = Ended::plain(id, b"null".to_vec(), time).holding(held);
        if time.is_zero() {
            self.ready.push_back(ended);
            return;
        }
        let schedule = self.schedule.as_ref();
        if schedule.is_some_and(|it| !it.timers_take_time()) {
            self.timers.insert(id, (time, ended));
            return;
        }
        let abort = self.running.spawn(async move {
            tokio::time::sleep(time).await;
            ended
        });
        self.aborts.insert(id, abort);
    }

    fn ask(&mut self, id: u64, question: Operation, held: Held) {
        let tools = Arc::clone(&self.tools);
        let context = self.context(id, held);
        self.begin(id, async move {
            let answer = match question {
                Operation::Search(search) => {
                    let hits = tools.search(search, context).await?;
                    let bytes = hits.iter().map(ToolHit::held).sum();
                    written(hits, bytes).await
                }
                Operation::Describe { names } => {
                    let described = tools.describe(names, context).await?;
                    let bytes = described.iter().map(|tool| tool.held.bytes()).sum();
                    written(described, bytes).await
                }
                Operation::Namespace { name } => {
                    let listing = tools.namespace(name, context).await?;
                    let bytes = listing.held.bytes();
                    written(listing, bytes).await
                }
                Operation::Capability {
                    capability,
                    request,
                } => {
                    let answer = tools.capability(capability, request, context).await?;
                    return Ok(Done::written(answer, 0));
                }
                Operation::Namespaces
                | Operation::Call { .. }
                | Operation::Timer(_)
                | Operation::Run(_) => serde_json::to_vec(&tools.namespaces()).map_err(unwritten),
            };
            Ok(Done::new(answer?, 0))
        });
    }

    /// Runs `work` in a slot of its own. What can be answered without waiting is
    /// answered here, with no task; the rest goes on while the guest computes.
    fn begin<W>(&mut self, id: u64, work: W)
    where
        W: Future<Output = Result<Done, ToolError>> + Send + 'static,
    {
        let slots = Arc::clone(&self.slots);
        let mut future = self.timed(id, async move {
            let _slot = slots.acquire_owned().await.ok();
            work.await
        });
        let mut context = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Ready(ended) => self.ready.push_back(ended),
            Poll::Pending => {
                let abort = self.running.spawn(future);
                self.aborts.insert(id, abort);
            }
        }
    }

    /// The same in a task from its beginning, and without a slot.
    fn go_on<W>(&mut self, id: u64, work: W)
    where
        W: Future<Output = Result<Done, ToolError>> + Send + 'static,
    {
        let future = self.timed(id, work);
        let abort = self.running.spawn(future);
        self.aborts.insert(id, abort);
    }

    fn timed<W>(&self, id: u64, work: W) -> Pin<Box<dyn Future<Output = Ended> + Send>>
    where
        W: Future<Output = Result<Done, ToolError>> + Send + 'static,
    {
        let ledger = self.context.ledger.clone();
        let started = Instant::now();
        Box::pin(async move {
            let result = work.await;
            Ended::new(id, result, started.elapsed(), &ledger)
        })
    }

    /// Begins one operation and answers its own end, packed as `wit/guest.wit` says.
    pub(crate) async fn call(
        &mut self,
        operation: u8,
        payload: Vec<u8>,
        held: Result<Held, OverBudget>,
    ) -> Result<Vec<u8>, Stop> {
        let id = self.submit(operation, payload, held).await?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.guest_waits();
        let schedule = self.schedule.clone();
        if schedule.is_some_and(|schedule| !schedule.joins(id)) {
            std::future::pending::<()>().await;
        }
        if let Some((time, ended)) = self.timers.remove(&id) {
            if let Clocks::Given(clocks) = &self.clocks {
                clocks.slept(time);
            }
            self.ready.push_back(ended);
        }
        loop {
            if let Some(position) = self.ready.iter().position(|ended| ended.id == id)
                && let Some(ended) = self.ready.remove(position)
            {
                if let Some(schedule) = &self.schedule {
                    schedule.handed_over(&[id], &[]);
                }
                let (form, mut packed) = self.hand_over(ended);
                // In its place: a copy would take as much again.
                packed.insert(0, form.byte());
                return Ok(packed);
            }
            match self.running.join_next().await {
                Some(Ok(ended)) => self.end(ended),
                Some(Err(_cancelled)) => {}
                // Not reached: what was submitted is ready or running.
                None => return Ok(vec![0]),
            }
        }
    }

    /// Prints what the host has to say, each of it once a run.
    fn note(&mut self, notes: &[Note]) {
        for note in notes {
            if self.noted.len() < NOTES && self.noted.insert(note.about.clone()) {
                self.output.note(&note.text);
            }
        }
    }

    fn close(&mut self, ended: &Ended) {
        self.note(&ended.notes);
        self.note_end(
            ended.id,
            CallEnd {
                error: ended.error,
                milliseconds: ended.elapsed.as_secs_f64() * 1e3,
                answer_bytes: ended.answer_bytes,
            },
        );
    }

    /// Where what the run holds is charged.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.context.ledger
    }

    /// Gives up on an operation; unknown ids are nothing.
    pub(crate) fn cancel(&mut self, id: u64) {
        let is_timer = self.timers.remove(&id).is_some();
        let is_ready = self.ready.iter().any(|ended| ended.id == id);
        let is_under_way = is_timer || is_ready || self.aborts.contains_key(&id);
        if let Some(schedule) = self.schedule.as_ref().filter(|_| is_under_way) {
            schedule.gave_up(id);
        }
        if let Some(abort) = self.aborts.remove(&id) {
            abort.abort();
            self.indices.remove(&id);
        }
    }
}

/// Why arguments or an answer are not held.
fn too_much(what: &str, error: OverBudget) -> ToolError {
    let mut refused = ToolError::from(error);
    let message = format!(
        "the {what} are too large: {}; await calls before making more",
        refused.message
    );
    refused.message = message;
    refused
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
