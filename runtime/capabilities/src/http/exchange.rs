//! One request and its answer over one connection.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION, RANGE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::task::JoinSet;
use url::Url;
use wxmcp_policy::Redactor;
use wxmcp_run::{ToolError, ToolErrorKind};

use super::body::{self, DecodeError, MAX_BODY};
use super::connect::Stream;
use super::load::{Load, Share};
use super::request::Outgoing;
use super::{coded, failed, shown};

/// Most headers of an answer, and bytes of its head.
const MAX_HEADERS: usize = 256;
const MAX_HEAD: usize = 64 << 10;

/// Bytes of a body that are written as JSON in about 2 ms.
const LARGE_BODY: usize = 256 << 10;

/// An answer, whole.
pub(super) struct Answer {
    head: http::response::Parts,
    body: Vec<u8>,
    share: Share,
}

/// Sends a request with these headers besides, and reads the answer to its end.
pub(super) async fn exchange(
    stream: Stream,
    outgoing: &Outgoing,
    url: &Url,
    injected: &HeaderMap,
    load: &Load,
) -> Result<Answer, ToolError> {
    let has_secrets = !injected.is_empty();
    // What comes compressed past us could not be searched for secrets.
    let is_raw = outgoing.is_raw && !has_secrets;
    let mut request = outgoing.to(url, injected)?;
    if !is_raw {
        // A part of something compressed would be of no use.
        let accepted = if request.headers().contains_key(RANGE) {
            "identity"
        } else {
            body::ACCEPTED
        };
        let accepted = HeaderValue::from_static(accepted);
        request.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(url, &error))?;
    // Ends with this call.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| broken(url, &error))?;
    let answer = read(answer, url, load).await?;
    if is_raw {
        return Ok(answer);
    }
    answer.decoded(url, has_secrets, load).await
}

async fn read(answer: Response<Incoming>, url: &Url, load: &Load) -> Result<Answer, ToolError> {
    let (head, mut incoming) = answer.into_parts();
    let announced = head.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    // HEAD is answered with the length that GET would have.
    if announced.is_some_and(|length| length > limit)
        && !hyper::body::Body::is_end_stream(&incoming)
    {
        return Err(too_large(url));
    }
    let mut body = Vec::new();
    let mut share = load.share();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| broken(url, &error))?;
        // What comes behind a body is not kept.
        let part = frame.into_data().unwrap_or_else(|_| Bytes::new());
        if body.len().saturating_add(part.len()) > MAX_BODY {
            return Err(too_large(url));
        }
        body.extend_from_slice(&part);
        if !share.hold(body.len()) {
            return Err(too_many(url));
        }
    }
    Ok(Answer { head, body, share })
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Where the answer points to, if it is one that says to go there.
    pub(super) fn location(&self) -> Option<String> {
        if !matches!(self.status(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        self.head.headers.get(LOCATION).map(text)
    }

    async fn decoded(
        mut self,
        url: &Url,
        has_secrets: bool,
        load: &Load,
    ) -> Result<Self, ToolError> {
        let encodings = match body::encodings(&self.head.headers) {
            Ok(encodings) if encodings.is_empty() => return Ok(self),
            Ok(encodings) => encodings,
            // It was not asked for: the guest gets it as it is.
            Err(DecodeError::Unknown) if !has_secrets => return Ok(self),
            Err(error) => return Err(failed(url, &error.to_string())),
        };
        let turn = Arc::clone(&load.decoding).acquire_owned().await;
        let body = std::mem::take(&mut self.body);
        let decoding = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            body::decode(body, &encodings)
        });
        self.body = match decoding.await {
            Ok(Ok(body)) => body,
            Ok(Err(error @ DecodeError::Bomb(_))) => return Err(limit(url, &error.to_string())),
            Ok(Err(error)) => return Err(failed(url, &error.to_string())),
            Err(_) => return Err(failed(url, "its answer could not be decoded")),
        };
        if !self.share.hold(self.body.len()) {
            return Err(too_many(url));
        }
        self.head.headers.remove(CONTENT_ENCODING);
        self.head.headers.remove(CONTENT_LENGTH);
        Ok(self)
    }

    /// The answer as a guest gets it, without the secrets of the connection that was used. A large one is written by
    /// another thread than the event loop's.
    pub(super) async fn into_json(
        self,
        url: Url,
        redirected: bool,
        redactor: Option<Redactor>,
    ) -> Result<Vec<u8>, ToolError> {
        let redactor = redactor.unwrap_or_default();
        if self.body.len() < LARGE_BODY {
            return Ok(self.json(url, redirected, &redactor));
        }
        let place = url.clone();
        let writing = tokio::task::spawn_blocking(move || self.json(url, redirected, &redactor));
        writing
            .await
            .map_err(|_| failed(&place, "its answer could not be written"))
    }

    fn json(self, mut url: Url, redirected: bool, redactor: &Redactor) -> Vec<u8> {
        let redacted = |text: String| redactor.redact(&text);
        let body = redactor.redact_bytes(self.body);
        let headers = self.head.headers.iter();
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (redacted(name.as_str().to_owned()), redacted(text(value))))
            .collect();
        let reason = self.head.extensions.get::<hyper::ext::ReasonPhrase>();
        let reason = match reason {
            Some(reason) => reason.as_bytes().iter().copied().map(char::from).collect(),
            None => self
                .head
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
        };
        url.set_fragment(None);
        let (key, body) = written(body);
        let answer = json!({
            "status": self.head.status.as_u16(),
            "reason": redacted(reason),
            "url": redacted(url.into()),
            "redirected": redirected,
            "headers": headers,
            (key): body,
        });
        answer.to_string().into_bytes()
    }
}

/// A value, each byte one character.
fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// A body as text where that is what it is, else as base64.
fn written(body: Vec<u8>) -> (&'static str, String) {
    use base64::Engine as _;
    // JSON writes each of these with two to six characters.
    let escaped = body
        .iter()
        .filter(|byte| **byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f));
    let is_cheap = escaped.count() <= body.len() / 4;
    match String::from_utf8(body) {
        Ok(text) if is_cheap => ("text", text),
        Ok(text) => (
            "bytes",
            base64::engine::general_purpose::STANDARD.encode(text),
        ),
        Err(error) => {
            let bytes = error.into_bytes();
            (
                "bytes",
                base64::engine::general_purpose::STANDARD.encode(bytes),
            )
        }
    }
}

fn too_large(url: &Url) -> ToolError {
    limit(
        url,
        &format!("the answer's body has more than {MAX_BODY} bytes: that is the limit"),
    )
}

fn too_many(url: &Url) -> ToolError {
    limit(
        url,
        "too many large answers are under way at once: await some before asking for more",
    )
}

fn limit(url: &Url, why: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::LimitReached,
        format!("{}: {why}", shown(url)),
    )
}

/// Our own words for what went wrong on a connection.
fn broken(url: &Url, error: &hyper::Error) -> ToolError {
    if error.is_parse_too_large() {
        let why = format!(
            "the answer's head has more than {MAX_HEADERS} headers or {MAX_HEAD} bytes: that is the limit"
        );
        return limit(url, &why);
    }
    if error.is_parse() {
        return coded(url, "it does not answer with HTTP", "EPROTO");
    }
    let source = std::error::Error::source(error);
    let cut = source
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof);
    if cut || error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return coded(
            url,
            "it ended the connection before its answer did",
            "ECONNRESET",
        );
    }
    coded(url, "the connection broke", "ECONNRESET")
}
