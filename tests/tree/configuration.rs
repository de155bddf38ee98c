//! `wxmcp.toml`: what is refused in it, and what it shows of itself.

use crate::support::{TestResult, tree, wx};

/// An error names the line of `wxmcp.toml`, and does not show it: it may hold a secret.
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
#[expect(clippy::too_many_lines, reason = "one table of cases")]
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
        ("[grants.\"a.b\"]\ntools = [\"x\"]", "it names no tool"),
        ("[grants.\"a.b\"]\nhttp = [\"a.*.c\"]", "it means no host"),
        (
            "[policy]\nallow-hosts = [\"ftp://a.b\"]",
            "policy.allow-hosts[0]",
        ),
        (
            "[policy]\nallow-hosts = [\"wiki\"]",
            "a host of one word is written with `https://`",
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
        (
            "[connections.x]\nurl = \"sqlite:x\"\naddresses = [\"10.0.0.7\"]",
            "a file of SQLite has none",
        ),
        (
            "[connections.x]\nurl = \"https://h.test/\"\naddresses = [\"10.0.0.7\", \"canary\"]",
            "connections.x.addresses[1]",
        ),
        ("[http]\nca = \"wxmcp.toml\"", "holds no certificates"),
        ("[http]\nca = \"canary\"", "`ca` of `[http]`"),
        (
            "[limits]\nmemory = \"canary\"",
            "line 2: limits.memory: expected a size",
        ),
        (
            "[limits]\ntimeout = \"canary\"",
            "limits.timeout: expected a time",
        ),
        ("[policy]\nenv = [\"=canary\"]", "NAME=VALUE"),
        ("[policy]\nvolumes = [\"canary\"]", "policy.volumes[0]"),
        (
            "[policy]\nallow-tools = [\"canary\"]",
            "policy.allow-tools[0]",
        ),
        (
            "[tools]\nfolder = \"canary\"",
            "tools.folder: there is no such folder",
        ),
    ] {
        let folder = tree(&[("wxmcp.toml", settings), ("tools/t/a.py", "")])?;
        let printed = wx(folder.path(), &["run", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{settings}: {}", printed.stderr);
        assert!(printed.stderr.contains(words), "{}", printed.stderr);
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}
