use std::pin::Pin;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, GetMeta as _, PingRequest,
    ProgressToken, RequestId,
};

use super::take::MAX_MESSAGES;
use wxmcp_policy::Redactor;
use wxmcp_run::{Held, Ledger};

use super::*;
use crate::stdio::arrived::{Arrived, Received};
use crate::stdio::pipe_state::Fault;

mod charged;

const LIMIT: usize = 1000;

fn state() -> PipeState {
    PipeState::new(Redactor::default(), Ledger::unbounded())
}

type TestPipe = Pipe<tokio::io::DuplexStream, tokio::io::DuplexStream>;

/// A pipe on which so many calls are open.
async fn calling(calls: i64) -> (TestPipe, tokio::io::DuplexStream, tokio::io::DuplexStream) {
    let (theirs, reader) = tokio::io::duplex(1 << 20);
    let (writer, sent) = tokio::io::duplex(1 << 20);
    let mut pipe = Pipe::new(reader, writer, LIMIT, state(), None);
    for id in 0..calls {
        let mut call =
            ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("x")));
        let token = ProgressToken(RequestId::Number(100 + id));
        call.get_meta_mut().set_progress_token(token);
        let message = JsonRpcMessage::request(call, RequestId::Number(id));
        pipe.send(message).await.unwrap();
    }
    (pipe, theirs, sent)
}

/// A pipe on which calls 0 and 1 are open and a ping, 2, was sent.
async fn pipe() -> (TestPipe, tokio::io::DuplexStream, tokio::io::DuplexStream) {
    let (mut pipe, theirs, sent) = calling(2).await;
    let ping = ClientRequest::PingRequest(PingRequest::default());
    pipe.send(JsonRpcMessage::request(ping, RequestId::Number(2)))
        .await
        .unwrap();
    (pipe, theirs, sent)
}

fn arrived(pipe: &TestPipe, id: &RequestId) -> Option<Arrived> {
    match id {
        RequestId::Number(id) => pipe.state().take_arrived(*id),
        RequestId::String(_) => None,
    }
}

async fn receive(line: &str) -> (Option<Arrived>, Option<Fault>) {
    let (mut pipe, mut theirs, _sent) = pipe().await;
    theirs.write_all(line.as_bytes()).await.unwrap();
    theirs.write_all(b"\n").await.unwrap();
    drop(theirs);
    let found = match pipe.receive().await {
        Some(JsonRpcMessage::Response(response)) => arrived(&pipe, &response.id),
        Some(other) => panic!("{other:?}"),
        None => None,
    };
    (found, pipe.state().fault().cloned())
}

#[tokio::test]
async fn a_result_arrives_with_its_size() {
    let line = r#"{"jsonrpc":"2.0","id":1,"result":{"malformed":"no"}}"#;
    let result = serde_json::json!({"malformed": "no"});
    let size = u64::try_from(result.to_string().len()).unwrap();
    let received = Received {
        value: result,
        bytes: size,
        held: Held::default(),
    };
    assert_eq!(receive(line).await, (Some(Arrived::Result(received)), None));
    let as_string = r#"{"id":"1","result":1}"#;
    assert!(matches!(
        receive(as_string).await,
        (Some(Arrived::Result(..)), None)
    ));
}

#[tokio::test]
async fn an_answer_that_cannot_be_taken_fails_its_call() {
    let deep = format!(
        r#"{{"id":0,"result":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    for line in [
        r#"{"jsonrpc":"2.0","id":0}"#,
        r#"{"jsonrpc":"2.0","id":0,"result":null}"#,
        r#"{"id":0,"result":1,"error":{"code":1,"message":""}}"#,
        r#"{"id":0,"error":"no"}"#,
        &deep,
    ] {
        let (arrived, fault) = receive(line).await;
        assert!(
            matches!(arrived, Some(Arrived::Malformed(_))),
            "{line}: {arrived:?}"
        );
        assert_eq!(fault, None);
    }
}

#[tokio::test]
async fn a_long_answer_fails_its_call_wherever_its_id_stands() {
    let text = "x".repeat(5000);
    for line in [
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"t":"{text}"}}}}"#),
        format!(r#"{{"result":{{"t":"{text}"}},"jsonrpc":"2.0","id":1}}"#),
        format!(r#"{{"result":{{"t":"{text}"}},"id":1,"jsonrpc":"2.0"}}"#),
    ] {
        let (arrived, fault) = receive(&line).await;
        let expected = Arrived::TooLarge("it is larger than 1000 bytes".to_owned());
        assert_eq!((arrived, fault), (Some(expected), None));
    }
    for line in [
        format!(r#"{{"result":{{"id":1,"t":"{text}"}}}}"#),
        format!(r#"{{"result":{{"t":"{text}\"id\":1"}}}}"#),
        format!(r#"{{"method":"notifications/message","params":{{"data":"{text}"}},"id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"x","params":["{text}"]}}"#),
        text,
    ] {
        assert_eq!(receive(&line).await, (None, None), "{line}");
    }
}

/// What comes of one line while so many calls are open, by id, and what is said of it.
async fn taken(calls: i64, line: &[u8]) -> (Vec<(i64, Arrived)>, Option<String>) {
    let (mut pipe, mut theirs, _sent) = calling(calls).await;
    theirs.write_all(line).await.unwrap();
    theirs.write_all(b"\n").await.unwrap();
    drop(theirs);
    let mut all = Vec::new();
    while let Some(message) = pipe.receive().await {
        let JsonRpcMessage::Response(response) = message else {
            panic!("{message:?}");
        };
        let RequestId::Number(id) = response.id else {
            panic!("{:?}", response.id);
        };
        all.push((id, pipe.state().take_arrived(id).unwrap()));
    }
    assert_eq!(pipe.state().fault(), None);
    (all, pipe.state().stray())
}

fn malformed(id: i64, problem: &str) -> Vec<(i64, Arrived)> {
    vec![(id, Arrived::Malformed(problem.to_owned()))]
}

#[tokio::test]
async fn an_answer_to_nobody_costs_nothing_and_is_remembered() {
    for (line, words) in [
        (
            r#"{"id":99,"result":{}}"#,
            "answered a request that was never made (id 99)",
        ),
        (
            r#"{"id":-1,"result":{}}"#,
            "answered a request that was never made (id -1)",
        ),
        (
            r#"{"id":"x","result":{}}"#,
            "answered with an id that is not a number",
        ),
        (
            r#"{"id":[0],"result":{}}"#,
            "answered with an id that is not a number",
        ),
        (
            r#"{"id":99,"result":NaN}"#,
            "answered a request that was never made (id 99)",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5}"#,
            "answered a request that was never made (id 5)",
        ),
    ] {
        for calls in 0..3 {
            let (arrived, stray) = taken(calls, line.as_bytes()).await;
            assert_eq!(arrived, []);
            assert_eq!(stray.as_deref(), Some(words), "{line}");
        }
    }
}

#[tokio::test]
async fn a_damaged_answer_fails_the_call_that_it_names() {
    for (line, problem) in [
        (
            &br#"{"id":1,"result":{"a":NaN}}"#[..],
            "it holds `NaN`, which is not JSON",
        ),
        (
            b"{\"id\":1,\"result\":\"caf\xe9\"}",
            "it is not UTF-8: byte 0xE9 at position 21",
        ),
        (
            br#"{"id":1,"result":{"a":["#,
            "it is cut off: its JSON does not end",
        ),
        (
            br#"[{"id":1,"result":Infinity}]"#,
            "it holds `Infinity`, which is not JSON",
        ),
    ] {
        let (arrived, stray) = taken(3, line).await;
        assert_eq!(arrived, malformed(1, problem));
        assert_eq!(stray, None);
    }
}

#[tokio::test]
async fn a_damaged_answer_without_an_id_fails_the_only_call_or_none() {
    let cut = br#"{"result":{"content":[{"type":"text","text":"cut o"#;
    let (arrived, _) = taken(1, cut).await;
    assert_eq!(
        arrived,
        malformed(0, "it is cut off: its JSON does not end")
    );
    let log = br#"{"result": {"#;
    assert_eq!(taken(1, log).await.0, []);
    for calls in [0, 2] {
        let (arrived, stray) = taken(calls, cut).await;
        assert_eq!(arrived, []);
        let words = "answered what cannot be read: it is cut off: its JSON does not end";
        assert_eq!(stray.as_deref(), Some(words));
    }
    // The first long line is an answer to the only call; the second is prose.
    let long = format!(r#"{{"result":{{"t":"{}"}}}}"#, "x".repeat(5000));
    let (arrived, _) = taken(1, long.as_bytes()).await;
    assert!(matches!(arrived.as_slice(), [(0, Arrived::TooLarge(_))]));
    assert_eq!(taken(1, "x".repeat(5000).as_bytes()).await, (vec![], None));
}

#[tokio::test]
async fn a_result_without_an_id_fails_the_only_call_and_an_error_none() {
    let result = br#"{"jsonrpc":"2.0","result":{}}"#;
    assert_eq!(taken(1, result).await, (malformed(0, "it has no id"), None));
    let (arrived, stray) = taken(2, result).await;
    assert_eq!(
        (arrived, stray.as_deref()),
        (vec![], Some("answered without an id"))
    );
    // The answer may follow: what could not be read may be something else.
    let (mut pipe, mut theirs, _sent) = calling(1).await;
    let lines = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON"}}
{"jsonrpc":"2.0","id":0,"result":{}}
"#;
    theirs.write_all(lines).await.unwrap();
    while !matches!(pipe.receive().await, Some(JsonRpcMessage::Response(_))) {}
    assert_eq!(
        pipe.state().stray().as_deref(),
        Some(
            r#"answered with an error that names no request: `{"code":-32700,"message":"no JSON"}`"#
        )
    );
}

#[tokio::test]
async fn an_answer_over_several_lines_fails_its_call() {
    let spread =
        b"{\n  \"jsonrpc\": \"2.0\",\n  \"id\": 1,\n  \"result\": {\n    \"id\": 0\n  }\n}";
    let (arrived, _) = taken(2, spread).await;
    assert_eq!(arrived, malformed(1, "it is spread over several lines"));
    let log = b"{\n  \"level\": \"info\",\n  \"id\": 1\n}";
    assert_eq!(taken(2, log).await.0, []);
}

#[tokio::test]
async fn what_is_no_answer_fails_no_call() {
    for line in [
        &b"{\"broken\": "[..],
        b"\xff\xfe bad bytes",
        b"{\"level\":\"info\",\"id\":0}",
        b"{\"jsonrpc\":\"1.0\",\"id\":0}",
        br#"{"method":"x","params":{"result":NaN},"id":0}"#,
        br#"DEBUG sent {"jsonrpc":"2.0","id":0,"method":"tools/call"}"#,
        br#"DEBUG got {"jsonrpc":"2.0","id":0,"result":{"a":"..."#,
        b"[0,null,{}]",
        b"{\"level\":\"info\",\"result\":\"ok\"}",
        b"{\"jsonrpc\":\"2.0\"}",
        b"[",
        b"[1,{\"id\":0,\"result\":{}}]",
        br#"{"jsonrpc":"2.0","method":"notifications/progress","params":null}"#,
    ] {
        let (arrived, stray) = taken(1, line).await;
        assert_eq!((arrived, stray), (vec![], None), "{}", line.escape_ascii());
    }
}

#[tokio::test]
async fn half_a_surrogate_becomes_a_replacement_character() {
    let line = br#"{"id":0,"result":{"t\udc00":"\ud83d \ud83d\ude00 \\ud83d"},"\ud83d":1}"#;
    let (arrived, _) = taken(1, line).await;
    let [(0, Arrived::Result(Received { value, .. }))] = arrived.as_slice() else {
        panic!("{arrived:?}");
    };
    let expected = serde_json::json!({"t\u{fffd}": "\u{fffd} \u{1f600} \\ud83d"});
    assert_eq!(value, &expected);
    let (mut pipe, mut theirs, _sent) = calling(1).await;
    let lines = br#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"\ud83d"}}
{"id":0,"error":{"code":1,"message":"no \ud83d","data":["\udc00"]}}
"#;
    theirs.write_all(lines).await.unwrap();
    let note = pipe.receive().await;
    assert!(matches!(note, Some(JsonRpcMessage::Notification(_))));
    let answer = pipe.receive().await;
    assert!(matches!(answer, Some(JsonRpcMessage::Response(_))));
    let Some(Arrived::Refused(error, _)) = pipe.state().take_arrived(0) else {
        panic!("no error");
    };
    assert_eq!(error.message, "no \u{fffd}");
    assert_eq!(error.data, Some(serde_json::json!(["\u{fffd}"])));
}

#[tokio::test]
async fn an_answer_behind_text_and_answers_in_an_array_are_found() {
    for line in [
        &br#"working {"jsonrpc":"2.0","id":0,"result":1}"#[..],
        br#"working {"jsonrpc":"2.0","id":0,"result":1} done"#,
    ] {
        let (arrived, _) = taken(1, line).await;
        assert!(matches!(arrived.as_slice(), [(0, Arrived::Result(..))]));
    }
    let many = br#"{"jsonrpc":"2.0","method":"x"}"#.repeat(2 * MAX_MESSAGES);
    let (mut pipe, _theirs, _sent) = calling(1).await;
    let _ = pipe.take_line(&many);
    assert_eq!(pipe.ready.len(), MAX_MESSAGES - 1);
    assert!(
        pipe.state()
            .stray()
            .is_some_and(|words| words.contains("more than 1000 messages"))
    );
    let several = br#" [ {"id":1,"result":1}, 5, {"id":9,"result":2}, {"id":0,"result":3} ]"#;
    let (arrived, stray) = taken(2, several).await;
    assert!(
        matches!(
            arrived.as_slice(),
            [(1, Arrived::Result(..)), (0, Arrived::Result(..))]
        ),
        "{arrived:?}"
    );
    assert!(stray.is_some());
}

#[tokio::test]
async fn messages_without_a_line_end_between_them_are_found() {
    for line in [
        r#"{"id":1,"result":1}{"id":0,"result":3}"#,
        r#"{"id":1,"result":1} 42 {"jsonrpc":"2.0","method":"notifications/progress","params":{}}{"id":0,"result":3} done."#,
        r#"{"id":1,"result":1} done. {"jsonrpc":"2.0","id":0,"result":3}"#,
    ] {
        let (mut arrived, _) = taken(3, line.as_bytes()).await;
        arrived.sort_by_key(|(id, _)| *id);
        let ids: Vec<i64> = arrived.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [0, 1], "{line}");
        assert!(
            arrived
                .iter()
                .all(|(_, arrived)| matches!(arrived, Arrived::Result(..))),
            "{arrived:?}"
        );
    }
    let cut = br#"{"id":1,"result":1}{"id":0,"result":{"a":"#;
    let (arrived, _) = taken(3, cut).await;
    assert!(matches!(
        arrived.as_slice(),
        [(1, Arrived::Result(..)), (0, Arrived::Malformed(_))]
    ));
}

#[tokio::test]
async fn progress_is_noted_for_its_call_alone() {
    let (mut pipe, mut theirs, _sent) = calling(2).await;
    for token in ["101", "\"101\"", "7", "null", "{}"] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#
        );
        theirs.write_all(line.as_bytes()).await.unwrap();
        theirs.write_all(b"\n").await.unwrap();
    }
    drop(theirs);
    while pipe.receive().await.is_some() {}
    let state = pipe.state();
    assert!(state.progressed(0).is_none() && state.progressed(1).is_some());
}

#[tokio::test]
async fn a_late_answer_to_a_handshake_that_was_given_up_is_dropped() {
    let (mut pipe, mut theirs, _sent) = pipe().await;
    let ping = ClientRequest::PingRequest(PingRequest::default());
    pipe.send(JsonRpcMessage::request(ping, RequestId::Number(3)))
        .await
        .unwrap();
    for line in [
        r#"{"id":2,"error":{"code":-32601,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
    ] {
        theirs.write_all(line.as_bytes()).await.unwrap();
        theirs.write_all(b"\n").await.unwrap();
    }
    let Some(JsonRpcMessage::Response(response)) = pipe.receive().await else {
        panic!("no response");
    };
    assert_eq!(response.id, RequestId::Number(3));
}

#[tokio::test]
async fn noise_is_noted_and_harms_nobody() {
    let (mut pipe, mut theirs, _sent) = pipe().await;
    let noise = "Listening on \u{1b}[1mport\nnull\n[]\n42\n{\"x\":1}\n{\"method\":3}\n\n";
    theirs.write_all(noise.as_bytes()).await.unwrap();
    // The second answer to a call is nobody's; a late one neither.
    for _ in 0..2 {
        theirs
            .write_all(b"{\"id\":0,\"result\":{}}\n")
            .await
            .unwrap();
    }
    drop(theirs);
    assert!(matches!(
        pipe.receive().await,
        Some(JsonRpcMessage::Response(_))
    ));
    while let Some(message) = pipe.receive().await {
        // rmcp drops answers that nobody waits for.
        assert!(matches!(message, JsonRpcMessage::Response(_)));
    }
    assert_eq!(pipe.state().fault(), None);
    assert_eq!(pipe.state().noise().as_deref(), Some("{\"method\":3}"));
}

#[tokio::test]
async fn a_server_that_asks_and_does_not_read_is_not_read_from() {
    let (mut theirs, reader) = tokio::io::duplex(1 << 20);
    let (writer, _unread) = tokio::io::duplex(1);
    let mut pipe = Pipe::new(reader, writer, LIMIT, state(), None);
    let mut unsent: Vec<Pin<Box<dyn Future<Output = io::Result<()>>>>> = Vec::new();
    for id in 0..300 {
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
        theirs.write_all(line.as_bytes()).await.unwrap();
    }
    let answered = async {
        while let Some(JsonRpcMessage::Request(request)) = pipe.receive().await {
            let answer = rmcp::model::ClientResult::empty(());
            unsent.push(Box::pin(
                pipe.send(JsonRpcMessage::response(answer, request.id)),
            ));
        }
    };
    tokio::select! {
        biased;
        () = answered => panic!("the pipe did not stop reading"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(unsent.len(), MAX_UNSENT_ANSWERS);
}
