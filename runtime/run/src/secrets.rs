//! What looks like a secret: by the name that it has, or by what it is.

/// Parts of names that say so wherever they stand.
const PARTS: [&str; 14] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "ACCOUNT_KEY",
    "PRIVATE_KEY",
    "ENCRYPTION_KEY",
    "SIGNING_KEY",
    "AUTHORIZATION",
];

/// Words of names, between underscores, that say so.
const WORDS: [&str; 10] = [
    "AUTH", "BEARER", "COOKIE", "COOKIES", "DSN", "JWT", "PASS", "PAT", "PIN", "PWD",
];

/// Whether a variable of this name holds a secret, most likely.
pub fn is_name_of_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    // Folders that a shell knows.
    if matches!(name.as_str(), "PWD" | "OLDPWD") {
        return false;
    }
    let mut words = name.split(['_', '-', '.']);
    PARTS.iter().any(|part| name.contains(part)) || words.any(|word| WORDS.contains(&word))
}

/// Whether a value has a URL with a password: `postgres://user:password@host/`.
pub fn has_password(value: &str) -> bool {
    let mut urls = value.split("://").skip(1);
    urls.any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':'));
        password.is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_and_urls_by_their_passwords() {
        for name in [
            "GITHUB_TOKEN",
            "aws_secret_access_key",
            "AWS_ACCESS_KEY_ID",
            "PGPASSWORD",
            "DB_PASS",
            "GITHUB_PAT",
            "SENTRY_DSN",
            "BASIC_AUTH",
            "X-Api-Key".replace('-', "_").as_str(),
        ] {
            assert!(is_name_of_secret(name), "{name}");
        }
        for name in [
            "PWD", "PATH", "AUTHOR", "COMPASS", "KEYBOARD", "USER", "PATTERN", "HOST",
        ] {
            assert!(!is_name_of_secret(name), "{name}");
        }
        for value in ["postgres://u:p@h/d", "x amqp://:p@h", "https://u:p@q@h"] {
            assert!(has_password(value), "{value}");
        }
        for value in [
            "postgres://u@h/d",
            "https://h:80/a@b:c",
            "http://u:@h",
            "a:b@c",
            "",
        ] {
            assert!(!has_password(value), "{value}");
        }
    }
}
