//! One client: what the protocol asks, answered by the service.

#![expect(
    deprecated,
    reason = "clients of older revisions set the level of log messages"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CreateTaskResult,
    DetailedTask, ErrorData, GetTaskParams, GetTaskResult, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, LoggingLevel,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter, Task, TaskPayload,
    TaskStatus, Tool, UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde_json::Value;
use wxmcp_run::{Outcome, ToolHost as _};

use crate::arguments::{DescribeTools, RunCode, SearchTools};
use crate::config::Client;
use crate::listener::Listening;
use crate::open::Open;
use crate::results::Times;
use crate::run_code::Answered;
use crate::running::Running;
use crate::service::Service;
use crate::{answer, discovery, offer, packages, resources, tree};

/// How long a task can be asked for after it was made, in milliseconds.
const TASK_MS: u64 = 60 * 60 * 1_000;

/// How often a client that has a task may ask for it, in milliseconds.
const POLL_MS: u64 = 1_000;

/// How often the namespaces are looked at, for a client that wants to hear when our tools' descriptions change.
const LOOK: Duration = Duration::from_secs(2);

/// Answers one client.
pub(crate) struct Connection {
    service: Arc<Service>,
    client: Client,
    /// The least important log messages that a client of an older revision wants.
    level: Mutex<Option<LoggingLevel>>,
    /// The tools that the client was shown last.
    shown: Arc<Mutex<Vec<Tool>>>,
    /// Whether a client of an older revision hears of changes already.
    watches: AtomicBool,
    /// What is held for it.
    open: Open,
}

impl Connection {
    pub(crate) fn new(service: Arc<Service>, client: Client, open: Open) -> Self {
        let shown = Arc::new(Mutex::new(offered(&service)));
        Self {
            service,
            client,
            level: Mutex::new(None),
            shown,
            watches: AtomicBool::new(false),
            open,
        }
    }

    async fn run_code(
        &self,
        asked: RunCode,
        context: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        let level = *self.level.lock();
        let mut listening = Listening::of(&context, level);
        let makes_session = asked.makes_session();
        let takes_tasks = context
            .client_capabilities()
            .is_some_and(|it| it.supports_tasks());
        let answered = tokio::select! {
            biased;
            answered = self.service.run_code(&self.client, asked, &mut listening) => answered,
            // The run ends with the future above. Nobody reads this.
            () = context.ct.cancelled() => return answer::refused("[cancelled]").into(),
        };
        if makes_session && context.ct.is_cancelled() {
            // Nobody gets its handle.
            self.service.end_unknown(&answered);
        }
        match answered {
            Answered::Now(result) => result.into(),
            Answered::Later(running) if takes_tasks => {
                CallToolResponse::Task(CreateTaskResult::new(task(&running)))
            }
            Answered::Later(running) => self.service.handle(&running).into(),
        }
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let max = self.service.config.max_answer;
        let result = match &*request.name {
            offer::RUN_CODE => match RunCode::parse(arguments) {
                Ok(asked) => return Ok(self.run_code(asked, context).await),
                Err(words) => answer::refused(words),
            },
            offer::SEARCH_TOOLS => match SearchTools::parse(arguments) {
                Ok(asked) => {
                    let tools = self.service.tools();
                    uncancelled(&context, discovery::search(&tools, asked, max)).await
                }
                Err(words) => answer::refused(words),
            },
            offer::DESCRIBE_TOOLS => match DescribeTools::parse(arguments) {
                Ok(asked) => {
                    let tools = self.service.tools();
                    uncancelled(&context, discovery::describe(&tools, asked, max)).await
                }
                Err(words) => answer::refused(words),
            },
            name => {
                let words = format!("there is no tool `{}`", shown(name));
                return Err(ErrorData::invalid_params(words, None));
            }
        };
        Ok(result.into())
    }
}

/// Our tools, as they are described now.
fn offered(service: &Service) -> Vec<Tool> {
    let config = &service.config;
    let namespaces = config.runtime.tools().namespaces();
    let packages = packages::there(&config.locked);
    offer::tools(&namespaces, &packages, &config.limits)
}

/// Ends when a client should ask for our tools again: they are not described as it was shown.
async fn changed(service: &Service, shown: &Mutex<Vec<Tool>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let now = offered(service);
        let mut shown = shown.lock();
        if now != *shown {
            *shown = now;
            return;
        }
    }
}

/// What an answer is, unless the client has cancelled its request.
async fn uncancelled(
    context: &RequestContext<RoleServer>,
    answer: impl Future<Output = CallToolResult>,
) -> CallToolResult {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = context.ct.cancelled() => answer::refused("[cancelled]"),
    }
}

/// A name of a client's, for an error.
fn shown(name: &str) -> String {
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(100).collect()
}

/// A run that goes on, as a task.
fn task(running: &Running) -> Task {
    let (begun, changed) = (running.begun.clone(), running.begun.clone());
    Task::new(running.run.clone(), TaskStatus::Working, begun, changed)
        .with_ttl_ms(TASK_MS)
        .with_poll_interval_ms(POLL_MS)
}

impl ServerHandler for Connection {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_logging()
            .enable_tasks()
            .build();
        let own = Implementation::new("wxmcp", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities)
            .with_server_info(own)
            .with_instructions(offer::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = offered(&self.service);
        self.shown.lock().clone_from(&tools);
        let is_older = context
            .protocol_version()
            .is_none_or(|version| version.has_initialize());
        if is_older && !self.watches.swap(true, Ordering::Relaxed) {
            let (service, shown) = (Arc::clone(&self.service), Arc::clone(&self.shown));
            let peer = context.peer.clone();
            tokio::spawn(async move {
                loop {
                    changed(&service, &shown).await;
                    if peer.notify_tool_list_changed().await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // Apart, so that what the SDK moves around for each request of any kind stays small.
        Box::pin(self.call(request, context)).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|it| it.cursor);
        let page = tree::page(self.service.tools(), cursor.as_deref()).await?;
        let mut resources = match cursor {
            None => resources::list(&self.service, &self.client.principal),
            Some(_) => Vec::new(),
        };
        resources.extend(page.resources);
        let mut result = ListResourcesResult::with_all_items(resources);
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = resources::templates();
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        tokio::select! {
            () = self.open.large(&context.id) => {}
            () = context.ct.cancelled() => {}
        }
        let tools = self.service.tools();
        let read = tokio::select! {
            biased;
            read = tree::read(&tools, &request.uri) => read,
            () = context.ct.cancelled() => None,
        };
        if let Some(read) = read {
            let contents =
                read.map_err(|error| ErrorData::resource_not_found(error.message, None))?;
            return Ok(ReadResourceResult::new(vec![contents]).into());
        }
        let principal = &self.client.principal;
        let recording = tokio::select! {
            biased;
            read = resources::recording(&self.service, principal, &request.uri) => read,
            () = context.ct.cancelled() => None,
        };
        if let Some(read) = recording {
            let contents = read.map_err(|why| ErrorData::resource_not_found(why, None))?;
            return Ok(ReadResourceResult::new(vec![contents]).into());
        }
        match resources::read(&self.service, &self.client.principal, &request.uri) {
            Some(contents) => Ok(ReadResourceResult::new(vec![contents]).into()),
            None => Err(ErrorData::resource_not_found(
                "there is no such resource: results are kept for an hour, and the oldest go first",
                None,
            )),
        }
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        *self.level.lock() = Some(request.level);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        _requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::default();
        accepted.tools_list_changed = Some(true);
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.service.draining.cancelled() => return Ok(()),
                () = changed(&self.service, &self.shown) => {
                    if context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let principal = &self.client.principal;
        if let Some(running) = self.service.running(&request.task_id, principal)
            && !running.has_ended()
        {
            return Ok(GetTaskResult::new(DetailedTask::new(
                task(&running),
                TaskPayload::Working,
            )));
        }
        let Some(ended) = self.service.results.get(&request.task_id, principal) else {
            let lost = self.service.lost(&request.task_id, principal);
            let lost = lost.ok_or_else(unknown_task)?;
            let error = ErrorData::internal_error(lost.loss.words, None);
            return ended_task(request.task_id, lost.times, failed(&error));
        };
        let times = ended.times.clone();
        if matches!(ended.report.outcome, Outcome::Cancelled) {
            return ended_task(request.task_id, times, TaskPayload::Cancelled);
        }
        let result = answer::of_report(&ended, self.service.config.max_answer);
        let result = object(&result).ok_or_else(unknown_task)?;
        ended_task(request.task_id, times, TaskPayload::Completed { result })
    }

    async fn update_task(
        &self,
        _request: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // No task of ours asks for anything.
        Ok(())
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let principal = &self.client.principal;
        match self.service.running(&request.task_id, principal) {
            Some(running) => running.cancel.cancel(),
            None if self
                .service
                .results
                .get(&request.task_id, principal)
                .is_some() => {}
            None => return Err(unknown_task()),
        }
        Ok(())
    }
}

/// A task that has ended.
fn ended_task(id: String, times: Times, payload: TaskPayload) -> Result<GetTaskResult, ErrorData> {
    let task = Task::new(id, payload.status(), times.begun, times.ended).with_ttl_ms(TASK_MS);
    Ok(GetTaskResult::new(DetailedTask::new(task, payload)))
}

fn failed(error: &ErrorData) -> TaskPayload {
    TaskPayload::Failed {
        error: object(error).unwrap_or_default(),
    }
}

fn object(of: &impl serde::Serialize) -> Option<serde_json::Map<String, Value>> {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn unknown_task() -> ErrorData {
    ErrorData::invalid_params("there is no such task", None)
}
