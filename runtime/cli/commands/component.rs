//! A component as the script: compiled, and linked to the tools that it imports.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use anyhow::Context;
use wxmcp_host::{Guests, Runtime, StartError};
use wxmcp_run::{RunError, Runner};
use wxmcp_sandbox::supplied::{CompileError, NotComponent};
use wxmcp_toolfiles::LinkError;

use crate::exit::Failure;

/// Most bytes that are read of a component. What is larger is not compiled, and that is said.
const MAX_READ: u64 = 256 << 20;

/// What runs scripts by the interpreter in a file.
pub(super) async fn interpreter(name: &str, guests: &Guests) -> Result<Arc<dyn Runner>, Failure> {
    let wasm = read(name)?;
    let component = guests.supplied(&wasm).await;
    let component = component.map_err(|error| not_compiled(error, name))?;
    let runner = component.interpreter().map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use `{name}`")))
    })?;
    Ok(Arc::new(runner))
}

fn read(name: &str) -> Result<Vec<u8>, Failure> {
    let mut wasm = Vec::new();
    File::open(name)
        .and_then(|file| file.take(MAX_READ).read_to_end(&mut wasm))
        .with_context(|| format!("cannot read `{name}`"))
        .map_err(Failure::usage)?;
    Ok(wasm)
}

/// What runs the component in a file.
pub(super) async fn runner(name: &str, runtime: &Runtime) -> Result<Arc<dyn Runner>, Failure> {
    let wasm = read(name)?;
    runtime.component(&wasm).await.map_err(|error| match error {
        StartError::Compile(error) => not_compiled(error, name),
        StartError::Link(error) => not_linked(error, name),
        StartError::Run(error) => {
            let is_theirs = matches!(error, RunError::NoScript | RunError::Engine(_));
            let error = anyhow::Error::new(error).context(format!("cannot run `{name}`"));
            if is_theirs {
                Failure::usage(error)
            } else {
                Failure::fault(error)
            }
        }
    })
}

fn not_compiled(error: CompileError, name: &str) -> Failure {
    let hint = match &error {
        CompileError::NotComponent(NotComponent::CoreModule) => Some(
            "make a component of it: its toolchain's target `wasm32-wasip2`, or `wasm-tools component new`",
        ),
        _ => None,
    };
    let is_ours = matches!(error, CompileError::System(_) | CompileError::Load(_));
    let error = anyhow::Error::new(error).context(format!("cannot run `{name}`"));
    let failure = if is_ours {
        Failure::fault(error)
    } else {
        Failure::usage(error)
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn not_linked(error: LinkError, name: &str) -> Failure {
    Failure::usage(anyhow::Error::new(error).context(format!("cannot run `{name}`")))
}
