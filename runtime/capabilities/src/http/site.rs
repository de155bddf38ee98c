//! A connection to a host: where it is, and the secrets that go there.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use url::Url;
use wxmcp_run::{ToolError, ToolErrorKind};

use super::request::{self, header_value};
use crate::{ConnectionConfig, HeaderConfig, ResourceError};
use wxmcp_catalogue::wording::quoted;
use wxmcp_policy::{Addresses, Redactor, encoded};

/// What `[connections.NAME]` with the URL of a host means.
pub(super) struct Site {
    name: String,
    /// Its path ends with a slash.
    base: Url,
    headers: HeaderMap,
    redactor: Redactor,
    addresses: Addresses,
}

// The headers are secret.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Site {
    pub(super) fn new(name: &str, config: &ConnectionConfig) -> Result<Self, ResourceError> {
        let wrong = |why| ResourceError::Host {
            name: name.to_owned(),
            why,
        };
        let mut base = request::url(&config.url, None)
            .map_err(|_| wrong("its URL is none of a host (secrets belong into `headers`)"))?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("its URL has a query or a fragment"));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        for HeaderConfig {
            name: key,
            value,
            is_secret,
        } in &config.headers
        {
            let parsed = HeaderName::from_bytes(key.as_bytes());
            let header =
                parsed.map_err(|_| wrong("a key of its `headers` is no name of a header"))?;
            let parsed = header_value(value).ok_or_else(|| {
                wrong("a value of its `headers` has a line break or control character")
            })?;
            headers.insert(header, parsed);
            if !is_secret {
                continue;
            }
            let label = format!("{key} of {name}");
            secrets.extend(forms(value).into_iter().map(|form| (label.clone(), form)));
        }
        let secrets = secrets
            .iter()
            .map(|(label, form)| (label.as_str(), form.as_str()));
        Ok(Self {
            name: name.to_owned(),
            redactor: Redactor::new(secrets),
            addresses: config.addresses.clone(),
            base,
            headers,
        })
    }

    /// The URL that a guest means: relative to the connection's, and not out of it.
    pub(super) fn url(&self, text: &str) -> Result<Url, ToolError> {
        let is_whole = text.starts_with("https:") || text.starts_with("http:");
        let relative = if is_whole {
            text
        } else {
            text.trim_start_matches('/')
        };
        // A colon in a first segment would be taken for a scheme's.
        let relative = match relative.split('/').next() {
            Some(first) if !is_whole && first.contains(':') => format!("./{relative}"),
            _ => relative.to_owned(),
        };
        let url = request::url(&relative, Some(&self.base))?;
        if self.holds(&url) {
            return Ok(url);
        }
        Err(ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "{} is not below the URL of the connection `{}`",
                quoted(text),
                self.name
            ),
        ))
    }

    /// Whether a URL is below the connection's: only there its headers go.
    pub(super) fn holds(&self, url: &Url) -> bool {
        let path = url.path();
        url.origin() == self.base.origin()
            && (path.starts_with(self.base.path())
                || self.base.path().strip_suffix('/') == Some(path))
            && !climbs(path)
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What its name may lead to besides public addresses.
    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(super) fn has_secret(&self, text: &str) -> bool {
        self.redactor.redact(text) != text
    }

    /// The error without the secrets of this connection.
    pub(super) fn redacted(&self, error: ToolError) -> ToolError {
        ToolError {
            message: self.redactor.redact(&error.message),
            data: error.data.map(|data| self.redactor.redact_value(data)),
            ..error
        }
    }
}

/// The value of a header in the forms in which a server could send it back: whole, without
/// the scheme in front, what basic authentication hides, and as URLs spell each.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    if let Some((scheme, rest)) = value.trim().split_once(' ') {
        forms.push(rest.trim().to_owned());
        let hidden = STANDARD
            .decode(rest.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(hidden) = hidden.filter(|_| scheme.eq_ignore_ascii_case("basic")) {
            forms.extend(
                hidden
                    .split_once(':')
                    .map(|(_, password)| password.to_owned()),
            );
            forms.push(hidden);
        }
    }
    let spelled: Vec<String> = forms.iter().flat_map(|form| encoded(form)).collect();
    forms.extend(spelled);
    forms
}

/// Whether a server that decodes a path before it walks it could leave the path's beginning.
fn climbs(path: &str) -> bool {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                decoded.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded.split(['/', '\\']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, value: &str) -> Vec<HeaderConfig> {
        vec![HeaderConfig {
            name: name.to_owned(),
            value: value.to_owned(),
            is_secret: true,
        }]
    }

    fn site(url: &str) -> Site {
        let config = ConnectionConfig {
            url: url.to_owned(),
            headers: secret("Authorization", "Bearer canary-123"),
            ..ConnectionConfig::default()
        };
        Site::new("api", &config).unwrap()
    }

    #[test]
    fn urls_are_relative_to_the_connection_and_stay_below_it() {
        let site = site("https://api.example.com/v1");
        for (text, expected) in [
            ("users", "https://api.example.com/v1/users"),
            ("/users?x=1", "https://api.example.com/v1/users?x=1"),
            ("//evil.test/x", "https://api.example.com/v1/evil.test/x"),
            ("", "https://api.example.com/v1/"),
            ("a:b", "https://api.example.com/v1/a:b"),
            ("javascript:x", "https://api.example.com/v1/javascript:x"),
            (
                "https://api.example.com/v1/users",
                "https://api.example.com/v1/users",
            ),
            (
                "https://api.example.com:443/v1",
                "https://api.example.com/v1",
            ),
        ] {
            assert_eq!(site.url(text).unwrap().as_str(), expected, "{text}");
        }
        for text in [
            "../admin",
            "%2e%2e/admin",
            "x/..%2f..%2fadmin",
            "x/%2e%2e%5cadmin",
            "\\\\evil.test/x",
            "\\/evil.test/x",
            "https://evil.test/v1/x",
            "http://api.example.com/v1/x",
            "https://api.example.com:444/v1/x",
            "https://api.example.com/v12/x",
            "https://api.example.com/",
        ] {
            assert!(site.url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_known_in_the_forms_that_servers_send_back() {
        let site = site("https://api.example.com");
        for text in ["Bearer canary-123", "token=canary-123", "Bearer+canary-123"] {
            assert!(site.has_secret(text), "{text}");
        }
        let basic = format!("Basic {}", STANDARD.encode("user:pass/word"));
        assert!(forms(&basic).contains(&"pass/word".to_owned()));
        assert!(forms(&basic).contains(&"pass%2Fword".to_owned()));
        assert!(!format!("{site:?}").contains("canary"));
    }

    #[test]
    fn a_connection_that_cannot_be_used_is_refused() {
        for (url, header) in [
            ("https://u:p@a.test/", "x"),
            ("https://a.test/?key=1", "x"),
            ("https://a.test/", "x\ny"),
        ] {
            let config = ConnectionConfig {
                url: url.to_owned(),
                headers: secret("X-Key", header),
                ..ConnectionConfig::default()
            };
            assert!(Site::new("api", &config).is_err(), "{url}");
        }
    }
}
