//! An HTTP server on loopback, for fixtures.

mod answers;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Barrier, Condvar, LazyLock, Mutex, PoisonError};

/// Where requests wait for each other.
static MEETING: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(3));

/// How many requests have come for each path of `/meet`.
static MET: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
static ONE_MORE: Condvar = Condvar::new();

/// Waits until as many requests for a path have come as it says.
fn meet(path: &str, rest: &str) {
    let calls = rest.split('/').next().and_then(|calls| calls.parse().ok());
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    *met.entry(path.to_owned()).or_default() += 1;
    ONE_MORE.notify_all();
    while met.get(path).copied() < calls {
        met = ONE_MORE.wait(met).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Starts a server that lives as long as this process; answers its port.
///
/// | path | answer |
/// |---|---|
/// | `/hello` | a text |
/// | `/echo` | the request as JSON |
/// | `/to/URL` | 302 to that URL, 307 with `/keep/URL` |
/// | `/status/N` | that status |
/// | `/cookies` | two of them |
/// | `/latin` | a text in ISO 8859-1 |
/// | `/bytes` | every byte once |
/// | `/meet` | a text, once three requests wait for it |
/// | `/never` | nothing, ever |
/// | `/meet/N/NAME` | a text, once N requests for that path wait for it |
/// | `/broken` | something that is no HTTP |
/// | `/packed/gzip`, `/packed/deflate`, `/packed/br` | JSON, packed so |
/// | `/big` | 300,000 bytes |
/// | `/flaky/N/NAME` | 503, JSON from the Nth request for that path on |
/// | `/v1/..` | what interfaces of models answer |
pub(crate) fn start() -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _gone = serve(stream);
            });
        }
    });
    Ok(port)
}

#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let mut headers = serde_json::Map::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.into());
    }
    let length = headers
        .get("content-length")
        .and_then(|value| value.as_str());
    let length = length.and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let (head, body) = match path.as_str() {
        "/hello" => (
            "200 OK\r\ncontent-type: text/plain".to_owned(),
            b"hello".to_vec(),
        ),
        "/latin" => (
            "200 OK\r\ncontent-type: text/plain; charset=iso-8859-1".to_owned(),
            b"caf\xe9".to_vec(),
        ),
        "/bytes" => ("200 OK".to_owned(), (0..=255).collect()),
        "/cookies" => (
            "200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2".to_owned(),
            Vec::new(),
        ),
        "/meet" => {
            MEETING.wait();
            ("200 OK".to_owned(), b"met".to_vec())
        }
        "/never" => loop {
            std::thread::park();
        },
        "/broken" => return stream.write_all(b"220 smtp.test ESMTP\r\n"),
        _ => {
            if let Some(url) = path.strip_prefix("/to/") {
                (format!("302 Found\r\nlocation: {url}"), Vec::new())
            } else if let Some(url) = path.strip_prefix("/keep/") {
                (
                    format!("307 Temporary Redirect\r\nlocation: {url}"),
                    Vec::new(),
                )
            } else if let Some(rest) = path.strip_prefix("/meet/") {
                meet(&path, rest);
                ("200 OK".to_owned(), b"met".to_vec())
            } else if let Some(status) = path.strip_prefix("/status/") {
                (format!("{status} Status"), b"told".to_vec())
            } else if let Some(answer) = answers::answer(&path, &body) {
                answer
            } else {
                for name in ["host", "user-agent"] {
                    headers.remove(name);
                }
                let body = String::from_utf8_lossy(&body).into_owned();
                headers.sort_keys();
                let told = serde_json::json!({"method": method, "path": path, "headers": headers, "body": body});
                (
                    "200 OK\r\ncontent-type: application/json".to_owned(),
                    told.to_string().into_bytes(),
                )
            }
        }
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )?;
    if method != "HEAD" {
        stream.write_all(&body)?;
    }
    Ok(())
}
