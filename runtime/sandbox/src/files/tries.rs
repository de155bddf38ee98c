//! Thousands of paths that try to leave a mount, by every function that takes one, while
//! another thread exchanges a folder for a link that leads out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp,
    OpenFlags, PathFlags,
};

use super::{Files, FilesView, acts, handles};
use crate::output::Output;
use crate::surroundings::Surroundings;
use wxmcp_run::{Access, Ledger, Mount, Policy, Protected, Quota, Silent, Source, Sources};

const TRIES: u32 = 12_000;
/// After so many tries the folders are made anew: what was tried changes them.
const ROUND: u32 = 300;
const SECRET: &str = "the secret outside";
/// A folder of the mount that is protected, and a name that is everywhere.
const KEPT: &str = "kept";
const OWN: &str = "own.toml";

/// The same numbers each time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn one<'o>(&mut self, of: &'o [&'o str]) -> &'o str {
        of[self.below(of.len())]
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn path(&mut self, outside: &str) -> String {
        if self.coin() {
            // One that may be right: from a mount, or from `/`.
            let mount = self.one(&["", "", "rw/", "ro/", "rw/memory/", "again/"]);
            let part = self.one(&[
                "file",
                "file",
                "inner/file",
                "inner",
                "made",
                "swap/secret",
                "new",
                "kept",
                "kept/file",
                "own.toml",
                "inner/own.toml",
            ]);
            return format!("{mount}{part}");
        }
        let long = "n".repeat(300);
        let deep = "d/".repeat(self.below(3_000));
        let parts = [
            "..", "..", "..", ".", "", "inner", "inner", "file", "file", "out", "secret", "etc",
            "proc", "self", "loop", "swap", "swap", "chain", "made", "made2", "sub", "kept",
            "own.toml", outside, &long, &deep, "nu\0l", "ß", "/",
        ];
        let mut path = String::new();
        if self.below(12) == 0 {
            path.push('/');
        }
        for place in 0..=self.below(6) {
            if place > 0 {
                path.push('/');
            }
            path.push_str(self.one(&parts));
        }
        path.push_str(self.one(&["", "", "", "/", "/.", "/..", "//"]));
        path
    }
}

/// All that is below a folder, so that no change goes unseen.
fn picture(folder: &Path) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let content = match found.is_file() {
            true => fs::read(&path).unwrap(),
            false => Vec::new(),
        };
        let kept = (
            found.mode(),
            found.nlink(),
            found.len(),
            found.mtime_nsec(),
            found.ctime_nsec(),
            found.ino(),
        );
        seen.insert(path.display().to_string(), format!("{kept:?} {content:?}"));
        if found.is_dir() {
            let inside = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            todo.extend(inside);
        }
    }
    seen
}

/// A mount as it is at the beginning of a round.
fn furnish(mount: &Path) {
    for entry in fs::read_dir(mount).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(KEPT) {
            continue;
        }
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir_all(&path))
            .unwrap();
    }
    for folder in ["inner/sub", "swap"] {
        fs::create_dir_all(mount.join(folder)).unwrap();
    }
    for file in ["file", "inner/file", "swap/secret"] {
        fs::write(mount.join(file), "inside").unwrap();
    }
    for (target, name) in [
        ("../outside", "out"),
        ("../outside", "elsewhere"),
        ("/etc", "etc"),
        ("/proc", "proc"),
        ("loop", "loop"),
        ("inner/../../outside/secret", "chain"),
        ("../../outside", "inner/out"),
        ("../kept", "inner/kept"),
        ("own.toml", "to_own"),
    ] {
        symlink(target, mount.join(name)).unwrap();
    }
}

/// A guest that tries.
struct Guest<'s> {
    view: FilesView<'s>,
    numbers: Numbers,
    handles: Vec<Resource<Descriptor>>,
    /// Handles that it began with.
    roots: usize,
    outside: String,
    succeeded: u32,
    read_inside: u32,
}

impl Guest<'_> {
    fn handle(&mut self) -> Resource<Descriptor> {
        let at = self.numbers.below(self.handles.len());
        Resource::new_borrow(self.handles[at].rep())
    }

    fn path(&mut self) -> String {
        let outside = self.outside.clone();
        self.numbers.path(&outside)
    }

    fn follow(&mut self) -> PathFlags {
        match self.numbers.coin() {
            true => PathFlags::SYMLINK_FOLLOW,
            false => PathFlags::empty(),
        }
    }

    async fn attempt(&mut self) -> FsResult<()> {
        let (handle, path, follow) = (self.handle(), self.path(), self.follow());
        match self.numbers.below(12) {
            0..3 => return self.open(handle, follow, path).await,
            3 => {
                self.view.stat_at(handle, follow, path).await?;
            }
            4 => {
                self.view.stat_at(handle, follow, path).await?;
                self.change_mode().await?;
            }
            5 => {
                let now = NewTimestamp::Now;
                self.view
                    .set_times_at(handle, follow, path, now, now)
                    .await?;
            }
            6 => {
                let (to, to_path) = (self.handle(), self.path());
                self.view.rename_at(handle, path, to, to_path).await?;
            }
            7 => {
                let (to, to_path) = (self.handle(), self.path());
                let no_follow = PathFlags::empty();
                self.view
                    .link_at(handle, no_follow, path, to, to_path)
                    .await?;
            }
            8 => {
                let name = self
                    .numbers
                    .one(&["made", "made2", "inner/made"])
                    .to_owned();
                self.view.symlink_at(handle, path, name).await?;
            }
            9 => {
                let target = self.view.readlink_at(handle, path).await?;
                assert!(!target.starts_with('/'), "a path of the host: {target}");
            }
            10 => match self.numbers.coin() {
                true => self.view.unlink_file_at(handle, path).await?,
                false => self.view.remove_directory_at(handle, path).await?,
            },
            _ => self.view.create_directory_at(handle, path).await?,
        }
        self.succeeded += 1;
        Ok(())
    }

    async fn change_mode(&mut self) -> FsResult<()> {
        let view = FilesView {
            files: self.view.files,
            table: self.view.table,
        };
        Ok(view.change_last(0o777).await?)
    }

    async fn open(
        &mut self,
        handle: Resource<Descriptor>,
        follow: PathFlags,
        path: String,
    ) -> FsResult<()> {
        let mut flags = DescriptorFlags::READ;
        let mut how = OpenFlags::empty();
        if self.numbers.below(3) == 0 {
            flags |= DescriptorFlags::WRITE;
            for (chance, flag) in [
                (2, OpenFlags::CREATE),
                (3, OpenFlags::EXCLUSIVE),
                (4, OpenFlags::TRUNCATE),
            ] {
                if self.numbers.below(chance) == 0 {
                    how |= flag;
                }
            }
        }
        let opened = self.view.open_at(handle, follow, path, how, flags).await?;
        self.succeeded += 1;
        let number = opened.rep();
        let again = || Resource::<Descriptor>::new_borrow(number);
        match self.view.read_directory(again()).await {
            Ok(list) => {
                let borrowed = list.rep();
                while let Ok(Some(entry)) = {
                    let list = Resource::new_borrow(borrowed);
                    self.view.read_directory_entry(list).await
                } {
                    assert_ne!(entry.name, "sentinel", "a folder outside was listed");
                }
                HostDirectoryEntryStream::drop(&mut self.view, list).unwrap();
                self.keep(opened)?;
            }
            Err(_) => {
                let (content, _) = self.view.read(again(), 4_096, 0).await?;
                let content = String::from_utf8_lossy(&content);
                assert!(!content.contains(SECRET), "a file outside was read");
                self.read_inside += u32::from(content.contains("inside"));
                if flags.contains(DescriptorFlags::WRITE) {
                    let _refused = self.view.write(again(), b"inside".to_vec(), 0).await;
                }
                HostDescriptor::drop(&mut self.view, opened).unwrap();
            }
        }
        Ok(())
    }

    /// Keeps a folder to try from there, in place of another.
    fn keep(&mut self, opened: Resource<Descriptor>) -> FsResult<()> {
        self.handles.push(opened);
        if self.handles.len() > self.roots + 8 {
            let old = self.handles.remove(self.roots);
            HostDescriptor::drop(&mut self.view, old).unwrap();
        }
        Ok(())
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn no_path_leaves_a_mount() {
    let top = tempfile::tempdir().unwrap();
    let top = top.path();
    for folder in ["rw/kept/sub", "ro", "nested", "outside/folder"] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    for file in ["secret", "sentinel", "folder/secret"] {
        fs::write(top.join("outside").join(file), SECRET).unwrap();
    }
    for mount in ["rw", "ro"] {
        furnish(&top.join(mount));
    }
    fs::write(top.join("rw/kept/file"), "inside").unwrap();
    let pictures = || ["outside", "ro", "rw/kept"].map(|folder| picture(&top.join(folder)));
    let before = pictures();
    let mount = |host: &str, guest: &str, access| Mount {
        source: Source::Host(top.join(host)),
        guest: guest.to_owned(),
        access,
        quota: Quota::default(),
    };
    let mounts = vec![
        mount("rw", "/rw", Access::ReadWrite),
        mount("ro", "/ro", Access::ReadOnly),
        mount("nested", "/rw/nested", Access::ReadWrite),
        mount("rw", "/again", Access::ReadWrite),
        Mount {
            source: Source::Memory { bytes: 1 << 20 },
            guest: "/rw/memory".to_owned(),
            access: Access::ReadWrite,
            quota: Quota::default(),
        },
    ];
    let policy = Policy {
        mounts,
        protected: Protected {
            names: vec![OWN.to_owned()],
            paths: vec![top.join("rw").join(KEPT)],
        },
        ..Policy::default()
    };
    let output = Output::new(0, Arc::new(Silent));
    let mut files = Files::new(
        &policy,
        &Surroundings::default(),
        (&Ledger::unbounded(), &Sources::default()),
        &output,
    )
    .unwrap();
    let mut table = ResourceTable::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (stop, racing) = (AtomicBool::new(false), Mutex::new(()));
    let (succeeded, read_inside) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let rw = top.join("rw");
            while !stop.load(Ordering::Relaxed) {
                let _alone = racing.lock();
                let exchange = rustix::fs::RenameFlags::EXCHANGE;
                let here = rustix::fs::CWD;
                let _gone = rustix::fs::renameat_with(
                    here,
                    rw.join("swap"),
                    here,
                    rw.join("elsewhere"),
                    exchange,
                );
            }
        });
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(tried(&mut files, &mut table, top, &racing))
        }));
        stop.store(true, Ordering::Relaxed);
        tried.unwrap_or_else(|failed| std::panic::resume_unwind(failed))
    });
    assert!(before == pictures(), "something outside was changed");
    assert!(
        succeeded > TRIES / 25,
        "only {succeeded} tries did something"
    );
    assert!(
        read_inside > 50,
        "only {read_inside} files inside were read"
    );
}

async fn tried(
    files: &mut Files,
    table: &mut ResourceTable,
    top: &Path,
    racing: &Mutex<()>,
) -> (u32, u32) {
    let outside = top.join("outside");
    let identities: Vec<_> = ["", "secret", "folder"]
        .map(|path| fs::metadata(outside.join(path)).unwrap())
        .map(|found| (found.dev(), found.ino()))
        .into();
    let mut guest = Guest {
        view: FilesView { files, table },
        numbers: Numbers(14),
        handles: Vec::new(),
        roots: 0,
        outside: outside.display().to_string(),
        succeeded: 0,
        read_inside: 0,
    };
    for (handle, _) in guest.view.get_directories().unwrap() {
        guest.handles.push(handle);
    }
    guest.roots = guest.handles.len();
    for number in 0..TRIES {
        if number % ROUND == 0 && number > 0 {
            let _exchanged = racing.lock().unwrap();
            let made = picture(&top.join("rw"));
            let is_own = |path: &String| path.ends_with(OWN);
            assert!(!made.keys().any(is_own), "a protected name was made");
            furnish(&top.join("rw"));
        }
        if let Err(error) = guest.attempt().await {
            let code = error.downcast().unwrap();
            assert_ne!(code, ErrorCode::Io, "an error that says nothing");
        }
        for handle in &guest.handles {
            let open = handles::get(guest.view.table, handle).unwrap();
            let found = acts::stat_handle(&guest.view.files.tree, open).await;
            let is_outside = found.is_ok_and(|found| identities.contains(&found.identity));
            assert!(!is_outside, "a folder outside is open");
        }
    }
    (guest.succeeded, guest.read_inside)
}
