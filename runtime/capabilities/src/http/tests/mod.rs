//! Requests against servers on loopback that do what hostile ones do.

mod answers;
mod connecting;
mod places;
mod secrets;
mod tls;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wxmcp_run::{BoxFuture, CallContext, Ledger, ToolError};

use super::connect::Trust;
use super::load::Load;
use super::site::Site;
use super::{Http, Prepared, Request, Waiting};
use crate::resolve::{NotResolved, Resolve};
use crate::{ConnectionConfig, HeaderConfig};
use wxmcp_policy::{CapabilityGrants, Hosts};

/// A server that ends with the test.
struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    fn port(&self) -> u16 {
        self.address.port()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A server that answers each request with what `answer` makes of its head.
async fn server(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let answer = Arc::new(answer);
    raw_server(move |mut stream, heads| {
        let answer = Arc::clone(&answer);
        async move {
            let head = head(&mut stream).await;
            heads.lock().unwrap().push(head.clone());
            let _gone = stream.write_all(&answer(&head)).await;
            let _gone = stream.shutdown().await;
        }
    })
    .await
}

/// A server that gives each connection to `serve`.
async fn raw_server<F>(
    serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static,
) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::default();
    let told = Arc::clone(&heads);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.spawn(serve(stream, Arc::clone(&told)));
        }
    });
    Server {
        address,
        heads,
        _serving: serving,
    }
}

/// Reads a request without a body, up to the empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

/// An answer with these lines of head, and this body.
fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", body.as_bytes())
}

/// Answers one list after the other, whatever the name; the last for ever.
#[derive(Debug, Default)]
struct Flipping {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Flipping {
    fn new(answers: &[&[&str]]) -> Self {
        let parsed = answers
            .iter()
            .map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
        Self {
            answers: Mutex::new(parsed.collect()),
            asked: AtomicUsize::new(0),
        }
    }
}

impl Resolve for Arc<Flipping> {
    fn resolve<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, NotResolved>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mut answers = self.answers.lock().unwrap();
            match answers.len() {
                0 => Err(NotResolved::NoSuchName),
                1 => Ok(answers[0].clone()),
                _ => Ok(answers.pop_front().unwrap()),
            }
        })
    }
}

/// A connection: name, URL, headers.
type Connection<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn http(resolver: &Arc<Flipping>, sites: &[Connection<'_>]) -> Http {
    let site = |(name, url, headers): &Connection<'_>| {
        let headers = headers.iter().map(|(key, value)| HeaderConfig {
            name: (*key).to_owned(),
            value: (*value).to_owned(),
            // As wxmcp.toml has it, where the value is no variable.
            is_secret: *key != "accept",
        });
        let config = ConnectionConfig {
            url: (*url).to_owned(),
            headers: headers.collect(),
            ..ConnectionConfig::default()
        };
        ((*name).to_owned(), Site::new(name, &config).unwrap())
    };
    Http {
        sites: sites.iter().map(site).collect::<BTreeMap<_, _>>(),
        resolver: Arc::new(Arc::clone(resolver)),
        trust: Trust::default(),
        load: Load::default(),
        timeout: Duration::from_secs(20),
    }
}

/// Sends a request as a script with these hosts.
async fn ask(http: &Http, hosts: &[&str], request: Value) -> Result<Value, ToolError> {
    ask_for(&Ledger::unbounded(), http, hosts, request).await
}

/// The same, on that account.
async fn ask_for(
    ledger: &Ledger,
    http: &Http,
    hosts: &[&str],
    request: Value,
) -> Result<Value, ToolError> {
    ask_over(&Waiting::default(), ledger, http, hosts, request).await
}

/// The same, over connections that wait.
async fn ask_over(
    waiting: &Waiting,
    ledger: &Ledger,
    http: &Http,
    hosts: &[&str],
    request: Value,
) -> Result<Value, ToolError> {
    let request: Request = serde_json::from_value(request).unwrap();
    let granted = CapabilityGrants::Script(Arc::new(Hosts::new(hosts).unwrap()));
    let context = CallContext::outside_of_runs(ledger);
    let performing = http.perform(Prepared::new(request)?, &granted, waiting, &context);
    let answer = performing.await?;
    assert!(answer.charge.bytes() >= u64::try_from(answer.json.len()).unwrap());
    Ok(serde_json::from_slice(&answer.json).unwrap())
}

/// The same of one server that may be asked, by its address.
async fn ask_server(server: &Server, request: Value) -> Result<Value, ToolError> {
    let http = http(&Arc::default(), &[]);
    ask(&http, &["127.0.0.1"], with_url(request, &server.url("/"))).await
}

fn with_url(mut request: Value, url: &str) -> Value {
    request["url"] = json!(url);
    request
}
