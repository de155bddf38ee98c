//! Tools by names that scripts declare nowhere: no server starts before a tool is called.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{Printed, TestResult, scripted, tree, wxmcp};

/// Two servers that note each request in a file of their own.
fn place() -> Result<tempfile::TempDir, Box<dyn Error>> {
    let folder = tree(&[("tools/shop/price.js", "export const price = () => 2;")])?;
    let server = |name: &str, tools: &[&str]| {
        scripted(&json!({"tools": tools, "asked": folder.path().join(name)}))
    };
    let config = json!({"mcpServers": {
        "github": server("github.asked", &["list_issues", "create_issue"]),
        "my-server": server("mine.asked", &["list_issues", "ping"]),
    }});
    fs::write(folder.path().join(".mcp.json"), config.to_string())?;
    Ok(folder)
}

/// What a script prints, and which of the servers were asked for anything.
fn run(
    folder: &Path,
    script: &str,
    source: &str,
) -> Result<(String, Vec<&'static str>), Box<dyn Error>> {
    fs::write(folder.join(script), source)?;
    let printed = Printed::from(wxmcp(folder).args(["run", script]).output()?);
    let mut started = Vec::new();
    for (name, file) in [("github", "github.asked"), ("mine", "mine.asked")] {
        if fs::remove_file(folder.join(file)).is_ok() {
            started.push(name);
        }
    }
    Ok((printed.stdout + &printed.stderr, started))
}

#[test]
fn names_are_looked_up_without_starting_a_server() -> TestResult {
    let folder = place()?;
    for (script, source, expected) in [
        (
            "a.py",
            "g = github\nprint('github' in globals(), hasattr(tools, 'github'), 'my_server' in tools, len(dir()) > 3)\n\
             print(tools.github is g, mcp['my-server'], codemode, sorted(mcp), bool(g))\n\
             try:\n    gitlab\nexcept NameError as error:\n    print(error)\n\
             if False:\n    list_issues(); tools.list_issues()",
            "True True True True\n\
             True <module 'tools.my_server' of tools> <codemode: tools> ['github', 'my_server', 'shop'] True\n\
             name 'gitlab' is not defined\n",
        ),
        (
            "a.ts",
            "const g = github, list = github.listIssues;\n\
             console.log(typeof github, typeof list, 'github' in globalThis, 'my_server' in tools, tools.github === g);\n\
             console.log(typeof mcp['my-server'], typeof codemode, Object.keys(tools).length, typeof gitlab, g);\n\
             if (Date.now() === 0) { await list_issues(); await tools.list_issues(); await list({}); }",
            "object function true true true\nobject object 6 undefined [tools of github]\n",
        ),
        ("b.py", "print('no name of ours')", "no name of ours\n"),
        // An attribute that is only read is looked up when it is called.
        (
            "c.py",
            "find, ping = github.create_issue, mcp['my-server'].ping\nactions = {'list': tools.github.list_issues}\n\
             print(callable(find), find, ping, len(actions))",
            "True <tool github.create_issue> <tool my_server.ping> 1\n",
        ),
    ] {
        let told = run(folder.path(), script, source)?;
        assert_eq!(told, (expected.to_owned(), vec![]), "{script}");
    }
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn a_call_starts_the_server_that_it_needs() -> TestResult {
    let folder = place()?;
    for (script, source, expected, started) in [
        (
            "a.py",
            "print(github.create_issue(title='x')['tool'])",
            "create_issue\n",
            vec!["github"],
        ),
        (
            "a.js",
            "console.log((await github.createIssue({ title: 'x' })).tool)",
            "create_issue\n",
            vec!["github"],
        ),
        (
            "aa.py",
            "find = github.create_issue\nwrong = github.create_isue\nprint(find(title='x')['tool'])\n\
             try:\n    wrong()\nexcept AttributeError as error:\n    print(error)",
            "create_issue\nno tool `create_isue` in `tools.github`; nearest: `create_issue`, `list_issues`\n",
            vec!["github"],
        ),
        (
            "b.py",
            "print(mcp['my-server'].ping()['tool'])",
            "ping\n",
            vec!["mine"],
        ),
        (
            "b.js",
            "console.log((await tools['my-server'].ping({})).tool)",
            "ping\n",
            vec!["mine"],
        ),
        (
            "c.py",
            "print(github_list_issues()['tool'])",
            "list_issues\n",
            vec!["github"],
        ),
        (
            "c.js",
            "console.log((await codemode.my_server_ping({})).tool)",
            "ping\n",
            vec!["mine"],
        ),
        // A name alone could be any server's.
        (
            "d.py",
            "print(ping()['tool'])",
            "ping\n",
            vec!["github", "mine"],
        ),
        (
            "d.js",
            "console.log((await ping({})).tool)",
            "ping\n",
            vec!["github", "mine"],
        ),
        (
            "e.py",
            "print(price(), shop.price())",
            "2 2\n",
            vec!["github", "mine"],
        ),
    ] {
        let told = run(folder.path(), script, source)?;
        assert_eq!(told, (expected.to_owned(), started), "{script}");
    }
    let (told, _) = run(folder.path(), "f.py", "list_issues()")?;
    let names = "`github.list_issues`, `my_server.list_issues`";
    assert!(
        told.contains(&format!("several namespaces: {names}")),
        "{told}"
    );
    Ok(())
}
