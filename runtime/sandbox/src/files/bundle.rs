//! Bundles as folders of a guest: nobody writes to them, and they have no links.
//!
//! Their bytes come out of one file of the cache, which the system keeps in memory while it is read often, so to read
//! them counts as what does not block. The same as native code, which is mapped.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};
use wxmcp_bundle::{Bundle, Found};
use wxmcp_run::BundleFile;

use super::errors;
use super::seam::{
    Answer, Change, Entries, Entry, File, Folder, Kind, Open, Opened, Stat, Wish, without_slash,
};

/// When each file was changed last: the first day that archives of wheels can say.
const CHANGED: Duration = Duration::from_secs(315_532_800);

/// Permission bits of files, and of folders.
const FILE_MODE: u32 = 0o444;
const FOLDER_MODE: u32 = 0o555;

/// The folder around all that a bundle has.
///
/// # Errors
///
/// When the bundle is not there, or not what was stored.
pub(super) fn root(file: &BundleFile, device: u64) -> io::Result<Arc<dyn Folder>> {
    Ok(Arc::new(BundleFolder {
        bundle: wxmcp_bundle::opened(file)?,
        path: String::new(),
        device,
    }))
}

struct BundleFolder {
    bundle: Arc<Bundle>,
    /// Its path in the bundle.
    path: String,
    device: u64,
}

struct BundledFile {
    bundle: Arc<Bundle>,
    number: usize,
    stat: Stat,
}

impl BundleFolder {
    /// The path in the bundle of what a relative path names, and what is there.
    fn resolve(&self, path: &str) -> Answer<(String, Found)> {
        let mut at = self.path.clone();
        let mut found = self.found(&at)?;
        let base = at.len();
        for part in path.split('/') {
            if matches!(found, Found::File { .. }) {
                return Err(ErrorCode::NotDirectory);
            }
            match part {
                "" | "." => continue,
                ".." if at.len() == base => return Err(ErrorCode::NotPermitted),
                ".." => at.truncate(at.rfind('/').unwrap_or(0).max(base)),
                _ => {
                    if !at.is_empty() {
                        at.push('/');
                    }
                    at.push_str(part);
                }
            }
            found = self.found(&at)?;
        }
        Ok((at, found))
    }

    fn found(&self, path: &str) -> Answer<Found> {
        self.bundle.find(path).ok_or(ErrorCode::NoEntry)
    }

    /// Refuses to change what is at a path, where something is there.
    fn unchanged(&self, path: &str) -> Answer<()> {
        self.resolve(without_slash(path))?;
        Err(ErrorCode::ReadOnly)
    }
}

fn stat(found: Found, device: u64) -> Stat {
    let (kind, number, size, mode) = match found {
        Found::Folder { number } => (Kind::Folder, number, 0, FOLDER_MODE),
        Found::File { number, size } => (Kind::File, number, size, FILE_MODE),
    };
    let time = SystemTime::UNIX_EPOCH.checked_add(CHANGED);
    Stat {
        kind,
        links: 1,
        size,
        accessed: time,
        modified: time,
        changed: time,
        mode,
        identity: (device, identity(number)),
    }
}

fn identity(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX).saturating_add(1)
}

impl Folder for BundleFolder {
    fn blocks(&self) -> bool {
        false
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        let found = self.resolve(path);
        if matches!(found, Err(ErrorCode::NoEntry)) && how.create {
            return Err(ErrorCode::ReadOnly);
        }
        let (path, found) = found?;
        if how.create && how.exclusive {
            return Err(ErrorCode::Exist);
        }
        match found {
            Found::Folder { .. } if how.write => Err(ErrorCode::IsDirectory),
            Found::Folder { .. } => Ok(Opened::Folder(Arc::new(Self {
                bundle: Arc::clone(&self.bundle),
                path,
                device: self.device,
            }))),
            Found::File { .. } if how.folder => Err(ErrorCode::NotDirectory),
            Found::File { .. } if how.write || how.truncate => Err(ErrorCode::ReadOnly),
            Found::File { number, .. } => Ok(Opened::File(Arc::new(BundledFile {
                bundle: Arc::clone(&self.bundle),
                number,
                stat: stat(found, self.device),
            }))),
        }
    }

    fn stat(&self, path: &str, _follow: bool) -> Answer<Stat> {
        let (_, found) = self.resolve(path)?;
        Ok(stat(found, self.device))
    }

    fn change(&self, path: &str, _follow: bool, _change: Change) -> Answer<()> {
        self.unchanged(path)
    }

    fn make_folder(&self, path: &str, _mode: u32) -> Answer<()> {
        match self.resolve(without_slash(path)) {
            Ok(_) => Err(ErrorCode::Exist),
            Err(ErrorCode::NoEntry) => Err(ErrorCode::ReadOnly),
            Err(error) => Err(error),
        }
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        self.unchanged(path)
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        self.unchanged(path)
    }

    fn make_link(&self, _target: &str, path: &str) -> Answer<()> {
        self.make_folder(path, 0)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        self.resolve(path)?;
        Err(ErrorCode::Invalid)
    }

    fn link(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        self.unchanged(path)
    }

    fn rename(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        self.unchanged(path)
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        let listed = self.bundle.list(&self.path).map(|(name, found)| {
            let Stat { kind, identity, .. } = stat(found, self.device);
            Entry {
                name: Some(name.to_owned()),
                kind,
                identity: Some(identity),
            }
        });
        Ok(Box::new(Listed {
            left: listed.collect::<Vec<_>>().into_iter(),
        }))
    }

    fn allows(&self, path: &str, _follow: bool, wish: Wish) -> Answer<()> {
        let (_, found) = self.resolve(path)?;
        match found {
            _ if wish.write => Err(ErrorCode::ReadOnly),
            Found::File { .. } if wish.execute => Err(ErrorCode::Access),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> Answer<()> {
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl File for BundledFile {
    fn blocks(&self) -> bool {
        false
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize> {
        let read = self.bundle.read_at(self.number, offset, into);
        read.map_err(|error| errors::code(&error))
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Answer<usize> {
        Err(ErrorCode::ReadOnly)
    }

    fn append(&self, _bytes: &[u8]) -> Answer<usize> {
        Err(ErrorCode::ReadOnly)
    }

    fn resize(&self, _size: u64) -> Answer<()> {
        Err(ErrorCode::ReadOnly)
    }

    fn sync(&self, _data_only: bool) -> Answer<()> {
        Ok(())
    }

    fn stat(&self) -> Answer<Stat> {
        Ok(self.stat)
    }

    fn change(&self, _change: Change) -> Answer<()> {
        Err(ErrorCode::ReadOnly)
    }

    fn advise(&self, _offset: u64, _length: u64, _advice: Advice) -> Answer<()> {
        Ok(())
    }
}

/// What of a folder was not handed out yet.
struct Listed {
    left: std::vec::IntoIter<Entry>,
}

impl Entries for Listed {
    fn blocks(&self) -> bool {
        false
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        Ok(self.left.by_ref().take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Arc<dyn Folder>) {
        let place = tempfile::tempdir().unwrap();
        let mut tree = wxmcp_bundle::Tree::default();
        tree.add("yaml/__init__.py", b"import os".to_vec()).unwrap();
        tree.add("yaml/data/x", b"0123456789".to_vec()).unwrap();
        tree.add("six.py", Vec::new()).unwrap();
        let digest = wxmcp_bundle::store(place.path(), &tree).unwrap();
        let file = BundleFile {
            digest,
            folder: Some(place.path().to_owned()),
        };
        (place, root(&file, 7).unwrap())
    }

    fn error<T>(answer: Answer<T>) -> ErrorCode {
        match answer {
            Ok(_) => panic!("it was done"),
            Err(error) => error,
        }
    }

    #[test]
    fn what_a_bundle_has_is_read() {
        let (_place, top) = folder();
        let read = Open {
            read: true,
            ..Open::default()
        };
        let Ok(Opened::Folder(yaml)) = top.open("./yaml/", &read) else {
            panic!("no folder");
        };
        let names = yaml.entries().unwrap().next(10).unwrap();
        let names = names.into_iter().map(|it| it.name.unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["__init__.py", "data"]);
        let Ok(Opened::File(file)) = yaml.open("data/../data/x", &read) else {
            panic!("no file");
        };
        let mut some = [0; 4];
        assert_eq!(file.read_at(8, &mut some), Ok(2));
        assert_eq!(&some[..2], b"89");
        let (one, other) = (file.stat().unwrap(), top.stat("yaml/data/x", true).unwrap());
        assert_eq!(
            (one.identity, one.size, one.mode),
            (other.identity, 10, 0o444)
        );
        assert_ne!(
            top.stat(".", true).unwrap().identity,
            top.stat("six.py", true).unwrap().identity
        );
    }

    #[test]
    fn nothing_is_changed_and_no_path_leads_out() {
        let (_place, top) = folder();
        let write = Open {
            write: true,
            create: true,
            ..Open::default()
        };
        assert_eq!(error(top.open("six.py", &write)), ErrorCode::ReadOnly);
        assert_eq!(error(top.open("new.py", &write)), ErrorCode::ReadOnly);
        assert_eq!(error(top.remove_file("six.py")), ErrorCode::ReadOnly);
        assert_eq!(error(top.remove_file("new.py")), ErrorCode::NoEntry);
        assert_eq!(error(top.make_folder("yaml", 0)), ErrorCode::Exist);
        assert_eq!(error(top.make_folder("new", 0)), ErrorCode::ReadOnly);
        let read = Open::default();
        assert_eq!(error(top.open("../etc", &read)), ErrorCode::NotPermitted);
        assert_eq!(
            error(top.open("yaml/../../x", &read)),
            ErrorCode::NotPermitted
        );
        assert_eq!(error(top.open("six.py/", &read)), ErrorCode::NotDirectory);
        assert_eq!(error(top.open("six.py/..", &read)), ErrorCode::NotDirectory);
        let Ok(Opened::Folder(yaml)) = top.open("yaml", &read) else {
            panic!("no folder");
        };
        assert_eq!(
            error(yaml.open("../six.py", &read)),
            ErrorCode::NotPermitted
        );
    }
}
