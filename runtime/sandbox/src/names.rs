//! What is known of tools without starting anything, told at once: the interface `names` of `wit/guest.wit`.

use serde::Deserialize;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList};
use wxmcp_run::Limit;

use crate::guest::{State, copy, yield_after};
use crate::limits::Stop;

/// Largest question, in bytes.
const QUESTION: usize = 4096;

/// A question counts as so many bytes of the host's work: it may read a folder.
const WORK: usize = 64 << 10;

#[derive(Deserialize)]
struct Question {
    name: Option<String>,
}

/// Offers the interface to guests.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut names = linker.instance("wxmcp:guest/names@0.1.0")?;
    names.func_wrap_async(
        "known",
        |mut store: StoreContextMut<'_, State>, (question,): (WasmList<u8>,)| {
            Box::new(async move { Ok((known(&mut store, &question).await?,)) })
        },
    )
}

async fn known(
    store: &mut StoreContextMut<'_, State>,
    question: &WasmList<u8>,
) -> Result<Vec<u8>, Stop> {
    if question.len() > QUESTION {
        let allowed = u64::try_from(QUESTION).unwrap_or(u64::MAX);
        return Err(Stop(Limit::Message(allowed)));
    }
    let payload = copy(store, question)?;
    let Ok(Question { name }) = serde_json::from_slice(&payload) else {
        return Ok(b"null".to_vec());
    };
    let asked = store.data().calls.known(name);
    let answer = serde_json::to_vec(&asked.await).unwrap_or_default();
    yield_after(store, WORK.max(answer.len())).await;
    Ok(answer)
}
