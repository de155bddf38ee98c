//! Files that scripts share with wxmcp itself: what they may not change, and how much they may add.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Printed, TestResult, tree, wx, wxmcp};

const CONFIGURATION: &str = "[policy]\nvolumes = [\".:/w:rw\"]\n";
const TOOL: &str = "def count() -> int:\n    return 1\n";

const HELPERS: &str = r#"
import os

def tried(what, act):
    try:
        act()
        print(what, "done")
    except OSError as error:
        print(what, type(error).__name__)

def write(path):
    with open(path, "w") as file:
        file.write("x")
"#;

/// What a script in `evil.py` prints in a folder that it may write to.
fn attacked(
    files: &[(&str, &str)],
    attack: &str,
) -> Result<(tempfile::TempDir, Printed), Box<dyn std::error::Error>> {
    let folder = tree(files)?;
    fs::write(folder.path().join("evil.py"), format!("{HELPERS}{attack}"))?;
    let printed = wx(folder.path(), &["run", "evil.py"])?;
    Ok((folder, printed))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one attack on each name, in one script"
)]
fn a_script_does_not_change_what_wxmcp_reads_next() -> TestResult {
    let files = [
        ("wxmcp.toml", CONFIGURATION),
        ("tools/d/count.py", TOOL),
        ("data", "old"),
        ("sub/data", "old"),
    ];
    let attack = r#"
own = ["wxmcp.toml", "wxmcp.lock", ".mcp.json", "mcp.json", ".vscode/mcp.json", ".cursor/mcp.json",
       "sub/.mcp.json", "sub/WXMCP.toml", "tools/d/count.py", "tools/d/new.py"]
os.mkdir("/w/.vscode")
os.mkdir("/w/.cursor")
for path in own:
    tried(path, lambda: write("/w/" + path))
tried("recordings", lambda: os.mkdir("/w/.wxmcp"))
tried("namespace", lambda: os.mkdir("/w/tools/e"))
tried("move over", lambda: os.rename("/w/data", "/w/.mcp.json"))
tried("move away", lambda: os.rename("/w/wxmcp.toml", "/w/old.toml"))
tried("move the tools", lambda: os.rename("/w/tools", "/w/tools2"))
tried("link over", lambda: os.link("/w/data", "/w/mcp.json"))
tried("link to", lambda: os.link("/w/tools/d/count.py", "/w/count.py"))
tried("symlink as", lambda: os.symlink("data", "/w/.mcp.json"))
os.symlink(".mcp.json", "/w/by_link")
tried("write by link", lambda: write("/w/by_link"))
tried("remove", lambda: os.remove("/w/wxmcp.toml"))
tried("truncate", lambda: os.truncate("/w/wxmcp.toml", 0))
tried("mode", lambda: os.chmod("/w/wxmcp.toml", 0o777))
tried("read", lambda: open("/w/wxmcp.toml").read())
tried("data", lambda: write("/w/data"))
tried("new", lambda: write("/w/sub/new"))
tried("move", lambda: os.rename("/w/sub", "/w/sub2"))
tried("a folder of that name elsewhere", lambda: os.makedirs("/w/sub2/tools/d"))
tried("remove data", lambda: os.remove("/w/data"))
print(call_tool("d.count"))
"#;
    let (folder, printed) = attacked(&files, attack)?;
    let allowed = [
        "read",
        "data",
        "new",
        "move",
        "a folder of that name elsewhere",
        "remove data",
    ];
    let lines: Vec<&str> = printed.stdout.lines().collect();
    assert_eq!(lines.len(), 29, "{}{}", printed.stdout, printed.stderr);
    for line in lines.iter().filter(|line| **line != "1") {
        let wanted = match line.strip_suffix(" done") {
            Some(done) => allowed.contains(&done),
            None => line.ends_with(" PermissionError"),
        };
        assert!(wanted, "{line}");
    }
    let path = |path: &str| folder.path().join(path);
    assert_eq!(fs::read_to_string(path("wxmcp.toml"))?, CONFIGURATION);
    assert_eq!(fs::read_to_string(path("tools/d/count.py"))?, TOOL);
    assert!(!path(".mcp.json").exists() && !path(".vscode/mcp.json").exists());
    let note = "note: `/w/wxmcp.toml` stays as it is: it is protected from scripts, though the mount is writable\n";
    assert_eq!(
        printed.stderr.matches(note).count(),
        1,
        "{}",
        printed.stderr
    );
    assert!(
        printed.stderr.contains("`/w/tools/d/new.py` stays"),
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
fn files_that_flags_name_are_protected_too() -> TestResult {
    let folder = tree(&[
        ("conf/own", "[limits]\n"),
        ("conf/servers", "{}"),
        ("wares/d/count.py", TOOL),
        ("tools/x", "what the next command reads"),
    ])?;
    symlink("conf/own", folder.path().join("link"))?;
    let attack = r#"
for path in ["conf/own", "link", "conf/servers", "wares/d/count.py", "tools/x", "cache/wxmcp"]:
    tried(path, lambda: write("/w/" + path))
tried("move", lambda: os.rename("/w/conf", "/w/conf2"))
tried("move the link", lambda: os.rename("/w/link", "/w/link2"))
"#;
    let printed = Printed::from(
        wxmcp(folder.path())
            .args(["run", "-v", ".:/w:rw", "--config", "link"])
            .args(["--mcp-config", "conf/servers", "--tools", "wares"])
            .args(["-c", &format!("{HELPERS}{attack}")])
            .output()?,
    );
    let refused = |what: &str| format!("{what} PermissionError\n");
    let wanted = [
        refused("conf/own"),
        refused("link"),
        refused("conf/servers"),
        refused("wares/d/count.py"),
        refused("tools/x"),
        "cache/wxmcp FileNotFoundError\n".to_owned(),
        refused("move"),
        refused("move the link"),
    ];
    assert_eq!(printed.stdout, wanted.concat(), "{}", printed.stderr);
    Ok(())
}

#[test]
fn a_link_that_a_script_makes_does_not_lead_out() -> TestResult {
    let attack = r#"
os.mkdir("/w/sub")
tried("up", lambda: os.symlink("../.bashrc", "/w/report.txt"))
tried("absolute", lambda: os.symlink("/etc", "/w/data"))
tried("deep", lambda: os.symlink("../../private", "/w/sub/data"))
tried("inside", lambda: os.symlink("../data", "/w/sub/data"))
tried("moved up", lambda: os.rename("/w/sub/data", "/w/data"))
"#;
    let (folder, printed) = attacked(&[("wxmcp.toml", CONFIGURATION)], attack)?;
    let wanted = "up PermissionError\nabsolute PermissionError\ndeep PermissionError\ninside done\nmoved up PermissionError\n";
    assert_eq!(printed.streams(), (wanted, ""));
    assert!(fs::symlink_metadata(folder.path().join("report.txt")).is_err());
    Ok(())
}

#[test]
fn a_mount_takes_what_its_quota_says() -> TestResult {
    let folder = tree(&[("out/old", "0123456789")])?;
    let run = |volume: &str, code: &str| {
        wx(
            folder.path(),
            &["run", "-v", volume, "-c", &format!("{HELPERS}{code}")],
        )
    };
    let bytes = r#"
file = os.open("/o/new", os.O_CREAT | os.O_WRONLY)
tried("what fits", lambda: print(os.write(file, b"x" * 1024)))
tried("more", lambda: print(os.write(file, b"x")))
tried("a hole", lambda: os.ftruncate(file, 1 << 40))
os.remove("/o/old")
file = os.open("/o/new", os.O_WRONLY | os.O_APPEND)
tried("freed", lambda: print(os.write(file, b"x")))
"#;
    let printed = run("out:/o:rw,1KiB", bytes)?;
    let note = "note: there is no room in `/o`: the run may add 1 KiB and 100000 files to it\n";
    let wanted = "1024\nwhat fits done\nmore OSError\na hole OSError\n1\nfreed done\n";
    assert_eq!(printed.streams(), (wanted, note));
    let files = r#"
for name in "abcd":
    tried(name, lambda: write("/o/" + name))
"#;
    let printed = run("out:/o:rw,1KiB,3", files)?;
    assert_eq!(printed.stdout, "a done\nb done\nc done\nd OSError\n");
    assert!(printed.stderr.contains("and 3 files"), "{}", printed.stderr);
    let printed = run("out:/o:rw,much", "")?;
    assert_eq!(printed.code, Some(2));
    assert!(
        printed.stderr.contains("SIZE is no size"),
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
fn configuration_is_a_file_of_bounded_size() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe"))
        .status()?;
    assert!(made.success());
    symlink("/dev/zero", path("zero"))?;
    fs::File::create(path("large"))?.set_len((8 << 20) + 1)?;
    fs::write(path("fits"), format!("#{}", " ".repeat(1 << 20)))?;
    let run = |flags: &[&str]| wx(folder.path(), &[&["run"], flags, &["-c", "1"]].concat());
    for (name, why) in [
        ("pipe", "not a file"),
        ("zero", "not a file"),
        ("large", "larger than 8388608 bytes"),
    ] {
        let printed = run(&["--config", name])?;
        assert_eq!(printed.code, Some(2), "{name}");
        assert!(printed.stderr.contains(why), "{name}: {}", printed.stderr);
    }
    assert_eq!(run(&["--config", "fits"])?.stdout, "1\n");
    let printed = run(&["--mcp-config", "large"])?;
    assert!(printed.stderr.contains("larger than"), "{}", printed.stderr);
    for name in ["pipe", "zero"] {
        assert_eq!(run(&["--mcp-config", name])?.code, Some(2), "{name}");
    }
    // Those that are found by their names, and tool files, are not waited for either.
    fs::create_dir_all(path("tools/t"))?;
    fs::write(path("tools/t/a.py"), "def a() -> int:\n    return 1\n")?;
    for link in ["wxmcp.toml", ".mcp.json", "tools/t/b.py", "tools/t/_c.py"] {
        symlink(path("pipe"), path(link))?;
        let printed = run(&[])?;
        let is_named = link == "wxmcp.toml";
        assert_eq!(
            printed.code,
            Some(if is_named { 2 } else { 0 }),
            "{link}: {}",
            printed.stderr
        );
        if is_named {
            fs::remove_file(path(link))?;
        }
    }
    let listed = wx(folder.path(), &["tools", "list"])?;
    assert!(listed.stderr.contains("tools/t/b.py"), "{}", listed.stderr);
    Ok(())
}

/// SQLite without locks of the system locks by a folder beside the database, which has to go with the script.
#[test]
fn a_transaction_that_a_script_leaves_open_locks_nobody_out() -> TestResult {
    let script = r#"
import sqlite3
connection = sqlite3.connect("/w/notes.db")
connection.execute("CREATE TABLE IF NOT EXISTS notes (text)")
connection.commit()
print(connection.execute("SELECT count(*) FROM notes").fetchone())
left = connection.execute("INSERT INTO notes VALUES ('never committed')")
"#;
    let folder = tree(&[("wxmcp.toml", CONFIGURATION), ("script.py", script)])?;
    for _ in 0..2 {
        let printed = wx(folder.path(), &["run", "script.py"])?;
        assert_eq!(printed.streams(), ("(0,)\n", ""));
    }
    assert!(!folder.path().join("notes.db.lock").exists());
    Ok(())
}
