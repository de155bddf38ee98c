//! SQLite, embedded.
//!
//! Read-only is the database's own doing: such a link is opened without the right to write,
//! and nothing can be attached to either kind.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Batch, Connection, ErrorCode, InterruptHandle, OpenFlags, Row, params_from_iter};
use serde_json::{Value, json};

use super::sql::{Failure, MAX_ANSWER, MAX_ROWS, Statement};
use crate::tree::Reach;

/// Links that are kept open, of each kind.
const MAX_IDLE: usize = 8;

/// How long a statement waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Largest integer that every reader of JSON keeps whole: 2^53 - 1.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Statements that look at the schema and change nothing.
const PRAGMAS: [&str; 9] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "database_list",
    "collation_list",
];

/// One database file.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    readers: Mutex<Vec<Link>>,
    writers: Mutex<Vec<Link>>,
}

/// One open link to the database.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    reach: Reach,
}

impl Sqlite {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            readers: Mutex::default(),
            writers: Mutex::default(),
        }
    }

    fn idle(&self, reach: Reach) -> std::sync::MutexGuard<'_, Vec<Link>> {
        let links = match reach {
            Reach::Read => &self.readers,
            Reach::Write => &self.writers,
        };
        links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link of that reach.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened; it is not made.
    pub(super) async fn link(&self, reach: Reach) -> Result<Link, Failure> {
        if let Some(link) = self.idle(reach).pop() {
            return Ok(link);
        }
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || open(&path, reach))
            .await
            .map_err(|_| Failure::Database("it could not be opened".to_owned()))?
    }

    /// Takes a link back, unless a transaction is open on it.
    pub(super) fn give_back(&self, link: Link) {
        if !link.connection.is_autocommit() {
            return;
        }
        let mut idle = self.idle(link.reach);
        if idle.len() < MAX_IDLE {
            idle.push(link);
        }
    }

    /// Runs one statement. Dropped, it interrupts the database.
    pub(super) async fn run(
        &self,
        link: Link,
        statement: Statement,
    ) -> (Option<Link>, Result<Vec<u8>, Failure>) {
        let interrupt = Interrupt(Some(link.connection.get_interrupt_handle()));
        let running = tokio::task::spawn_blocking(move || {
            let answer = execute(&link.connection, &statement);
            (link, answer)
        });
        let ended = running.await;
        interrupt.disarm();
        match ended {
            Ok((link, answer)) => (Some(link), answer),
            Err(_) => (
                None,
                Err(Failure::Database("the statement failed".to_owned())),
            ),
        }
    }
}

/// Interrupts a statement when nobody waits for it any more.
struct Interrupt(Option<InterruptHandle>);

impl Interrupt {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}

fn open(path: &std::path::Path, reach: Reach) -> Result<Link, Failure> {
    let access = match reach {
        Reach::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Reach::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    connection.busy_timeout(BUSY).map_err(failure)?;
    let bytes = i32::try_from(MAX_ANSWER).unwrap_or(i32::MAX);
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, bytes),
    ] {
        connection.set_limit(limit, most).map_err(failure)?;
    }
    connection.authorizer(Some(authorize));
    Ok(Link { connection, reach })
}

/// What no statement may do, whatever it may write.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Pragma { pragma_name, .. } if !PRAGMAS.contains(&pragma_name) => {
            Authorization::Deny
        }
        AuthAction::Function { function_name }
            if function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

fn execute(connection: &Connection, statement: &Statement) -> Result<Vec<u8>, Failure> {
    let mut batch = Batch::new(connection, &statement.text);
    let mut prepared = batch
        .next()
        .map_err(failure)?
        .ok_or_else(|| Failure::Invalid("the statement is empty".to_owned()))?;
    if batch.next().map_err(failure)?.is_some() {
        let message = "one statement at a time: use a transaction for several";
        return Err(Failure::Invalid(message.to_owned()));
    }
    let parameters = statement
        .parameters
        .iter()
        .map(parameter)
        .collect::<Result<Vec<Sql>, Failure>>()?;
    let wanted = prepared.parameter_count();
    if wanted != parameters.len() {
        return Err(Failure::Invalid(format!(
            "the statement has {wanted} parameters, and {} were given",
            parameters.len()
        )));
    }
    let mut columns: Vec<Column> = prepared
        .columns()
        .iter()
        .map(|column| Column {
            name: column.name().to_owned(),
            declared: column.decl_type().map(str::to_lowercase),
            is_bytes: false,
            is_big: false,
        })
        .collect();
    let mut out = b"{\"rows\":[".to_vec();
    let mut count = 0_usize;
    let before = connection.total_changes();
    let mut rows = prepared
        .query(params_from_iter(parameters))
        .map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        if !statement.is_query {
            continue;
        }
        if count >= MAX_ROWS {
            return Err(Failure::Limit(format!(
                "the answer has more than {MAX_ROWS} rows: use LIMIT, or aggregate"
            )));
        }
        if count > 0 {
            out.push(b',');
        }
        count = count.saturating_add(1);
        write_row(&mut out, row, &mut columns)?;
        if out.len() > MAX_ANSWER {
            return Err(Failure::Limit(format!(
                "the answer has more than {MAX_ANSWER} bytes: ask for fewer columns or rows"
            )));
        }
    }
    drop(rows);
    if !statement.is_query {
        let changed = connection.total_changes().saturating_sub(before);
        let last = connection.last_insert_rowid();
        let told = json!({"rows_affected": changed, "last_insert_id": last});
        return Ok(told.to_string().into_bytes());
    }
    out.extend_from_slice(b"],\"columns\":");
    let described: Vec<Value> = columns.iter().map(Column::described).collect();
    out.extend_from_slice(Value::from(described).to_string().as_bytes());
    out.push(b'}');
    Ok(out)
}

/// A column of an answer, and what its values need.
struct Column {
    name: String,
    declared: Option<String>,
    is_bytes: bool,
    is_big: bool,
}

impl Column {
    fn described(&self) -> Value {
        let mut told = json!({"name": self.name, "type": self.declared});
        if let Some(object) = told.as_object_mut() {
            if self.is_bytes {
                object.insert("bytes".to_owned(), Value::Bool(true));
            }
            if self.is_big {
                object.insert("big".to_owned(), Value::Bool(true));
            }
        }
        told
    }
}

fn write_row(out: &mut Vec<u8>, row: &Row<'_>, columns: &mut [Column]) -> Result<(), Failure> {
    out.push(b'[');
    for (index, column) in columns.iter_mut().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let value = row.get_ref(index).map_err(failure)?;
        match value {
            ValueRef::Null => out.extend_from_slice(b"null"),
            ValueRef::Integer(number) if number.unsigned_abs() > MAX_SAFE => {
                column.is_big = true;
                write(out, &json!({ "$integer": number.to_string() }))?;
            }
            ValueRef::Integer(number) => write(out, &number)?,
            ValueRef::Real(number) if number.is_finite() => write(out, &number)?,
            ValueRef::Real(number) if number > 0.0 => out.extend_from_slice(b"\"Infinity\""),
            ValueRef::Real(_) => out.extend_from_slice(b"\"-Infinity\""),
            ValueRef::Text(text) => write(out, &String::from_utf8_lossy(text))?,
            ValueRef::Blob(bytes) => {
                column.is_bytes = true;
                write(out, &json!({ "$bytes": STANDARD.encode(bytes) }))?;
            }
        }
    }
    out.push(b']');
    Ok(())
}

fn write(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer(out, value).map_err(|error| Failure::Database(error.to_string()))
}

/// A parameter as it is bound.
fn parameter(value: &Value) -> Result<Sql, Failure> {
    let invalid = |what: &str| Err(Failure::Invalid(format!("a parameter {what}")));
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Sql::Integer(integer),
            (None, Some(real)) if !number.is_u64() => Sql::Real(real),
            _ => return invalid("is an integer beyond 64 bits"),
        },
        Value::String(text) => Sql::Text(text.clone()),
        Value::Object(object) if object.len() == 1 => {
            match (object.get("$bytes"), object.get("$integer")) {
                (Some(Value::String(text)), _) => match STANDARD.decode(text) {
                    Ok(bytes) => Sql::Blob(bytes),
                    Err(_) => return invalid("has bytes that are no base64"),
                },
                (_, Some(Value::String(text))) => match text.parse() {
                    Ok(integer) => Sql::Integer(integer),
                    Err(_) => return invalid("is an integer beyond 64 bits"),
                },
                _ => Sql::Text(value.to_string()),
            }
        }
        // JSON is text to SQLite, and its JSON functions read it.
        Value::Object(_) | Value::Array(_) => Sql::Text(value.to_string()),
    })
}

fn failure(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => Failure::ReadOnly,
        Some(ErrorCode::OperationInterrupted) => {
            Failure::Limit("the statement was interrupted".to_owned())
        }
        _ => Failure::Database(match error {
            // Its other part may hold the path of the file.
            rusqlite::Error::SqliteFailure(error, None) => error.to_string(),
            rusqlite::Error::SqliteFailure(error, Some(_))
                if error.code == ErrorCode::CannotOpen =>
            {
                "the database file cannot be opened".to_owned()
            }
            other => other.to_string(),
        }),
    }
}
