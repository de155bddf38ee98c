//! The file that a run is recorded into.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use wxmcp_run::Policy;

/// Names that are tried for the file beside an older recording.
const NAMES: u32 = 100;

/// A file that becomes a recording. Where none is yet, it is written in its place. A recording that is there stays until the new one
/// is whole, which is written beside it, as `.NAME.PID-0.part`. So a process that is killed leaves what it has recorded in a
/// file, and destroys nothing; and of several that record into one file each leaves a whole one, or says that it did not.
pub(super) struct Target {
    path: PathBuf,
    /// Where it is written, if a recording is at its path.
    part: Option<PathBuf>,
    /// Device and inode of what is written, and of the recording that it replaces.
    new: (u64, u64),
    old: Option<(u64, u64)>,
    stays: bool,
}

impl Target {
    /// Makes the file. What is at its path already must be a recording: anything else is likely to be a mistake.
    ///
    /// # Errors
    ///
    /// When there is something else, or the file cannot be made.
    pub(super) fn create(path: &Path) -> io::Result<(Self, File)> {
        match create_new(path) {
            Ok(file) => {
                let new = identity(&file.metadata()?);
                let path = path.canonicalize()?;
                Ok((Self::of(path, None, new, None), file))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.canonicalize()?;
                refuse_other(&path)?;
                let old = identity(&fs::metadata(&path)?);
                let (part, file) = beside(&path)?;
                let new = identity(&file.metadata()?);
                Ok((Self::of(path, Some(part), new, Some(old)), file))
            }
            Err(error) => Err(error),
        }
    }

    fn of(path: PathBuf, part: Option<PathBuf>, new: (u64, u64), old: Option<(u64, u64)>) -> Self {
        Self {
            path,
            part,
            new,
            old,
            stays: false,
        }
    }

    /// Hides from a run the file that it is recorded into, and what was recorded there before.
    pub(super) fn hide(&self, policy: &mut Policy) {
        policy.hidden.push(self.new);
        policy.hidden.extend(self.old);
        policy.protected.paths.push(self.path.clone());
    }

    /// Protects the file that is written, whose name is of no other run.
    pub(super) fn protect(&self, policy: &mut Policy) {
        policy.protected.paths.extend(self.part.clone());
    }

    /// Keeps the file, whose run has ended, as far as it was written: where it is new, also if the rest cannot be.
    pub(super) fn keep(&mut self) {
        self.stays = self.part.is_none();
    }

    /// Puts the file in its place, now that it is whole.
    ///
    /// # Errors
    ///
    /// When it cannot be moved, or another process has put another one there.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(part) = &self.part {
            fs::rename(part, &self.path)?;
            self.stays = true;
            return Ok(());
        }
        let there = fs::symlink_metadata(&self.path);
        match there.is_ok_and(|there| identity(&there) == self.new) {
            true => {
                self.stays = true;
                Ok(())
            }
            false => Err(io::Error::other(
                "it was removed meanwhile, or another run was recorded into it",
            )),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let written = self.part.as_ref().unwrap_or(&self.path);
        let is_own =
            || fs::symlink_metadata(written).is_ok_and(|there| identity(&there) == self.new);
        // The run did not begin, or what there was before stays.
        if !self.stays && is_own() {
            let _is_gone = fs::remove_file(written);
        }
    }
}

fn identity(there: &fs::Metadata) -> (u64, u64) {
    (there.dev(), there.ino())
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn refuse_other(path: &Path) -> io::Result<()> {
    let there = fs::metadata(path)?;
    if !there.is_file() {
        return Err(io::Error::other("it exists, and is no file"));
    }
    let is_recording = || -> io::Result<bool> {
        let mut begins = [0; 3];
        File::open(path)?.read_exact(&mut begins)?;
        Ok(&begins == b"wxr")
    };
    // An empty one was made to be recorded into.
    match there.len() == 0 || is_recording().unwrap_or(false) {
        true => Ok(()),
        false => Err(io::Error::other("it exists, and is no recording")),
    }
}

/// A file of its own beside another one.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let process = std::process::id();
    for number in 0..NAMES {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{process}-{number}.part"));
        let part = path.with_file_name(name);
        match create_new(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                let file = made?;
                file.set_permissions(fs::metadata(path)?.permissions())?;
                return Ok((part, file));
            }
        }
    }
    Err(io::Error::other(
        "too many files are beside it that processes left which were killed: `.*.part`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_recording_stays_until_another_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wxr");
        // A run that does not begin leaves nothing.
        drop(Target::create(&path).unwrap());
        assert_eq!(left(folder.path()), <[String; 0]>::default());
        Target::create(&path).unwrap().0.finish().unwrap();
        assert_eq!(left(folder.path()), ["a.wxr"]);
        fs::remove_file(&path).unwrap();
        let (mut target, _) = Target::create(&path).unwrap();
        target.keep();
        drop(target);
        fs::write(&path, "wxr old").unwrap();
        let (mut target, file) = Target::create(&path).unwrap();
        target.keep();
        drop((target, file));
        assert_eq!(left(folder.path()), ["a.wxr"]);
        assert_eq!(fs::read(&path).unwrap(), b"wxr old");
        let (target, file) = Target::create(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"wxr old");
        target.finish().unwrap();
        drop(file);
        assert_eq!(left(folder.path()), ["a.wxr"]);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn of_two_recorders_the_one_whose_file_is_gone_hears_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wxr");
        let (first, _) = Target::create(&path).unwrap();
        let (second, _) = Target::create(&path).unwrap();
        let (third, _) = Target::create(&path).unwrap();
        second.finish().unwrap();
        let error = first.finish().unwrap_err().to_string();
        assert!(error.contains("another run was recorded"), "{error}");
        // Whose file replaces another one has a whole one.
        third.finish().unwrap();
        assert_eq!(left(folder.path()), ["a.wxr"]);
    }

    #[test]
    fn what_is_no_recording_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        fs::write(&path, "print(1)").unwrap();
        let refused = |path: &Path| Target::create(path).err().unwrap().to_string();
        assert_eq!(refused(&path), "it exists, and is no recording");
        assert_eq!(refused(folder.path()), "it exists, and is no file");
        // Through a link the recording itself is replaced.
        let (real, link) = (folder.path().join("r.wxr"), folder.path().join("l.wxr"));
        fs::write(&real, "wxr").unwrap();
        std::os::unix::fs::symlink("r.wxr", &link).unwrap();
        Target::create(&link).unwrap().0.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"");
    }
}
