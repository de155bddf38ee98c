//! Answers that packages for HTTP are tried with: packed ones, large ones, those of models.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x2a\x48\x4c\xce\x4e\x4d\x51\xb2\x52\x4a\xaf\xca\x2c\x50\xaa\x05\x00\x0e\xb0\xd4\x51\x11\x00\x00\x00";
const DEFLATE: &[u8] = b"\x78\x9c\xab\x56\x2a\x48\x4c\xce\x4e\x4d\x51\xb2\x52\x4a\x49\x4d\xcb\x49\x2c\x49\x55\xaa\x05\x00\x48\xa3\x06\xf8";
const BROTLI: &[u8] =
    b"\x0b\x07\x80\x7b\x22\x70\x61\x63\x6b\x65\x64\x22\x3a\x22\x62\x72\x22\x7d\x03";

/// How many requests have come for each path of `/flaky`.
static TRIED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// Head and body for a path that is one of these.
pub(super) fn answer(path: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let packed = |encoding: &str, body: &[u8]| {
        let head =
            format!("200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {encoding}");
        (head, body.to_vec())
    };
    Some(match path {
        "/packed/gzip" => packed("gzip", GZIP),
        "/packed/deflate" => packed("deflate", DEFLATE),
        "/packed/br" => packed("br", BROTLI),
        "/big" => ("200 OK".to_owned(), vec![b'x'; 300_000]),
        "/v1/chat/completions" | "/v1/messages" => model(path, body),
        "/v1/files" => {
            let text = String::from_utf8_lossy(body);
            let name = text.split("filename=\"").nth(1)?.split('"').next()?;
            json_answer(&json!({"id": "file-1", "object": "file", "filename": name}))
        }
        _ => {
            let times = path
                .strip_prefix("/flaky/")?
                .split('/')
                .next()?
                .parse()
                .ok()?;
            let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
            let count = tried.entry(path.to_owned()).or_default();
            *count += 1;
            match *count < times {
                true => ("503 Later".to_owned(), b"later".to_vec()),
                false => json_answer(&json!({"tries": count})),
            }
        }
    })
}

fn json_answer(value: &Value) -> (String, Vec<u8>) {
    let head = "200 OK\r\ncontent-type: application/json".to_owned();
    (head, value.to_string().into_bytes())
}

/// What the interfaces of two vendors answer, whole or as a stream of events.
fn model(path: &str, body: &[u8]) -> (String, Vec<u8>) {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_stream = asked.get("stream") == Some(&Value::Bool(true));
    let named = asked.get("model");
    let text = "Hi there";
    let chat = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": named,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]});
    let message = json!({"id": "m1", "type": "message", "role": "assistant", "model": named,
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let events = match (is_stream, path) {
        (false, "/v1/messages") => return json_answer(&message),
        (false, _) => return json_answer(&chat),
        (true, "/v1/messages") => message_events(&message),
        (true, _) => ["Hi", " there"]
            .map(|part| {
                let delta = json!({"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": part}}]});
                format!("data: {delta}\n\n")
            })
            .concat()
            + "data: [DONE]\n\n",
    };
    let head = "200 OK\r\ncontent-type: text/event-stream".to_owned();
    (head, events.into_bytes())
}

fn message_events(message: &Value) -> String {
    let mut begun = message.clone();
    if let Some(content) = begun.get_mut("content") {
        *content = json!([]);
    }
    let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let events = [
        json!({"type": "message_start", "message": begun}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        delta("Hi"),
        delta(" there"),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ];
    let lines = events.iter().map(|event| {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    });
    lines.collect()
}
