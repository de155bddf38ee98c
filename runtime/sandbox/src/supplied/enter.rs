//! How a supplied component is entered, and how it ends.

use std::sync::Arc;

use wasmtime::component::{ComponentExportIndex, Instance, Val};
use wasmtime::{AsContextMut, Store};

use super::TypedExport;
use crate::guest::{End, State};
use crate::outcome::Entered;
use wxmcp_run::{INVALID_ARGUMENTS, Raised, Script, ToolJob};

/// What of a component is called.
#[derive(Clone)]
pub(crate) enum Export {
    /// `main` of the world `script`.
    Main(ComponentExportIndex),
    /// `run` of `wasi:cli/run`.
    Command(ComponentExportIndex),
    /// A function that is a tool.
    Function(ComponentExportIndex, Arc<dyn TypedExport>),
}

/// Calls the export, and notes how it ended.
pub(crate) async fn enter(
    export: &Export,
    instance: &Instance,
    store: &mut Store<State>,
    script: &Script,
) -> Result<(), Entered> {
    match export {
        Export::Main(index) => {
            let main = instance
                .get_typed_func::<(Vec<String>,), (Result<String, String>,)>(
                    store.as_context_mut(),
                    index,
                )
                .map_err(Entered::Not)?;
            let called = main.call_async(&mut *store, (script.args.clone(),)).await;
            let (answer,) = called.map_err(Entered::Trapped)?;
            match answer {
                Ok(value) => say_value(store, value.as_bytes()),
                Err(message) => {
                    say(store, End::Raised(raised("Error", message)));
                    Ok(())
                }
            }
        }
        Export::Command(index) => {
            let run = instance
                .get_typed_func::<(), (Result<(), ()>,)>(store.as_context_mut(), index)
                .map_err(Entered::Not)?;
            let called = run.call_async(&mut *store, ()).await;
            let (answer,) = called.map_err(Entered::Trapped)?;
            match answer {
                Ok(()) => say_value(store, b"null"),
                Err(()) => {
                    say(store, End::Exit(1));
                    Ok(())
                }
            }
        }
        Export::Function(index, export) => {
            function(*index, export.as_ref(), instance, store, script).await
        }
    }
}

async fn function(
    index: ComponentExportIndex,
    export: &dyn TypedExport,
    instance: &Instance,
    store: &mut Store<State>,
    script: &Script,
) -> Result<(), Entered> {
    let arguments = match &script.task {
        Some(task) => match &task.job {
            ToolJob::Call(arguments) => arguments.clone(),
            ToolJob::Describe(_) => serde_json::Map::new(),
        },
        None => serde_json::Map::new(),
    };
    let parameters = match export.parameters(&arguments) {
        Ok(parameters) => parameters,
        Err(why) => {
            say(store, End::Raised(raised(INVALID_ARGUMENTS, why)));
            return Ok(());
        }
    };
    let function = instance
        .get_func(store.as_context_mut(), index)
        .ok_or_else(|| Entered::Not(wasmtime::format_err!("the function is not there")))?;
    let count = function.ty(store.as_context_mut()).results().len();
    let mut results = vec![Val::Bool(false); count];
    function
        .call_async(&mut *store, &parameters, &mut results)
        .await
        .map_err(Entered::Trapped)?;
    match export.value(&results) {
        Ok(value) => say_value(store, value.to_string().as_bytes()),
        Err(why) => {
            say(store, End::Raised(raised("InvalidAnswer", why)));
            Ok(())
        }
    }
}

/// A value is bounded, and must be JSON.
fn say_value(store: &mut Store<State>, json: &[u8]) -> Result<(), Entered> {
    let taken = store.data_mut().outbox.take(3, json);
    taken.map_err(|stop| Entered::Trapped(stop.into()))
}

fn say(store: &mut Store<State>, end: End) {
    store.data_mut().outbox.end = Some(end);
}

fn raised(kind: &str, message: String) -> Raised {
    Raised {
        kind: kind.to_owned(),
        message: crate::guest::head(&message, crate::guest::RAISED).to_owned(),
        traceback: String::new(),
        line: None,
        file: None,
    }
}
