//! Answers that are too large, too slow, or no answers.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wxmcp_run::ToolErrorKind::{self, CallTimedOut, CapabilityFailed, LimitReached};

use super::super::body::MAX_BODY;
use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a part again and again, for ever.
async fn endless(start: &'static [u8], part: &'static [u8]) -> Server {
    raw_server(move |mut stream, _| async move {
        head(&mut stream).await;
        let _gone = stream.write_all(start).await;
        while stream.write_all(part).await.is_ok() {}
    })
    .await
}

async fn fails(server: &Server, kind: ToolErrorKind, words: &str) {
    let error = ask_server(server, json!({})).await.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    let message = format!("`http://{}`: {words}", server.address);
    assert_eq!(error.message, message);
}

#[tokio::test]
async fn a_body_is_what_was_sent() {
    for (sent, key, expected) in [
        (ok("text \u{e9}"), "text", "text \u{e9}"),
        (answer("200 OK", b"\xff\xfe"), "bytes", "//4="),
        (answer("200 OK", &[0; 4]), "bytes", "AAAAAA=="),
        (
            answer("200 OK\r\ncontent-encoding: gzip", &gzip(b"plain")),
            "text",
            "plain",
        ),
        (
            answer("200 OK\r\ncontent-encoding: lzma", b"as it is"),
            "text",
            "as it is",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n"
                .to_vec(),
            "text",
            "abc",
        ),
        (
            b"HTTP/1.0 200 OK\r\n\r\nto the end".to_vec(),
            "text",
            "to the end",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_vec(),
            "text",
            "x",
        ),
    ] {
        let server = server(move |_| sent.clone()).await;
        let told = ask_server(&server, json!({})).await.unwrap();
        assert_eq!(told[key], expected, "{told}");
        assert_eq!(
            (&told["status"], &told["redirected"]),
            (&json!(200), &json!(false))
        );
    }
}

#[tokio::test]
async fn headers_come_in_their_order_and_as_often_as_they_were_sent() {
    let server = server(|_| {
        answer(
            "418 Short And Stout\r\nSet-Cookie: a=1\r\nX-L: \u{e9}\r\nset-cookie: b=2",
            b"",
        )
    })
    .await;
    let told = ask_server(&server, json!({"method": "HEAD"}))
        .await
        .unwrap();
    assert_eq!(told["reason"], "Short And Stout");
    assert_eq!(
        told["headers"],
        json!([
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["x-l", "\u{c3}\u{a9}"],
            ["content-length", "0"]
        ])
    );
}

#[tokio::test]
async fn what_asks_for_an_encoding_gets_what_is_sent() {
    let body = gzip(b"plain");
    let sent = body.clone();
    let server = server(move |_| answer("200 OK\r\ncontent-encoding: gzip", &sent)).await;
    let request = json!({"headers": [["accept-encoding", "gzip"]]});
    let told = ask_server(&server, request).await.unwrap();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(body);
    assert_eq!(told["bytes"], encoded);
}

#[tokio::test]
async fn endless_and_huge_answers_are_stopped_by_name() {
    let head = "the answer's head has more than 256 headers or 65536 bytes: that is the limit";
    let body = format!("the answer's body has more than {MAX_BODY} bytes: that is the limit");
    fails(
        &endless(b"HTTP/1.1 200 OK\r\n", b"x-header: value\r\n").await,
        LimitReached,
        head,
    )
    .await;
    fails(
        &endless(b"HTTP/1.1 200 OK\r\nx-header: ", &[b'x'; 1000]).await,
        LimitReached,
        head,
    )
    .await;
    fails(
        &endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 100_000]).await,
        LimitReached,
        &body,
    )
    .await;
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let chunk = Box::leak(chunk.into_bytes().into_boxed_slice());
    fails(&endless(chunks, chunk).await, LimitReached, &body).await;
    let announced =
        server(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec()).await;
    fails(&announced, LimitReached, &body).await;
    let bomb = gzip(&vec![0; MAX_BODY + 1]);
    let bomb = server(move |_| answer("200 OK\r\ncontent-encoding: gzip", &bomb)).await;
    let decoded = format!(
        "the answer's body has more than {MAX_BODY} bytes once it is decompressed (gzip): that is the limit"
    );
    fails(&bomb, LimitReached, &decoded).await;
}

#[tokio::test]
async fn what_is_no_answer_is_named() {
    let early = "it ended the connection before its answer did";
    let not_http = "it does not answer with HTTP";
    for (sent, words) in [
        (&b""[..], early),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", early),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
            early,
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", not_http),
        (b"<html>HTTP/0.9</html>\r\n\r\n", not_http),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", not_http),
        (b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", not_http),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
            not_http,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
            "the answer's body is not the gzip that its header says it is",
        ),
    ] {
        let server = server(move |_| sent.to_vec()).await;
        fails(&server, CapabilityFailed, words).await;
    }
    let garbage =
        server(|_| b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec()).await;
    let error = ask_server(&garbage, json!({})).await.unwrap_err();
    assert_eq!(error.kind, CapabilityFailed, "{error}");
}

#[tokio::test]
async fn a_server_that_takes_its_time_is_not_waited_for() {
    for start in [
        "",
        "HTTP/1.1 200 OK\r\nx-",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
    ] {
        let server = raw_server(move |mut stream, _| async move {
            head(&mut stream).await;
            let _gone = stream.write_all(start.as_bytes()).await;
            std::future::pending().await
        })
        .await;
        let error = ask_server(&server, json!({"timeout_ms": 50}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, CallTimedOut);
        let address = server.address;
        assert_eq!(
            error.message,
            format!("`http://{address}/` did not answer whole within 50ms")
        );
    }
    let mut http = http(&Arc::default(), &[]);
    http.timeout = Duration::from_millis(50);
    let endless = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n").await;
    let request = json!({"url": endless.url("/"), "timeout_ms": 60_000});
    let error = ask(&http, &["127.0.0.1"], request).await.unwrap_err();
    assert_eq!(error.kind, CallTimedOut);
}

#[tokio::test]
async fn nobody_there_is_told_with_a_word_for_programs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let http = http(&Arc::default(), &[]);
    let gone = json!({"url": format!("http://{address}/")});
    let error = ask(&http, &["127.0.0.1"], gone).await.unwrap_err();
    assert_eq!(
        error.message,
        format!("`http://{address}`: the connection was refused")
    );
    assert_eq!(error.data, Some(json!({"code": "ECONNREFUSED"})));
    let nowhere = json!({"url": "https://nowhere.test/"});
    let error = ask(&http, &["*"], nowhere).await.unwrap_err();
    assert_eq!(
        error.message,
        "`https://nowhere.test`: there is no such host"
    );
    assert_eq!(error.data, Some(json!({"code": "ENOTFOUND"})));
}

#[tokio::test]
async fn all_answers_together_are_bounded() {
    let sent = gzip(&[b'x'; 1_000]);
    let server = server(move |head| match head {
        head if head.starts_with("GET /gzip") => answer("200 OK\r\ncontent-encoding: gzip", &sent),
        _ => ok(&"x".repeat(1_000)),
    })
    .await;
    let mut http = http(&Arc::default(), &[]);
    http.load = Load::new(999);
    for path in ["/", "/gzip"] {
        let request = json!({"url": server.url(path)});
        let error = ask(&http, &["127.0.0.1"], request).await.unwrap_err();
        assert_eq!(error.kind, LimitReached);
        assert!(error.message.contains("too many large answers"), "{error}");
    }
    http.load = Load::new(1_000);
    for path in ["/", "/gzip", "/"] {
        let request = json!({"url": server.url(path)});
        ask(&http, &["127.0.0.1"], request).await.unwrap();
    }
}

#[tokio::test]
async fn bodies_are_charged_while_they_arrive() {
    let process = Ledger::of_process(16 << 20);
    let run = process.for_run(4 << 20);
    let http = http(&Arc::default(), &[]);
    let ask = |server: &Server, request: Value| {
        let (request, run, http) = (with_url(request, &server.url("/")), &run, &http);
        async move { ask_for(run, http, &["127.0.0.1"], request).await }
    };
    let limit = |told: Result<Value, ToolError>| {
        let error = told.unwrap_err();
        assert_eq!(error.kind, LimitReached, "{error}");
        assert!(error.message.contains("`host-memory`"), "{error}");
    };
    // It would go on for ever, and is refused where the run may hold no more.
    let endless = endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 4096]).await;
    limit(ask(&endless, json!({})).await);
    assert!(run.peak() > 3 << 20, "{run:?}");
    let large =
        server(|_| answer("200 OK\r\ncontent-encoding: gzip", &gzip(&[b'x'; 5 << 20]))).await;
    limit(ask(&large, json!({})).await);
    // It fits, but not beside the JSON that is made of it.
    let twice = server(|_| answer("200 OK", &[b'x'; 2_200_000])).await;
    limit(ask(&twice, json!({})).await);
    // What is sent is copied.
    let taking = server(|_| ok("thanks")).await;
    let text = "x".repeat(3_900_000);
    limit(ask(&taking, json!({"method": "POST", "text": text})).await);
    // The twins.
    let small =
        server(|_| answer("200 OK\r\ncontent-encoding: gzip", &gzip(&[b'x'; 800_000]))).await;
    let told = ask(&small, json!({})).await.unwrap();
    assert_eq!(told["text"].as_str().unwrap().len(), 800_000);
    assert_eq!((run.held(), process.held()), (0, 0));
}

#[tokio::test]
async fn a_body_waits_while_others_hold_what_the_process_may() {
    let process = Ledger::of_process(8 << 20);
    let http = http(&Arc::default(), &[]);
    let large = server(|_| ok(&"x".repeat(1 << 20))).await;
    let run = process.for_run(u64::MAX);
    let other = process.for_run(u64::MAX).charge(7 << 20).unwrap();
    let request = with_url(json!({}), &large.url("/"));
    let mut asked = std::pin::pin!(ask_for(&run, &http, &["127.0.0.1"], request));
    let soon = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
    assert!(soon.is_err(), "it did not wait: {soon:?}");
    assert!(process.held() <= 8 << 20);
    drop(other);
    let told = asked.await.unwrap();
    assert_eq!(told["text"].as_str().unwrap().len(), 1 << 20);
}
