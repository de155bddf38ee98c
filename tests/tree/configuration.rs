//! `wxmcp.toml`: what is refused in it, and what it shows of itself.

use crate::support::{TestResult, tree, wx};

/// What is wrong in `wxmcp.toml` is told by its line, which may hold a secret and is not shown.
#[test]
fn errors_of_the_configuration_show_no_line_of_it() -> TestResult {
    let header = "headers = { Authorization = \"canary\"";
    for rest in [" }\nheader = 1", "\n", ", Authorization = 1 }"] {
        let text = format!("[connections.x]\nurl = \"https://x.org/\"\n{header}{rest}\n");
        let folder = tree(&[("wxmcp.toml", &text)])?;
        let printed = wx(folder.path(), &["run", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{}", printed.stderr);
        assert!(printed.stderr.contains("line "), "{}", printed.stderr);
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}

#[test]
fn configuration_that_means_nothing_is_refused() -> TestResult {
    for (settings, words) in [
        ("[connections.x]\nurl = \"mysql://u:canary@h/d\"", "sqlite:"),
        (
            "[connections.x]\nurl = \"sqlite:${NOWHERE_AT_ALL}\"",
            "NOWHERE_AT_ALL",
        ),
        ("[connections.x]\npath = \"x\"", "path"),
        ("[grants.\"query\"]\nsql = [\"x\"]", "query"),
        ("[grants.\"a.b\"]\nsqls = [\"x\"]", "sqls"),
        ("[grants.\"a.b\"]\ntools = [\"x\"]", "`x` names no tool"),
        (
            "[grants.\"a.b\"]\nhttp = [\"a.*.c\"]",
            "`a.*.c` means no host",
        ),
        (
            "[policy]\nallow-hosts = [\"ftp://a.b\"]",
            "`ftp://a.b` means no host",
        ),
        (
            "[policy]\nallow-hosts = [\"wiki\"]",
            "a host of that name is written `https://wiki`",
        ),
        (
            "[connections.x]\nurl = \"sqlite:x\"\nheaders = { a = \"b\" }",
            "which only go to a host",
        ),
        (
            "[connections.x]\nurl = \"https://u:canary@h.test/\"",
            "secrets belong into `headers`",
        ),
        (
            "[connections.x]\nurl = \"https://h.test/\"\nheaders = { \"a b\" = \"canary\" }",
            "no name of a header",
        ),
        ("[http]\nca = \"wxmcp.toml\"", "holds no certificates"),
        ("[http]\nca = \"nowhere\"", "`ca` of `[http]`"),
        ("[tools]\nfolder = \"nowhere\"", "nowhere"),
    ] {
        let folder = tree(&[("wxmcp.toml", settings), ("tools/t/a.py", "")])?;
        let printed = wx(folder.path(), &["run", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{settings}: {}", printed.stderr);
        assert!(printed.stderr.contains(words), "{}", printed.stderr);
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}
