//! Modules that a script reads while it runs, made programs as the script was: the interface `programs` of
//! `wit/guest.wit`.
//!
//! The guest reads them by its own rights, and hands over their text: nothing here touches a file.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList};
use wasmtime_wasi::runtime::spawn_blocking;
use wxmcp_javascript::{Dialect, Format, Program};
use wxmcp_run::Raised;

use crate::guest::{State, copy, yield_after};
use crate::limits::{Budget, Stop};

/// Largest source of a module, in bytes.
const SOURCE: usize = 8 << 20;

/// Most modules that are read in one run.
const MODULES: u64 = 10_000;

/// Bytes of the sources of all modules that are read in one run.
const SOURCES: u64 = 64 << 20;

/// Bytes of a source that are read in a few milliseconds; a longer one is read by another thread than the event loop's.
const LONG: usize = 64 << 10;

/// How much is held for each byte of a source while it is read: its tree, and copies.
const HELD: u64 = 16;

/// What one run may still have read.
pub(crate) struct Programs {
    modules: Budget,
    bytes: Budget,
}

impl Default for Programs {
    fn default() -> Self {
        Self {
            modules: Budget::new(MODULES),
            bytes: Budget::new(SOURCES),
        }
    }
}

impl Programs {
    /// Takes a message of so many bytes, or says what there is too much of.
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.modules
            .spend(1)
            .map_err(|most| format!("a run reads at most {most} modules"))?;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes.spend(bytes).map_err(|most| {
            format!(
                "the modules of a run have at most {} MiB in all",
                most >> 20
            )
        })
    }
}

/// A module, as the guest hands it over.
#[derive(Deserialize)]
struct Module<'a> {
    /// Its path; how it ends says what it is written in.
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Program(Box<Program>),
    Raised(Raised),
}

/// Offers the interface to guests.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut programs = linker.instance("wxmcp:guest/programs@0.1.0")?;
    programs.func_wrap_async(
        "program",
        |mut store: StoreContextMut<'_, State>, (module,): (WasmList<u8>,)| {
            Box::new(async move { Ok((program(&mut store, &module).await?,)) })
        },
    )
}

async fn program(
    store: &mut StoreContextMut<'_, State>,
    module: &WasmList<u8>,
) -> Result<Vec<u8>, Stop> {
    let bytes = module.len();
    if let Err(message) = store.data_mut().programs.spend(bytes) {
        return Ok(written(&Answer::Raised(refused(&message))));
    }
    let ledger = store.data().calls.ledger().clone();
    let size = u64::try_from(bytes).unwrap_or(u64::MAX);
    let charge = ledger.charge_when_free(size.saturating_mul(HELD)).await;
    let charge = charge.map_err(|over| Stop(over.limit()))?;
    let payload = copy(store, module)?;
    let work = move || {
        let answer = read(&payload);
        drop(charge);
        answer
    };
    let answer = match bytes < LONG {
        true => work(),
        false => spawn_blocking(work).await,
    };
    yield_after(store, bytes).await;
    Ok(answer)
}

/// Reads a message, and answers what the guest is sent.
fn read(payload: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Module<'_>>(payload) {
        Ok(module) => made(&module),
        Err(error) => Answer::Raised(refused(&format!("this is no module: {error}"))),
    };
    written(&answer)
}

fn made(module: &Module<'_>) -> Answer {
    if module.source.len() > SOURCE {
        let most = SOURCE >> 20;
        let message = format!("a module has at most {most} MiB: `{}`", module.name);
        return Answer::Raised(refused(&message));
    }
    let suffix = module
        .name
        .rsplit_once('.')
        .map_or("", |(_, suffix)| suffix);
    let dialect = match suffix {
        "ts" | "mts" | "cts" => Dialect::TypeScript,
        _ => Dialect::JavaScript,
    };
    let format = match suffix {
        "mjs" | "mts" => Format::Module,
        _ => Format::ByText,
    };
    match wxmcp_javascript::file(&module.source, dialect, format, &module.name) {
        Ok(program) => Answer::Program(Box::new(program)),
        Err(raised) => Answer::Raised(raised),
    }
}

fn refused(message: &str) -> Raised {
    Raised {
        kind: "Error".to_owned(),
        message: message.to_owned(),
        traceback: format!("Error: {message}\n"),
        line: None,
        file: None,
    }
}

fn written(answer: &Answer) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(message: &serde_json::Value) -> serde_json::Value {
        let answer = read(message.to_string().as_bytes());
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    #[test]
    fn a_module_is_made_a_program_by_its_name_and_text() {
        let of = |name: &str, source: &str| {
            answered(&serde_json::json!({"name": name, "source": source}))
        };
        let module = of("/p/a.js", "export const a = 1;");
        assert_eq!(module["program"]["links"]["common"], false);
        let common = of("/p/a.js", "exports.a = 1;");
        assert_eq!(common["program"]["common"], true);
        assert_eq!(
            of("/p/a.mjs", "var a = 1;")["program"]["links"]["common"],
            false
        );
        assert_eq!(of("/p/a.cjs", "var a = 0o755;")["program"]["common"], true);
        let typed = of("/p/a.ts", "export const a: number = 1;");
        assert_eq!(typed["program"]["links"]["typed"], true);
        let wrong = of("/p/a.js", "let = = 1");
        assert_eq!(wrong["raised"]["file"], "/p/a.js");
        assert_eq!(wrong["raised"]["type"], "SyntaxError");
    }

    #[test]
    fn too_much_is_refused_by_name() {
        let long = " ".repeat(SOURCE + 1);
        let answer = answered(&serde_json::json!({"name": "/p/a.js", "source": long}));
        assert_eq!(
            answer["raised"]["message"],
            "a module has at most 8 MiB: `/p/a.js`"
        );
        let mut programs = Programs::default();
        for _ in 0..MODULES {
            assert_eq!(programs.spend(10), Ok(()));
        }
        let refused = programs.spend(10).unwrap_err();
        assert_eq!(refused, "a run reads at most 10000 modules");
        let mut programs = Programs::default();
        assert!(
            programs
                .spend(65 << 20)
                .unwrap_err()
                .ends_with("64 MiB in all")
        );
    }
}
