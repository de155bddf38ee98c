//! The folder `/dev` of a script: the file `null`, which takes whatever is written and has nothing to read.

use std::any::Any;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};

use super::seam::{Answer, Change, Entries, Entry, File, Folder, Kind, Open, Opened, Stat, Wish};

/// The name of the only file.
const NULL: &str = "null";

/// The numbers of the device: below those of folders in memory, which begin at the end.
const DEVICE: u64 = u64::MAX / 2;

/// The folder.
pub(super) struct Devices;

/// The file.
struct Null;

/// What a path in the folder leads to.
fn found(path: &str) -> Answer<Kind> {
    if path.starts_with('/') {
        return Err(ErrorCode::NotPermitted);
    }
    let mut at = Kind::Folder;
    for name in path.split('/') {
        at = match (at, name) {
            (Kind::Folder, "" | ".") => Kind::Folder,
            (Kind::Folder, "..") => return Err(ErrorCode::NotPermitted),
            (Kind::Folder, NULL) => Kind::CharacterDevice,
            (Kind::Folder, _) => return Err(ErrorCode::NoEntry),
            _ => return Err(ErrorCode::NotDirectory),
        };
    }
    Ok(at)
}

/// Refuses to change anything: what is there stays, and nothing else can be made.
fn refused<T>(path: &str) -> Answer<T> {
    match found(path) {
        Ok(_) | Err(ErrorCode::NoEntry) => Err(ErrorCode::NotPermitted),
        Err(error) => Err(error),
    }
}

fn stat(kind: Kind) -> Stat {
    let (mode, inode) = match kind {
        Kind::Folder => (0o755, 1),
        _ => (0o666, 2),
    };
    Stat {
        kind,
        links: 1,
        size: 0,
        accessed: None,
        modified: None,
        changed: None,
        mode,
        identity: (DEVICE, inode),
    }
}

impl Folder for Devices {
    fn blocks(&self) -> bool {
        false
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        match found(path) {
            Ok(Kind::Folder) if how.write || how.truncate => Err(ErrorCode::IsDirectory),
            Ok(_) if how.create && how.exclusive => Err(ErrorCode::Exist),
            Ok(Kind::Folder) => Ok(Opened::Folder(Arc::new(Self))),
            Ok(_) if how.folder => Err(ErrorCode::NotDirectory),
            Ok(_) => Ok(Opened::File(Arc::new(Null))),
            Err(ErrorCode::NoEntry) if how.create => Err(ErrorCode::NotPermitted),
            Err(error) => Err(error),
        }
    }

    fn stat(&self, path: &str, _follow: bool) -> Answer<Stat> {
        found(path).map(stat)
    }

    fn change(&self, path: &str, _follow: bool, _change: Change) -> Answer<()> {
        refused(path)
    }

    fn make_folder(&self, path: &str, _mode: u32) -> Answer<()> {
        match found(path) {
            Ok(_) => Err(ErrorCode::Exist),
            Err(_) => refused(path),
        }
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        refused(path)
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        refused(path)
    }

    fn make_link(&self, _target: &str, path: &str) -> Answer<()> {
        refused(path)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        found(path).and(Err(ErrorCode::Invalid))
    }

    fn link(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        refused(path)
    }

    fn rename(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        refused(path)
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        Ok(Box::new(Names { has_ended: false }))
    }

    fn allows(&self, path: &str, _follow: bool, wish: Wish) -> Answer<()> {
        match found(path)? {
            Kind::Folder if wish.write => Err(ErrorCode::NotPermitted),
            Kind::CharacterDevice if wish.execute => Err(ErrorCode::Access),
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

/// The folder, being read.
struct Names {
    has_ended: bool,
}

impl Entries for Names {
    fn blocks(&self) -> bool {
        false
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        if self.has_ended || most == 0 {
            return Ok(Vec::new());
        }
        self.has_ended = true;
        Ok(vec![Entry {
            name: Some(NULL.to_owned()),
            kind: Kind::CharacterDevice,
            identity: Some(stat(Kind::CharacterDevice).identity),
        }])
    }
}

impl File for Null {
    fn blocks(&self) -> bool {
        false
    }

    fn read_at(&self, _offset: u64, _into: &mut [u8]) -> Answer<usize> {
        Ok(0)
    }

    fn write_at(&self, _offset: u64, bytes: &[u8]) -> Answer<usize> {
        Ok(bytes.len())
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        Ok(bytes.len())
    }

    fn resize(&self, _size: u64) -> Answer<()> {
        Ok(())
    }

    fn sync(&self, _data_only: bool) -> Answer<()> {
        Ok(())
    }

    fn stat(&self) -> Answer<Stat> {
        Ok(stat(Kind::CharacterDevice))
    }

    fn change(&self, _change: Change) -> Answer<()> {
        Err(ErrorCode::NotPermitted)
    }

    fn advise(&self, _offset: u64, _length: u64, _advice: Advice) -> Answer<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_file_and_nothing_else_can_be_made() {
        assert_eq!(found("null").unwrap(), Kind::CharacterDevice);
        assert_eq!(found("./").unwrap(), Kind::Folder);
        for (path, wanted) in [
            ("zero", ErrorCode::NoEntry),
            ("null/x", ErrorCode::NotDirectory),
            ("..", ErrorCode::NotPermitted),
            ("/null", ErrorCode::NotPermitted),
        ] {
            assert_eq!(found(path), Err(wanted), "{path}");
        }
        let new = Open {
            write: true,
            create: true,
            ..Open::default()
        };
        assert!(matches!(Devices.open("null", &new), Ok(Opened::File(_))));
        assert!(matches!(
            Devices.open("new", &new),
            Err(ErrorCode::NotPermitted)
        ));
        assert_eq!(Devices.remove_file("null"), Err(ErrorCode::NotPermitted));
        assert_eq!(Null.write_at(5, b"gone").unwrap(), 4);
        assert_eq!(Null.read_at(0, &mut [0; 8]).unwrap(), 0);
    }
}
