//! Starts the programs that resolve packages and fetch them: bounded in time and in what they print.
//!
//! They are the user's own, and configured as the user has configured them; nothing of a package runs in them.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::PackageError;

/// How long a program may take: a resolution with many downloads takes minutes.
const TIME: Duration = Duration::from_secs(600);

/// Bytes that are kept of what a program prints to each of its streams: the last ones.
const OUTPUT: usize = 256 << 10;

/// Variables that say what these programs use: names, and beginnings of names. All else stays here.
const PASSED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "TZ",
    "NETRC",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "VIRTUAL_ENV",
    "SSH_AUTH_SOCK",
];
const PASSED_FROM: [&str; 8] = [
    "LC_",
    "XDG_",
    "PIP_",
    "UV_",
    "NPM_CONFIG_",
    "SSL_CERT_",
    "PYENV_",
    "KEYRING_",
];

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    /// The last that it printed to standard output.
    pub(crate) stdout: String,
    /// The last that it printed to standard error.
    pub(crate) stderr: String,
}

/// The file of a program, in the folders of `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Whether a variable of ours is passed on.
fn is_passed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let name = name.to_ascii_uppercase();
    PASSED.contains(&name.as_str()) || PASSED_FROM.iter().any(|from| name.starts_with(from))
}

/// Runs a program to its end, in `folder`, without input.
///
/// # Errors
///
/// When it does not start, or takes too long.
pub(crate) fn run(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
) -> Result<Ended, PackageError> {
    let failed = |why: String| PackageError::Program {
        program: program.display().to_string(),
        why,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_passed(name)))
        .env("NO_COLOR", "1")
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("does not start: {error}")))?;
    let (sender, ended) = mpsc::channel();
    let streams = [
        child.stdout.take().map(boxed),
        child.stderr.take().map(boxed),
    ];
    for (number, stream) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let text = stream.map(last).unwrap_or_default();
            // Nobody waits where the program took too long.
            let _nobody = sender.send((number, text));
        });
    }
    drop(sender);
    let until = Instant::now() + TIME;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for _ in 0..2 {
        match ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((1, text)) => stderr = text,
            Ok((_, text)) => stdout = text,
            Err(_) => {
                let _gone = child.kill();
                let _reaped = child.wait();
                return Err(failed(format!("takes longer than {} s", TIME.as_secs())));
            }
        }
    }
    let status = child
        .wait()
        .map_err(|error| failed(format!("cannot be waited for: {error}")))?;
    Ok(Ended {
        code: status.code(),
        stdout,
        stderr,
    })
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

/// The last that a stream has.
fn last(mut stream: Box<dyn Read + Send>) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut some = vec![0; 64 << 10];
    while let Ok(read) = stream.read(&mut some) {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(some.get(..read).unwrap_or_default());
        if kept.len() > OUTPUT {
            kept.drain(..kept.len().saturating_sub(OUTPUT));
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_what_configures_it_and_nothing_else() {
        for (name, passed) in [
            ("PATH", true),
            ("https_proxy", true),
            ("PIP_INDEX_URL", true),
            ("npm_config_registry", true),
            ("SSL_CERT_FILE", true),
            ("AWS_SECRET_ACCESS_KEY", false),
            ("PYTHONPATH", false),
            ("LD_PRELOAD", false),
            ("NODE_OPTIONS", false),
            ("WXMCP_CACHE_DIR", false),
        ] {
            assert_eq!(is_passed(OsStr::new(name)), passed, "{name}");
        }
    }

    #[test]
    fn the_last_of_what_is_printed_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let sh = find("sh").unwrap();
        let words = [
            "-c",
            "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 3",
        ];
        let ended = run(&sh, &words.map(OsString::from), folder.path()).unwrap();
        assert_eq!(ended.code, Some(3));
        assert!(ended.stderr.ends_with("xend\n"));
        assert!(ended.stderr.len() <= OUTPUT);
    }
}
