//! What a guest reaches by the functions that it calls.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor,
    HostDirectoryEntryStream, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, FsResult};

use super::{Files, FilesView, OPEN, STREAMS};
use crate::output::Output;
use crate::surroundings::Surroundings;
use wxmcp_run::{Access, Ledger, Mount, Policy, Quota, Silent, Source, Sources};

/// A guest, and the folders of the host that it sees.
struct Guest {
    files: Files,
    table: ResourceTable,
    runtime: Runtime,
    /// The number of the handle of the first mount.
    root: u32,
    host: TempDir,
    /// Where notes go.
    output: Output,
}

impl Guest {
    /// Mounts folders below one of the host, each at a path of the guest: (host, guest, access).
    fn new(mounts: &[(&str, &str, Access)]) -> Self {
        let host = tempfile::tempdir().unwrap();
        let mounts: Vec<_> = mounts
            .iter()
            .map(|(folder, guest, access)| {
                let folder = host.path().join(folder);
                fs::create_dir_all(&folder).unwrap();
                Mount {
                    source: Source::Host(folder),
                    guest: (*guest).to_owned(),
                    access: *access,
                    quota: Quota::default(),
                }
            })
            .collect();
        let policy = Policy {
            mounts,
            ..Policy::default()
        };
        let output = Output::new(0, Arc::new(Silent));
        let mut guest = Self {
            files: Files::new(
                &policy,
                &Surroundings::default(),
                (&Ledger::unbounded(), &Sources::default()),
                &output,
            )
            .unwrap(),
            output,
            table: ResourceTable::new(),
            runtime: Builder::new_current_thread().build().unwrap(),
            root: 0,
            host,
        };
        let roots = guest.view().get_directories().unwrap();
        guest.root = roots.first().unwrap().0.rep();
        guest
    }

    fn writable() -> Self {
        Self::new(&[("m", "/m", Access::ReadWrite)])
    }

    fn view(&mut self) -> FilesView<'_> {
        FilesView {
            files: &mut self.files,
            table: &mut self.table,
        }
    }

    fn host(&self, path: &str) -> std::path::PathBuf {
        self.host.path().join(path)
    }

    /// Does something with the handle of the first mount.
    fn at<T>(
        &mut self,
        act: impl AsyncFnOnce(&mut FilesView<'_>, Resource<Descriptor>) -> FsResult<T>,
    ) -> Result<T, ErrorCode> {
        let root = Resource::new_borrow(self.root);
        let mut view = FilesView {
            files: &mut self.files,
            table: &mut self.table,
        };
        let done = self.runtime.block_on(act(&mut view, root));
        done.map_err(|error| error.downcast().unwrap())
    }

    fn open(&mut self, path: &str, flags: DescriptorFlags) -> Result<u32, ErrorCode> {
        let path = path.to_owned();
        let opened = self.at(async |view, root| {
            let follow = PathFlags::SYMLINK_FOLLOW;
            view.open_at(root, follow, path, OpenFlags::empty(), flags)
                .await
        });
        opened.map(|handle| handle.rep())
    }

    /// Asks what is at a path, as `os.chmod` does before it changes that.
    fn stat(&mut self, path: &str) -> Result<u64, ErrorCode> {
        let path = path.to_owned();
        let found =
            self.at(async |view, root| view.stat_at(root, PathFlags::SYMLINK_FOLLOW, path).await);
        found.map(|found| found.size)
    }

    /// The names in the first mount.
    fn names(&mut self) -> Vec<String> {
        let names = self.at(async |view, root| {
            let list = view.read_directory(root).await?;
            let mut names = Vec::new();
            while let Some(entry) = {
                let list = Resource::new_borrow(list.rep());
                view.read_directory_entry(list).await?
            } {
                names.push(entry.name);
            }
            HostDirectoryEntryStream::drop(view, list).unwrap();
            Ok(names)
        });
        names.unwrap()
    }

    fn change_mode(&mut self, mode: u32) -> Result<(), ErrorCode> {
        let view = FilesView {
            files: &mut self.files,
            table: &mut self.table,
        };
        self.runtime.block_on(view.change_last(mode))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn what_is_changed_decides_which_bits_it_may_have() {
    let mut guest = Guest::writable();
    let (folder, file) = (guest.host("m/folder"), guest.host("m/file"));
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "x").unwrap();
    guest.stat("folder").unwrap();
    assert_eq!(guest.change_mode(0o2755), Ok(()));
    assert_eq!(mode(&folder), 0o2755);

    // A file takes the place of the folder that was asked about.
    guest.stat("folder").unwrap();
    fs::rename(&folder, guest.host("m/other")).unwrap();
    fs::rename(&file, &folder).unwrap();
    let before = mode(&folder);
    assert_eq!(guest.change_mode(0o2755), Err(ErrorCode::NotPermitted));
    assert_eq!(mode(&folder), before);
    assert_eq!(guest.change_mode(0o755), Ok(()));

    // A file takes the number of the handle of the folder that was asked about.
    let opened = guest.open("other", DescriptorFlags::READ).unwrap();
    let asked = async |view: &mut FilesView<'_>, _| view.stat(Resource::new_borrow(opened)).await;
    guest.at(asked).unwrap();
    let mut view = guest.view();
    HostDescriptor::drop(&mut view, Resource::new_own(opened)).unwrap();
    assert_eq!(guest.open("folder", DescriptorFlags::READ), Ok(opened));
    assert_eq!(guest.change_mode(0o2755), Err(ErrorCode::NotPermitted));
    assert_eq!(mode(&folder), 0o755);
}

#[test]
fn what_an_inner_mount_hides_has_no_other_name() {
    let mounts = [
        ("o", "/o", Access::ReadWrite),
        ("in", "/o/inner", Access::ReadOnly),
    ];
    let mut guest = Guest::new(&mounts);
    fs::create_dir_all(guest.host("o/inner")).unwrap();
    fs::create_dir(guest.host("o/sub")).unwrap();
    fs::write(guest.host("o/inner/f"), "hidden").unwrap();
    fs::write(guest.host("in/f"), "in").unwrap();
    symlink(".", guest.host("o/here")).unwrap();
    symlink("../inner", guest.host("o/sub/link")).unwrap();
    let write = DescriptorFlags::READ | DescriptorFlags::WRITE;
    for path in [
        "inner/f",
        "sub/../inner/f",
        "sub/.././inner/f",
        "here/inner/f",
        "here/sub/../inner/f",
        "sub/link/f",
    ] {
        assert_eq!(guest.stat(path), Ok(2), "{path}");
        let refused = guest.open(path, write);
        assert_eq!(refused, Err(ErrorCode::NotPermitted), "{path}");
        let renamed = guest.at(async |view, root| {
            let to = Resource::new_borrow(root.rep());
            view.rename_at(root, path.to_owned(), to, "sub/g".to_owned())
                .await
        });
        assert_eq!(renamed, Err(ErrorCode::NotPermitted), "{path}");
    }
    for path in ["sub/../inner", "here/inner", "inner"] {
        let moved = guest.at(async |view, root| {
            let to = Resource::new_borrow(root.rep());
            view.rename_at(root, path.to_owned(), to, "moved".to_owned())
                .await
        });
        assert_eq!(moved, Err(ErrorCode::NotPermitted), "{path}");
    }
    fs::write(guest.host("o/sub/own"), "own").unwrap();
    assert_eq!(guest.stat("sub/../sub/own"), Ok(3));
    assert!(guest.open("here/sub/own", write).is_ok());
    assert_eq!(fs::read(guest.host("o/inner/f")).unwrap(), b"hidden");
}

#[test]
fn pipes_sockets_and_devices_are_seen_and_not_opened() {
    use DescriptorType::{Fifo, Socket};
    let mut guest = Guest::writable();
    let mode = rustix::fs::Mode::from_bits_truncate(0o644);
    let (pipe, kind) = (guest.host("m/pipe"), rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
    let _bound = std::os::unix::net::UnixListener::bind(guest.host("m/socket")).unwrap();
    symlink("pipe", guest.host("m/link")).unwrap();
    let write = DescriptorFlags::WRITE;
    for (path, kind) in [("pipe", Fifo), ("socket", Socket), ("link", Fifo)] {
        for flags in [DescriptorFlags::READ, write, DescriptorFlags::READ | write] {
            let refused = guest.open(path, flags);
            assert_eq!(refused, Err(ErrorCode::Unsupported), "{path}");
        }
        let found = guest.at(async |view, root| {
            let follow = PathFlags::SYMLINK_FOLLOW;
            view.stat_at(root, follow, path.to_owned()).await
        });
        assert_eq!(found.unwrap().type_, kind, "{path}");
    }
    // They can be moved and removed.
    guest
        .at(async |view, root| view.unlink_file_at(root, "pipe".to_owned()).await)
        .unwrap();
    assert!(!pipe.exists());
}

#[test]
fn a_handle_does_what_it_was_opened_for() {
    let mut guest = Guest::writable();
    fs::write(guest.host("m/file"), "x").unwrap();
    let refused = Err(ErrorCode::BadDescriptor);
    let (read, write) = (DescriptorFlags::READ, DescriptorFlags::WRITE);
    for (flags, reads, writes) in [
        (read, Ok(()), refused),
        (write, refused, Ok(())),
        (read | write, Ok(()), Ok(())),
    ] {
        let number = guest.open("file", flags).unwrap();
        let handle = || Resource::<Descriptor>::new_borrow(number);
        let done = guest.at(async |view, _| view.read(handle(), 1, 0).await);
        assert_eq!(done.map(|_| ()), reads);
        let done = guest.at(async |view, _| view.read_via_stream(handle(), 0));
        assert_eq!(done.map(|_| ()), reads);
        let done = guest.at(async |view, _| view.write(handle(), b"y".to_vec(), 0).await);
        assert_eq!(done.map(|_| ()), writes);
        let done = guest.at(async |view, _| view.write_via_stream(handle(), 0));
        assert_eq!(done.map(|_| ()), writes);
        let done = guest.at(async |view, _| view.append_via_stream(handle()));
        assert_eq!(done.map(|_| ()), writes);
    }
}

#[test]
fn handles_and_streams_have_an_end_and_are_given_back() {
    let mut guest = Guest::writable();
    fs::write(guest.host("m/file"), "x").unwrap();
    let full = Err(ErrorCode::InsufficientMemory);
    let read = DescriptorFlags::READ;
    // The mount and `/` are open.
    let open: Vec<u32> = (2..OPEN)
        .map(|_| guest.open("file", read).unwrap())
        .collect();
    assert_eq!(guest.open("file", read), full);
    let stream = |guest: &mut Guest| {
        let handle = Resource::<Descriptor>::new_borrow(open[0]);
        let stream = guest.at(async |view, _| view.read_via_stream(handle, 0));
        stream.map(|stream| stream.rep())
    };
    let streams: Vec<u32> = (0..STREAMS).map(|_| stream(&mut guest).unwrap()).collect();
    assert_eq!(stream(&mut guest), full);
    for stream in streams {
        let stream = Resource::<DynInputStream>::new_own(stream);
        drop(guest.table.delete(stream).unwrap());
    }
    assert!(stream(&mut guest).is_ok());
    for number in &open {
        let handle = Resource::new_own(*number);
        HostDescriptor::drop(&mut guest.view(), handle).unwrap();
    }
    for _ in 0..2 * OPEN {
        let number = guest.open("file", read).unwrap();
        HostDescriptor::drop(&mut guest.view(), Resource::new_own(number)).unwrap();
    }
}

#[test]
fn a_name_that_is_not_utf8_is_left_out_and_noted_once() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut guest = Guest::writable();
    for name in [&b"a"[..], b"b\xff", b"\xffc", b"d"] {
        fs::write(guest.host("m").join(OsStr::from_bytes(name)), "").unwrap();
    }
    for _ in 0..2 {
        let mut names = guest.names();
        names.sort();
        assert_eq!(names, ["a", "d"]);
    }
    let (_, noted) = guest.output.take();
    let noted = String::from_utf8(noted).unwrap();
    assert_eq!(noted.matches("is not UTF-8").count(), 1, "{noted}");
}
