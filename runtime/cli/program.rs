//! Runs a type checker, or what makes components: programs of others, on a script that may be
//! hostile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most that is read of what a program prints, in bytes. More is a failure.
const OUTPUT: u64 = 8 << 20;

/// What a program may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long it may take.
    pub(crate) time: Duration,
    /// Which of its memory is bounded: all addresses, or what it can write.
    pub(crate) of: Resource,
    /// That memory, in bytes.
    pub(crate) memory: u64,
    /// Largest file that it may write, in bytes.
    pub(crate) file: u64,
}

/// What a program left.
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) stdout: String,
}

/// The file of a program: in `folder` if one is named, else on `PATH`. Of several names
/// the first that is found.
pub(crate) fn find(folder: Option<&Path>, names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = match folder {
        Some(folder) => vec![folder.to_owned()],
        None => std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .collect(),
    };
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

/// Runs a program in a folder of its own, with nothing of our environment but, where it is
/// given, `PATH`, and without a shell.
///
/// # Errors
///
/// When it does not start, takes too long, prints too much, or is ended by a signal.
pub(crate) async fn run(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    path: Option<OsString>,
    bounds: Bounds,
) -> anyhow::Result<Printed> {
    let program = std::path::absolute(program)?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut child = tokio::process::Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(path.map(|path| ("PATH", path)))
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_CACHE_HOME", folder)
        .env("TMPDIR", folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start `{}`", program.display()))?;
    limit(child.id(), bounds)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
        anyhow::Ok((stdout?, stderr?, status?))
    };
    let (stdout, stderr, status) = tokio::time::timeout(bounds.time, ended)
        .await
        .map_err(|_| anyhow!("`{name}` took longer than {} s", bounds.time.as_secs()))?
        .with_context(|| format!("run `{name}`"))?;
    match status.code() {
        Some(code) => Ok(Printed {
            code,
            stdout: if stdout.is_empty() { stderr } else { stdout },
        }),
        None => bail!("`{name}` did not survive the script: {status}"),
    }
}

fn limit(id: Option<u32>, bounds: Bounds) -> anyhow::Result<()> {
    let pid = id
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Ok(()); // it has ended already
    };
    for (resource, most) in [
        (bounds.of, bounds.memory),
        (Resource::Fsize, bounds.file),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(pid), resource, limit).context("limit the program")?;
    }
    Ok(())
}

async fn read(source: Option<impl AsyncRead + Unpin>) -> anyhow::Result<String> {
    let Some(source) = source else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    source.take(OUTPUT).read_to_end(&mut bytes).await?;
    if u64::try_from(bytes.len()).unwrap_or(OUTPUT) >= OUTPUT {
        bail!("it printed more than {} MiB", OUTPUT >> 20);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
