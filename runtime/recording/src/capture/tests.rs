//! Folders that can be captured, and such that cannot.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use wxmcp_run::{Access, CapturedBody, Mount, Policy, Protected, Quota, Source};

use super::{Mounts, NotCaptured, Why, capture, changes, events, sources};
use crate::event::{self, Event};

type TestResult = Result<(), Box<dyn Error>>;

fn policy(folder: &Path, access: Access) -> Policy {
    Policy {
        mounts: vec![Mount {
            source: Source::Host(folder.to_owned()),
            guest: "/data".to_owned(),
            access,
            quota: Quota::default(),
        }],
        ..Policy::default()
    }
}

fn captured(folder: &Path) -> Result<Mounts, NotCaptured> {
    capture(&policy(folder, Access::ReadWrite))
}

fn refused(folder: &Path) -> String {
    match captured(folder) {
        Ok(_) => "it was captured".to_owned(),
        Err(error) => format!("{error}: {}", error.why),
    }
}

/// The paths of a capture, each with what is there.
fn told(mounts: &Mounts) -> Vec<String> {
    let captured = mounts[0].as_ref().unwrap();
    let told = captured.entries.iter().map(|it| {
        let body = match &it.body {
            CapturedBody::Folder => "folder".to_owned(),
            CapturedBody::File(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            CapturedBody::Link(target) => format!("-> {target}"),
            CapturedBody::Same(path) => format!("= {path}"),
        };
        format!("{} {:o} {body}", it.path, it.mode)
    });
    told.collect()
}

fn set(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn sample(names: &[&str]) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let host = tempfile::tempdir()?;
    let to = |name: &str| host.path().join(name);
    set(host.path(), 0o750)?;
    fs::create_dir(to("sub"))?;
    set(&to("sub"), 0o755)?;
    for name in names {
        fs::write(to(name), name)?;
        set(&to(name), 0o644)?;
    }
    fs::hard_link(to("a"), to("sub/again"))?;
    symlink("/etc/passwd", to("out"))?;
    symlink("../a", to("sub/up"))?;
    Ok(host)
}

#[test]
fn what_is_captured_is_sorted_and_leads_nowhere() -> TestResult {
    let names = ["a", "a-b", "sub/c", "\u{e4}"];
    let backwards: Vec<_> = names.iter().rev().copied().collect();
    for names in [&names[..], &backwards] {
        let host = sample(names)?;
        assert_eq!(
            told(&captured(host.path())?),
            [
                " 750 folder",
                "a 644 \"a\"",
                "a-b 644 \"a-b\"",
                "out 777 -> /etc/passwd",
                "sub 755 folder",
                "sub/again 644 = a",
                "sub/c 644 \"sub/c\"",
                "sub/up 777 -> ../a",
                "\u{e4} 644 \"\u{e4}\"",
            ]
        );
    }
    Ok(())
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() -> TestResult {
    let host = tempfile::tempdir()?;
    let to = |name: &str| host.path().join(name);
    fs::create_dir(to("sub"))?;
    let mode = rustix::fs::Mode::from_bits_truncate(0o644);
    let (pipe, kind) = (to("sub/pipe"), rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0)?;
    assert_eq!(
        refused(host.path()),
        "cannot record `sub/pipe` of the mount `/data`: it is a pipe, which a recording cannot keep; \
         mount a folder without it"
    );
    fs::remove_file(pipe)?;
    let bound = std::os::unix::net::UnixListener::bind(to("s"))?;
    assert!(refused(host.path()).contains("`s` of the mount `/data`: it is a socket"));
    drop(bound);
    fs::remove_file(to("s"))?;
    let odd = to("sub").join(OsStr::from_bytes(b"b\xff"));
    fs::write(&odd, "")?;
    assert!(
        refused(host.path())
            .contains("`sub/b\u{fffd}` of the mount `/data`: its name is not UTF-8")
    );
    fs::remove_file(odd)?;
    symlink(OsStr::from_bytes(b"\xff"), to("l"))?;
    assert!(refused(host.path()).contains("`l` of the mount `/data`: its target is not UTF-8"));
    fs::remove_file(to("l"))?;
    fs::File::create(to("large"))?.set_len(65 << 20)?;
    assert_eq!(
        refused(host.path()),
        "cannot record `large` of the mount `/data`: with it the mounts have more than 65 MiB, and a recording keeps \
         64 MiB of all mounts together; mount a smaller folder"
    );
    fs::remove_file(to("large"))?;
    fs::write(to("secret"), "x")?;
    set(&to("secret"), 0)?;
    match captured(host.path()) {
        // Root reads everything.
        Ok(_) => assert!(rustix::process::geteuid().is_root()),
        Err(error) => assert!(matches!(error.why, Why::Unreadable(_))),
    }
    assert!(
        refused(Path::new("/no/such/folder"))
            .contains("cannot record the folder of the mount `/data`")
    );
    // All mounts together.
    let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
    for folder in [&one, &two] {
        fs::File::create(folder.path().join("half"))?.set_len(33 << 20)?;
    }
    let mut both = policy(one.path(), Access::ReadOnly);
    both.mounts
        .extend(policy(two.path(), Access::ReadOnly).mounts);
    assert!(matches!(
        capture(&both).unwrap_err().why,
        Why::TooLarge { .. }
    ));
    Ok(())
}

#[test]
fn a_deep_tree_is_captured_as_far_as_paths_go() -> TestResult {
    let host = tempfile::tempdir()?;
    let mut at = host.path().to_owned();
    for _ in 0..1_500 {
        at.push("d");
        fs::create_dir(&at)?;
    }
    let mounts = captured(host.path())?;
    assert_eq!(told(&mounts).len(), 1_501);
    Ok(())
}

#[test]
fn events_say_all_that_was_captured() -> TestResult {
    let host = sample(&["a", "sub/c"])?;
    let mut policy = policy(host.path(), Access::ReadWrite);
    policy.mounts.push(Mount {
        source: Source::Memory { bytes: 5 },
        guest: "/memory".to_owned(),
        access: Access::ReadWrite,
        quota: Quota::default(),
    });
    policy.protected = Protected {
        names: vec!["wxmcp.toml".to_owned()],
        paths: vec![
            host.path().join("sub"),
            host.path().join("not/there"),
            "/etc".into(),
        ],
    };
    let before = capture(&policy)?;
    let captured = before[0].clone().unwrap();
    assert_eq!(captured.protected.paths, ["not", "sub"]);
    let entries = events(&before).map(|event| match event {
        Event::Captured { mount, entry } => (mount, entry),
        other => panic!("{other:?}"),
    });
    let mount = |memory: Option<u64>| event::Mount {
        guest: String::new(),
        is_writable: true,
        memory,
        bundle: None,
        quota_bytes: 0,
        quota_files: 0,
    };
    let again = sources(&[mount(None), mount(Some(5))], entries.collect());
    assert_eq!(
        again,
        [Source::Captured(captured), Source::Memory { bytes: 5 }]
    );
    // Inside of what is protected everything is.
    policy.protected.paths = vec![host.path().to_owned()];
    let inside = capture(&policy)?[0].clone().unwrap();
    assert_eq!(inside.protected.paths, [""]);
    Ok(())
}

#[test]
fn changes_are_told_in_the_order_of_paths() -> TestResult {
    let host = sample(&["a", "b", "c", "sub/c"])?;
    let to = |name: &str| host.path().join(name);
    let policy = policy(host.path(), Access::ReadWrite);
    let before = capture(&policy)?;
    assert_eq!(changes(&policy, &before)?, []);
    fs::remove_file(to("a"))?;
    set(&to("b"), 0o600)?;
    fs::write(to("c"), "new")?;
    fs::create_dir(to("aa"))?;
    set(&to("aa"), 0o755)?;
    fs::remove_dir_all(to("sub"))?;
    symlink("c", to("z"))?;
    let told = |event: Event| match event {
        Event::Written { mount: 0, entry } => {
            format!("{} {:o} {:?}", entry.path, entry.mode, entry.body)
        }
        Event::Removed { mount: 0, path } => format!("{path} is gone"),
        other => format!("{other:?}"),
    };
    let told: Vec<_> = changes(&policy, &before)?.into_iter().map(told).collect();
    assert_eq!(
        told,
        [
            "a is gone",
            "aa 755 Folder",
            "b 600 File(Bytes([98]))",
            "c 644 File(Bytes([110, 101, 119]))",
            "sub is gone",
            "sub/again is gone",
            "sub/c is gone",
            "sub/up is gone",
            "z 777 Link(\"c\")",
        ]
    );
    Ok(())
}
