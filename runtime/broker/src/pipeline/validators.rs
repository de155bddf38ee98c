//! Arguments and answers against the schemas that tools declare.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use wxmcp_catalogue::{
    Digest, Effort, Mismatch, NotCompiled, Rounding, Stop, Tool, Unfinished, Validator, is_light,
    is_required, leave_out_nulls, unknown_argument, unreadable_number,
};
use wxmcp_run::{Bytes, CallContext, Held, Ledger, OverBudget, ToolError, ToolErrorKind, size_of};

use super::turns::{NotDone, Turns};
use crate::answer::{Answer, lightened};
use wxmcp_catalogue::wording::{bounded, quoted};

/// Compiled schemas that are kept, of arguments and of answers.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);

/// Bytes of all compiled schemas of the process, patterns included, those that are in use among them; and of those of
/// one server or folder.
const MAX_ALL_BYTES: u64 = 48 << 20;
const MAX_SERVER_BYTES: u64 = 16 << 20;

/// Heaviest value that is looked at on the event loop, in bytes.
const LIGHT: u64 = 128 << 10;

/// Steps that a validation may take there: under a millisecond.
const FEW_STEPS: u64 = 10_000;

/// The schema of a tool that a value is validated against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// That of its arguments.
    Arguments,
    /// That of its answers.
    Answer,
}

/// A compiled schema; or why it cannot be used.
type Compiled = Result<Arc<Validator>, Arc<str>>;

/// Compiles each schema once for all callers: a schema says nothing about a caller. Tools without a usable
/// schema are not validated here. What is compiled is charged to the process.
#[derive(Debug)]
pub(crate) struct Validators {
    known: Arc<Mutex<Known>>,
    turns: Arc<Turns>,
    /// For all compiled schemas, and for those of each server by its name.
    ledger: Ledger,
    of_servers: Mutex<BTreeMap<String, Ledger>>,
}

#[derive(Debug)]
struct Known(LruCache<(Digest, Part), Kept>);

#[derive(Clone, Debug)]
struct Kept {
    server: Arc<str>,
    compiled: Compiled,
}

impl Known {
    /// Forgets the schemas of one server; those in use live on until they are not.
    fn forget(&mut self, server: &str) {
        let of_server = self.0.iter().filter(|(_, kept)| *kept.server == *server);
        let keys: Vec<_> = of_server.map(|(key, _)| *key).collect();
        for key in keys {
            self.0.pop(&key);
        }
    }

    /// What was kept, or is compiled now, where others have waited for the same.
    fn compiled(
        this: &Mutex<Self>,
        key: (Digest, Part),
        schema: &Value,
        (server, ledger): (&Arc<str>, &Ledger),
        stop: &Stop,
    ) -> Result<Compiled, NotCompiled> {
        if let Some(known) = this.lock().0.get(&key) {
            return Ok(known.compiled.clone());
        }
        let compile = || Validator::charged(schema, ledger, stop);
        let compiled = match compile() {
            Err(NotCompiled::OverBudget(over)) => {
                // What is not used now makes room: what the server has, if that is too much, else all.
                match over {
                    OverBudget::Run { budget, .. } if budget == ledger.budget() => {
                        this.lock().forget(server);
                    }
                    _ => this.lock().0.clear(),
                }
                compile()
            }
            compiled => compiled,
        };
        let compiled = match compiled {
            Ok(validator) => Ok(Arc::new(validator)),
            Err(NotCompiled::Unusable(why)) => Err(Arc::from(why)),
            // It would be too large alone.
            Err(NotCompiled::OverBudget(OverBudget::Run { budget, .. }))
                if budget == ledger.budget() && ledger.held() == 0 =>
            {
                let most = Bytes(MAX_SERVER_BYTES);
                Err(format!("it takes more than {most} when it is compiled").into())
            }
            Err(refused) => return Err(refused),
        };
        let kept = Kept {
            server: Arc::clone(server),
            compiled: compiled.clone(),
        };
        this.lock().0.put(key, kept);
        Ok(compiled)
    }
}

/// On whose behalf a value is validated.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// The tool's name as the caller spelled it.
    pub(crate) name: &'a str,
    /// The configured name of the tool's server or folder.
    pub(crate) server: &'a str,
    pub(crate) context: &'a CallContext,
    /// How long it may take.
    pub(crate) limit: Duration,
    /// Takes the provider's secrets out of a text, which must be whole.
    pub(crate) without_secrets: &'a (dyn Fn(&str) -> String + Sync),
}

impl Asker<'_> {
    /// A text of the tool as it is repeated: without secrets, and only then cut.
    fn repeated(&self, text: &str) -> String {
        bounded(&(self.without_secrets)(text))
    }
}

impl Validators {
    /// Compiles nothing yet.
    pub(crate) fn new(ledger: &Ledger, turns: &Arc<Turns>) -> Self {
        Self {
            known: Arc::new(Mutex::new(Known(LruCache::new(MAX_KEPT)))),
            turns: Arc::clone(turns),
            ledger: ledger.within(MAX_ALL_BYTES),
            of_servers: Mutex::default(),
        }
    }

    /// Why values are not validated against a schema of a tool, if that was found out.
    pub(crate) fn why_unusable(&self, tool: &Tool, part: Part) -> Option<Arc<str>> {
        let known = self.known.lock();
        known
            .0
            .peek(&(tool.digest(), part))?
            .compiled
            .as_ref()
            .err()
            .cloned()
    }

    /// The arguments of a call, if they fit the tool; without those whose `null` means that
    /// they are not given.
    ///
    /// # Errors
    ///
    /// The first name that the tool has no parameter for; else every way in which they do
    /// not fit (the first few of them), in `data` with its path; or that checking took longer, or more steps or
    /// memory, than it may.
    pub(crate) async fn arguments(
        &self,
        tool: &Tool,
        mut arguments: Map<String, Value>,
        asker: Asker<'_>,
    ) -> Result<Map<String, Value>, ToolError> {
        let (schema, name) = (tool.input_schema(), asker.name);
        if let Some(unknown) = unknown_argument(schema, &arguments) {
            let mismatch = json!({
                "path": bounded(&format!("/{}", unknown.name)),
                "message": bounded(&unknown.message),
            });
            return Err(ToolError {
                kind: ToolErrorKind::InvalidArguments,
                message: format!("{} {}", quoted(name), unknown.message),
                data: Some(json!({ "mismatches": [mismatch] })),
            });
        }
        leave_out_nulls(schema, &mut arguments);
        let value = Value::Object(arguments);
        if let Some(why) = unreadable_number(&value) {
            return Err(ToolError::new(
                ToolErrorKind::InvalidArguments,
                format!("the arguments of {} do not fit: {why}", quoted(name)),
            ));
        }
        let held = asker.context.held.clone();
        let checked = self.check((tool.digest(), Part::Arguments), schema, value, asker, held);
        match checked.await {
            Ok((Value::Object(arguments), mismatches)) if mismatches.is_empty() => Ok(arguments),
            Ok((value, mut mismatches)) => {
                for mismatch in &mut mismatches {
                    let name = mismatch.path.strip_prefix('/').unwrap_or_default();
                    if value.get(name).is_some_and(Value::is_null) && !is_required(schema, name) {
                        let name = bounded(name);
                        let left_out =
                            format!(" (leave `{name}` out where there is no value for it)");
                        mismatch.message.push_str(&left_out);
                    }
                }
                let what = format!("the arguments of {} do not fit", quoted(name));
                Err(ToolError {
                    kind: ToolErrorKind::InvalidArguments,
                    ..refusal(&what, &mismatches, asker)
                })
            }
            Err(error) => Err(not_checked(error, "arguments", asker)),
        }
    }

    /// An answer whose value fits what the tool declares. Where the value is empty and no more
    /// than that was declared, content takes its place.
    ///
    /// # Errors
    ///
    /// As for arguments, with what the tool answered in `data`.
    pub(crate) async fn answer(
        &self,
        tool: &Tool,
        mut answer: Answer,
        asker: Asker<'_>,
    ) -> Result<Answer, ToolError> {
        let Some(schema) = tool.output_schema().filter(|_| answer.must_fit) else {
            return Ok(match answer.is_only_content() {
                true => answer.into_content_only(false),
                false => answer.unwrapped(),
            });
        };
        if answer.is_only_content() && names_no_member(schema) {
            return Ok(answer.into_content_only(true));
        }
        let value = answer.value.take();
        let key = (tool.digest(), Part::Answer);
        let held = answer.held.clone();
        match self.check(key, schema, value, asker, held).await {
            Ok((value, mismatches)) => {
                answer.value = value;
                if mismatches.is_empty() {
                    Ok(answer.unwrapped())
                } else if answer.is_only_content() {
                    Ok(answer.into_content_only(true))
                } else {
                    // An error has no more than some of it.
                    let (bytes, held) = (answer.bytes, answer.held.clone());
                    answer.value = lightened(answer.value, bytes, held.clone()).await;
                    let content = lightened(answer.content.into(), bytes, held).await;
                    Err(unfit(asker, answer.value, content, &mismatches))
                }
            }
            Err(error) => Err(not_checked(error, "answer", asker)),
        }
    }

    /// The value, and how it does not fit. What is light, and takes few steps, is not worth a thread.
    async fn check(
        &self,
        key: (Digest, Part),
        schema: &Value,
        value: Value,
        asker: Asker<'_>,
        held: Held,
    ) -> Result<(Value, Vec<Mismatch>), NotChecked> {
        let known = self.known.lock().0.get(&key).cloned();
        let compiled = match known {
            Some(known) => known.compiled,
            None => self.compile(key, schema, asker).await?,
        };
        let Ok(validator) = compiled else {
            return Ok((value, Vec::new()));
        };
        let rounding = match key.1 {
            Part::Arguments => Rounding::MayHaveBeen,
            // The tool chose how to write its numbers: only one that its reader would round is refused.
            Part::Answer => Rounding::WillBe,
        };
        let ledger = asker.context.ledger.clone();
        if is_light(&value, LIGHT) {
            let effort = Effort {
                steps: FEW_STEPS,
                stop: Stop::default(),
                ledger: ledger.clone(),
            };
            match validator.check(&value, rounding, &effort) {
                Err(Unfinished::Steps(_) | Unfinished::Bytes) => {}
                checked => return Ok((value, checked?)),
            }
        }
        let work = move |stop: Stop| {
            let effort = Effort {
                stop,
                ..Effort::for_weight(size_of(&value), &ledger)
            };
            let checked = validator.check(&value, rounding, &effort);
            (value, checked)
        };
        let (value, checked) = self.turns.aside(held, asker.limit, work).await?;
        Ok((value, checked?))
    }

    async fn compile(
        &self,
        key: (Digest, Part),
        schema: &Value,
        asker: Asker<'_>,
    ) -> Result<Compiled, NotChecked> {
        // The copy that the thread has.
        let held = asker.context.ledger.charge_when_free(size_of(schema)).await;
        let held = held.map_err(Unfinished::from)?;
        let (known, schema) = (Arc::clone(&self.known), schema.clone());
        let (server, ledger) = (Arc::from(asker.server), self.of_server(asker.server));
        let work =
            move |stop: Stop| Known::compiled(&known, key, &schema, (&server, &ledger), &stop);
        match self.turns.aside(held.into(), asker.limit, work).await? {
            Ok(compiled) => Ok(compiled),
            Err(NotCompiled::OverBudget(OverBudget::Run { budget, .. })) => {
                Err(NotChecked::NoRoom(budget))
            }
            Err(NotCompiled::OverBudget(over)) => Err(Unfinished::from(over).into()),
            Err(NotCompiled::Stopped) => Err(Unfinished::Stopped.into()),
            Err(NotCompiled::Unusable(why)) => Ok(Err(why.into())),
        }
    }

    /// Where the schemas of a server are charged.
    fn of_server(&self, server: &str) -> Ledger {
        let mut all = self.of_servers.lock();
        if let Some(ledger) = all.get(server) {
            return ledger.clone();
        }
        let ledger = self.ledger.within(MAX_SERVER_BYTES);
        all.insert(server.to_owned(), ledger.clone());
        ledger
    }
}

/// An answer that does not fit; the script finds it, and its content, in `data`.
fn unfit(asker: Asker<'_>, value: Value, content: Value, mismatches: &[Mismatch]) -> ToolError {
    let name = quoted(asker.name);
    let mut error = refusal(
        &format!("the answer of {name} is not what the tool declares"),
        mismatches,
        asker,
    );
    if let Some(Value::Object(data)) = &mut error.data {
        data.insert("answer".to_owned(), value);
        if content.as_array().is_none_or(|blocks| !blocks.is_empty()) {
            data.insert("content".to_owned(), content);
        }
    }
    error
}

/// Whether a schema says no more of a value than that it is an object.
fn names_no_member(schema: &Value) -> bool {
    const SAYS_NOTHING: [&str; 5] = [
        "$schema",
        "title",
        "description",
        "type",
        "additionalProperties",
    ];
    let Value::Object(words) = schema else {
        return true;
    };
    words.iter().all(|(word, says)| match word.as_str() {
        "properties" => says.as_object().is_some_and(Map::is_empty),
        word => SAYS_NOTHING.contains(&word),
    })
}

/// Why a value was not checked to its end.
enum NotChecked {
    NotDone(NotDone),
    Unfinished(Unfinished),
    /// Compiled schemas that are in use take more than these bytes with it.
    NoRoom(u64),
}

impl From<NotDone> for NotChecked {
    fn from(why: NotDone) -> Self {
        Self::NotDone(why)
    }
}

impl From<Unfinished> for NotChecked {
    fn from(why: Unfinished) -> Self {
        Self::Unfinished(why)
    }
}

fn refusal(what: &str, mismatches: &[Mismatch], asker: Asker<'_>) -> ToolError {
    let mismatches: Vec<(String, String)> = mismatches
        .iter()
        .map(|it| (asker.repeated(&it.path), asker.repeated(&it.message)))
        .collect();
    let reasons: Vec<String> = mismatches
        .iter()
        .map(|(path, message)| match path.as_str() {
            "" => message.clone(),
            path => format!("{path}: {message}"),
        })
        .collect();
    let listed: Vec<Value> = mismatches
        .into_iter()
        .map(|(path, message)| json!({"path": path, "message": message}))
        .collect();
    ToolError {
        kind: ToolErrorKind::InvalidAnswer,
        message: format!("{what}: {}", reasons.join("; ")),
        data: Some(json!({ "mismatches": listed })),
    }
}

fn not_checked(why: NotChecked, what: &str, asker: Asker<'_>) -> ToolError {
    let (name, limit) = (quoted(asker.name), asker.limit);
    let not = format!("the {what} of {name} could not be held against its schema");
    match why {
        NotChecked::NotDone(NotDone::TooSlow) => ToolError::new(
            ToolErrorKind::CallTimedOut,
            format!("{not} within {limit:?}"),
        ),
        NotChecked::NotDone(NotDone::Failed) => ToolError::new(ToolErrorKind::InvalidAnswer, not),
        NotChecked::NoRoom(budget) => ToolError::new(
            ToolErrorKind::LimitReached,
            format!(
                "{not}: compiled schemas that are in use take more than {} with it",
                Bytes(budget)
            ),
        ),
        NotChecked::Unfinished(why) => {
            ToolError::new(ToolErrorKind::LimitReached, format!("{not}: {why}"))
        }
    }
}

#[cfg(test)]
mod tests;
