//! Folders and files of the host.
//!
//! Paths are resolved by `cap-primitives`: with `openat2` below the folder where the kernel has
//! it, else part by part. Either way the kernel never follows a path or link out of the folder.

use std::any::Any;
use std::borrow::Cow;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_primitives::fs as cap;
use cap_primitives::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};

use super::errors::{code, of_errno};
use super::seam::{
    Answer, Change, Entries, Entry, FILE_BITS, FOLDER_BITS, File, Folder, Kind, Open, Opened, Stat,
    Wish, without_slash,
};

/// A folder of the host, and what is below it.
pub(super) struct Disk {
    pub(super) folder: fs::File,
}

/// A file of the host.
pub(super) struct DiskFile {
    pub(super) file: fs::File,
}

impl Disk {
    /// A folder by its path on the host, which the embedder chose.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(Self { folder })
    }

    /// The host's folder behind another one, if that is one of the host, too.
    fn of(folder: &dyn Folder) -> Answer<&Self> {
        folder.as_any().downcast_ref().ok_or(ErrorCode::CrossDevice)
    }

    /// A handle that neither reads nor writes.
    pub(super) fn place(&self, path: &str, follow: bool) -> io::Result<fs::File> {
        let mut options = cap::OpenOptions::new();
        let flags = i32::try_from(OFlags::PATH.bits()).unwrap_or_default();
        options
            .read(true)
            ._cap_fs_ext_follow(cap::FollowSymlinks::follow(follow))
            .custom_flags(flags);
        cap::open(&self.folder, Path::new(path), &options)
    }

    /// Opens what is at a path, or makes a file.
    pub(super) fn opened(&self, path: &str, how: &Open) -> Answer<(fs::File, cap::Metadata)> {
        // To open a pipe waits for its other end, or ends the wait of whoever has that; to open a device may
        // do anything. So they are looked at first, and what takes this name meanwhile does not wait.
        if let Ok(found) = self.stat(path, how.follow) {
            found.kind.opens()?;
        }
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let mut options = cap::OpenOptions::new();
        options
            .custom_flags(flags)
            .read(how.read || !how.write)
            .write(how.write || how.create || how.truncate)
            .truncate(how.truncate)
            .create(how.create && !how.exclusive)
            .create_new(how.create && how.exclusive)
            .mode(how.mode & FILE_BITS)
            ._cap_fs_ext_follow(cap::FollowSymlinks::follow(how.follow));
        let file = cap::open(&self.folder, Path::new(path), &options).map_err(of)?;
        let found = cap::Metadata::from_file(&file).map_err(of)?;
        stat(&found).kind.opens()?;
        if how.folder && !found.is_dir() {
            return Err(ErrorCode::NotDirectory);
        }
        Ok((file, found))
    }

    fn set_mode(&self, path: &str, follow: bool, mode: u32) -> Answer<()> {
        // One handle is looked at and changed: what has this path may be exchanged meanwhile.
        let place = self.place(path, follow).map_err(of)?;
        let found = cap::Metadata::from_file(&place).map_err(of)?;
        let kind = stat(&found).kind;
        // Linux keeps no mode of a link.
        if kind == Kind::Link {
            return Err(ErrorCode::Unsupported);
        }
        kind.permits(mode)?;
        let mode = Mode::from_bits_truncate(mode);
        let opened = path_of(&place);
        rustix::fs::chmodat(rustix::fs::CWD, opened, mode, AtFlags::empty()).map_err(of_errno)
    }
}

impl Folder for Disk {
    fn blocks(&self) -> bool {
        true
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        let (file, found) = self.opened(path, how)?;
        Ok(if found.is_dir() {
            Opened::Folder(Arc::new(Self { folder: file }))
        } else {
            Opened::File(Arc::new(DiskFile { file }))
        })
    }

    fn stat(&self, path: &str, follow: bool) -> Answer<Stat> {
        let follow = follow || path.ends_with('/');
        let found = match path {
            "." => cap::Metadata::from_file(&self.folder),
            _ => cap::stat(
                &self.folder,
                Path::new(path),
                cap::FollowSymlinks::follow(follow),
            ),
        };
        found.map(|found| stat(&found)).map_err(of)
    }

    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()> {
        let (accessed, modified) = match change {
            Change::Times { accessed, modified } => (spec(accessed), spec(modified)),
            Change::Mode(mode) => return self.set_mode(path, follow, mode),
        };
        let path = Path::new(path);
        if follow {
            cap::set_times(&self.folder, path, accessed, modified).map_err(of)
        } else {
            cap::set_times_nofollow(&self.folder, path, accessed, modified).map_err(of)
        }
    }

    fn make_folder(&self, path: &str, mode: u32) -> Answer<()> {
        let mut options = cap::DirOptions::new();
        options.mode(mode & FOLDER_BITS);
        cap::create_dir(&self.folder, Path::new(path), &options).map_err(of)
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        // `cap-primitives` would take a slash at the end for `/.`.
        cap::remove_dir(&self.folder, Path::new(without_slash(path))).map_err(of)
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        cap::remove_file(&self.folder, Path::new(path)).map_err(of)
    }

    fn make_link(&self, target: &str, path: &str) -> Answer<()> {
        cap::symlink(Path::new(target), &self.folder, Path::new(path)).map_err(of)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        let target = cap::read_link(&self.folder, Path::new(path)).map_err(of)?;
        let target = target.into_os_string().into_string();
        target.map_err(|_| ErrorCode::IllegalByteSequence)
    }

    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = Self::of(to)?;
        cap::hard_link(
            &self.folder,
            Path::new(path),
            &to.folder,
            Path::new(to_path),
        )
        .map_err(of)
    }

    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = Self::of(to)?;
        // A slash at the end of either path says that a folder is moved; the kernel checks that
        // of the first.
        let path = match to_path.ends_with('/') && !path.ends_with('/') {
            true => Cow::Owned(format!("{path}/")),
            false => Cow::Borrowed(path),
        };
        cap::rename(
            &self.folder,
            Path::new(path.as_ref()),
            &to.folder,
            Path::new(to_path),
        )
        .map_err(of)
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        let names = rustix::fs::Dir::read_from(&self.folder).map_err(of_errno)?;
        Ok(Box::new(DiskEntries { names: Some(names) }))
    }

    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()> {
        let place = self.place(path, follow).map_err(of)?;
        let mut access = Access::EXISTS;
        access.set(Access::READ_OK, wish.read);
        access.set(Access::WRITE_OK, wish.write);
        access.set(Access::EXEC_OK, wish.execute);
        // Not `cap_primitives::fs::access`, which follows a link at the end of the path anywhere.
        let opened = path_of(&place);
        rustix::fs::accessat(rustix::fs::CWD, opened, access, AtFlags::EACCESS).map_err(of_errno)
    }

    fn sync(&self) -> Answer<()> {
        self.folder.sync_all().map_err(of)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl File for DiskFile {
    fn blocks(&self) -> bool {
        true
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize> {
        loop {
            match self.file.read_at(into, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(of),
            }
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Answer<usize> {
        self.file.write_at(bytes, offset).map_err(of)
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        use rustix::io::{Errno, ReadWriteFlags, pwrite, pwritev2};
        let pieces = [io::IoSlice::new(bytes)];
        match pwritev2(&self.file, &pieces, 0, ReadWriteFlags::APPEND) {
            // An old kernel, or a file system that cannot: then the end is looked up first.
            Err(Errno::NOSYS | Errno::NOTSUP) => {
                let end = self.file.metadata().map_err(of)?.len();
                pwrite(&self.file, bytes, end).map_err(of_errno)
            }
            written => written.map_err(of_errno),
        }
    }

    fn resize(&self, size: u64) -> Answer<()> {
        self.file.set_len(size).map_err(of)
    }

    fn sync(&self, data_only: bool) -> Answer<()> {
        if data_only {
            self.file.sync_data().map_err(of)
        } else {
            self.file.sync_all().map_err(of)
        }
    }

    fn stat(&self) -> Answer<Stat> {
        let found = cap::Metadata::from_file(&self.file);
        found.map(|found| stat(&found)).map_err(of)
    }

    fn change(&self, change: Change) -> Answer<()> {
        match change {
            Change::Mode(mode) => {
                self.stat()?.kind.permits(mode)?;
                rustix::fs::fchmod(&self.file, Mode::from_bits_truncate(mode)).map_err(of_errno)
            }
            Change::Times { accessed, modified } => {
                let mut times = fs::FileTimes::new();
                if let Some(accessed) = accessed {
                    times = times.set_accessed(accessed);
                }
                if let Some(modified) = modified {
                    times = times.set_modified(modified);
                }
                self.file.set_times(times).map_err(of)
            }
        }
    }

    fn advise(&self, offset: u64, length: u64, advice: Advice) -> Answer<()> {
        let advice = match advice {
            Advice::Normal => rustix::fs::Advice::Normal,
            Advice::Sequential => rustix::fs::Advice::Sequential,
            Advice::Random => rustix::fs::Advice::Random,
            Advice::WillNeed => rustix::fs::Advice::WillNeed,
            Advice::DontNeed => rustix::fs::Advice::DontNeed,
            Advice::NoReuse => rustix::fs::Advice::NoReuse,
        };
        let length = std::num::NonZeroU64::new(length);
        rustix::fs::fadvise(&self.file, offset, length, advice).map_err(of_errno)
    }
}

/// A folder of the host that is being read, until its end was reached.
struct DiskEntries {
    names: Option<rustix::fs::Dir>,
}

impl Entries for DiskEntries {
    fn blocks(&self) -> bool {
        self.names.is_some()
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        let mut found = Vec::new();
        while found.len() < most
            && let Some(names) = &mut self.names
        {
            let Some(entry) = names.read() else {
                // The handle goes as soon as it is not needed any more.
                self.names = None;
                break;
            };
            let entry = entry.map_err(of_errno)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            // The number in the folder is not that of a mount point of the host.
            let stat = names
                .fd()
                .and_then(|folder| rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW))
                .ok();
            let type_of = |stat: &rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode);
            found.push(Entry {
                name: name.to_str().ok().map(str::to_owned),
                kind: kind(stat.as_ref().map_or(entry.file_type(), type_of)),
                identity: stat.map(|stat| (stat.st_dev, stat.st_ino)),
            });
        }
        Ok(found)
    }
}

/// What a handle that neither reads nor writes stands for, as a path.
fn path_of(place: &fs::File) -> String {
    format!("/proc/self/fd/{}", place.as_raw_fd())
}

pub(super) fn kind(of: FileType) -> Kind {
    match of {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::CharacterDevice => Kind::CharacterDevice,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => Kind::Other,
    }
}

fn stat(found: &cap::Metadata) -> Stat {
    Stat {
        kind: kind(FileType::from_raw_mode(found.mode())),
        links: found.nlink(),
        size: found.len(),
        accessed: time(found.atime(), found.atime_nsec()),
        modified: time(found.mtime(), found.mtime_nsec()),
        changed: time(found.ctime(), found.ctime_nsec()),
        mode: found.mode() & 0o7777,
        identity: (found.dev(), found.ino()),
    }
}

fn time(seconds: i64, nanoseconds: i64) -> Option<SystemTime> {
    let since = Duration::new(
        u64::try_from(seconds).ok()?,
        u32::try_from(nanoseconds).ok()?,
    );
    SystemTime::UNIX_EPOCH.checked_add(since)
}

pub(super) fn spec(time: Option<SystemTime>) -> Option<cap::SystemTimeSpec> {
    let absolute =
        |time| cap::SystemTimeSpec::Absolute(cap_primitives::time::SystemTime::from_std(time));
    time.map(absolute)
}

pub(super) fn of(error: io::Error) -> ErrorCode {
    code(&error)
}
