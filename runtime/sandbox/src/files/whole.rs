//! Small files that a guest writes whole by one call: the interface `files` of `wit/guest.wit`.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::handles::{self, OpenFile};
use super::seam::{Answer, Open, off_the_loop};
use super::tree::Target;
use super::{FilesOf, FilesView, acts};
use crate::guest::State;

/// Offers the interface to guests.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut files = linker.instance("wxmcp:guest/files@0.1.0")?;
    files.func_wrap_async(
        "write",
        |mut store: StoreContextMut<'_, State>, (path, bytes): (String, Vec<u8>)| {
            Box::new(async move {
                let view = FilesOf::view(store.data_mut());
                Ok((view.write_whole(&path, bytes).await.is_ok(),))
            })
        },
    )
}

impl FilesView<'_> {
    /// Writes a file in place of what was there. What fails may have been done in part, as where a guest does it in steps.
    pub(super) async fn write_whole(self, path: &str, bytes: Vec<u8>) -> Answer<()> {
        let path = path.strip_prefix('/').ok_or(ErrorCode::NotPermitted)?;
        let _place = handles::place(&self.files.open)?;
        let tree = self.files.tree();
        self.files.known = None;
        let Target::Inside(mounted, path) = tree.resolve(&tree.root(), path, true).await? else {
            return Err(ErrorCode::IsDirectory);
        };
        let how = Open {
            follow: true,
            write: true,
            create: true,
            truncate: true,
            mode: self.files.modes.of_new_file()?,
            ..Open::default()
        };
        let opened = acts::open(mounted, path, how).await?;
        let OpenFile { file, .. } = opened.file()?;
        // What stands for a stream of the guest is written to by that.
        if file.device().is_some() {
            return Err(ErrorCode::Unsupported);
        }
        let file = Arc::clone(file);
        let write = move || {
            let mut offset = 0;
            let mut left = bytes.as_slice();
            while !left.is_empty() {
                let written = file.write_at(offset, left)?;
                left = left.get(written..).ok_or(ErrorCode::Io)?;
                let written = u64::try_from(written).map_err(|_| ErrorCode::Overflow)?;
                offset = offset.checked_add(written).ok_or(ErrorCode::Overflow)?;
                if written == 0 {
                    return Err(ErrorCode::Io);
                }
            }
            Ok(())
        };
        off_the_loop(opened.file()?.file.blocks(), write).await
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::component::ResourceTable;

    use super::super::Files;
    use super::*;
    use crate::output::Output;
    use crate::surroundings::Surroundings;
    use wxmcp_run::{Access, Ledger, Mount, Policy, Quota, Silent, Source, Sources};

    fn run<T>(work: impl Future<Output = T>) -> T {
        let built = tokio::runtime::Builder::new_current_thread().build();
        built.unwrap().block_on(work)
    }

    /// A mount at `/m` of that folder, and scratch of so many bytes.
    fn files(host: &std::path::Path, access: Access, bytes: u64) -> Files {
        let policy = Policy {
            mounts: vec![Mount {
                source: Source::Host(host.to_owned()),
                guest: "/m".to_owned(),
                access,
                quota: Quota::default(),
            }],
            ..Policy::default()
        };
        let surroundings = Surroundings {
            scratch: vec!["/tmp", "/home/agent"],
            bytes,
            has_devices: true,
            ..Surroundings::default()
        };
        let output = Output::new(0, Arc::new(Silent));
        let ledger = Ledger::unbounded();
        Files::new(
            &policy,
            &surroundings,
            (&ledger, &Sources::default()),
            &output,
        )
        .unwrap()
    }

    #[test]
    fn a_file_is_written_whole_wherever_the_guest_may_write() {
        let host = tempfile::tempdir().unwrap();
        std::fs::write(host.path().join("old"), "what was there before").unwrap();
        std::fs::create_dir(host.path().join("folder")).unwrap();
        let mut files = files(host.path(), Access::ReadWrite, 100_000);
        let mut table = ResourceTable::new();
        run(async {
            let mut write = async |path: &str, bytes: &[u8]| {
                let (files, table) = (&mut files, &mut table);
                let view = FilesView { files, table };
                view.write_whole(path, bytes.to_vec()).await
            };
            assert_eq!(write("/m/old", b"new").await, Ok(()));
            assert_eq!(write("/m/none", b"").await, Ok(()));
            assert_eq!(write("/tmp/a", &[7; 90_000]).await, Ok(()));
            assert_eq!(write("/home/agent/a", &[7; 1_000]).await, Ok(()));
            for (path, refused) in [
                ("/home/agent/b", ErrorCode::InsufficientSpace),
                ("/m/none/below", ErrorCode::NotDirectory),
                ("/m/folder", ErrorCode::IsDirectory),
                ("/m/missing/a", ErrorCode::NoEntry),
                ("/m/../../a", ErrorCode::NotPermitted),
                ("/dev/stdout", ErrorCode::Unsupported),
                ("/tmp", ErrorCode::IsDirectory),
                ("/elsewhere", ErrorCode::NoEntry),
                ("m/old", ErrorCode::NotPermitted),
                ("/", ErrorCode::NoEntry),
            ] {
                assert_eq!(write(path, &[7; 90_000]).await, Err(refused), "{path}");
            }
        });
        let read = |name: &str| std::fs::read(host.path().join(name)).unwrap();
        assert_eq!((read("old"), read("none")), (b"new".to_vec(), Vec::new()));
    }

    #[test]
    fn a_mount_that_is_read_only_is_not_written_to() {
        let host = tempfile::tempdir().unwrap();
        std::fs::write(host.path().join("old"), "as it was").unwrap();
        let mut files = files(host.path(), Access::ReadOnly, 0);
        let mut table = ResourceTable::new();
        let (files, table) = (&mut files, &mut table);
        let view = FilesView { files, table };
        let refused = run(view.write_whole("/m/old", b"new".to_vec()));
        assert_eq!(refused, Err(ErrorCode::NotPermitted));
        assert_eq!(
            std::fs::read(host.path().join("old")).unwrap(),
            b"as it was"
        );
    }
}
