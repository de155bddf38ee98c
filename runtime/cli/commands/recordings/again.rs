//! Recordings made anew by `wxmcp verify`: missing ones, and such that differ.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use wxmcp_recording::file::{Completeness, Recording};

use super::load::Loaded;
use super::{limits, names, opening};
use crate::cli::{self, RunArgs};
use crate::exit::Failure;
use crate::render;

/// The scripts among some files that have no recording beside them. The files are those at these paths.
pub(super) fn without_recording(files: &[PathBuf], paths: &[PathBuf]) -> Vec<PathBuf> {
    let is_missing = |path: &&PathBuf| {
        let is_own = !is_test(path) && !is_of_others(path, paths);
        names::is_script(path) && is_own && !names::is_recorded(path)
    };
    files.iter().filter(is_missing).cloned().collect()
}

/// Whether a file holds tests of scripts, and is none to be run alone.
fn is_test(path: &Path) -> bool {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    stem.ends_with("_test") || stem.ends_with(".test")
}

/// Whether a file is a tool, or code that tools share: in a namespace below `tools`. Packages and hidden folders have no
/// scripts of the user's either.
fn is_of_others(path: &Path, paths: &[PathBuf]) -> bool {
    let below = |root: &Path| path.strip_prefix(root).ok()?.parent().map(names_of);
    let inside = paths.iter().find_map(|root| below(root));
    // The path that was named may be the folder of tools itself.
    let around = paths.iter().find_map(|root| below(root.parent()?));
    let is_foreign = |name: &&str| name.starts_with('.') || *name == "node_modules";
    let is_namespace = |folders: Vec<&str>| folders.iter().rev().skip(1).any(|it| *it == "tools");
    inside.is_some_and(|folders| folders.iter().any(is_foreign)) || around.is_some_and(is_namespace)
}

fn names_of(folders: &Path) -> Vec<&str> {
    let folders = folders.components().filter_map(|it| match it {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    folders.collect()
}

/// Records a script that has no recording: `wxmcp run SCRIPT`, with what `wxmcp.toml` says. Where it is recorded.
///
/// # Errors
///
/// When it cannot be recorded.
pub(super) fn record_script(script: &Path) -> Result<PathBuf, Failure> {
    let recording = names::recording_of(script);
    // A name that begins with `-` is no flag.
    let script = match script.to_str().is_some_and(|name| name.starts_with('-')) {
        true => Path::new(".").join(script),
        false => script.to_owned(),
    };
    run(&recording, &[script.display().to_string()], &[])?;
    Ok(recording)
}

/// Records a run again, by the words of its command line, which it prints before. Who made the recording chose them: without
/// `trust` those are refused that let the script touch more than it may by itself.
///
/// # Errors
///
/// When there are none, when they are refused, or when it cannot be recorded.
pub(super) fn record_again(loaded: &Loaded, recording: &Path, trust: bool) -> Result<(), Failure> {
    let head = &loaded.recorded.head;
    if head.name == "<stdin>" {
        return Err(Failure::usage(anyhow::anyhow!(
            "the script of `{}` was read from standard input, and is in no file",
            recording.display()
        )));
    }
    let args = cli::run_of(&head.command);
    let (Some(args), Some((_, words))) = (args, head.command.split_first()) else {
        return Err(Failure::usage(anyhow::anyhow!(
            "`{}` does not say how it was recorded",
            recording.display()
        )));
    };
    let line = in_words(words);
    let widen = widening(&args);
    if !widen.is_empty() && !trust {
        return Err(Failure::usage(anyhow::anyhow!(
            "its command line has {}: `{line}`; read it, and say --trust-commands if it is to be run",
            widen.join(", ")
        )));
    }
    render::note(&format!("`{}` is recorded by: {line}", recording.display()));
    for name in args.policy.env.iter().filter(|name| !name.contains('=')) {
        render::note(&format!("`{name}` has the value of today: `-e {name}`"));
    }
    run(recording, words, &head.stdin.0)
}

/// What of a command line lets a script touch more than its tools, in words.
fn widening(args: &RunArgs) -> Vec<&'static str> {
    let (policy, config, keep) = (&args.policy, &args.config, &args.keep);
    let passes_on = |name: &String| !name.contains('=');
    let script = args.words.first().filter(|_| args.code.is_none());
    let script = script.map(Path::new);
    let said = [
        (args.code.is_some(), "`--code`"),
        (!policy.volumes.is_empty(), "`--volume`"),
        (
            policy.project.as_deref().is_some_and(is_outside),
            "a `--project` outside of this folder",
        ),
        (policy.env.iter().any(passes_on), "`--env` without a value"),
        (!policy.allow_tools.is_empty(), "`--allow-tool`"),
        (!policy.allow_hosts.is_empty(), "`--allow-host`"),
        (config.mcp_config.is_some(), "`--mcp-config`"),
        (config.tools.is_some(), "`--tools`"),
        (config.config.is_some(), "`--config`"),
        (args.interpreter.is_some(), "`--interpreter`"),
        (keep.record.is_some(), "`--record`"),
        (keep.record_env, "`--record-env`"),
        (keep.record_files, "`--record-files`"),
        (
            script.is_some_and(|it| is_outside(it) || !names::is_script(it)),
            "a script that is outside of this folder, or has no name of one",
        ),
    ];
    let said = said.into_iter().filter(|(is_said, _)| *is_said);
    said.map(|(_, words)| words).collect()
}

/// Whether a path leads out of the folder at hand.
fn is_outside(path: &Path) -> bool {
    match (path.canonicalize(), here()) {
        (Ok(path), Some(here)) => !path.starts_with(here),
        // It is not there: what runs it says so.
        _ => path
            .components()
            .any(|it| !matches!(it, Component::Normal(_) | Component::CurDir)),
    }
}

fn here() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

/// A command line, as a shell reads it.
fn in_words(words: &[String]) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "_-./=:,@%+".contains(it);
    let quoted = words.iter().map(|word| match word.chars().all(is_plain) {
        true if !word.is_empty() => word.clone(),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    });
    let mut line = String::from("wxmcp run");
    for word in quoted {
        line.push(' ');
        line.push_str(&word);
    }
    line
}

fn is_whole(recording: &Path) -> bool {
    let read = opening::open(recording).ok().map(Recording::read);
    matches!(read, Some(Ok(recording)) if recording.completeness == Completeness::Complete)
}

/// What is another one once a file was replaced.
fn version(recording: &Path) -> Option<(u64, i64, i64)> {
    let there = std::fs::metadata(recording).ok()?;
    Some((there.ino(), there.mtime(), there.mtime_nsec()))
}

fn run(recording: &Path, words: &[String], stdin: &[u8]) -> Result<(), Failure> {
    let before = version(recording);
    let record = || -> anyhow::Result<()> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command
            .arg("run")
            .arg("--record")
            .arg(recording)
            .args(words);
        limits::variables().for_each(|variable| {
            command.env_remove(variable);
        });
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // It is read to its end before the script begins; one that refuses to begin may have ended.
            let _ended = input.write_all(stdin);
        }
        let output = child.wait_with_output()?;
        // The script may end with any code: that there is another recording, and a whole one, says that it was recorded.
        if version(recording) == before || !is_whole(recording) {
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::bail!("`{}` failed: {}", in_words(words), said.trim());
        }
        Ok(())
    };
    record()
        .with_context(|| format!("record `{}`", recording.display()))
        .map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_a_recording_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("r").join(name);
        let names = [
            "a.py",
            "a.wxr",
            "b.ts",
            "c_test.py",
            "d.test.ts",
            "e.txt",
            "f.js",
            "f.js.wxr",
            "tools/g.py",
            "tools/time/now.py",
            "node_modules/h/index.js",
            ".venv/i.py",
        ];
        for name in names {
            std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            std::fs::write(path(name), "").unwrap();
        }
        let mut files = names.map(path).to_vec();
        files.sort();
        let root = folder.path().join("r");
        let missing = |root: PathBuf| {
            let files: Vec<_> = files
                .iter()
                .filter(|it| it.starts_with(&root))
                .cloned()
                .collect();
            without_recording(&files, &[root])
        };
        assert_eq!(missing(root.clone()), [path("b.ts"), path("tools/g.py")]);
        // The path that is named may be within, and hidden.
        assert_eq!(missing(root.join("tools")), [path("tools/g.py")]);
        assert_eq!(missing(root.join(".venv")), [path(".venv/i.py")]);
    }

    #[test]
    fn words_that_let_a_script_touch_more_are_named() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let named = |line: &str| widening(&cli::run_of(&words(line)).unwrap()).join(", ");
        for line in [
            "run --fuel 9 -e A=b -q is-gone.py",
            "run --deterministic --project . is-gone.py x -v /:/x",
            "run is-gone.py",
        ] {
            assert_eq!(named(line), "", "{line}");
        }
        for (line, expected) in [
            ("run -qv/:/x is-gone.py", "`--volume`"),
            (
                "run --mcp-config a.json --tools t is-gone.py",
                "`--mcp-config`, `--tools`",
            ),
            ("run --config=w.toml is-gone.py", "`--config`"),
            ("run -c 1", "`--code`"),
            ("run -e HOME is-gone.py", "`--env` without a value"),
            (
                "run --allow-host a.b --record-env is-gone.py",
                "`--allow-host`, `--record-env`",
            ),
            (
                "run --project / is-gone.py",
                "a `--project` outside of this folder",
            ),
            (
                "run ../is-gone.py",
                "a script that is outside of this folder, or has no name of one",
            ),
            (
                "run --lang py /etc/passwd",
                "a script that is outside of this folder, or has no name of one",
            ),
        ] {
            assert_eq!(named(line), expected, "{line}");
        }
        assert!(cli::run_of(&words("serve --stdio")).is_none());
        assert_eq!(in_words(&words("a.py it's")), r"wxmcp run a.py 'it'\''s'");
    }
}
