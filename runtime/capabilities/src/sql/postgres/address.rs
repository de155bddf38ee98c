//! Where a PostgreSQL server is and how it is logged in to: `postgres://..`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;
use wxmcp_policy::{Addresses, Redactor};

use crate::resolve::{Resolve, System};

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// A server, a database on it, and who logs in. Holds the password: it is never shown.
#[derive(Clone)]
pub(in super::super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    pub(super) names: Names,
}

/// Where the name of the host may lead.
#[derive(Clone, Debug)]
pub(in super::super) struct Names {
    pub(in super::super) resolver: Arc<dyn Resolve>,
    /// Addresses that are not public and are reached all the same.
    pub(in super::super) granted: Addresses,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            resolver: Arc::new(System::default()),
            granted: Addresses::default(),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// `sslmode`, as libpq means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// `disable`: none.
    None,
    /// `prefer`: if the server offers it. An attacker in between can remove the offer.
    Prefer,
    /// `require`: always, but the server is not authenticated.
    Require,
    /// `verify-full`: always, with a server that proves to be the host.
    Verify {
        /// `sslrootcert`: certificates to trust, in PEM; those of browsers otherwise.
        roots: Option<PathBuf>,
    },
}

/// What is wrong with a URL. Nothing of the URL is in its words: where a part is wrong, the
/// password may stand anywhere.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UrlError {
    /// It names no driver.
    #[error("it must begin with `sqlite:`, `postgres://` or `https://`")]
    Scheme,
    /// It is not a URL.
    #[error(
        "it must be `postgres://user:password@host:port/database`, with `%XX` for what is \
         special in a URL, such as `@`, `/`, `?`, `#` and `%` in a password"
    )]
    Shape,
    /// It names no user.
    #[error("it names no user")]
    User,
    /// A part is not UTF-8, or holds a NUL.
    #[error("its {0} is no text")]
    Text(&'static str),
    /// A mode of encryption that there is none of.
    #[error(
        "its `sslmode` must be `disable`, `prefer`, `require` or `verify-full`; others are not supported"
    )]
    Mode,
    /// `sslrootcert` where nothing is verified.
    #[error("its `sslrootcert` has no effect without `sslmode=verify-full`")]
    Roots,
    /// An option that would have no effect.
    #[error("it has an option that is not supported: only `sslmode` and `sslrootcert` are")]
    Option,
    /// An option twice.
    #[error("it has an option twice")]
    Twice,
}

impl Address {
    /// The same, where the name of its host may lead to these addresses, too.
    pub(in super::super) fn granting(mut self, granted: Addresses) -> Self {
        self.names.granted = granted;
        self
    }

    /// What no error may repeat.
    pub(super) fn secrets(&self) -> Redactor {
        Redactor::new([("password", self.password.as_str())])
    }

    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is none, or wants what is not supported.
    pub(in super::super) fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("postgres" | "postgresql")) {
            return Err(UrlError::Scheme);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Shape)?;
        // What stands behind `#` is a password's rest.
        if url.fragment().is_some() {
            return Err(UrlError::Shape);
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = decoded(host.ok_or(UrlError::Shape)?, "host")?;
        let user = decoded(url.username(), "user")?;
        if user.is_empty() {
            return Err(UrlError::User);
        }
        let path = url.path().strip_prefix('/').unwrap_or_default();
        let database = match decoded(path, "database")? {
            none if none.is_empty() => user.clone(),
            named => named,
        };
        Ok(Self {
            // As it stands in a URL, an address of IPv6 is in brackets.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(PORT),
            password: decoded(url.password().unwrap_or_default(), "password")?,
            user,
            database,
            encryption: encryption(&url)?,
            names: Names::default(),
        })
    }
}

fn decoded(part: &str, what: &'static str) -> Result<String, UrlError> {
    let decoded = percent_decode_str(part).decode_utf8();
    let text = decoded.map_err(|_| UrlError::Text(what))?.into_owned();
    if text.contains('\0') {
        return Err(UrlError::Text(what));
    }
    Ok(text)
}

fn encryption(url: &Url) -> Result<Encryption, UrlError> {
    let (mut mode, mut roots) = (None, None);
    for (name, value) in url.query_pairs() {
        let option = match name.as_ref() {
            "sslmode" => &mut mode,
            "sslrootcert" => &mut roots,
            _ => return Err(UrlError::Option),
        };
        if option.replace(value.into_owned()).is_some() {
            return Err(UrlError::Twice);
        }
    }
    let encryption = match mode.as_deref() {
        Some("disable") => Encryption::None,
        None | Some("prefer") => Encryption::Prefer,
        Some("require") => Encryption::Require,
        Some("verify-full") => {
            let roots = roots.map(PathBuf::from);
            return Ok(Encryption::Verify { roots });
        }
        Some(_) => return Err(UrlError::Mode),
    };
    match roots {
        Some(_) => Err(UrlError::Roots),
        None => Ok(encryption),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_its_defaults() -> Result<(), UrlError> {
        let address = Address::parse("postgres://us%40er:p%2Fw%23@db.example:5433/da%20ta")?;
        assert_eq!(
            (
                address.host.as_str(),
                address.port,
                address.user.as_str(),
                address.password.as_str(),
                address.database.as_str()
            ),
            ("db.example", 5433, "us@er", "p/w#", "da ta")
        );
        assert_eq!(address.encryption, Encryption::Prefer);
        let address = Address::parse("postgresql://u@[::1]?sslmode=require")?;
        assert_eq!(
            (
                address.host.as_str(),
                address.port,
                address.database.as_str()
            ),
            ("::1", 5432, "u")
        );
        assert_eq!(address.encryption, Encryption::Require);
        let url = "postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/a/b.pem";
        let roots = Some(PathBuf::from("/a/b.pem"));
        assert_eq!(
            Address::parse(url)?.encryption,
            Encryption::Verify { roots }
        );
        Ok(())
    }

    #[test]
    fn what_is_not_supported_is_named_and_the_password_is_not() {
        for (url, expected) in [
            ("mysql://u:canary@h/d", UrlError::Scheme),
            ("postgres:u:canary@h/d", UrlError::Scheme),
            ("postgres://:canary@h/d", UrlError::User),
            ("postgres://u:canary@/d", UrlError::Shape),
            ("postgres://u:can#ary@h/d", UrlError::Shape),
            ("postgres://u:can/ary@h/d", UrlError::Shape),
            ("postgres://u:can?ary@h/d", UrlError::Shape),
            ("postgres://u:%FFcanary@h/d", UrlError::Text("password")),
            ("postgres://u:canary%00@h/d", UrlError::Text("password")),
            ("postgres://u:canary@h/d?sslmode=verify-ca", UrlError::Mode),
            ("postgres://u:canary@h/d?sslmode=allow", UrlError::Mode),
            ("postgres://u:canary@h/d?options=-c%20x", UrlError::Option),
            (
                "postgres://u:canary@h/d?sslmode=require&sslmode=disable",
                UrlError::Twice,
            ),
            (
                "postgres://u:canary@h/d?sslmode=require&sslrootcert=/x",
                UrlError::Roots,
            ),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("canary"));
        }
        let address = Address::parse("postgres://u:canary@h/d").unwrap();
        assert!(!format!("{address:?}").contains("canary"));
    }
}
