//! Arguments and answers against the schemas that tools declare.

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
use wxmcp_run::{CallContext, Held, Ledger, OverBudget, ToolError, ToolErrorKind, size_of};

use super::turns::{NotDone, Turns};
use crate::answer::{Answer, lightened};
use wxmcp_catalogue::wording::{bounded, quoted};

/// Compiled schemas that are kept, of arguments and of answers, and how many bytes they take.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);
const MAX_KEPT_BYTES: u64 = 64 << 20;

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
    ledger: Ledger,
}

#[derive(Debug)]
struct Known(LruCache<(Digest, Part), Compiled>);

impl Known {
    /// Keeps a compiled schema, and drops those that were not used for longest while there are too many.
    fn keep(&mut self, key: (Digest, Part), compiled: Compiled, most: u64) {
        self.0.put(key, compiled);
        while self.bytes() > most && self.0.pop_lru().is_some() {}
    }

    fn bytes(&self) -> u64 {
        let each = self
            .0
            .iter()
            .filter_map(|(_, compiled)| compiled.as_ref().ok());
        each.map(|validator| validator.bytes())
            .fold(0, u64::saturating_add)
    }

    /// What was kept, or is compiled now, where others have waited for the same.
    fn compiled(
        this: &Mutex<Self>,
        key: (Digest, Part),
        schema: &Value,
        ledger: &Ledger,
    ) -> Result<Compiled, OverBudget> {
        if let Some(known) = this.lock().0.get(&key) {
            return Ok(known.clone());
        }
        let compiled = match Validator::charged(schema, ledger) {
            Err(NotCompiled::OverBudget(_)) => {
                // What is not used now makes room.
                this.lock().0.clear();
                Validator::charged(schema, ledger)
            }
            compiled => compiled,
        };
        let compiled = match compiled {
            Ok(validator) => Ok(Arc::new(validator)),
            Err(NotCompiled::Unusable(why)) => Err(Arc::from(why)),
            Err(NotCompiled::OverBudget(over)) => return Err(over),
        };
        this.lock().keep(key, compiled.clone(), MAX_KEPT_BYTES);
        Ok(compiled)
    }
}

/// On whose behalf a value is validated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// The tool's name as the caller spelled it.
    pub(crate) name: &'a str,
    pub(crate) context: &'a CallContext,
    /// How long it may take.
    pub(crate) limit: Duration,
}

impl Validators {
    /// Compiles nothing yet.
    pub(crate) fn new(ledger: &Ledger, turns: &Arc<Turns>) -> Self {
        Self {
            known: Arc::new(Mutex::new(Known(LruCache::new(MAX_KEPT)))),
            turns: Arc::clone(turns),
            ledger: ledger.clone(),
        }
    }

    /// Why values are not validated against a schema of a tool, if that was found out.
    pub(crate) fn why_unusable(&self, tool: &Tool, part: Part) -> Option<Arc<str>> {
        let known = self.known.lock();
        known
            .0
            .peek(&(tool.digest(), part))?
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
                    ..refusal(&what, &mismatches)
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
                    Err(unfit(asker.name, answer.value, content, &mismatches))
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
            Some(compiled) => compiled,
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
        let weight = size_of(schema);
        let held = self.ledger.charge(weight).map_err(Unfinished::from)?;
        let (known, schema, ledger) =
            (Arc::clone(&self.known), schema.clone(), self.ledger.clone());
        let work = move |_| Known::compiled(&known, key, &schema, &ledger);
        let compiled = self.turns.aside(held.into(), asker.limit, work).await?;
        Ok(compiled.map_err(Unfinished::from)?)
    }
}

/// An answer that does not fit; the script finds it, and its content, in `data`.
fn unfit(name: &str, value: Value, content: Value, mismatches: &[Mismatch]) -> ToolError {
    let name = quoted(name);
    let mut error = refusal(
        &format!("the answer of {name} is not what the tool declares"),
        mismatches,
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

fn refusal(what: &str, mismatches: &[Mismatch]) -> ToolError {
    let reasons: Vec<String> = mismatches
        .iter()
        .map(|mismatch| match mismatch.path.as_str() {
            "" => bounded(&mismatch.message),
            path => format!("{}: {}", bounded(path), bounded(&mismatch.message)),
        })
        .collect();
    let listed: Vec<Value> = mismatches
        .iter()
        .map(|mismatch| json!({"path": bounded(&mismatch.path), "message": bounded(&mismatch.message)}))
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
        NotChecked::Unfinished(why) => {
            ToolError::new(ToolErrorKind::LimitReached, format!("{not}: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use wxmcp_catalogue::Definition;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn tool(output: Value) -> Tool {
        Tool::new(Definition {
            name: "get".to_owned(),
            description: String::new(),
            input_schema: Value::Null,
            output_schema: Some(output),
        })
        .unwrap()
    }

    async fn answered(
        validators: &Validators,
        tool: &Tool,
        context: &CallContext,
        value: Value,
    ) -> Result<Value, ToolError> {
        let asker = Asker {
            name: "s.get",
            context,
            limit: LIMIT,
        };
        let answer = Answer::of_file(value, 0);
        let answer = validators.answer(tool, answer, asker).await;
        answer.map(|answer| answer.value)
    }

    /// Each of 40 references leads to two.
    fn exploding() -> Value {
        let mut schemas = Map::new();
        for n in 0..40 {
            let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
            schemas.insert(format!("a{n}"), json!({"allOf": [next, next]}));
        }
        schemas.insert("a40".to_owned(), json!({"type": "integer"}));
        json!({"type": "object", "$defs": schemas, "properties": {"v": {"$ref": "#/$defs/a0"}, "w": {}}})
    }

    #[tokio::test]
    async fn a_validation_without_end_is_refused_by_name_and_the_next_one_runs() {
        let ledger = Ledger::of_process(1 << 30);
        let context = CallContext::outside_of_runs(&ledger);
        let validators = Validators::new(&ledger, &Arc::default());
        let tool = tool(exploding());
        let refused = answered(&validators, &tool, &context, json!({"v": 1})).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, ToolErrorKind::LimitReached);
        let words =
            "the answer of `s.get` could not be held against its schema: it takes more than 20000";
        assert!(refused.message.starts_with(words), "{refused:?}");
        let value = json!({"w": 1});
        assert_eq!(
            answered(&validators, &tool, &context, value.clone()).await,
            Ok(value)
        );
    }

    #[tokio::test]
    async fn a_schema_that_cannot_be_used_is_named_and_costs_nothing() {
        let ledger = Ledger::of_process(1 << 30);
        let context = CallContext::outside_of_runs(&ledger);
        let validators = Validators::new(&ledger, &Arc::default());
        let property = |n: usize| {
            (
                format!("p{n}"),
                json!({"pattern": format!("(\\p{{L}}{{12}}){{9}}x{{{n}}}")}),
            )
        };
        let properties: Map<String, Value> = (0..300).map(property).collect();
        let hostile = tool(json!({"type": "object", "properties": properties}));
        let value = json!({"p1": "x"});
        assert_eq!(
            answered(&validators, &hostile, &context, value.clone()).await,
            Ok(value)
        );
        let why = validators.why_unusable(&hostile, Part::Answer).unwrap();
        assert!(
            why.contains("cannot be compiled within 1048576 bytes"),
            "{why}"
        );
        assert!(ledger.peak() < 8 << 20, "{ledger:?}");
        let plain = tool(json!({"type": "object", "properties": {"p1": {"pattern": "^y"}}}));
        let refused = answered(&validators, &plain, &context, json!({"p1": "x"})).await;
        assert_eq!(refused.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
        assert_eq!(validators.why_unusable(&plain, Part::Answer), None);
    }

    #[tokio::test]
    async fn compiled_schemas_are_charged_and_the_oldest_make_room() {
        let probe = Ledger::unbounded();
        let schema = |n: usize| json!({"type": "object", "properties": {"a": {"const": n}, "b": {"enum": vec![n; 2_000]}}});
        let one = Validator::charged(&schema(0), &probe).unwrap().bytes();
        let ledger = Ledger::of_process(3 * one);
        let context = CallContext::outside_of_runs(&ledger);
        let validators = Validators::new(&ledger, &Arc::default());
        for n in 0..10 {
            let tool = tool(schema(n));
            let fits = answered(&validators, &tool, &context, json!({"a": n})).await;
            assert!(fits.is_ok(), "{fits:?}");
            let unfit = answered(&validators, &tool, &context, json!({"a": "x"})).await;
            assert_eq!(unfit.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
            assert!(ledger.held() >= one, "{ledger:?}");
        }
        let mut known = Known(LruCache::new(MAX_KEPT));
        for n in 0..10 {
            let validator = Validator::charged(&schema(n), &probe).unwrap();
            let key = (tool(schema(n)).digest(), Part::Answer);
            known.keep(key, Ok(Arc::new(validator)), 5 * one);
        }
        assert!(known.0.len() < 10 && known.0.len() > 2, "{}", known.0.len());
    }
}
