//! Messages that wait, and answers that are charged.

use std::task::{Context, Poll, Waker};

use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientNotification, JsonRpcMessage,
};
use tokio::io::AsyncReadExt as _;
use wxmcp_run::OverBudget;

use super::*;

#[tokio::test]
async fn a_request_with_an_endless_id_is_not_answered() {
    let (theirs, reader) = tokio::io::duplex(1 << 20);
    let (writer, _sent) = tokio::io::duplex(1 << 20);
    let mut theirs = theirs;
    let mut pipe = Pipe::new(reader, writer, 8 * LIMIT, state(), None);
    for id in ["x".repeat(1100), "x".repeat(1000)] {
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":\"{id}\",\"method\":\"ping\"}}\n");
        theirs.write_all(line.as_bytes()).await.unwrap();
    }
    let Some(JsonRpcMessage::Request(request)) = pipe.receive().await else {
        panic!("no request");
    };
    assert_eq!(request.id, RequestId::String("x".repeat(1000).into()));
}

/// One megabyte of such a message would take 50 when it is read.
#[tokio::test]
async fn a_notification_of_many_values_is_not_read() {
    let (mut theirs, reader) = tokio::io::duplex(2 << 20);
    let (writer, _sent) = tokio::io::duplex(1 << 20);
    let mut pipe = Pipe::new(reader, writer, 1 << 20, state(), None);
    for (values, text) in [(400_000, "many"), (20_000, "few")] {
        let list = "0,".repeat(values);
        let line = format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\
             \"params\":{{\"level\":\"info\",\"data\":[{list}\"{text}\"]}}}}\n"
        );
        theirs.write_all(line.as_bytes()).await.unwrap();
    }
    drop(theirs);
    let Some(JsonRpcMessage::Notification(notification)) = pipe.receive().await else {
        panic!("no notification");
    };
    assert!(format!("{notification:?}").contains("few"));
    assert!(pipe.receive().await.is_none());
}

/// A call of these arguments by a run.
fn call_of(text: &str, run: &Ledger) -> ClientRequest {
    let arguments = serde_json::Map::from_iter([("text".to_owned(), text.into())]);
    let params = CallToolRequestParams::new("x").with_arguments(arguments);
    let mut call = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    call.extensions_mut().insert(Payer {
        ledger: run.clone(),
        progress: wxmcp_run::CallProgress::default(),
        _held: run.charge(100).unwrap().into(),
        _place: None,
    });
    call
}

fn cancelled(id: i64) -> TxJsonRpcMessage<RoleClient> {
    let params = CancelledNotificationParam::new(Some(RequestId::Number(id)), None);
    let cancelled = CancelledNotification::new(params);
    JsonRpcMessage::notification(ClientNotification::CancelledNotification(cancelled))
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_message_with_it_unless_it_is_begun() {
    let run = Ledger::of_process(1000).for_run(1000);
    let (_theirs, reader) = tokio::io::duplex(1);
    let (writer, mut sent) = tokio::io::duplex(10);
    let mut pipe = Pipe::new(reader, writer, LIMIT, state(), None);
    let mut sending = Vec::new();
    for id in 0..3 {
        let call = call_of("hello", &run);
        let message = JsonRpcMessage::request(call, RequestId::Number(id));
        let mut send = Box::pin(pipe.send(message));
        assert!(poll(send.as_mut()).is_pending());
        sending.push(send);
    }
    assert_eq!(run.held(), 300);
    assert!(pipe.state().is_unread(0) && pipe.state().is_unread(1));
    // The first is begun, and the server is told that it is cancelled; of the second it hears nothing.
    let mut telling = Box::pin(pipe.send(cancelled(0)));
    assert!(poll(telling.as_mut()).is_pending());
    pipe.send(cancelled(1)).await.unwrap();
    let mut sending = sending.into_iter();
    let (mut first, mut second, third) = (
        sending.next().unwrap(),
        sending.next().unwrap(),
        sending.next().unwrap(),
    );
    assert!(poll(first.as_mut()).is_pending());
    assert!(matches!(poll(second.as_mut()), Poll::Ready(Ok(()))));
    assert_eq!(run.held(), 200);
    let reading = async {
        let mut all = Vec::new();
        while all.iter().filter(|byte| **byte == b'\n').count() < 3 {
            sent.read_buf(&mut all).await.unwrap();
        }
        String::from_utf8(all).unwrap()
    };
    let (text, first, third, telling) = tokio::join!(reading, first, third, telling);
    assert!(first.is_ok() && third.is_ok() && telling.is_ok());
    assert!(text.contains("\"id\":0,") && text.contains("\"id\":2,"));
    assert!(!text.contains("\"id\":1,"), "{text}");
    assert!(text.contains("notifications/cancelled"), "{text}");
    assert!(!pipe.state().is_unread(2));
    assert_eq!(run.held(), 0);
}

/// A pipe on which a call of this run is open.
async fn called_by(run: &Ledger) -> (TestPipe, tokio::io::DuplexStream, tokio::io::DuplexStream) {
    let (theirs, reader) = tokio::io::duplex(1 << 20);
    let (writer, sent) = tokio::io::duplex(1 << 20);
    let mut pipe = Pipe::new(reader, writer, LIMIT, state(), None);
    let call = JsonRpcMessage::request(call_of("", run), RequestId::Number(0));
    pipe.send(call).await.unwrap();
    (pipe, theirs, sent)
}

const ZEROS: &[u8] = b"{\"id\":0,\"result\":[0,0,0,0,0,0,0,0]}\n";

#[tokio::test]
async fn an_answer_is_charged_before_it_is_read_and_refused_where_its_run_may_not_hold_it() {
    for (budget, is_refused) in [(2000, false), (500, true)] {
        let run = Ledger::of_process(3000).for_run(budget);
        let (mut pipe, mut theirs, _sent) = called_by(&run).await;
        theirs.write_all(ZEROS).await.unwrap();
        pipe.receive().await.unwrap();
        let arrived = pipe.state().take_arrived(0).unwrap();
        let refused = matches!(arrived, Arrived::OverBudget(OverBudget::Run { .. }));
        assert_eq!(refused, is_refused, "{arrived:?}");
        assert_eq!(run.held() > 0, !is_refused);
        drop(arrived);
        assert_eq!(run.held(), 0);
    }
}

#[tokio::test]
async fn an_answer_waits_for_room_until_its_call_is_given_up() {
    for is_given_up in [false, true] {
        let process = Ledger::of_process(1500);
        let run = process.for_run(1500);
        let (mut pipe, mut theirs, _sent) = called_by(&run).await;
        let others = process.charge(1000).unwrap();
        theirs.write_all(ZEROS).await.unwrap();
        let ping = b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n";
        theirs.write_all(ping).await.unwrap();
        assert!(poll(Box::pin(pipe.receive()).as_mut()).is_pending());
        if is_given_up {
            pipe.send(cancelled(0)).await.unwrap();
        } else {
            drop(others);
            let answer = pipe.receive().await;
            assert!(matches!(answer, Some(JsonRpcMessage::Response(_))));
            let arrived = pipe.state().take_arrived(0);
            assert!(matches!(arrived, Some(Arrived::Result(_))), "{arrived:?}");
        }
        let next = pipe.receive().await;
        assert!(matches!(next, Some(JsonRpcMessage::Request(_))), "{next:?}");
        assert_eq!(run.held(), 0);
    }
}

#[tokio::test]
async fn what_is_given_up_after_it_arrived_is_dropped() {
    let run = Ledger::of_process(3000).for_run(2000);
    let (mut pipe, mut theirs, _sent) = called_by(&run).await;
    theirs.write_all(ZEROS).await.unwrap();
    pipe.receive().await.unwrap();
    assert!(run.held() > 0);
    pipe.send(cancelled(0)).await.unwrap();
    assert_eq!((pipe.state().take_arrived(0), run.held()), (None, 0));
}
