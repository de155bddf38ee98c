//! The folder `/dev` of a script: names that scripts know by heart. None of them leads to a device of the host.
//!
//! The folder is shared by all runs of a family; what its standard streams and random numbers are is each instance's own.

use std::any::Any;
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use parking_lot::Mutex;
use rustix::rand::{GetRandomFlags, getrandom};
use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::seam::{
    Answer, Change, Entries, Entry, File, Folder, Kind, Open, Opened, Stat, Wish, without_slash,
};
use crate::output::Output;
use crate::wasi;
use wxmcp_run::{Randomness, Stream};

/// The number of their device; no folder in memory and no node of the tree has it with these numbers of files.
const DEVICE: u64 = u64::MAX;

/// The stream of a seed that `/dev/urandom` draws from: not what scripts draw otherwise.
const RANDOM_STREAM: u64 = 2;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Null,
    Zero,
    Full,
    Random,
    Input,
    Printed(Stream),
}

/// Their names; the numbers are those of the standard streams.
const NAMES: [(&str, Device); 11] = [
    ("fd/0", Device::Input),
    ("fd/1", Device::Printed(Stream::Stdout)),
    ("fd/2", Device::Printed(Stream::Stderr)),
    ("full", Device::Full),
    ("null", Device::Null),
    ("random", Device::Random),
    ("stderr", Device::Printed(Stream::Stderr)),
    ("stdin", Device::Input),
    ("stdout", Device::Printed(Stream::Stdout)),
    ("urandom", Device::Random),
    ("zero", Device::Zero),
];

/// The names that a listing of the folder has.
const LISTED: std::ops::Range<usize> = 3..NAMES.len();

impl Device {
    fn stat(self) -> Stat {
        let at = NAMES.iter().position(|(_, device)| *device == self);
        let number = u64::try_from(at.unwrap_or_default()).unwrap_or_default();
        let mode = match self {
            Self::Input => 0o444,
            Self::Printed(_) => 0o222,
            _ => 0o666,
        };
        stat(Kind::CharacterDevice, mode, number)
    }
}

fn stat(kind: Kind, mode: u32, number: u64) -> Stat {
    Stat {
        kind,
        links: 1,
        size: 0,
        accessed: None,
        modified: None,
        changed: None,
        mode,
        identity: (DEVICE, u64::MAX - number),
    }
}

/// What one instance has of its own behind the names.
#[derive(Clone)]
pub(super) struct Standard {
    output: Output,
    input: wasi::Input,
    /// The generator of a seed; none: the numbers of this machine.
    random: Option<Arc<Mutex<ChaCha20Rng>>>,
}

impl Standard {
    /// An instance that prints, and has nothing to read.
    pub(super) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            input: wasi::Input::Empty,
            random: None,
        }
    }

    /// What it reads.
    pub(super) fn reading(&mut self, input: wasi::Input, randomness: Randomness) {
        self.input = input;
        self.random = match randomness {
            Randomness::Live => None,
            Randomness::Seeded(seed) => {
                let mut random = ChaCha20Rng::from_seed(seed);
                random.set_stream(RANDOM_STREAM);
                Some(Arc::new(Mutex::new(random)))
            }
        };
    }

    /// A file as this instance has it.
    pub(super) fn own(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        match file.device() {
            None => file,
            Some(device) => Arc::new(DeviceFile {
                device,
                random: self.random.clone(),
            }),
        }
    }

    /// Standard input, if a file is that.
    pub(super) fn input(&self, file: &dyn File) -> Option<DynInputStream> {
        (file.device() == Some(Device::Input)).then(|| self.input.p2_stream())
    }

    /// A stream that prints, if a file is one.
    pub(super) fn output(&self, file: &dyn File) -> Option<DynOutputStream> {
        match file.device() {
            Some(Device::Printed(stream)) => Some(wasi::printing(&self.output, stream)),
            _ => None,
        }
    }
}

/// A device that was opened.
struct DeviceFile {
    device: Device,
    random: Option<Arc<Mutex<ChaCha20Rng>>>,
}

impl File for DeviceFile {
    fn blocks(&self) -> bool {
        false
    }

    fn read_at(&self, _offset: u64, into: &mut [u8]) -> Answer<usize> {
        match self.device {
            Device::Null => return Ok(0),
            Device::Zero | Device::Full => into.fill(0),
            Device::Random => match &self.random {
                Some(random) => random.lock().fill_bytes(into),
                None => return getrandom(into, GetRandomFlags::empty()).map_err(|_| ErrorCode::Io),
            },
            // They are streams, without positions.
            Device::Input | Device::Printed(_) => return Err(ErrorCode::InvalidSeek),
        }
        Ok(into.len())
    }

    fn write_at(&self, _offset: u64, bytes: &[u8]) -> Answer<usize> {
        match self.device {
            Device::Null | Device::Zero | Device::Random => Ok(bytes.len()),
            Device::Full => Err(ErrorCode::InsufficientSpace),
            Device::Input | Device::Printed(_) => Err(ErrorCode::InvalidSeek),
        }
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        self.write_at(0, bytes)
    }

    fn resize(&self, _size: u64) -> Answer<()> {
        Err(ErrorCode::Invalid)
    }

    fn sync(&self, _data_only: bool) -> Answer<()> {
        Err(ErrorCode::Invalid)
    }

    fn stat(&self) -> Answer<Stat> {
        Ok(self.device.stat())
    }

    fn change(&self, _change: Change) -> Answer<()> {
        Err(ErrorCode::NotPermitted)
    }

    fn advise(&self, _offset: u64, _length: u64, _advice: Advice) -> Answer<()> {
        Ok(())
    }

    fn device(&self) -> Option<Device> {
        Some(self.device)
    }
}

/// The folder.
pub(super) struct Devices;

/// What a path in it leads to; none: the folder itself.
fn find(path: &str) -> Answer<Option<Device>> {
    let path = path.strip_prefix("./").unwrap_or(path);
    match path {
        "" | "." => Ok(None),
        ".." => Err(ErrorCode::NotPermitted),
        _ if path.starts_with('/') || path.starts_with("../") => Err(ErrorCode::NotPermitted),
        _ => {
            let name = without_slash(path);
            let found = NAMES.iter().find(|(known, _)| *known == name);
            match found {
                Some(_) if path.ends_with('/') => Err(ErrorCode::NotDirectory),
                Some((_, device)) => Ok(Some(*device)),
                None if NAMES.iter().any(|(known, _)| below(known, name)) => {
                    Err(ErrorCode::NotDirectory)
                }
                None => Err(ErrorCode::NoEntry),
            }
        }
    }
}

/// Whether a path goes on behind a name.
fn below(name: &str, path: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.starts_with('/'))
}

impl Folder for Devices {
    fn blocks(&self) -> bool {
        false
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        let writes = how.write || how.create || how.truncate;
        match find(path) {
            Ok(Some(_)) if how.create && how.exclusive => Err(ErrorCode::Exist),
            Ok(Some(Device::Input)) if writes => Err(ErrorCode::Access),
            Ok(Some(_)) if how.folder => Err(ErrorCode::NotDirectory),
            Ok(Some(device)) => Ok(Opened::File(Arc::new(DeviceFile {
                device,
                random: None,
            }))),
            Ok(None) if writes => Err(ErrorCode::IsDirectory),
            Ok(None) => Ok(Opened::Folder(Arc::new(Self))),
            Err(ErrorCode::NoEntry) if how.create => Err(ErrorCode::NotPermitted),
            Err(error) => Err(error),
        }
    }

    fn stat(&self, path: &str, _follow: bool) -> Answer<Stat> {
        Ok(match find(path)? {
            Some(device) => device.stat(),
            None => stat(Kind::Folder, 0o555, u64::MAX >> 1),
        })
    }

    fn change(&self, path: &str, _follow: bool, _change: Change) -> Answer<()> {
        find(path)?;
        Err(ErrorCode::NotPermitted)
    }

    fn make_folder(&self, path: &str, _mode: u32) -> Answer<()> {
        absent(path)
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        find(path)?;
        Err(ErrorCode::NotPermitted)
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        find(path)?;
        Err(ErrorCode::NotPermitted)
    }

    fn make_link(&self, _target: &str, path: &str) -> Answer<()> {
        absent(path)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        find(path)?;
        Err(ErrorCode::Invalid)
    }

    fn link(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        find(path)?;
        Err(ErrorCode::CrossDevice)
    }

    fn rename(&self, path: &str, _to: &dyn Folder, _to_path: &str) -> Answer<()> {
        find(path)?;
        Err(ErrorCode::NotPermitted)
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        Ok(Box::new(Listed(LISTED)))
    }

    fn allows(&self, path: &str, _follow: bool, wish: Wish) -> Answer<()> {
        let mode = match find(path)? {
            Some(device) => device.stat().mode,
            None => 0o555,
        };
        let asked = [(wish.read, 4), (wish.write, 2), (wish.execute, 1)];
        match asked.iter().any(|(asked, bit)| *asked && mode & bit == 0) {
            true => Err(ErrorCode::Access),
            false => Ok(()),
        }
    }

    fn sync(&self) -> Answer<()> {
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The refusal of something new.
fn absent(path: &str) -> Answer<()> {
    match find(path) {
        Ok(_) => Err(ErrorCode::Exist),
        Err(ErrorCode::NoEntry) => Err(ErrorCode::NotPermitted),
        Err(error) => Err(error),
    }
}

/// The names that are still to be listed.
struct Listed(std::ops::Range<usize>);

impl Entries for Listed {
    fn blocks(&self) -> bool {
        false
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        let next = self.0.by_ref().take(most);
        let entry = |at| {
            let (name, device): &(&str, Device) = NAMES.get(at)?;
            Some(Entry {
                name: Some((*name).to_owned()),
                kind: Kind::CharacterDevice,
                identity: Some(device.stat().identity),
            })
        };
        Ok(next.filter_map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::READ;
    use wxmcp_run::Silent;

    fn opened(path: &str, how: Open) -> Answer<Arc<dyn File>> {
        match Devices.open(path, &how)? {
            Opened::File(file) => Ok(file),
            Opened::Folder(_) => Err(ErrorCode::IsDirectory),
        }
    }

    #[test]
    fn there_is_what_scripts_know_and_nothing_can_be_changed() {
        for (path, expected) in [
            ("sda", ErrorCode::NoEntry),
            ("fd/3", ErrorCode::NoEntry),
            ("null/x", ErrorCode::NotDirectory),
            ("null/", ErrorCode::NotDirectory),
            ("..", ErrorCode::NotPermitted),
            ("../x", ErrorCode::NotPermitted),
            ("/null", ErrorCode::NotPermitted),
        ] {
            assert_eq!(Devices.stat(path, true).map(drop), Err(expected), "{path}");
        }
        let make = Open {
            write: true,
            create: true,
            ..READ
        };
        let refused = Err(ErrorCode::NotPermitted);
        assert_eq!(opened("new", make).map(drop), refused);
        assert_eq!(Devices.make_folder("new", 0o777), refused);
        assert_eq!(Devices.remove_file("null"), refused);
        assert_eq!(Devices.rename("null", &Devices, "other"), refused);
        assert_eq!(opened("stdin", make).map(drop), Err(ErrorCode::Access));
        let mut listed = Devices.entries().unwrap();
        let names: Vec<_> = listed.next(100).unwrap();
        let names: Vec<_> = names.into_iter().filter_map(|entry| entry.name).collect();
        let expected = [
            "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero",
        ];
        assert_eq!(names, expected);
        assert_eq!(listed.next(100), Ok(Vec::new()));
    }

    #[test]
    fn devices_take_and_give_what_they_do_on_linux() {
        let output = Output::new(100, Arc::new(Silent));
        let mut standard = Standard::new(&output);
        standard.reading(wasi::Input::Empty, Randomness::seeded(7));
        let how = Open {
            write: true,
            ..READ
        };
        let file = |name| standard.own(opened(name, how).unwrap());
        let mut bytes = [7; 4];
        assert_eq!(file("null").read_at(0, &mut bytes), Ok(0));
        assert_eq!(file("zero").read_at(9, &mut bytes), Ok(4));
        assert_eq!(bytes, [0; 4]);
        assert_eq!(file("null").write_at(9, b"gone"), Ok(4));
        let full = file("full").append(b"x");
        assert_eq!(full, Err(ErrorCode::InsufficientSpace));
        let mut drawn = [[0; 32]; 3];
        for into in &mut drawn[..2] {
            assert_eq!(file("urandom").read_at(0, into), Ok(32));
        }
        // Two that are opened do not repeat each other.
        assert_ne!(drawn[0], drawn[1]);
        standard.reading(wasi::Input::Empty, Randomness::seeded(7));
        let again = standard.own(opened("random", how).unwrap());
        assert_eq!(again.read_at(0, &mut drawn[2]), Ok(32));
        assert_eq!(drawn[2], drawn[0]);
        standard.reading(wasi::Input::Empty, Randomness::Live);
        let live = standard.own(opened("random", how).unwrap());
        assert_eq!(live.read_at(0, &mut drawn[2]), Ok(32));
        assert_ne!(drawn[2], drawn[0]);
    }
}
