//! npm, as the user has set it up: its registries, proxies, credentials and cache. It resolves, and downloads; it unpacks
//! and runs nothing of a package.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::JavascriptError;

/// How long npm may take.
const TIME: Duration = Duration::from_secs(600);

/// Most that is read of what it prints, in bytes.
const OUTPUT: u64 = 4 << 20;

/// Most characters of its words that an error has.
const WORDS: usize = 2_000;

/// What holds whatever its configuration says: no script of a package runs, no repository is fetched, nothing is
/// written but below the folder that it runs in.
const ALWAYS: [&str; 13] = [
    "--ignore-scripts",
    "--git=/nonexistent",
    "--global=false",
    "--location=project",
    "--workspaces=false",
    "--dry-run=false",
    "--install-strategy=hoisted",
    "--omit=dev",
    "--audit=false",
    "--fund=false",
    "--update-notifier=false",
    "--progress=false",
    "--loglevel=error",
];

/// npm, and a temporary folder that it runs in.
pub(super) struct Npm {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Npm {
    /// Finds npm. `project` is the folder whose `.npmrc` counts beside the user's.
    pub(super) fn find(project: &Path) -> Result<Self, JavascriptError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join("npm"))
            .find(|file| file.is_file())
            .ok_or(JavascriptError::NoNpm)?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("package.json"), "{\"private\":true}")?;
        match fs::copy(project.join(".npmrc"), folder.path().join(".npmrc")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ok(Self { program, folder })
    }

    /// The folder that it runs in.
    pub(super) fn folder(&self) -> io::Result<PathBuf> {
        self.folder.path().canonicalize()
    }

    /// Runs it; answers what it printed.
    pub(super) async fn run(
        &self,
        command: &[&str],
        packages: &[String],
    ) -> Result<String, JavascriptError> {
        let folder = self.folder()?;
        let mut child = tokio::process::Command::new(&self.program)
            .args(command)
            .args(ALWAYS)
            .arg("--prefix")
            .arg(&folder)
            .arg("--")
            .args(packages)
            .current_dir(&folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async { tokio::try_join!(read(stdout), read(stderr), child.wait()) };
        let ended = tokio::time::timeout(TIME, ended).await;
        let (stdout, stderr, status) = ended.map_err(|_| {
            JavascriptError::Npm(format!("it took longer than {} s", TIME.as_secs()))
        })??;
        match status.success() {
            true => Ok(stdout),
            false => Err(JavascriptError::Npm(words(&stderr))),
        }
    }
}

async fn read(source: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(source) = source {
        let mut source = source.take(OUTPUT);
        source.read_to_end(&mut bytes).await?;
        // The rest is of no use, and npm waits until somebody reads it.
        tokio::io::copy(&mut source.into_inner(), &mut tokio::io::sink()).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What npm says went wrong, without its own frames.
fn words(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| {
        let line = line.strip_prefix("npm error").unwrap_or(line);
        line.trim()
    });
    let is_of_use = |line: &&str| {
        let is_log = line.starts_with("A complete log of this run");
        !line.is_empty() && !is_log && !line.starts_with("npm warn") && !line.contains("_logs/")
    };
    let text: Vec<&str> = lines.filter(is_of_use).collect();
    let text = text.join("\n");
    let clean = |it: char| it == '\n' || !it.is_control();
    match text.is_empty() {
        true => "it said nothing".to_owned(),
        false => text.chars().filter(|it| clean(*it)).take(WORDS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_says_is_without_its_frames() {
        let said = "npm warn old\nnpm error code E404\nnpm error 404 Not Found - GET http://r/x\nnpm error\n\
                    npm error A complete log of this run can be found in: /home/x/.npm/_logs/1.log\n";
        assert_eq!(words(said), "code E404\n404 Not Found - GET http://r/x");
        assert_eq!(words(""), "it said nothing");
        assert_eq!(words(&"x".repeat(9_000)).len(), WORDS);
    }
}
