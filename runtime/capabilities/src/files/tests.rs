//! Directories as tools use them.

use std::fs;
use std::os::unix::fs::symlink;

use super::change::size_of;
use super::*;

/// A directory `box` without anything protected.
fn directory(path: &Path, quota: u64) -> Directory {
    protecting(path, quota, Protected::default())
}

fn protecting(path: &Path, quota: u64, protected: Protected) -> Directory {
    let config = DirectoryConfig {
        path: path.to_owned(),
        quota,
    };
    Directory::new("box", config, &Arc::new(protected))
}

fn request(action: &str, path: &str) -> Request {
    let text = matches!(action, "write" | "append").then_some("changed");
    let whole = json!({"directory": "box", "action": action, "path": path, "text": text});
    serde_json::from_value(whole).unwrap()
}

/// Links that lead out are refused for every action; links that stay inside work.
#[test]
fn links_do_not_lead_out() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("box");
    fs::create_dir(&path).unwrap();
    fs::create_dir(place.path().join("outside")).unwrap();
    fs::write(place.path().join("outside/secret"), "secret").unwrap();
    fs::write(path.join("file"), "inside").unwrap();
    symlink("../outside", path.join("out")).unwrap();
    symlink("../outside/secret", path.join("secret")).unwrap();
    symlink("file", path.join("inner")).unwrap();
    let directory = directory(&path, 1_000);
    for (action, target) in [
        ("read", "out/secret"),
        ("read", "secret"),
        ("append", "secret"),
        ("write", "out/new"),
        ("list", "out"),
        ("stat", "out/secret"),
        ("remove", "out/secret"),
        ("make-directory", "out/new"),
    ] {
        let error = directory.act(&request(action, target)).unwrap_err();
        assert_eq!(
            error.message,
            format!("`{target}` in `box`: it is not inside the directory, or the system denies it"),
            "{action}"
        );
    }
    assert_eq!(
        directory.act(&request("read", "inner")).unwrap(),
        json!({"text": "inside"})
    );
    // Writing replaces the link itself.
    directory.act(&request("write", "secret")).unwrap();
    assert_eq!(fs::read_to_string(path.join("secret")).unwrap(), "changed");
    let secret = fs::read_to_string(place.path().join("outside/secret")).unwrap();
    assert_eq!(secret, "secret");
    assert_eq!(
        fs::read_dir(place.path().join("outside")).unwrap().count(),
        1
    );
}

#[test]
fn a_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "before").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let directory = directory(place.path(), 1_000);
    directory.act(&request("write", "file")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "changed");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// Each of them could be another process: they share nothing but the directory.
#[test]
fn the_quota_holds_between_many() {
    let place = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let directory = directory(place.path(), 700);
            scope.spawn(move || {
                for _ in 0..40 {
                    // Refused when the quota is reached.
                    let _ = directory.act(&request("append", &n.to_string()));
                }
            });
        }
    });
    let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
    let (bytes, _) = size_of(&dir).unwrap();
    assert_eq!(bytes, 700, "the quota is used, and no more");
}

/// Empty files and folders cost no bytes of the quota, but there is an end of them.
#[test]
fn files_and_folders_are_counted() {
    let place = tempfile::tempdir().unwrap();
    for n in 0..MAX_ENTRIES {
        fs::create_dir(place.path().join(n.to_string())).unwrap();
    }
    let directory = directory(place.path(), 1_000);
    for action in ["make-directory", "write"] {
        let error = directory.act(&request(action, "one-more")).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
        assert!(error.message.contains("10000 files and folders"), "{error}");
    }
    directory.act(&request("make-directory", "7")).unwrap();
    directory.act(&request("remove", "7")).unwrap();
    directory.act(&request("write", "one-more")).unwrap();
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let directory = directory(place.path(), 1_000);
    let error = directory.act(&request("read", "pipe")).unwrap_err();
    assert_eq!(error.message, "`pipe` in `box`: it is not a file");
    assert!(directory.act(&request("append", "pipe")).is_err());
}

/// What is protected, by every path and every action; and its neighbours, which are not.
#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn what_is_protected_is_not_changed() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    for folder in ["tools/t", "sub/tools", "plain"] {
        fs::create_dir_all(path.join(folder)).unwrap();
    }
    fs::write(path.join("tools/t/a.py"), "as it was").unwrap();
    fs::write(path.join("wxmcp.toml"), "as it was").unwrap();
    symlink("wxmcp.toml", path.join("link")).unwrap();
    symlink("wxmcp.lock", path.join("dangling")).unwrap();
    symlink("tools/t", path.join("short")).unwrap();
    fs::hard_link(path.join("tools/t/a.py"), path.join("second")).unwrap();
    let protected = Protected {
        names: ["wxmcp.toml", "wxmcp.lock", ".mcp.json"]
            .map(str::to_owned)
            .into(),
        paths: vec![
            path.join("tools"),
            path.join("wxmcp.toml"),
            path.join("cache/x"),
        ],
    };
    let directory = protecting(path, 1_000, protected.clone());
    for (action, target) in [
        ("write", "wxmcp.toml"),
        ("write", "WXMCP.toml"),
        ("write", "wxmcp.lock"),
        ("write", "plain/.mcp.json"),
        ("write", "plain/./.mcp.json"),
        ("append", "wxmcp.toml"),
        ("append", "link"),
        ("append", "second"),
        ("append", "short/a.py"),
        ("write", "short/b.py"),
        ("write", "tools/t/a.py"),
        ("write", "tools/t/b.py"),
        ("remove", "tools/t/a.py"),
        ("remove", "tools/t"),
        ("remove", "wxmcp.toml"),
        ("make-directory", "tools/t/new"),
        ("make-directory", "plain/wxmcp.toml/x"),
        ("make-directory", "cache/x"),
        ("write", "cache"),
    ] {
        let error = directory.act(&request(action, target)).unwrap_err();
        assert_eq!(
            error.kind,
            ToolErrorKind::NotGranted,
            "{action} {target}: {error}"
        );
        assert!(error.message.contains("it is protected"), "{error}");
    }
    assert!(directory.act(&request("append", "dangling")).is_err());
    assert!(!path.join("wxmcp.lock").exists() && !path.join("cache").exists());
    for file in ["wxmcp.toml", "tools/t/a.py"] {
        assert_eq!(fs::read_to_string(path.join(file)).unwrap(), "as it was");
        let read = directory.act(&request("read", file)).unwrap();
        assert_eq!(read, json!({"text": "as it was"}));
    }
    for (action, target) in [
        ("write", "wxmcp.toml.bak"),
        ("append", "plain/mcp.json"),
        ("append", "plain/mcp.json"),
        ("write", "sub/tools/a.py"),
        ("remove", "sub/tools/a.py"),
        ("remove", "sub/tools"),
        // The link alone.
        ("remove", "link"),
        ("make-directory", "plain/tools/t"),
    ] {
        let done = directory.act(&request(action, target));
        assert!(done.is_ok(), "{action} {target}: {done:?}");
    }
    // Of a directory inside of what is protected, nothing is changed.
    let inside = protecting(&path.join("tools/t"), 1_000, protected);
    let error = inside.act(&request("write", "new.py")).unwrap_err();
    assert!(error.message.contains("it is protected"), "{error}");
    assert!(inside.act(&request("list", ".")).is_ok());
}
