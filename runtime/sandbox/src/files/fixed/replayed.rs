//! A folder in memory that was captured does all that the folder of the host does.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::mount;
use crate::files::hidden::without;
use crate::files::memory;
use crate::files::seam::{Answer, Change, Folder, Open, Opened, Wish};
use crate::files::testing::{READ, file, writable};
use crate::files::writable::Notes;
use crate::output::Output;
use wxmcp_recording::capture::{capture, changes};
use wxmcp_recording::event::Event;
use wxmcp_run::{Access, Clocks, Ledger, Mount, Policy, Protected, Quota, Rights, Silent, Source};

const WRITE: Open = Open {
    write: true,
    create: true,
    ..READ
};

/// A folder that is to behave as another one.
struct Side {
    folder: Arc<dyn Folder>,
    output: Output,
    policy: Policy,
    log: Vec<String>,
}

impl Side {
    fn say(&mut self, what: &str, done: Answer<String>) {
        self.log.push(format!("{what}: {done:?}"));
    }

    fn write(&mut self, path: &str, content: &[u8]) {
        let done = file(self.folder.as_ref(), path, WRITE).and_then(|file| {
            let written = file.write_at(2, content)?;
            Ok(format!("{written} of {:?}", file.stat()?))
        });
        self.say(&format!("write {path}"), done);
    }

    fn read(&mut self, path: &str) {
        let done = file(self.folder.as_ref(), path, READ).and_then(|file| {
            let mut bytes = [0; 64];
            let count = file.read_at(0, &mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
        });
        self.say(&format!("read {path}"), done);
    }

    fn stat(&mut self, path: &str) {
        for follow in [false, true] {
            let found = self.folder.stat(path, follow);
            self.say(
                &format!("stat {path} {follow}"),
                found.map(|found| format!("{found:?}")),
            );
        }
    }

    fn list(&mut self, path: &str) {
        let done = match self.folder.open(path, &READ) {
            Ok(Opened::Folder(folder)) => folder.entries().and_then(|mut it| it.next(256)),
            Ok(Opened::File(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        self.say(&format!("list {path}"), done.map(|it| format!("{it:?}")));
    }

    fn allows(&mut self, path: &str) {
        let one = |read, write, execute| Wish {
            read,
            write,
            execute,
        };
        for wish in [
            one(true, false, false),
            one(false, true, false),
            one(false, false, true),
        ] {
            let done = self.folder.allows(path, true, wish);
            self.say(
                &format!("allows {path} {wish:?}"),
                done.map(|()| String::new()),
            );
        }
    }

    fn act(&mut self, what: &str, act: impl Fn(&dyn Folder) -> Answer<()>) {
        let done = act(self.folder.as_ref());
        self.say(what, done.map(|()| String::new()));
    }

    /// What is different at the end.
    fn changed(&self, before: &[Option<Arc<wxmcp_run::Captured>>]) -> Vec<Event> {
        changes(&self.policy, &before.to_vec()).unwrap()
    }
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn sample(host: &Path) {
    let to = |name: &str| host.join(name);
    set(host, 0o755);
    for folder in [
        "sub", "sub/deep", "empty", "kept", "kept/in", "around", "wx",
    ] {
        fs::create_dir(to(folder)).unwrap();
        set(&to(folder), 0o755);
    }
    for (name, mode) in [
        ("a", 0o644),
        ("b", 0o755),
        ("ro", 0o444),
        ("sub/c", 0o600),
        ("sub/wxmcp.toml", 0o644),
        ("wx/own.wxr", 0o644),
        ("kept/in/f", 0o644),
        ("around/f", 0o644),
    ] {
        fs::write(to(name), name.repeat(3)).unwrap();
        set(&to(name), mode);
    }
    fs::hard_link(to("a"), to("sub/a2")).unwrap();
    symlink("/etc/passwd", to("out")).unwrap();
    symlink("../../../etc/passwd", to("up")).unwrap();
    symlink("../a", to("sub/link")).unwrap();
    symlink("nothing", to("dangling")).unwrap();
    symlink("loop", to("loop")).unwrap();
    symlink("sub", to("folder")).unwrap();
    symlink("wx/own.wxr", to("to-own")).unwrap();
    symlink("wx", to("to-wx")).unwrap();
}

/// The folder of the host, and what was captured of it.
fn both(host: &Path, quota: Quota) -> (Side, Side, Vec<Option<Arc<wxmcp_run::Captured>>>) {
    let protected = Protected {
        names: vec!["wxmcp.toml".to_owned()],
        paths: vec![
            host.join("kept"),
            host.join("around/f"),
            host.join("missing/x"),
            host.join("wx/own.wxr"),
        ],
    };
    // What wxmcp writes of the run itself is neither shown nor captured.
    let own = fs::metadata(host.join("wx/own.wxr")).unwrap();
    let hidden = [(own.dev(), own.ino())];
    let policy = |source: Source| Policy {
        mounts: vec![Mount {
            source,
            guest: "/m".to_owned(),
            access: Access::ReadWrite,
            quota,
        }],
        protected: protected.clone(),
        hidden: hidden.to_vec(),
        ..Policy::default()
    };
    let of_host = policy(Source::Host(host.to_owned()));
    let before = capture(&of_host).unwrap();
    let captured = before[0].clone().unwrap();
    let of_memory = policy(Source::Captured(Arc::clone(&captured)));
    let side = |policy: Policy, output: Output, folder: Arc<dyn Folder>| Side {
        folder: mount(folder, 7, &Ledger::unbounded(), &given()),
        output,
        policy,
        log: Vec::new(),
    };
    let output = || Output::new(0, Arc::new(Silent));
    let (one, two) = (output(), output());
    let disk = without(writable(host, "/m", &protected, quota, &one), &hidden);
    let notes = Arc::new(Notes::new(two.clone()));
    let mounted = &of_memory.mounts[0];
    let ledger = Ledger::unbounded();
    let memory = memory::captured(&captured, mounted, 3, (&ledger, &notes));
    (
        side(of_host, one, disk),
        side(of_memory, two, memory),
        before,
    )
}

fn given() -> Clocks {
    struct Still;
    impl wxmcp_run::GivenClocks for Still {
        fn wall(&self, _: u64) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn monotonic(&self, _: u64) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn slept(&self, _: std::time::Duration) -> bool {
            false
        }
        fn last_wall(&self) -> std::time::Duration {
            std::time::Duration::from_secs(5)
        }
    }
    Clocks::Given(Arc::new(Still))
}

fn same(quota: Quota, acts: impl Fn(&mut Side)) {
    let host = tempfile::tempdir().unwrap();
    sample(host.path());
    let (mut disk, mut memory, before) = both(host.path(), quota);
    // The capture hands out what it shows from here on, so what it held is kept.
    acts(&mut disk);
    acts(&mut memory);
    let both = disk.log.iter().zip(&memory.log);
    let differ: Vec<_> = both.filter(|(one, two)| one != two).collect();
    assert!(
        differ.is_empty(),
        "of the host, and as captured: {differ:#?}"
    );
    assert_eq!(disk.log.len(), memory.log.len());
    let notes = |side: &Side| String::from_utf8(side.output.take().1).unwrap();
    assert_eq!(notes(&disk), notes(&memory));
    assert_eq!(disk.changed(&before), memory.changed(&before));
}

const PATHS: [&str; 25] = [
    ".",
    "a",
    "b",
    "ro",
    "sub",
    "sub/",
    "a/",
    "sub/c",
    "sub/a2",
    "sub/link",
    "out",
    "up",
    "dangling",
    "loop",
    "folder",
    "folder/c",
    "folder/",
    "missing",
    "missing/x",
    "..",
    "sub/../a",
    "/a",
    "wx/own.wxr",
    "to-wx/own.wxr",
    "to-own",
];

#[test]
fn reading_is_the_same() {
    same(Quota::default(), |side| {
        for path in PATHS {
            side.stat(path);
            side.read(path);
            side.list(path);
            side.allows(path);
            let link = side.folder.read_link(path);
            side.say(&format!("link {path}"), link);
        }
    });
}

#[test]
fn writing_is_the_same() {
    same(Quota::default(), |side| {
        for path in PATHS.into_iter().chain([
            "new",
            "sub/new",
            "sub/wxmcp.toml",
            "WXMCP.toml",
            "kept/in/f",
            "kept/new",
        ]) {
            side.write(path, b"written");
            side.stat(path);
            side.read(path);
            for change in [Change::Mode(0o700), Change::Mode(0o4755)] {
                for follow in [true, false] {
                    side.act(&format!("{change:?} {path} {follow}"), |folder| {
                        folder.change(path, follow, change)
                    });
                }
            }
            side.stat(path);
        }
        let cut = Open {
            truncate: true,
            ..WRITE
        };
        for path in ["a", "kept/in/f", "sub/c"] {
            let done = side.folder.open(path, &cut).map(|_| String::new());
            side.say(path, done);
            side.read("sub/a2");
        }
        side.list(".");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn names_are_made_moved_and_removed_the_same_way() {
    same(Quota::default(), |side| {
        for path in PATHS
            .into_iter()
            .chain(["new", "sub/wxmcp.toml/", "kept/n", "Wxmcp.toml."])
        {
            side.act(&format!("folder {path}"), |it| it.make_folder(path, 0o755));
            side.act(&format!("rmdir {path}"), |it| it.remove_folder(path));
            for target in ["a", "..", "../..", "sub/../..", "/a"] {
                side.act(&format!("link {path} {target}"), |it| {
                    it.make_link(target, path)
                });
            }
        }
        for path in ["sub/l", "sub/deep/l"] {
            side.act(path, |it| it.make_link("../a", path));
        }
        for (from, to) in [
            ("sub/l", "l"),
            ("sub/deep/l", "sub/l2"),
            ("sub/deep", "deep"),
            ("sub", "empty/sub"),
            ("sub", "other"),
            ("kept", "k"),
            ("around", "ar"),
            ("around/f", "f"),
            ("a", "kept/a"),
            ("a", "wxmcp.toml"),
            ("b", "a"),
            ("empty", "a"),
            ("ro", "empty"),
            ("empty", "sub/c/x"),
            ("empty", "emptied"),
            ("out", "sub/out"),
            ("missing", "x"),
            ("loop", "sub/loop"),
            ("a", "sub/a2"),
            ("wx/own.wxr", "own"),
            ("a", "wx/own.wxr"),
            ("wx", "moved"),
        ] {
            side.act(&format!("rename {from} {to}"), |it| it.rename(from, it, to));
            side.act(&format!("hard link {from} {to}"), |it| {
                it.link(from, it, to)
            });
            side.stat(to);
        }
        for path in [
            "a",
            "b",
            "sub/c",
            "sub",
            "around",
            "around/f",
            "kept/in/f",
            "kept",
            "out",
            "up",
            "loop/",
            ".",
            "wx/own.wxr",
            "wx",
            "to-own",
        ] {
            side.act(&format!("rm {path}"), |it| it.remove_file(path));
            side.act(&format!("rmdir {path}"), |it| it.remove_folder(path));
        }
        side.list(".");
        side.list("sub");
        side.list("wx");
    });
}

#[test]
fn there_is_as_much_room() {
    let quota = Quota {
        bytes: 10_000,
        files: 4,
    };
    same(quota, |side| {
        let large = vec![b'x'; 9_000];
        side.write("new", &large);
        side.write("more", &large);
        side.write("more", &large);
        side.write("a", b"x");
        for size in [5_000, 20_000, 0, 9_000] {
            side.act("resize", |it| {
                let found = it.open("new", &WRITE)?;
                match found {
                    Opened::File(file) => file.resize(size),
                    Opened::Folder(_) => Ok(()),
                }
            });
            side.stat("new");
        }
        side.act("rm", |it| it.remove_file("new"));
        side.write("more", &large);
        for name in ["1", "2", "3", "4", "5"] {
            side.act(name, |it| it.make_folder(name, 0o755));
        }
        side.act("rmdir", |it| it.remove_folder("1"));
        side.act("link", |it| it.make_link("a", "6"));
        side.act("link", |it| it.link("a", it, "7"));
        side.write("8", b"x");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn permission_bits_count_unless_root_reads() {
    let host = tempfile::tempdir().unwrap();
    sample(host.path());
    let policy = Policy {
        mounts: vec![Mount {
            source: Source::Host(host.path().to_owned()),
            guest: "/m".to_owned(),
            access: Access::ReadWrite,
            quota: Quota::default(),
        }],
        ..Policy::default()
    };
    for (rights, wanted) in [
        (
            Rights::Root,
            "written, written, made, read, listed, changed",
        ),
        (
            Rights::Owner,
            "Access, written, Access, Access, Access, changed",
        ),
        (
            Rights::Group,
            "Access, Access, Access, Access, Access, NotPermitted",
        ),
        (
            Rights::Others,
            "Access, Access, Access, Access, Access, NotPermitted",
        ),
    ] {
        let before = capture(&policy).unwrap();
        let mut captured = wxmcp_run::Captured::new(before[0].clone().unwrap().entries.clone());
        for entry in &mut captured.entries {
            entry.rights = rights;
            match entry.path.as_str() {
                "sub" => entry.mode = 0o500,
                "sub/c" => entry.mode = 0o200,
                "empty" => entry.mode = 0,
                _ => {}
            }
        }
        let notes = Arc::new(Notes::new(Output::new(0, Arc::new(Silent))));
        let ledger = Ledger::unbounded();
        let memory = memory::captured(&captured, &policy.mounts[0], 3, (&ledger, &notes));
        let memory = memory.as_ref();
        let told = |done: Answer<()>, word: &str| match done {
            Ok(()) => word.to_owned(),
            Err(ErrorCode::Access) => "Access".to_owned(),
            Err(ErrorCode::NotPermitted) => "NotPermitted".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let write = |path: &str| {
            file(
                memory,
                path,
                Open {
                    create: false,
                    ..WRITE
                },
            )
            .map(drop)
        };
        let list = memory.open("empty", &READ).map(drop);
        let told = [
            told(write("ro"), "written"),
            told(write("b"), "written"),
            told(memory.make_folder("sub/x", 0o755), "made"),
            told(file(memory, "sub/c", READ).map(drop), "read"),
            told(list, "listed"),
            told(memory.change("b", true, Change::Mode(0o600)), "changed"),
        ];
        assert_eq!(told.join(", "), wanted, "{rights:?}");
    }
}
