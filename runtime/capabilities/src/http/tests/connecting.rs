//! Connections that are opened before there is a request.

use tokio::sync::mpsc;

use super::*;

/// A server that tells of each connection when it comes, and of its end; it answers what asks.
async fn told_server() -> (Server, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = raw_server(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            let _gone = tell.send("opened");
            if !head(&mut stream).await.is_empty() {
                let _gone = tell.send("asked");
                let _gone = stream.write_all(&ok("answer")).await;
            }
            let _gone = tell.send("closed");
        }
    })
    .await;
    (server, told)
}

async fn connect(
    waiting: &Waiting,
    http: &Http,
    hosts: &[&str],
    url: &str,
) -> Result<Value, ToolError> {
    let request = json!({"url": url, "connect": true});
    ask_over(waiting, &Ledger::unbounded(), http, hosts, request).await
}

async fn get(
    waiting: &Waiting,
    http: &Http,
    hosts: &[&str],
    url: &str,
) -> Result<Value, ToolError> {
    let request = json!({"url": url});
    ask_over(waiting, &Ledger::unbounded(), http, hosts, request).await
}

#[tokio::test]
async fn a_request_takes_the_connection_that_waits_for_it() {
    let (server, mut told) = told_server().await;
    let http = http(&Arc::default(), &[]);
    let (waiting, hosts) = (Waiting::default(), ["127.0.0.1"]);
    let url = server.url("/");
    let connected = connect(&waiting, &http, &hosts, &url).await.unwrap();
    assert_eq!(connected, json!({"connected": true}));
    assert_eq!(told.recv().await, Some("opened"));
    let answer = get(&waiting, &http, &hosts, &url).await.unwrap();
    assert_eq!(answer["text"], "answer");
    assert_eq!(told.recv().await, Some("asked"));
    assert_eq!(told.recv().await, Some("closed"));
    // The next one has none to take.
    get(&waiting, &http, &hosts, &url).await.unwrap();
    assert_eq!(told.recv().await, Some("opened"));
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_taken() {
    let server = raw_server(|mut stream, heads| async move {
        let is_first = heads.lock().unwrap().is_empty();
        heads.lock().unwrap().push("opened".to_owned());
        if is_first {
            let _gone = stream.shutdown().await;
            return;
        }
        head(&mut stream).await;
        let _gone = stream.write_all(&ok("answer")).await;
    })
    .await;
    let http = http(&Arc::default(), &[]);
    let (waiting, hosts) = (Waiting::default(), ["127.0.0.1"]);
    let url = server.url("/");
    connect(&waiting, &http, &hosts, &url).await.unwrap();
    // Whether it was closed is known when that has come.
    while waiting.is_first_quiet() {
        tokio::task::yield_now().await;
    }
    let answer = get(&waiting, &http, &hosts, &url).await.unwrap();
    assert_eq!(answer["text"], "answer");
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn the_oldest_of_too_many_connections_is_closed() {
    let (server, mut told) = told_server().await;
    let http = http(&Arc::default(), &[]);
    let (waiting, hosts) = (Waiting::default(), ["127.0.0.1"]);
    for _ in 0..super::super::waiting::MOST_WAITING {
        connect(&waiting, &http, &hosts, &server.url("/"))
            .await
            .unwrap();
        assert_eq!(told.recv().await, Some("opened"));
    }
    connect(&waiting, &http, &hosts, &server.url("/"))
        .await
        .unwrap();
    let mut last = [told.recv().await, told.recv().await];
    last.sort_unstable();
    assert_eq!(last, [Some("closed"), Some("opened")]);
    drop(waiting);
    assert_eq!(told.recv().await, Some("closed"));
}

/// What a connection is for is known at the first request, so https alone is enough to open one; not to ask by http.
#[tokio::test]
async fn a_connection_is_granted_as_requests_are() {
    let (server, mut told) = told_server().await;
    let waiting = Waiting::default();
    let local = http(&Arc::default(), &[]);
    let url = server.url("/");
    let by_https = url.replace("http:", "https:");
    for hosts in [&["192.0.2.1:*"][..], &["127.0.0.1:1"]] {
        let error = connect(&waiting, &local, hosts, &url).await.unwrap_err();
        assert_eq!(error.kind, wxmcp_run::ToolErrorKind::NotGranted);
    }
    let secured = format!("https://127.0.0.1:{}", server.port());
    let hosts = [secured.as_str()];
    connect(&waiting, &local, &hosts, &url).await.unwrap();
    assert_eq!(told.recv().await, Some("opened"));
    let error = get(&waiting, &local, &hosts, &url).await.unwrap_err();
    assert_eq!(error.kind, wxmcp_run::ToolErrorKind::NotGranted);
    let plain = format!("http://127.0.0.1:{}", server.port());
    let error = connect(&waiting, &local, &[&plain], &by_https)
        .await
        .unwrap_err();
    assert_eq!(error.kind, wxmcp_run::ToolErrorKind::NotGranted);
    // A name that leads to an address which is not public, and is not granted itself.
    let flipped = http(&Arc::new(Flipping::new(&[&["127.0.0.1"]])), &[]);
    let named = format!("http://api.test:{}/", server.port());
    let error = connect(&waiting, &flipped, &["*:*"], &named)
        .await
        .unwrap_err();
    assert!(error.message.contains("not public"), "{}", error.message);
    connect(&waiting, &flipped, &["*:*", "127.0.0.1"], &named)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_stands_against_a_connection_is_said_when_it_is_opened() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", unused.local_addr().unwrap());
    drop(unused);
    let http = http(&Arc::default(), &[]);
    let waiting = Waiting::default();
    let error = connect(&waiting, &http, &["127.0.0.1"], &url)
        .await
        .unwrap_err();
    assert_eq!(error.data, Some(json!({"code": "ECONNREFUSED"})));
    let error = connect(&waiting, &http, &["*:*"], "http://api.test/")
        .await
        .unwrap_err();
    assert_eq!(error.data, Some(json!({"code": "ENOTFOUND"})));
}
