//! A project, and a folder of wheels in place of an index.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::archive::{File, PLAIN, archive};
use crate::support::{self, Printed, TestResult};

/// A project in a folder, and wheels that pip finds and nothing else.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("wheels"))?;
        fs::create_dir_all(folder.path().join("project"))?;
        Ok(Self(folder))
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.0.path().join("project")
    }

    pub(crate) fn wheels(&self) -> PathBuf {
        self.0.path().join("wheels")
    }

    /// Puts a wheel into the folder of wheels: its name, version, what it needs, and its files.
    pub(crate) fn wheel(&self, named: &str, needs: &[&str], files: &[File<'_>]) -> TestResult {
        self.tagged(named, "py3-none-any", needs, files)
    }

    /// The same with tags of one's own.
    pub(crate) fn tagged(
        &self,
        named: &str,
        tags: &str,
        needs: &[&str],
        files: &[File<'_>],
    ) -> TestResult {
        let (name, version) = named.split_once('-').ok_or("no version")?;
        let needs: String = needs
            .iter()
            .map(|it| format!("Requires-Dist: {it}\n"))
            .collect();
        let metadata = format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n{needs}"
        );
        let wheel =
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n");
        let info = format!("{named}.dist-info");
        let own = [
            (format!("{info}/METADATA"), metadata),
            (format!("{info}/WHEEL"), wheel),
            (format!("{info}/RECORD"), String::new()),
        ];
        let mut all = files.to_vec();
        all.extend(
            own.iter()
                .map(|(path, text)| (path.as_str(), text.as_bytes(), PLAIN)),
        );
        Ok(fs::write(
            self.wheels().join(format!("{named}-{tags}.whl")),
            archive(&all),
        )?)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) -> TestResult {
        support::write(&self.project(), path, text)
    }

    pub(crate) fn read(&self, path: &str) -> Result<String, Box<dyn Error>> {
        Ok(fs::read_to_string(self.project().join(path))?)
    }

    /// `wxmcp` in the project, with a pip that knows the folder of wheels alone.
    pub(crate) fn wxmcp(&self) -> Command {
        let mut command = support::wxmcp(&self.project());
        command
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.wheels())
            .env("HOME", std::env::var_os("HOME").unwrap_or_default());
        command
    }

    pub(crate) fn wx(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        Ok(self.wxmcp().args(args).output()?.into())
    }

    /// The same where no other program can be started.
    pub(crate) fn alone(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        let nothing = self.0.path().join("nothing");
        Ok(self
            .wxmcp()
            .env("PATH", nothing)
            .args(args)
            .output()?
            .into())
    }
}

/// Asserts that a command was refused, with these words.
pub(crate) fn refused(printed: &Printed, words: &str) {
    assert_eq!(printed.code, Some(2), "{}", printed.stderr);
    assert!(printed.stderr.contains(words), "{}", printed.stderr);
}

/// Asserts that a command printed this and ended well.
pub(crate) fn printed(printed: &Printed, stdout: &str) {
    assert_eq!(
        (printed.code, printed.stdout.as_str()),
        (Some(0), stdout),
        "{}",
        printed.stderr
    );
}

/// Whether a file is there.
pub(crate) fn is_there(path: &Path) -> bool {
    path.exists()
}
