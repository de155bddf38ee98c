//! What holds for every kind of folder.

use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::disk::Disk;
use super::fixed;
use super::memory;
use super::seam::{Answer, Change, Entry, Folder, Kind, Open, Opened, Wish};
use super::testing::{READ, captured, file, writable};
use crate::output::Output;
use wxmcp_run::{Clocks, Ledger, Protected, Quota, Silent};

const ROOM: u64 = 1 << 20;

fn memory(bytes: u64, device: u64) -> Arc<dyn Folder> {
    memory::root(bytes, device, &Ledger::unbounded(), &Clocks::Live)
}

/// A folder with nothing of what is behind it but its content.
fn fixed(folder: Arc<dyn Folder>) -> Arc<dyn Folder> {
    fixed::mount(folder, 9, &Ledger::unbounded(), &Clocks::Live)
}

/// An empty folder of each kind. The host's is removed with the last value.
fn folders() -> Vec<(&'static str, Arc<dyn Folder>, Option<tempfile::TempDir>)> {
    let host = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Folder> = Arc::new(Disk::open(host.path()).unwrap());
    let mount = tempfile::tempdir().unwrap();
    let (nothing, quota) = (Protected::default(), Quota::default());
    let output = Output::new(0, Arc::new(Silent));
    let writable = writable(mount.path(), "/", &nothing, quota, &output);
    let third = tempfile::tempdir().unwrap();
    let others: Arc<dyn Folder> = Arc::new(Disk::open(third.path()).unwrap());
    vec![
        ("host", disk, Some(host)),
        ("writable", writable, Some(mount)),
        ("memory", memory(ROOM, 1), None),
        ("captured", captured(Vec::new(), quota).0, None),
        ("fixed", fixed(captured(Vec::new(), quota).0), None),
        ("fixed host", fixed(others), Some(third)),
    ]
}

const WRITE: Open = Open {
    write: true,
    create: true,
    ..READ
};

fn folder(of: &dyn Folder, path: &str) -> Answer<Arc<dyn Folder>> {
    match of.open(path, &READ)? {
        Opened::Folder(folder) => Ok(folder),
        Opened::File(_) => Err(ErrorCode::NotDirectory),
    }
}

fn write(folder: &dyn Folder, path: &str, content: &[u8]) -> Answer<()> {
    let file = file(folder, path, WRITE)?;
    let mut written = 0;
    while let Some(rest) = content.get(written..).filter(|rest| !rest.is_empty()) {
        written += file.write_at(written.try_into().unwrap(), rest)?;
    }
    Ok(())
}

fn read(folder: &dyn Folder, path: &str) -> Answer<Vec<u8>> {
    let file = file(folder, path, READ)?;
    let mut content = Vec::new();
    let mut piece = [0; 1_000];
    loop {
        let count = file.read_at(content.len().try_into().unwrap(), &mut piece)?;
        if count == 0 {
            return Ok(content);
        }
        content.extend_from_slice(&piece[..count]);
    }
}

/// Makes a link that leads out; a writable mount lets only the host make one, and what was captured nobody. Whether there is one.
fn lead_out(root: &dyn Folder, host: Option<&tempfile::TempDir>, target: &str) -> bool {
    match (root.make_link(target, "out"), host) {
        (Err(ErrorCode::NotPermitted), None) => return false,
        (Err(ErrorCode::NotPermitted), Some(host)) => {
            std::os::unix::fs::symlink(target, host.path().join("out")).unwrap();
        }
        (made, _) => made.unwrap(),
    }
    true
}

fn names(folder: &dyn Folder) -> Answer<Vec<String>> {
    let mut entries = folder.entries()?;
    let mut names = Vec::new();
    loop {
        let some = entries.next(2)?;
        if some.is_empty() {
            names.sort();
            return Ok(names);
        }
        let name = |entry: Entry| format!("{} {:?}", entry.name.unwrap(), entry.kind);
        names.extend(some.into_iter().map(name));
    }
}

#[test]
fn files_keep_what_is_written() {
    for (kind, root, _host) in folders() {
        let root = root.as_ref();
        let content: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        write(root, "a", &content).unwrap();
        assert_eq!(read(root, "a"), Ok(content.clone()), "{kind}");
        let open = file(root, "a", WRITE).unwrap();
        open.write_at(80_000, b"end").unwrap();
        open.append(b"more").unwrap();
        open.resize(80_005).unwrap();
        open.resize(80_010).unwrap();
        let tail = read(root, "a").unwrap().split_off(79_996);
        assert_eq!(tail, b"\x1f\x4e\0\0endmo\0\0\0\0\0", "{kind}");
        let found = open.stat().unwrap();
        assert_eq!(
            (found.kind, found.size, found.links),
            (Kind::File, 80_010, 1)
        );
        assert_eq!(found.identity, root.stat("a", true).unwrap().identity);
        let mut nothing = [0; 4];
        assert_eq!(open.read_at(90_000, &mut nothing), Ok(0), "{kind}");
        // What was never written is zeros.
        let sparse = file(root, "s", WRITE).unwrap();
        sparse.write_at(100_000, b"x").unwrap();
        assert_eq!(
            read(root, "s").unwrap(),
            [vec![0; 100_000], b"x".to_vec()].concat()
        );
    }
}

#[test]
fn opening_says_what_is_wrong() {
    for (kind, root, _host) in folders() {
        let root = root.as_ref();
        write(root, "file", b"x").unwrap();
        root.make_folder("folder", 0o755).unwrap();
        root.make_link("file", "link").unwrap();
        root.make_link("loop", "loop").unwrap();
        let open = |path: &str, how: Open| root.open(path, &how).err();
        let exclusive = Open {
            exclusive: true,
            ..WRITE
        };
        let as_folder = Open {
            folder: true,
            ..READ
        };
        let itself = Open {
            follow: false,
            ..READ
        };
        for (path, how, wanted) in [
            ("missing", READ, Some(ErrorCode::NoEntry)),
            ("missing/x", WRITE, Some(ErrorCode::NoEntry)),
            ("file/x", READ, Some(ErrorCode::NotDirectory)),
            ("file/", READ, Some(ErrorCode::NotDirectory)),
            ("file", as_folder, Some(ErrorCode::NotDirectory)),
            ("file", exclusive, Some(ErrorCode::Exist)),
            ("folder", WRITE, Some(ErrorCode::IsDirectory)),
            ("loop", READ, Some(ErrorCode::Loop)),
            ("link", itself, Some(ErrorCode::Loop)),
            ("link", READ, None),
            ("folder/.", READ, None),
            ("folder/../file", READ, None),
            ("..", READ, Some(ErrorCode::NotPermitted)),
            ("folder/../..", READ, Some(ErrorCode::NotPermitted)),
            ("/file", READ, Some(ErrorCode::NotPermitted)),
        ] {
            assert_eq!(open(path, how), wanted, "{kind}: {path}");
        }
        assert_eq!(
            root.stat(&"n".repeat(256), true).err(),
            Some(ErrorCode::NameTooLong),
            "{kind}"
        );
    }
}

#[test]
fn links_lead_inside_only() {
    for (kind, root, host) in folders() {
        let root = root.as_ref();
        root.make_folder("folder", 0o755).unwrap();
        write(root, "file", b"inside").unwrap();
        root.make_link("../file", "folder/up").unwrap();
        assert_eq!(read(root, "folder/up"), Ok(b"inside".to_vec()), "{kind}");
        assert_eq!(root.read_link("folder/up").unwrap(), "../file");
        // From the folder itself the same link leads out.
        let inner = folder(root, "folder").unwrap();
        assert_eq!(
            read(inner.as_ref(), "up"),
            Err(ErrorCode::NotPermitted),
            "{kind}"
        );
        if lead_out(root, host.as_ref(), "../..") {
            assert_eq!(root.stat("out", true).err(), Some(ErrorCode::NotPermitted));
            assert_eq!(root.stat("out", false).unwrap().kind, Kind::Link, "{kind}");
        }
        assert_eq!(
            root.make_link("/etc", "absolute").err(),
            Some(ErrorCode::NotPermitted),
            "{kind}"
        );
        assert_eq!(root.read_link("file").err(), Some(ErrorCode::Invalid));
    }
}

#[test]
fn names_come_and_go() {
    for (kind, root, _host) in folders() {
        let root = root.as_ref();
        root.make_folder("a", 0o755).unwrap();
        root.make_folder("a/b", 0o755).unwrap();
        write(root, "a/f", b"1").unwrap();
        write(root, "g", b"2").unwrap();
        root.make_link("g", "l").unwrap();
        assert_eq!(
            names(root).unwrap(),
            ["a Folder", "g File", "l Link"],
            "{kind}"
        );
        assert_eq!(
            root.make_folder("a", 0o755),
            Err(ErrorCode::Exist),
            "{kind}"
        );
        assert_eq!(root.remove_folder("a"), Err(ErrorCode::NotEmpty), "{kind}");
        assert_eq!(root.remove_folder("g"), Err(ErrorCode::NotDirectory));
        assert_eq!(root.remove_file("a"), Err(ErrorCode::IsDirectory), "{kind}");
        assert_eq!(root.remove_folder("."), Err(ErrorCode::Invalid), "{kind}");

        root.link("g", root, "h").unwrap();
        assert_eq!(root.stat("h", true).unwrap().links, 2, "{kind}");
        assert_eq!(root.link("g", root, "h"), Err(ErrorCode::Exist), "{kind}");
        assert_eq!(root.link("a", root, "c"), Err(ErrorCode::NotPermitted));

        assert_eq!(
            root.rename("a", root, "a/b/c"),
            Err(ErrorCode::Invalid),
            "{kind}"
        );
        assert_eq!(root.rename("a", root, "g"), Err(ErrorCode::NotDirectory));
        assert_eq!(root.rename("g", root, "a"), Err(ErrorCode::IsDirectory));
        assert_eq!(root.rename("g", root, "n/"), Err(ErrorCode::NotDirectory));
        assert_eq!(root.rename("m", root, "n"), Err(ErrorCode::NoEntry));
        root.rename("g", root, "a/f").unwrap();
        assert_eq!(read(root, "a/f"), Ok(b"2".to_vec()), "{kind}");
        let inner = folder(root, "a").unwrap();
        inner.rename("f", root, "moved").unwrap();
        inner.rename("b", root, "d").unwrap();
        assert_eq!(
            names(root).unwrap(),
            ["a Folder", "d Folder", "h File", "l Link", "moved File"],
            "{kind}"
        );
        // What is open outlives its name.
        let open = file(root, "h", READ).unwrap();
        for path in ["h", "moved", "l"] {
            root.remove_file(path).unwrap();
        }
        assert_eq!(open.stat().unwrap().links, 0, "{kind}");
        assert_eq!(open.read_at(0, &mut [0]), Ok(1), "{kind}");
        root.remove_folder("a").unwrap();
        assert_eq!(
            write(inner.as_ref(), "x", b""),
            Err(ErrorCode::NoEntry),
            "{kind}"
        );
    }
}

#[test]
fn a_slash_at_the_end_is_that_of_a_folder_and_leads_through_a_link() {
    for (kind, root, _host) in folders() {
        let root = root.as_ref();
        root.make_folder("d", 0o755).unwrap();
        root.make_link("d", "to").unwrap();
        assert_eq!(root.stat("to", false).unwrap().kind, Kind::Link, "{kind}");
        assert_eq!(root.stat("to/", false).unwrap().kind, Kind::Folder);
        assert_eq!(root.remove_folder("to/"), Err(ErrorCode::NotDirectory));
        root.remove_file("to").unwrap();
        write(root, "f", b"").unwrap();
        let refused = root.stat("f/", false).err();
        assert_eq!(refused, Some(ErrorCode::NotDirectory), "{kind}");
        assert_eq!(root.remove_folder("f/"), Err(ErrorCode::NotDirectory));
        assert_eq!(root.remove_folder("./"), Err(ErrorCode::Invalid), "{kind}");
        root.remove_folder("d//").unwrap();
    }
}

#[test]
fn modes_and_times_are_kept() {
    use std::time::{Duration, SystemTime};
    for (kind, root, host) in folders() {
        let root = root.as_ref();
        let private = Open {
            mode: 0o600,
            ..WRITE
        };
        drop(file(root, "private", private).unwrap());
        root.make_folder("folder", 0o700).unwrap();
        let mode = |path: &str| root.stat(path, true).unwrap().mode;
        assert_eq!((mode("private"), mode("folder")), (0o600, 0o700), "{kind}");
        root.change("private", true, Change::Mode(0o444)).unwrap();
        root.change("folder", true, Change::Mode(0o1755)).unwrap();
        assert_eq!((mode("private"), mode("folder")), (0o444, 0o1755), "{kind}");
        let open = file(root, "private", READ).unwrap();
        open.change(Change::Mode(0o640)).unwrap();
        assert_eq!(mode("private"), 0o640, "{kind}");

        // A folder may have more of these bits than a file, which would be run with them.
        root.change("folder", true, Change::Mode(0o3755)).unwrap();
        assert_eq!(mode("folder"), 0o3755, "{kind}");
        for (path, bits) in [
            ("folder", 0o4755),
            ("private", 0o4755),
            ("private", 0o2755),
            ("private", 0o1755),
        ] {
            let refused = root.change(path, true, Change::Mode(bits));
            assert_eq!(refused, Err(ErrorCode::NotPermitted), "{kind}: {path}");
        }
        let refused = open.change(Change::Mode(0o2755));
        assert_eq!(refused, Err(ErrorCode::NotPermitted), "{kind}");
        assert_eq!((mode("private"), mode("folder")), (0o640, 0o3755), "{kind}");

        root.make_link("private", "link").unwrap();
        root.change("link", true, Change::Mode(0o604)).unwrap();
        assert_eq!(mode("private"), 0o604, "{kind}");
        let refused = root.change("link", false, Change::Mode(0o600));
        assert_eq!(refused, Err(ErrorCode::Unsupported), "{kind}");
        if lead_out(root, host.as_ref(), "../..") {
            let refused = root.change("out", true, Change::Mode(0o777));
            assert_eq!(refused, Err(ErrorCode::NotPermitted), "{kind}");
        }

        let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000, 5);
        let times = Change::Times {
            accessed: None,
            modified: Some(then),
        };
        root.change("link", true, times).unwrap();
        assert_eq!(root.stat("private", true).unwrap().modified, Some(then));
        assert_ne!(root.stat("link", false).unwrap().modified, Some(then));
        root.change("link", false, times).unwrap();
        assert_eq!(
            root.stat("link", false).unwrap().modified,
            Some(then),
            "{kind}"
        );
    }
}

#[test]
fn what_may_be_done_is_asked_without_leaving() {
    for (kind, root, host) in folders() {
        let root = root.as_ref();
        write(root, "file", b"").unwrap();
        let leads_out = lead_out(root, host.as_ref(), "../../../../../etc/passwd");
        let wish = |execute| Wish {
            read: true,
            write: false,
            execute,
        };
        assert_eq!(root.allows("file", true, wish(false)), Ok(()), "{kind}");
        let refused = root.allows("file", true, wish(true));
        assert_eq!(refused, Err(ErrorCode::Access), "{kind}");
        root.change("file", true, Change::Mode(0o755)).unwrap();
        assert_eq!(root.allows("file", true, wish(true)), Ok(()), "{kind}");
        if leads_out {
            let refused = root.allows("out", true, wish(false));
            assert_eq!(refused, Err(ErrorCode::NotPermitted), "{kind}");
        }
    }
}

#[test]
fn memory_has_an_end_and_is_given_back() {
    let root = memory(100_000, 1);
    let root = root.as_ref();
    let full = write(root, "large", &[7; 100_000]);
    assert_eq!(full, Err(ErrorCode::InsufficientSpace));
    root.remove_file("large").unwrap();
    write(root, "fits", &[7; 90_000]).unwrap();
    let open = file(root, "fits", WRITE).unwrap();
    assert_eq!(open.resize(1 << 40), Err(ErrorCode::FileTooLarge));
    assert_eq!(open.write_at(1 << 40, b"x"), Err(ErrorCode::FileTooLarge));
    open.resize(0).unwrap();
    let mut made = 0;
    let full = loop {
        match root.make_folder(&format!("folder{made}"), 0o755) {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, ErrorCode::InsufficientSpace);
    assert!((100..200).contains(&made), "{made}");
    for number in 0..made {
        root.remove_folder(&format!("folder{number}")).unwrap();
    }
    write(root, "again", &[7; 90_000]).unwrap();
    // A tree as deep as it gets is dropped without recursion.
    let root = memory(32 << 20, 1);
    let mut at = Arc::clone(&root);
    for _ in 0..30_000 {
        at.make_folder("d", 0o755).unwrap();
        at = folder(at.as_ref(), "d").unwrap();
    }
    drop((at, root));
}

#[test]
fn folders_of_different_kinds_do_not_mix() {
    let [
        (_, host, _kept),
        (_, writable, _too),
        (_, memory, _),
        (_, captured, _),
        ..,
    ] = &folders()[..]
    else {
        panic!("four kinds");
    };
    for (from, to) in [
        (host, memory),
        (memory, host),
        (writable, memory),
        (memory, writable),
        (memory, &self::memory(1, 2)),
        (captured, memory),
        (memory, captured),
    ] {
        write(from.as_ref(), "x", b"1").unwrap();
        let moved = from.rename("x", to.as_ref(), "y");
        assert_eq!(moved, Err(ErrorCode::CrossDevice));
        let linked = from.link("x", to.as_ref(), "y");
        assert_eq!(linked, Err(ErrorCode::CrossDevice));
    }
}
