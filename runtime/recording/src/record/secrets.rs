//! Values that are not to be in a recording.

/// Parts of the names of environment variables that look like secrets.
const SECRET: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];

/// The first name of an environment that looks like that of a secret.
pub fn secret_of(env: &[(String, String)]) -> Option<&str> {
    let looks_secret = |name: &&str| {
        let name = name.to_uppercase();
        SECRET.iter().any(|part| name.contains(part))
    };
    env.iter().map(|(name, _)| name.as_str()).find(looks_secret)
}
