//! What a writable mount refuses by name, and what just beside it is allowed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::files::seam::{Answer, Change, Folder, Open, Opened};
use crate::files::testing::{READ, file, writable};
use crate::output::Output;
use wxmcp_run::{Protected, Quota, Silent};

const WRITE: Open = Open {
    write: true,
    ..READ
};
const MAKE: Open = Open {
    create: true,
    ..WRITE
};
const CUT: Open = Open {
    truncate: true,
    ..MAKE
};

struct Place {
    host: tempfile::TempDir,
    output: Output,
}

impl Place {
    fn new() -> Self {
        Self {
            host: tempfile::tempdir().unwrap(),
            output: Output::new(1 << 20, Arc::new(Silent)),
        }
    }

    fn path(&self) -> &Path {
        self.host.path()
    }

    /// `w`, with all that tests protect in it.
    fn furnished() -> Self {
        let place = Self::new();
        let w = place.path().join("w");
        fs::create_dir_all(w.join("tools/d")).unwrap();
        fs::create_dir_all(w.join("sub/deep")).unwrap();
        fs::create_dir_all(w.join("real/wares")).unwrap();
        symlink("real/wares", w.join("linked")).unwrap();
        fs::write(w.join("real/wares/t.py"), "tool").unwrap();
        fs::write(w.join("tools/d/t.py"), "tool").unwrap();
        fs::write(w.join("own.toml"), "own").unwrap();
        fs::write(w.join("sub/deep/own.toml"), "own").unwrap();
        fs::write(w.join("free"), "free").unwrap();
        place
    }

    fn protected(&self) -> Protected {
        let w = self.path().join("w");
        Protected {
            names: vec!["own.toml".to_owned(), ".own".to_owned()],
            paths: vec![
                w.join("tools"),
                w.join("linked"),
                w.join("later/x"),
                w.join("new.json"),
            ],
        }
    }

    fn mount(&self, folder: &str, protected: &Protected, quota: Quota) -> Arc<dyn Folder> {
        let path = self.path().join(folder);
        writable(&path, "/w", protected, quota, &self.output)
    }

    fn guarded(&self, folder: &str) -> Arc<dyn Folder> {
        self.mount(folder, &self.protected(), Quota::default())
    }

    fn with_quota(&self, bytes: u64, files: u64) -> Arc<dyn Folder> {
        self.mount("", &Protected::default(), Quota { bytes, files })
    }

    fn notes(&self) -> String {
        String::from_utf8(self.output.take().1).unwrap()
    }
}

fn folder(of: &dyn Folder, path: &str) -> Arc<dyn Folder> {
    match of.open(path, &READ) {
        Ok(Opened::Folder(folder)) => folder,
        _ => panic!("no folder `{path}`"),
    }
}

const MODE: Change = Change::Mode(0o600);
const REFUSED: Answer<()> = Err(ErrorCode::NotPermitted);

/// Everything that changes something at a path.
fn changes(w: &dyn Folder, path: &str) -> Vec<(&'static str, Answer<()>)> {
    let nofollow = Open {
        follow: false,
        ..WRITE
    };
    let new = Open {
        exclusive: true,
        ..MAKE
    };
    let cut = Open {
        truncate: true,
        ..READ
    };
    vec![
        ("write", file(w, path, WRITE).map(drop)),
        ("write itself", file(w, path, nofollow).map(drop)),
        ("make or write", file(w, path, MAKE).map(drop)),
        ("make", file(w, path, new).map(drop)),
        ("cut", file(w, path, CUT).map(drop)),
        ("cut for reading", file(w, path, cut).map(drop)),
        ("mode", w.change(path, true, MODE)),
        ("make a folder", w.make_folder(path, 0o755)),
        ("make a link", w.make_link("free", path)),
        ("link over", w.link("free", w, path)),
        ("link away", w.link(path, w, "stolen")),
        ("move over", w.rename("free", w, path)),
        ("move away", w.rename(path, w, "moved")),
        ("remove", w.remove_file(path)),
        ("remove as a folder", w.remove_folder(path)),
    ]
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one case after the other, each a line"
)]
fn what_is_protected_stays_as_it_is_by_whatever_path() {
    let place = Place::furnished();
    let root = place.path().join("w");
    let w = place.guarded("w");
    let w = w.as_ref();
    symlink("own.toml", root.join("by_link")).unwrap();
    symlink("tools/d", root.join("by_folder_link")).unwrap();
    for path in [
        "own.toml",
        "OWN.toml",
        "./own.toml",
        "tools/../own.toml",
        "sub/deep/own.toml",
        "tools/d/t.py",
        "tools/d/../d/t.py",
        "by_folder_link/t.py",
        "real/wares/t.py",
        "linked/t.py",
    ] {
        for (what, result) in changes(w, path) {
            let is_missing = path == "OWN.toml" && result == Err(ErrorCode::NoEntry);
            assert!(result == REFUSED || is_missing, "{what} {path}: {result:?}");
        }
    }
    for path in [
        "tools",
        "tools/d",
        "real/wares",
        "linked",
        "tools/new",
        "tools/d/new.py",
    ] {
        for (what, result) in changes(w, path) {
            let is_other = matches!(
                result,
                Err(ErrorCode::NotPermitted
                    | ErrorCode::IsDirectory
                    | ErrorCode::NoEntry
                    | ErrorCode::Loop)
            );
            assert!(is_other, "{what} {path}: {result:?}");
        }
    }
    for how in [WRITE, MAKE, CUT] {
        assert_eq!(file(w, "by_link", how).map(drop), REFUSED);
    }
    assert_eq!(w.change("by_link", true, MODE), REFUSED);
    let deep = folder(w, "tools/d");
    for (what, result) in changes(deep.as_ref(), "t.py") {
        let is_about_free = result == Err(ErrorCode::NoEntry);
        assert!(result == REFUSED || is_about_free, "{what}: {result:?}");
    }
    assert_eq!(deep.change(".", true, MODE), REFUSED);
    let read = file(w, "own.toml", READ).unwrap();
    assert_eq!(read.change(MODE), REFUSED);
    for path in ["own.toml", "sub/deep/own.toml"] {
        assert_eq!(fs::read_to_string(root.join(path)).unwrap(), "own");
    }
    assert_eq!(
        fs::read_to_string(root.join("tools/d/t.py")).unwrap(),
        "tool"
    );
    assert_eq!(
        fs::read_to_string(root.join("linked/t.py")).unwrap(),
        "tool"
    );
    let notes = place.notes();
    let line = "note: `/w/own.toml` stays as it is: it is protected from scripts, though the mount is writable\n";
    assert_eq!(notes.matches(line).count(), 1, "{notes}");
    assert!(!notes.contains(&*place.path().to_string_lossy()), "{notes}");
}

#[test]
fn what_is_protected_and_missing_is_not_made() {
    let place = Place::furnished();
    let w = place.guarded("w");
    let w = w.as_ref();
    symlink("new.json", place.path().join("w/dangling")).unwrap();
    symlink("../w/sub/own.toml", place.path().join("w/other")).unwrap();
    for path in [
        "new.json",
        "later",
        "sub/.own",
        "sub/own.toml",
        "sub/Own.TOML.",
    ] {
        let made = [
            file(w, path, MAKE).map(drop),
            w.make_folder(path, 0o755),
            w.make_link("free", path),
            w.link("free", w, path),
            w.rename("free", w, path),
            w.rename("sub/deep", w, path),
        ];
        assert!(made.iter().all(|it| *it == REFUSED), "{path}: {made:?}");
    }
    assert_eq!(file(w, "dangling", MAKE).map(drop), REFUSED);
    let left: Vec<_> = fs::read_dir(place.path().join("w/sub")).unwrap().collect();
    assert_eq!(left.len(), 1);
    assert!(!place.path().join("w/new.json").exists());
}

#[test]
fn folders_that_lead_to_something_protected_are_not_moved() {
    let place = Place::furnished();
    fs::create_dir(place.path().join("w/empty")).unwrap();
    let above = place.guarded("");
    let above = above.as_ref();
    for moved in ["w", "w/tools", "w/sub", "w/sub/deep", "w/real", "w/linked"] {
        assert_eq!(above.rename(moved, above, "x"), REFUSED, "{moved}");
    }
    let own = place.path().join("w/sub/deep/own.toml");
    fs::remove_file(own).unwrap();
    above.rename("w/sub", above, "w/other").unwrap();
    above.rename("w/other", above, "w/empty").unwrap();
    above.remove_folder("w/empty/deep").unwrap();
    above.remove_folder("w/empty").unwrap();
}

#[test]
fn a_second_name_of_a_protected_file_is_none() {
    let place = Place::furnished();
    let root = place.path().join("w");
    fs::hard_link(root.join("tools/d/t.py"), root.join("second")).unwrap();
    fs::hard_link(root.join("free"), root.join("free2")).unwrap();
    let w = place.guarded("w");
    assert_eq!(file(w.as_ref(), "second", CUT).map(drop), REFUSED);
    assert_eq!(w.change("second", true, MODE), REFUSED);
    assert_eq!(
        fs::read_to_string(root.join("tools/d/t.py")).unwrap(),
        "tool"
    );
    file(w.as_ref(), "free2", CUT).unwrap();
    assert_eq!(fs::read_to_string(root.join("free")).unwrap(), "");
}

#[test]
fn a_mount_inside_something_protected_is_not_written_to() {
    let place = Place::furnished();
    let tools = place.guarded("w/tools");
    let made = file(tools.as_ref(), "d/new.py", MAKE).map(drop);
    assert_eq!(made, REFUSED);
    assert_eq!(tools.remove_file("d/t.py"), REFUSED);
    assert_eq!(tools.change(".", true, MODE), REFUSED);
    file(tools.as_ref(), "d/t.py", READ).unwrap();
    let beside = place.guarded("w/sub");
    file(beside.as_ref(), "new.py", MAKE).unwrap();
}

#[test]
fn everything_else_is_as_usable_as_ever() {
    let place = Place::furnished();
    let w = place.guarded("w");
    let w = w.as_ref();
    fs::create_dir(place.path().join("w/tools2")).unwrap();
    file(w, "own.toml.bak", CUT)
        .unwrap()
        .write_at(0, b"x")
        .unwrap();
    file(w, "tools2/t.py", MAKE).unwrap();
    w.make_folder("sub/tools", 0o755).unwrap();
    file(w, "sub/tools/new.json", MAKE).unwrap();
    w.make_link("own.toml", "sub/to_own").unwrap();
    w.make_link("../nothing", "sub/dangling").unwrap();
    file(w, "sub/dangling", MAKE)
        .unwrap()
        .append(b"made")
        .unwrap();
    assert_eq!(fs::read(place.path().join("w/nothing")).unwrap(), b"made");
    w.rename("nothing", w, "sub/deep/something").unwrap();
    w.link("free", w, "sub/free").unwrap();
    w.rename("tools2", w, "sub/tools2").unwrap();
    w.change("sub/free", true, MODE).unwrap();
    w.change("sub/tools2", true, Change::Mode(0o700)).unwrap();
    w.remove_file("sub/tools2/t.py").unwrap();
    w.remove_folder("sub/tools2").unwrap();
    assert_eq!(place.notes(), "");
}

#[test]
fn links_do_not_lead_out_of_a_mount() {
    let place = Place::new();
    let w = place.with_quota(1 << 20, 100);
    let w = w.as_ref();
    w.make_folder("a", 0o755).unwrap();
    w.make_folder("a/b", 0o755).unwrap();
    for (target, path) in [
        ("..", "out"),
        ("../x", "out"),
        ("../../x", "a/out"),
        ("/etc", "out"),
        ("b/../../../x", "a/out"),
        ("x/../y", "out"),
    ] {
        assert_eq!(w.make_link(target, path), REFUSED, "{target} {path}");
        let inside = folder(w, "a");
        let _free = inside
            .make_link("x", "l")
            .and_then(|()| inside.remove_file("l"));
    }
    w.make_link("../../x", "a/b/in").unwrap();
    w.make_link("../b", "a/in").unwrap();
    // Nor do they come to by being moved.
    assert_eq!(w.rename("a/b/in", w, "a/out"), REFUSED);
    assert_eq!(w.link("a/b/in", w, "out"), REFUSED);
    assert_eq!(w.rename("a/b", w, "b"), REFUSED);
    w.rename("a/b/in", w, "a/b/in2").unwrap();
    w.rename("a", w, "c").unwrap();
    w.rename("c/in", w, "c/b/in").unwrap();
    assert_eq!(w.rename("c/b", w, "d"), REFUSED);
    let in_folder = folder(w, "c/b");
    assert_eq!(in_folder.make_link("../../../x", "out"), REFUSED);
    in_folder.make_link("../../x", "in3").unwrap();
}

#[test]
fn a_mount_takes_as_many_bytes_as_its_quota() {
    let place = Place::new();
    fs::write(place.path().join("old"), [1; 5_000]).unwrap();
    let w = place.with_quota(10_000, 100);
    let w = w.as_ref();
    let full = Err(ErrorCode::InsufficientSpace);
    // What is there may be changed.
    let old = file(w, "old", WRITE).unwrap();
    assert_eq!(old.write_at(0, &[2; 5_000]), Ok(5_000));
    assert_eq!(old.write_at(4_000, &[2; 2_000]), Ok(2_000));
    let new = file(w, "new", MAKE).unwrap();
    assert_eq!(new.append(&[3; 8_000]), Ok(8_000));
    assert_eq!(new.append(&[3; 8_000]), Ok(1_000));
    assert_eq!(new.append(&[3; 1]), full);
    assert_eq!(new.write_at(9_000, &[3; 1]), full);
    assert_eq!(new.write_at(1 << 40, &[3; 1]), full);
    assert_eq!(new.resize(9_001), Err(ErrorCode::InsufficientSpace));
    assert_eq!(old.resize(1 << 40), Err(ErrorCode::InsufficientSpace));
    assert_eq!(new.write_at(8_000, &[4; 1_000]), Ok(1_000));
    // Cutting makes room; so does removing, once the file is closed.
    new.resize(8_000).unwrap();
    assert_eq!(new.append(&[3; 1_000]), Ok(1_000));
    w.remove_file("new").unwrap();
    assert_eq!(old.append(&[3; 1]), full);
    drop(new);
    assert_eq!(old.append(&[3; 9_000]), Ok(9_000));
    assert_eq!(old.append(&[3; 1]), full);
    drop(file(w, "old", CUT).unwrap());
    assert_eq!(old.append(&[3; 10_000]), Ok(10_000));
    // A hole takes no room, so its end gives none back.
    fs::File::create(place.path().join("hole"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    w.remove_file("hole").unwrap();
    assert_eq!(old.append(&[3; 1]), full);
    let notes = place.notes();
    let line = "note: there is no room in `/w`: the run may add";
    assert_eq!(notes.matches(line).count(), 1, "{notes}");
    assert!(notes.contains("and 100 files to it"), "{notes}");
}

#[test]
fn a_mount_takes_as_many_names_as_its_quota() {
    let place = Place::new();
    fs::write(place.path().join("old"), "").unwrap();
    let w = place.with_quota(10_000, 4);
    let w = w.as_ref();
    let full = Err(ErrorCode::InsufficientSpace);
    file(w, "a", MAKE).unwrap();
    w.make_folder("b", 0o755).unwrap();
    w.make_link("a", "c").unwrap();
    w.link("a", w, "d").unwrap();
    assert_eq!(file(w, "e", MAKE).map(drop), full);
    assert_eq!(w.make_folder("e", 0o755), full);
    assert_eq!(w.make_link("a", "e"), full);
    assert_eq!(w.link("a", w, "e"), full);
    file(w, "a", MAKE).unwrap();
    w.rename("a", w, "e").unwrap();
    w.remove_folder("b").unwrap();
    w.rename("old", w, "c").unwrap();
    file(w, "f", MAKE).unwrap();
    w.make_folder("g", 0o755).unwrap();
    assert_eq!(w.make_folder("h", 0o755), full);
}
