//! What a script sees of the host where nothing may depend on it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::mount;
use crate::files::memory;
use crate::files::seam::{Change, Folder, Open, Opened, Stat};
use crate::files::testing::{READ, captured, file, writable};
use crate::output::Output;
use wxmcp_run::{
    CapturedBody, CapturedEntry, Clocks, GivenClocks, Ledger, Protected, Quota, Rights, Silent,
};

/// A clock that tests set, in seconds.
#[derive(Default)]
struct Set(AtomicU64);

impl GivenClocks for Set {
    fn wall(&self, _: u64) -> Duration {
        self.last_wall()
    }

    fn monotonic(&self, _: u64) -> Duration {
        self.last_wall()
    }

    fn slept(&self, _: Duration) -> bool {
        false
    }

    fn last_wall(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

fn at(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

const WRITE: Open = Open {
    write: true,
    create: true,
    ..READ
};

/// A folder of the host, as it is shown.
fn of_host(path: &Path, clock: &Arc<Set>) -> Arc<dyn Folder> {
    let (nothing, quota) = (Protected::default(), Quota::default());
    let output = Output::new(0, Arc::new(Silent));
    let folder = writable(path, "/m", &nothing, quota, &output);
    fixed(folder, clock)
}

fn fixed(folder: Arc<dyn Folder>, clock: &Arc<Set>) -> Arc<dyn Folder> {
    let clocks = Clocks::Given(Arc::<Set>::clone(clock));
    mount(folder, 7, &Ledger::unbounded(), &clocks)
}

/// The same folder made three times: on the host in two orders, and as it was captured.
fn three(clock: &Arc<Set>) -> Vec<(Arc<dyn Folder>, Option<tempfile::TempDir>)> {
    let names = ["b", "a", "a-b", "Z", "\u{e4}"];
    let host = |names: &[&str], then: u64| {
        let host = tempfile::tempdir().unwrap();
        let to = |name: &str| host.path().join(name);
        fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in names {
            fs::write(to(name), name).unwrap();
            fs::set_permissions(to(name), fs::Permissions::from_mode(0o640)).unwrap();
            let open = fs::File::open(to(name)).unwrap();
            open.set_modified(at(then).unwrap()).unwrap();
        }
        fs::create_dir(to("dir")).unwrap();
        fs::set_permissions(to("dir"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::hard_link(to("a"), to("dir/same")).unwrap();
        symlink("a", to("link")).unwrap();
        let folder = of_host(host.path(), clock);
        (folder, Some(host))
    };
    let entry = |path: &str, mode: u32, body: CapturedBody| CapturedEntry {
        path: path.to_owned(),
        mode,
        rights: Rights::Owner,
        body,
    };
    let mut entries = vec![
        entry("", 0o755, CapturedBody::Folder),
        entry("dir", 0o755, CapturedBody::Folder),
        entry("dir/same", 0o640, CapturedBody::Same("a".to_owned())),
        entry("link", 0o777, CapturedBody::Link("a".to_owned())),
    ];
    entries.extend(names.map(|name| {
        let body = CapturedBody::File(name.as_bytes().into());
        entry(name, 0o640, body)
    }));
    let (captured, _) = captured(entries, Quota::default());
    let backwards: Vec<_> = names.iter().rev().copied().collect();
    vec![
        host(&names, 1_000),
        host(&backwards, 2_000_000_000),
        (fixed(captured, clock), None),
    ]
}

fn listed(folder: &dyn Folder) -> Vec<String> {
    let mut entries = folder.entries().unwrap();
    let mut names = Vec::new();
    loop {
        let some = entries.next(2).unwrap();
        if some.is_empty() {
            return names;
        }
        names.extend(some.into_iter().map(|entry| {
            let (name, kind) = (entry.name.unwrap(), entry.kind);
            format!("{name} {kind:?} {:?}", entry.identity.unwrap())
        }));
    }
}

fn told(stat: &Stat) -> String {
    format!("{stat:?}")
}

/// All that a script sees of it.
fn seen(folder: &dyn Folder) -> Vec<String> {
    let mut seen = listed(folder);
    let inner = match folder.open("dir", &READ) {
        Ok(Opened::Folder(inner)) => inner,
        _ => panic!("a folder"),
    };
    seen.extend(listed(inner.as_ref()));
    for path in [".", "a", "Z", "dir", "dir/same", "dir/.", "link", "\u{e4}"] {
        seen.push(told(&folder.stat(path, false).unwrap()));
    }
    seen
}

#[test]
fn two_hosts_and_a_capture_look_the_same() {
    let clock = Arc::new(Set(AtomicU64::new(50)));
    let all = three(&clock);
    let mut wanted = None;
    for (folder, _host) in &all {
        let seen = seen(folder.as_ref());
        assert_eq!(
            seen[..4],
            [
                "Z File (7, 0)",
                "a File (7, 1)",
                "a-b File (7, 2)",
                "b File (7, 3)"
            ]
        );
        let same = folder.stat("dir/same", false).unwrap();
        assert_eq!((same.identity, same.modified), ((7, 1), at(50)));
        assert_eq!(&seen, wanted.get_or_insert_with(|| seen.clone()));
    }
}

#[test]
fn what_a_script_does_has_the_time_of_its_clock() {
    let clock = Arc::new(Set(AtomicU64::new(50)));
    for (folder, _host) in three(&clock) {
        let folder = folder.as_ref();
        let set = |seconds| clock.0.store(seconds, Ordering::Relaxed);
        let times = |path: &str| {
            let found = folder.stat(path, false).unwrap();
            (found.accessed, found.modified, found.changed)
        };
        set(60);
        drop(file(folder, "new", WRITE).unwrap());
        assert_eq!(times("new"), (at(60), at(60), at(60)));
        set(70);
        let open = file(folder, "new", WRITE).unwrap();
        assert_eq!(times("new"), (at(60), at(60), at(60)));
        open.write_at(0, b"x").unwrap();
        assert_eq!(times("new"), (at(60), at(70), at(70)));
        set(80);
        let then = Change::Times {
            accessed: at(3),
            modified: at(4),
        };
        open.change(then).unwrap();
        assert_eq!(times("new"), (at(3), at(4), at(80)));
        folder.make_folder("more", 0o700).unwrap();
        folder.make_link("a", "more/l").unwrap();
        assert_eq!(times("more"), (at(80), at(80), at(80)));
        assert_eq!(folder.stat("more/l", false).unwrap().mode, 0o777);
        assert_eq!(times("a"), (at(50), at(50), at(50)));
        let cut = Open {
            truncate: true,
            ..WRITE
        };
        drop(file(folder, "a", cut).unwrap());
        assert_eq!(times("dir/same"), (at(50), at(80), at(80)));
        assert_eq!(times("."), (at(50), at(50), at(50)));
        set(50);
    }
}

#[test]
fn numbers_are_those_of_files_and_not_of_names() {
    let clock = Arc::new(Set::default());
    for (folder, _host) in three(&clock) {
        let folder = folder.as_ref();
        let number = |path: &str| folder.stat(path, false).unwrap().identity.1;
        assert_eq!(number("b"), 0);
        folder.rename("b", folder, "c").unwrap();
        assert_eq!(number("c"), 0);
        folder.link("c", folder, "d").unwrap();
        assert_eq!(number("d"), 0);
        assert_eq!(folder.stat("c", false).unwrap().links, 2);
        folder.remove_file("c").unwrap();
        assert_eq!(
            (number("d"), folder.stat("d", false).unwrap().links),
            (0, 1)
        );
        let open = file(folder, "d", READ).unwrap();
        folder.rename("Z", folder, "d").unwrap();
        assert_eq!(number("d"), 1);
        // What takes the place of what is gone is something else.
        drop(file(folder, "Z", WRITE).unwrap());
        assert_eq!(number("Z"), 2);
        let gone = open.stat().unwrap();
        assert_eq!((gone.identity.1, gone.links), (0, 0));
        folder.make_folder("f", 0o755).unwrap();
        assert_eq!(number("f"), 3);
        folder.remove_folder("f").unwrap();
        folder.make_folder("f", 0o755).unwrap();
        assert_eq!(number("f"), 4);
    }
}

#[test]
fn nothing_moves_from_one_mount_to_another() {
    let clock = Arc::new(Set::default());
    let all = three(&clock);
    let [(one, _one), (two, _two), (three, _)] = &all[..] else {
        panic!("three");
    };
    for (from, to) in [(one, two), (one, three), (three, one)] {
        let moved = from.rename("a", to.as_ref(), "y");
        assert_eq!(moved, Err(ErrorCode::CrossDevice));
        let linked = from.link("a", to.as_ref(), "y");
        assert_eq!(linked, Err(ErrorCode::CrossDevice));
    }
}

#[test]
fn what_is_remembered_is_charged_and_given_back() {
    let ledger = Ledger::of_process(u64::MAX).for_run(3_000);
    let clocks = Clocks::Given(Arc::new(Set::default()));
    let inner = memory::root(1 << 20, 1, &Ledger::unbounded(), &clocks);
    let folder = mount(inner, 7, &ledger, &clocks);
    let made = |number: u32| {
        let opened = file(folder.as_ref(), &number.to_string(), WRITE);
        opened.map(drop)
    };
    let full = (0..100).find_map(|number| made(number).err().map(|error| (number, error)));
    assert_eq!(full, Some((11, ErrorCode::InsufficientMemory)));
    for number in 0..5 {
        folder.remove_file(&number.to_string()).unwrap();
    }
    made(100).unwrap();
    assert_eq!(
        folder.entries().unwrap().next(256),
        Err(ErrorCode::InsufficientMemory)
    );
}
