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
use wxmcp_run::{CallContext, Charge, Ledger, OverBudget, ToolError, ToolErrorKind, Written};

use super::body::{self, DecodeError, Decoded, Decoding, MAX_BODY};
use super::connect::Stream;
use super::load::{Load, Share};
use super::request::Outgoing;
use super::{coded, failed, shown};
use crate::charged::{Charged, size};

/// Most headers of an answer, and bytes of its head.
const MAX_HEADERS: usize = 256;
const MAX_HEAD: usize = 64 << 10;

/// Bytes that a connection may take beside what is sent and read: buffers of TLS and HTTP.
const CONNECTION: u64 = 512 << 10;

/// Bytes of a body from which on it is made JSON beside the event loop.
const LARGE: usize = 256 << 10;

/// An answer, whole.
pub(super) struct Answer {
    head: http::response::Parts,
    body: Charged,
    share: Share,
    ledger: Ledger,
}

/// One request: where it goes, and on whose account.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) url: &'a Url,
    pub(super) load: &'a Load,
    pub(super) context: &'a CallContext,
}

impl Exchange<'_> {
    /// Sends a request with these headers besides, and reads the answer to its end.
    pub(super) async fn run(
        self,
        stream: Stream,
        outgoing: &Outgoing,
        injected: &HeaderMap,
    ) -> Result<Answer, ToolError> {
        let Self { url, context, .. } = self;
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
        // The body is copied behind the head. What is charged for the arguments has the body itself.
        let copy = size(outgoing.body.len()).saturating_add(CONNECTION);
        let copy = context.ledger.charge_when_free(copy).await?;
        let held = context.held.clone();
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(url, &error))?;
        // Ends with this call. What is charged for it is dropped after it.
        let mut driving = JoinSet::new();
        driving.spawn(async move {
            let _held = (copy, held);
            connection.await
        });
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| broken(url, &error))?;
        let answer = self.read(answer).await?;
        if is_raw {
            return Ok(answer);
        }
        answer.decoded(self, has_secrets).await
    }

    async fn read(self, answer: Response<Incoming>) -> Result<Answer, ToolError> {
        let Self { url, load, context } = self;
        let (head, mut incoming) = answer.into_parts();
        let announced = head.headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        // HEAD is answered with the length that GET would have.
        if announced.is_some_and(|length| length > size(MAX_BODY))
            && !hyper::body::Body::is_end_stream(&incoming)
        {
            return Err(too_large(url));
        }
        let ledger = context.ledger.clone();
        let mut body = Charged::new(&ledger);
        let mut share = load.share();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| broken(url, &error))?;
            // What comes behind a body is not kept.
            let part = frame.into_data().unwrap_or_else(|_| Bytes::new());
            if body.len().saturating_add(part.len()) > MAX_BODY {
                return Err(too_large(url));
            }
            body.add(&part).await?;
            if !share.hold(body.len()) {
                return Err(too_many(url));
            }
        }
        Ok(Answer {
            head,
            body,
            share,
            ledger,
        })
    }
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
        exchange: Exchange<'_>,
        has_secrets: bool,
    ) -> Result<Self, ToolError> {
        let Exchange { url, load, .. } = exchange;
        let encodings = match body::encodings(&self.head.headers) {
            Ok(encodings) if encodings.is_empty() => return Ok(self),
            Ok(encodings) => encodings,
            // It was not asked for: the guest gets it as it is.
            Err(DecodeError::Unknown) if !has_secrets => return Ok(self),
            Err(error) => return Err(failed(url, &error.to_string())),
        };
        let refused = |error: DecodeError| match error {
            DecodeError::Bomb(_) => limit(url, &error.to_string()),
            DecodeError::OverBudget(over) => over.into(),
            DecodeError::Broken(_) | DecodeError::Unknown => failed(url, &error.to_string()),
        };
        let turn = Arc::clone(&load.decoding).acquire_owned().await;
        let turn = turn.map_err(|_| failed(url, "its answer could not be decoded"))?;
        let decoding = Decoding::new(self.body, &encodings, &self.ledger, turn).await;
        let mut decoding = decoding.map_err(refused)?;
        self.body = loop {
            // It holds what is charged for both bodies: a thread that nobody waits for any more gives it back.
            decoding = match tokio::task::spawn_blocking(move || decoding.go_on()).await {
                Ok(Ok(Decoded::Whole(body))) => break body,
                Ok(Ok(Decoded::MustWait(rest))) => rest,
                Ok(Err(error)) => return Err(refused(error)),
                Err(_) => return Err(failed(url, "its answer could not be decoded")),
            };
            decoding.wait().await?;
        };
        if !self.share.hold(self.body.len()) {
            return Err(too_many(url));
        }
        self.head.headers.remove(CONTENT_ENCODING);
        self.head.headers.remove(CONTENT_LENGTH);
        Ok(self)
    }

    /// The answer as a guest gets it, without the secrets of the connection that was used.
    pub(super) async fn into_json(
        self,
        url: &Url,
        redirected: bool,
        redactor: Option<&Redactor>,
    ) -> Result<Written, ToolError> {
        let is_large = self.body.len() >= LARGE;
        // As much as the body has at least.
        let mut json = Charged::new(&self.ledger);
        if json.room_for(self.body.len()).is_err() {
            json.wait().await?;
        }
        let (url, redactor) = (url.clone(), redactor.cloned());
        let work = move || self.write(json, url, redirected, redactor.as_ref());
        if !is_large {
            return work();
        }
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            Err(ToolError::new(
                ToolErrorKind::CapabilityFailed,
                "the answer could not be written: its thread ended",
            ))
        })
    }

    fn write(
        self,
        mut json: Charged,
        mut url: Url,
        redirected: bool,
        redactor: Option<&Redactor>,
    ) -> Result<Written, ToolError> {
        let redacted = |text: String| match redactor {
            None => text,
            Some(redactor) => redactor.redact(&text),
        };
        let (body, mut charge) = self.body.into_parts();
        let body = match redactor {
            None => body,
            Some(redactor) => {
                charge.grow(size(body.len()))?;
                redactor.redact_bytes(body)
            }
        };
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
        let (key, body) = written(body, &mut charge)?;
        let answer = json!({
            "status": self.head.status.as_u16(),
            "reason": redacted(reason),
            "url": redacted(url.into()),
            "redirected": redirected,
            "headers": headers,
            (key): body,
        });
        json.json(&answer)?;
        drop((answer, charge));
        Ok(json.written())
    }
}

/// A value, each byte one character.
fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// A body as text where that is what it is, else as base64.
fn written(body: Vec<u8>, charge: &mut Charge) -> Result<(&'static str, String), OverBudget> {
    use base64::Engine as _;
    let mut encoded = |bytes: &[u8]| {
        charge.grow(size(bytes.len().div_ceil(3)).saturating_mul(4))?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        Ok(("bytes", encoded))
    };
    // JSON writes each of these with two to six characters.
    let escaped = body
        .iter()
        .filter(|byte| **byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f));
    let is_cheap = escaped.count() <= body.len() / 4;
    match String::from_utf8(body) {
        Ok(text) if is_cheap => Ok(("text", text)),
        Ok(text) => encoded(text.as_bytes()),
        Err(error) => encoded(error.as_bytes()),
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
