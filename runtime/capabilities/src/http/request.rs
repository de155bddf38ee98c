//! A request as a guest makes it, and as it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, USER_AGENT};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use url::Url;
use wxmcp_run::{ToolError, ToolErrorKind};

use wxmcp_catalogue::wording::{bounded, quoted};
use wxmcp_policy::bare;

/// Longest URL, in bytes.
const MAX_URL: usize = 16 << 10;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 8 << 20;

/// Most headers of a request, and their bytes in all.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What the connection decides, not the request.
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// `http` of `wit/capabilities.wit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(super) url: String,
    /// A connection of the configuration, which the URL is then relative to.
    pub(super) connection: Option<String>,
    method: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    text: Option<String>,
    bytes: Option<String>,
    #[serde(default)]
    pub(super) redirect: Redirect,
    /// At most so long, in milliseconds, if that is less than the call's own deadline.
    pub(super) timeout_ms: Option<u64>,
    /// Whether to connect only, and keep the connection for the request that follows.
    #[serde(default)]
    pub(super) connect: bool,
}

/// What to do about an answer that points elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Redirect {
    #[default]
    Follow,
    Manual,
    Error,
}

/// What is sent, over one connection after the other if it is redirected.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the guest asked for an encoding itself: it then gets what is sent.
    pub(super) is_raw: bool,
}

impl Outgoing {
    /// Reads method, headers and body; refuses by name what may not be sent.
    pub(super) fn new(request: &mut Request) -> Result<Self, ToolError> {
        let method = method(request.method.as_deref().unwrap_or("GET"))?;
        let body = body(request.text.take(), request.bytes.take())?;
        let mut headers = headers(&request.headers)?;
        let is_raw = headers.contains_key(ACCEPT_ENCODING);
        let defaults = [
            (ACCEPT, "*/*"),
            (USER_AGENT, concat!("wxmcp/", env!("CARGO_PKG_VERSION"))),
        ];
        for (name, value) in defaults {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        Ok(Self {
            method,
            headers,
            body,
            is_raw,
        })
    }

    /// The same request to another place, as an answer with this status wants it: some
    /// statuses make it a GET, as in browsers, and what was meant for one origin does not
    /// go to another.
    pub(super) fn redirect(&mut self, status: u16, is_same_origin: bool) {
        let becomes_get = match status {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            for name in [
                "content-encoding",
                "content-language",
                "content-location",
                "content-type",
            ] {
                self.headers.remove(name);
            }
        }
        if !is_same_origin {
            for name in ["authorization", "cookie", "proxy-authorization"] {
                self.headers.remove(name);
            }
        }
    }

    /// Head and body as they go over the wire to a URL, with these headers besides.
    pub(super) fn to(
        &self,
        url: &Url,
        injected: &HeaderMap,
    ) -> Result<http::Request<http_body_util::Full<Bytes>>, ToolError> {
        let mut headers = self.headers.clone();
        for (name, value) in injected {
            headers.insert(name, value.clone());
        }
        headers.insert(HOST, host_header(url)?);
        let expects_body = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if !self.body.is_empty() || expects_body {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut built = http::Request::new(http_body_util::Full::new(self.body.clone()));
        *built.method_mut() = self.method.clone();
        *built.uri_mut() = target.parse().map_err(|_| {
            invalid(format!(
                "{} is no URL that can be sent",
                quoted(url.as_str())
            ))
        })?;
        *built.headers_mut() = headers;
        Ok(built)
    }
}

fn invalid(message: String) -> ToolError {
    ToolError::new(ToolErrorKind::InvalidCall, message)
}

/// Reads a URL, the only time that it is read. What it may lead to is not decided here.
pub(super) fn url(text: &str, base: Option<&Url>) -> Result<Url, ToolError> {
    if text.len() > MAX_URL {
        return Err(invalid(format!("a URL has at most {MAX_URL} bytes")));
    }
    let parsed = Url::options().base_url(base).parse(text);
    let url = parsed.map_err(|error| invalid(format!("{} is no URL: {error}", quoted(text))))?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = bounded(url.scheme());
        return Err(invalid(format!(
            "`{scheme}:` is no scheme for requests: use http or https"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "a URL with a user name or a password is not taken: send an `Authorization` header"
                .to_owned(),
        ));
    }
    Ok(url)
}

fn method(text: &str) -> Result<Method, ToolError> {
    let upper = text.to_ascii_uppercase();
    let usual = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    // As in browsers: the usual ones in any case, others as they are written.
    let text = if usual.contains(&upper.as_str()) {
        &upper
    } else {
        text
    };
    match Method::from_bytes(text.as_bytes()) {
        Ok(method)
            if text.len() <= 32 && !matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") =>
        {
            Ok(method)
        }
        _ => Err(invalid(format!("the method {} is not sent", quoted(text)))),
    }
}

fn body(text: Option<String>, bytes: Option<String>) -> Result<Bytes, ToolError> {
    let body = match (text, bytes) {
        (None, None) => Bytes::new(),
        (Some(text), None) => Bytes::from(text),
        (None, Some(bytes)) => STANDARD
            .decode(bytes)
            .map(Bytes::from)
            .map_err(|_| invalid("the bytes of the body are no base64".to_owned()))?,
        (Some(_), Some(_)) => return Err(invalid("a body is text or bytes, not both".to_owned())),
    };
    if body.len() > MAX_BODY {
        return Err(ToolError::new(
            ToolErrorKind::LimitReached,
            format!(
                "the request's body has {} bytes, and {MAX_BODY} are the limit",
                body.len()
            ),
        ));
    }
    Ok(body)
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, ToolError> {
    let bytes = given
        .iter()
        .map(|(name, value)| name.len().saturating_add(value.len()));
    let bytes = bytes.fold(0, usize::saturating_add);
    if given.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(ToolError::new(
            ToolErrorKind::LimitReached,
            format!(
                "a request has at most {MAX_HEADERS} headers, and {MAX_HEADER_BYTES} bytes of them"
            ),
        ));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed =
            parsed.map_err(|_| invalid(format!("{} is no name of a header", quoted(name))))?;
        if OURS.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
            return Err(invalid(format!(
                "the header `{parsed}` is not the request's to set"
            )));
        }
        let value = header_value(value).ok_or_else(|| {
            invalid(format!(
                "the value of the header `{parsed}` has a line break, a control character or one beyond U+00FF"
            ))
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// A value, each character one byte.
pub(super) fn header_value(text: &str) -> Option<HeaderValue> {
    let bytes = text
        .trim_matches([' ', '\t'])
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect::<Option<Vec<u8>>>()?;
    HeaderValue::from_bytes(&bytes).ok()
}

fn host_header(url: &Url) -> Result<HeaderValue, ToolError> {
    let host = bare(url.host_str().unwrap_or_default());
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    HeaderValue::from_str(&host)
        .map_err(|_| invalid(format!("{} is no host that can be asked", quoted(&host))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outgoing(request: Value) -> Result<Outgoing, ToolError> {
        Outgoing::new(&mut serde_json::from_value(request).unwrap())
    }

    #[test]
    fn headers_that_belong_to_the_connection_and_broken_ones_are_refused() {
        for (name, value) in [
            ("Host", "evil.test"),
            ("content-length", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
            ("Upgrade", "h2c"),
            ("Proxy-Authorization", "x"),
            ("X-A", "1\r\nX-B: 2"),
            ("X-A", "1\nX-B: 2"),
            ("X-A", "1\u{0}"),
            ("X-A", "€"),
            ("X A", "1"),
            ("X-A\r\nX-B", "1"),
            ("", "1"),
        ] {
            let error = outgoing(json!({"url": "", "headers": [[name, value]]})).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::InvalidCall, "{name} {value}");
        }
        let sent =
            outgoing(json!({"url": "", "headers": [["X-A", " \u{e9} "], ["x-a", "2"]]})).unwrap();
        let values: Vec<_> = sent
            .headers
            .get_all("x-a")
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        assert_eq!(values, [&b"\xe9"[..], b"2"]);
    }

    #[test]
    fn methods_that_are_no_requests_are_refused() {
        for method in ["CONNECT", "trace", "GET /x", "", "G\r\nX"] {
            assert!(
                outgoing(json!({"url": "", "method": method})).is_err(),
                "{method}"
            );
        }
        assert_eq!(
            outgoing(json!({"url": "", "method": "post"}))
                .unwrap()
                .method,
            "POST"
        );
        assert_eq!(
            outgoing(json!({"url": "", "method": "Purge"}))
                .unwrap()
                .method,
            "Purge"
        );
    }

    #[test]
    fn what_a_request_may_hold_is_bounded() {
        let many: Vec<_> = (0..=MAX_HEADERS).map(|n| (format!("x-{n}"), "")).collect();
        let long = "x".repeat(MAX_HEADER_BYTES);
        for request in [
            json!({"url": "", "headers": many}),
            json!({"url": "", "headers": [["x", long]]}),
            json!({"url": "", "text": "x".repeat(MAX_BODY + 1)}),
        ] {
            let error = outgoing(request).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::LimitReached);
        }
        let of_length = |length: usize| {
            let begin = "https://a.test/";
            url(
                &format!("{begin}{}", "x".repeat(length - begin.len())),
                None,
            )
        };
        assert!(of_length(MAX_URL).is_ok());
        let error = of_length(MAX_URL + 1).unwrap_err();
        assert_eq!(error.message, "a URL has at most 16384 bytes");
    }

    #[test]
    fn urls_without_a_host_and_with_credentials_are_refused() {
        for text in [
            "https://good@evil.test/",
            "https://:x@evil.test/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "ftp://a.test/",
            "https://",
            "/relative",
            "https://a b/",
            "https://a%00b/",
            "https://[::1",
            "https://999.1.1.1/",
        ] {
            let error = url(text, None).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::InvalidCall, "{text}");
        }
    }

    #[test]
    fn a_redirect_changes_the_method_as_browsers_do() {
        for (method, status, expected) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("PUT", 302, "PUT"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
        ] {
            let headers = [["content-type", "a/b"], ["authorization", "x"]];
            let mut sent =
                outgoing(json!({"url": "", "method": method, "text": "x", "headers": headers}))
                    .unwrap();
            sent.redirect(status, true);
            assert_eq!(sent.method, expected, "{method} {status}");
            let keeps = expected == method;
            assert_eq!(sent.body.is_empty(), !keeps, "{method} {status}");
            assert_eq!(sent.headers.contains_key("content-type"), keeps);
            assert!(sent.headers.contains_key("authorization"));
            sent.redirect(status, false);
            assert!(!sent.headers.contains_key("authorization"));
        }
    }
}
