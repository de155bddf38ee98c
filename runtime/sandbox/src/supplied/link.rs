//! The imports of supplied components.

use std::sync::Arc;

use serde_json::{Map, Value};
use wasmtime::component::{Accessor, Linker, Val, types::ComponentFunc};
use wasmtime::{Engine, StoreContextMut};

use crate::guest::{self, State};
use crate::{names, programs, wasi};
use wxmcp_run::ToolError;

/// A tool as a function with types.
pub trait TypedTool: Send + Sync {
    /// `namespace.tool`, as [`ToolHost::call`](wxmcp_run::ToolHost::call) takes it.
    fn name(&self) -> &str;

    /// The arguments that the parameters of a call stand for.
    ///
    /// # Errors
    ///
    /// When they stand for none: then the tool is not called.
    fn arguments(&self, parameters: &[Val]) -> Result<Map<String, Value>, ToolError>;

    /// The result of the function: what the tool answered, or why it did not.
    fn result(&self, answer: Result<Value, ToolError>) -> Val;
}

/// A tool, and the import that it answers.
#[derive(Clone)]
pub struct LinkedTool {
    /// The name of the imported instance.
    pub interface: String,
    /// The label of the function in it.
    pub function: String,
    /// Whether the function is an `async func`: then calls of it go on while the component does.
    pub is_async: bool,
    /// The tool.
    pub tool: Arc<dyn TypedTool>,
}

/// A linker that has WASI, the protocol of `wit/guest.wit`, and some tools.
pub(super) fn linker(engine: &Engine, tools: &[LinkedTool]) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    guest::add_to_linker(&mut linker)?;
    programs::add_to_linker(&mut linker)?;
    names::add_to_linker(&mut linker)?;
    for linked in tools {
        let mut instance = linker.instance(&linked.interface)?;
        let tool = Arc::clone(&linked.tool);
        if linked.is_async {
            instance.func_new_concurrent(
                &linked.function,
                move |accessor: &Accessor<State>, _of: ComponentFunc, parameters, results| {
                    let tool = Arc::clone(&tool);
                    Box::pin(async move {
                        let result = concurrently(accessor, tool.as_ref(), parameters).await?;
                        give(results, result)
                    })
                },
            )?;
        } else {
            instance.func_new_async(
                &linked.function,
                move |store: StoreContextMut<'_, State>,
                      _of: ComponentFunc,
                      parameters,
                      results| {
                    let tool = Arc::clone(&tool);
                    Box::new(async move {
                        let result = blocking(store, tool.as_ref(), parameters).await?;
                        give(results, result)
                    })
                },
            )?;
        }
    }
    Ok(linker)
}

fn give(results: &mut [Val], result: Val) -> wasmtime::Result<()> {
    let place = results
        .first_mut()
        .ok_or_else(|| wasmtime::format_err!("the function has no result"))?;
    *place = result;
    Ok(())
}

/// Calls a tool while the component stands still.
async fn blocking(
    mut store: StoreContextMut<'_, State>,
    tool: &dyn TypedTool,
    parameters: &[Val],
) -> wasmtime::Result<Val> {
    let arguments = match tool.arguments(parameters) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(tool.result(Err(error))),
    };
    let pending = store.data_mut().calls.begin_call(tool.name(), arguments)?;
    let clock = store.data().calls.clock();
    let ended = {
        let _waiting = clock.guest_waits();
        pending.await
    };
    store.data_mut().calls.close_call(&ended);
    Ok(tool.result(ended.answer))
}

/// Calls a tool while the component goes on.
async fn concurrently(
    accessor: &Accessor<State>,
    tool: &dyn TypedTool,
    parameters: &[Val],
) -> wasmtime::Result<Val> {
    let arguments = match tool.arguments(parameters) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(tool.result(Err(error))),
    };
    let pending =
        accessor.with(|mut access| access.get().calls.begin_call(tool.name(), arguments))?;
    let ended = pending.await;
    accessor.with(|mut access| access.get().calls.close_call(&ended));
    Ok(tool.result(ended.answer))
}
