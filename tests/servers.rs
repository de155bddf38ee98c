//! MCP servers as users have them: odd tools, lists that change, files of other clients, and
//! what starting costs. Their servers are `fixtures/mcp/scripted.py`.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{Printed, fixtures, wxmcp};

type TestResult = Result<(), Box<dyn Error>>;

/// A server that follows a plan.
fn scripted(plan: &Value) -> Value {
    let script = fixtures().join("mcp/scripted.py");
    json!({"command": "python3", "args": [script, plan.to_string()]})
}

/// A folder whose `.mcp.json` has these servers, and a cache of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new(servers: &Value) -> Result<Self, Box<dyn Error>> {
        Self::with(&json!({"mcpServers": servers}).to_string())
    }

    fn with(config: &str) -> Result<Self, Box<dyn Error>> {
        let place = Self(tempfile::tempdir()?);
        fs::write(place.path().join(".mcp.json"), config)?;
        Ok(place)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn wx(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        Ok(wxmcp(self.path()).args(args).output()?.into())
    }

    /// The same with a cache that nothing else uses.
    fn wx_alone(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(self.path());
        command.env("WXMCP_CACHE_DIR", self.path().join("cache"));
        Ok(command.args(args).output()?.into())
    }

    /// What a script prints that must succeed.
    fn run(&self, language: &str, source: &str) -> Result<String, Box<dyn Error>> {
        let printed = self.wx(&["run", "--lang", language, "-c", source])?;
        assert_eq!(
            printed.code,
            Some(0),
            "{}{}",
            printed.stdout,
            printed.stderr
        );
        Ok(printed.stdout)
    }
}

/// Every kind of odd tool beside one that is not: none of them loses another, each is told
/// with its reason, and called where that is possible.
#[test]
fn odd_tools_are_told_and_called() -> TestResult {
    let long = "x".repeat(300);
    let tools = json!([
        "ok", " lead", "b\nc", "look\u{200B}alike", long, "", {"name": 3}, {"description": "x"}, 4, null,
        {"name": "twice", "description": "one", "inputSchema": {"type": "object", "required": ["x"]}},
        {"name": "twice", "description": "two"},
        {"name": "schema", "inputSchema": "nonsense", "outputSchema": 3},
        {"name": "prose", "description": 5},
    ]);
    let place = Place::new(&json!({"odd": scripted(&json!({"tools": tools}))}))?;
    let names = json!([
        "ok",
        " lead",
        "b\nc",
        "look\u{200B}alike",
        long,
        "twice",
        "schema",
        "prose"
    ]);
    let python =
        format!("for n in {names}:\n    assert call_tool('odd.' + n)['tool'] == n\nprint('all')");
    assert_eq!(place.run("python", &python)?, "all\n");
    let javascript = format!(
        "import * as odd from './tools/odd';
        for (const n of {names}) {{
          if ((await callTool('odd.' + n)).tool !== n || (await odd[n]()).tool !== n) throw new Error(n);
        }}
        console.log('all');"
    );
    assert_eq!(place.run("js", &javascript)?, "all\n");

    let listed = place.wx(&["tools", "list"])?;
    assert_eq!(listed.stdout.lines().count(), 8, "{}", listed.stdout);
    for told in [
        "the name is empty",
        "the name is a number, not text",
        "it has no name",
        "the definition is a number, not an object",
        "`twice` is called `odd.twice`: the name is defined more than once, differently",
        "the input schema is not an object",
        "the output schema is not an object",
        "the description is a number, not text",
        "the name is 300 bytes long",
        "`lead` is called `odd.lead_",
        "`lookalike` is called `odd.look_alike_",
    ] {
        assert!(listed.stderr.contains(told), "{told}: {}", listed.stderr);
        let doctor = place.wx(&["doctor"])?;
        assert!(doctor.stdout.contains(told), "{told}: {}", doctor.stdout);
    }
    let refused = place.wx(&["tools", "call", "odd."])?;
    assert!(
        refused.stderr.contains("`odd.` cannot be called: "),
        "{}",
        refused.stderr
    );
    Ok(())
}

/// Names that mean something to a language, and names that look alike: each leads to its own
/// tool, and stubs of them are sources.
#[test]
fn names_that_languages_use_lead_to_their_tools() -> TestResult {
    let names = json!([
        "then",
        "toJSON",
        "toString",
        "valueOf",
        "to_string",
        "constructor",
        "__proto__",
        "default",
        "catch",
        "class",
        "import",
        "delete",
        "typeof",
        "print",
        "list",
        "sync",
        "aio",
        "__init__",
        "__getattr__",
        "getUser",
        "get_user",
        "get-user",
        "a.b",
        "a_b",
        "2fa",
        "search tools",
        "größe",
        "日本",
        "name",
        "length",
    ]);
    let place = Place::new(&json!({"odd": scripted(&json!({"tools": names}))}))?;
    let javascript = format!(
        "import * as odd from './tools/odd';
        import {{ then_ as next, sendNothing }} from './tools/odd';
        const own = ['then', 'toJSON', 'toString', 'valueOf'];
        const again = await import('./tools/odd');
        await Promise.resolve(odd);
        JSON.stringify(odd);
        for (const n of {names}) {{
          if ((await callTool('odd.' + n)).tool !== n) throw new Error(n);
          const member = own.includes(n) ? n + '_' : n;
          if ((await again[member]()).tool !== n) throw new Error(member);
        }}
        console.log(again === odd, typeof odd.then, (await next()).tool, (await odd.to_string()).tool);"
    );
    let asked = place.path().join("asked");
    let absent = place.wx(&["run", "--lang", "js", "-c", &javascript])?;
    assert!(
        absent.stderr.contains("have no `sendNothing`"),
        "{}",
        absent.stderr
    );
    let javascript = javascript.replace(", sendNothing", "");
    assert_eq!(
        place.run("js", &javascript)?,
        "true undefined then to_string\n"
    );
    let refused = place.wx(&[
        "run",
        "--lang",
        "js",
        "-c",
        "import { then } from './tools/odd';",
    ])?;
    assert!(
        refused
            .stderr
            .contains("`then` of `odd` is `then_` here: JavaScript itself calls"),
        "{}",
        refused.stderr
    );
    let python = format!(
        "from tools import odd
import ast, pathlib
for n in {names}:
    assert call_tool('odd.' + n)['tool'] == n, n
    if not n.startswith('__'):
        assert getattr(odd, n)()['tool'] == n, n
for stub in pathlib.Path('/stubs').rglob('*.pyi'):
    ast.parse(stub.read_text())
print('all')"
    );
    let export = ["tools", "export", "--format", "python", "-o", "stubs"];
    assert_eq!(place.wx(&export)?.code, Some(0));
    let run = ["run", "-v", "stubs:/stubs", "-c", &python];
    let printed = place.wx(&run)?;
    assert_eq!(printed.stdout, "all\n", "{}", printed.stderr);
    assert!(!asked.exists());
    Ok(())
}

/// Only what the script calls is called: an import of a namespace with a tool `then` is none.
#[test]
fn importing_a_namespace_calls_nothing() -> TestResult {
    let place = Place::with("{}")?;
    let asked = place.path().join("asked");
    let plan =
        json!({"tools": ["then", "toJSON", "toString", "valueOf", "default"], "asked": asked});
    let config = json!({"mcpServers": {"odd": scripted(&plan)}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let source = "import * as odd from './tools/odd';
        const again = await Promise.resolve(await import('./tools/odd'));
        try { `${odd}`; } catch {}
        try { odd + 1; } catch {}
        JSON.stringify({ odd });
        return odd === again;";
    assert_eq!(place.run("js", source)?, "true\n");
    let asked = fs::read_to_string(asked)?;
    assert!(
        asked.contains("tools/list") && !asked.contains("tools/call"),
        "{asked}"
    );
    Ok(())
}

/// A tool that another enabled is there at once, in both eras, whether the server says so
/// before its answer or after it; a misspelt one still is not.
#[test]
fn tools_that_a_call_brings_reach_the_script() -> TestResult {
    for (era, late) in [("legacy", false), ("modern", false), ("legacy", true)] {
        let extra = json!({"name": "extra_tool", "inputSchema": {"type": "object", "properties": {"s": {"type": "string"}}}});
        let plan = json!({"tools": ["load"], "loads": [extra], "era": era, "late": late});
        let place = Place::new(&json!({"lazy": scripted(&plan)}))?;
        let python = "from tools import lazy
import tools
assert not hasattr(lazy, 'extra_tool')
lazy.load()
print(lazy.extra_tool('1')['arguments'], call_tool('lazy.extra_tool', s='2')['arguments'])
print('extra_tool' in dir(lazy), tools.describe('lazy.extra_tool')[0]['name'])
try: lazy.extra_tol
except AttributeError as error: print(error)";
        assert_eq!(
            place.run("python", python)?,
            "{'s': '1'} {'s': '2'}\nTrue lazy.extra_tool\n\
             no tool `extra_tol` in `tools.lazy`; nearest: `extra_tool`\n",
            "{era} {late}"
        );
        let javascript = "import * as lazy from './tools/lazy';
            console.log(typeof lazy.extraTool);
            await lazy.load();
            console.log((await callTool('lazy.extra_tool', { s: '2' })).arguments.s);
            console.log(typeof lazy.extraTool, typeof lazy.extra_tool, typeof lazy.extraTol, Object.keys(lazy).length);
            return await lazy.extraTool({ s: '1' });";
        let printed = place.run("js", javascript)?;
        if !late {
            let expected = "undefined\n2\nfunction function undefined 2\n{\"tool\":\"extra_tool\",\"arguments\":{\"s\":\"1\"}}\n";
            assert_eq!(printed, expected, "{era}");
        }
    }
    Ok(())
}

/// What is wrong with one server costs that server; others work, and a disabled one is not
/// started and says so.
#[test]
fn one_bad_entry_of_a_file_costs_itself() -> TestResult {
    let started = "touch STARTED";
    let good = scripted(&json!({"tools": ["t"]}));
    let place = Place::with(&format!(
        "// servers\n{{\"servers\": {{\n\"good\": {good},\n\"bad\": {{\"command\": 3}},\n\
         \"far\": {{\"url\": \"https://mcp.example.invalid/\"}},\n\
         \"off\": {{\"command\": \"sh\", \"args\": [\"-c\", \"{started}\"], \"disabled\": true}},\n}},}}"
    ))?;
    assert_eq!(
        place.run("python", "return call_tool('good.t')['tool']")?,
        "t\n"
    );
    for (name, told) in [
        (
            "bad",
            ".mcp.json:4:20: servers.bad.command: expected a string, found a number",
        ),
        ("far", "servers over HTTP (`url`) are not there yet"),
        ("off", "servers.off: it is disabled there"),
    ] {
        for source in [
            format!("from tools import {name}\n{name}.t"),
            format!("call_tool('{name}.t')"),
        ] {
            let printed = place.wx(&["run", "-c", &source])?;
            assert!(
                printed.stderr.contains(told),
                "{source}: {}",
                printed.stderr
            );
        }
        let source = format!("import * as it from './tools/{name}';");
        let printed = place.wx(&["run", "--lang", "js", "-c", &source])?;
        assert!(
            printed.stderr.contains(told),
            "{source}: {}",
            printed.stderr
        );
    }
    let listed = place.wx(&["tools", "list"])?;
    assert_eq!(
        (listed.code, listed.stdout.as_str()),
        (Some(1), "good.t()\n")
    );
    for told in [
        "servers.bad.command",
        "servers over HTTP",
        "`off` is disabled",
    ] {
        assert!(listed.stderr.contains(told), "{}", listed.stderr);
    }
    assert!(!place.path().join("STARTED").exists());
    Ok(())
}

/// Relative paths are those of the file, from whatever folder wxmcp is started.
#[test]
fn paths_of_a_file_are_relative_to_it() -> TestResult {
    let plan = json!({"tools": ["where"]}).to_string();
    let script = fixtures().join("mcp/scripted.py");
    let place = Place::new(&json!({
        "rel": {"command": "bin/serve"},
        "cwd": {"command": "./bin/serve", "cwd": "sub"},
        "plain": {"command": "sh", "args": ["bin/serve"]},
    }))?;
    fs::create_dir_all(place.path().join("bin"))?;
    fs::create_dir_all(place.path().join("sub"))?;
    let serve = place.path().join("bin/serve");
    fs::write(
        &serve,
        format!("#!/bin/sh\nexec python3 {} '{plan}'\n", script.display()),
    )?;
    fs::set_permissions(&serve, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let folder = fs::canonicalize(place.path())?;
    let source = "return [call_tool(n + '.where')['where'] for n in ('rel', 'cwd', 'plain')]";
    let expected = json!([folder, folder.join("sub"), folder]).to_string() + "\n";
    for (from, config) in [("", ".mcp.json"), ("sub", "../.mcp.json")] {
        let mut command = wxmcp(&place.path().join(from));
        command.args(["run", "--mcp-config", config, "-c", source]);
        let printed = Printed::from(command.output()?);
        assert_eq!(printed.stdout, expected, "{from}: {}", printed.stderr);
    }
    Ok(())
}

/// A pattern that fits nothing gets a note: of a namespace at once, of a tool once the tools
/// are known, and no server is started for it.
#[test]
fn patterns_that_fit_nothing_are_noted() -> TestResult {
    let place = Place::with("{}")?;
    let asked = place.path().join("asked");
    let plan = json!({"tools": ["read_file", "write_file"], "asked": asked});
    let config = json!({"mcpServers": {"files": scripted(&plan)}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let note = |args: &[&str], source: &str| -> Result<String, Box<dyn Error>> {
        let printed = place.wx(&[&["run"], args, &["-c", source]].concat())?;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        Ok(printed.stderr)
    };
    for (args, source, told) in [
        (
            &["--allow-tool", "fils.*"][..],
            "1",
            "note: `fils.*` allows nothing: there is no such namespace; did you mean `files.*`?\n",
        ),
        (
            &["--deny-tool", "database.drop"],
            "1",
            "note: `database.drop` denies nothing: there is no such namespace\n",
        ),
        (&["--deny-tool", "files.write_fle"], "1", ""),
    ] {
        assert_eq!(note(args, source)?, told, "{args:?}");
    }
    assert!(!asked.exists(), "no server is started for that");
    for (args, told) in [
        (
            &["--deny-tool", "files.write_fle"],
            "note: `files.write_fle` denies nothing: there is no such tool; did you mean `files.write_file`?\n",
        ),
        (&["--deny-tool", "files.write_file"], ""),
        (&["--deny-tool", "*.write*"], ""),
        (&["--allow-tool", "files.*"], ""),
    ] {
        assert_eq!(
            note(args, "call_tool('files.read_file')")?,
            told,
            "{args:?}"
        );
    }
    fs::create_dir_all(place.path().join("tools/orders"))?;
    fs::write(
        place.path().join("tools/orders/find-all.py"),
        "from wxmcp import tool\n@tool\ndef find() -> int:\n    return 1\n",
    )?;
    fs::write(
        place.path().join("wxmcp.toml"),
        "[grants.'orders.find_all']\nsql = []\n[grants.'orders.fnd_all']\nsql = []\n[grants.'files.read_file']\nsql = []\n",
    )?;
    let told = note(&[], "1")?;
    assert_eq!(
        told,
        "note: `[grants.\"files.read_file\"]` approves nothing: there is no such namespace\n\
         note: `[grants.\"orders.fnd_all\"]` approves nothing: there is no such tool; did you mean `orders.find_all`?\n"
    );
    Ok(())
}

/// A server that is silent on the first probe is asked as it answers from then on.
#[test]
fn the_handshake_that_worked_is_remembered() -> TestResult {
    let place = Place::with("{}")?;
    let (asked, plan) = (place.path().join("asked"), place.path().join("plan"));
    let config = json!({"mcpServers": {"s": scripted(&json!({"plan": plan}))}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let call = |era: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let told = json!({"tools": ["t"], "era": era, "asked": asked});
        fs::write(&plan, told.to_string())?;
        let _ = fs::remove_file(&asked);
        let printed = place.wx_alone(&["tools", "call", "s.t"])?;
        assert_eq!(printed.code, Some(0), "{era}: {}", printed.stderr);
        let asked = fs::read_to_string(&asked)?;
        Ok(asked.lines().map(str::to_owned).collect())
    };
    let legacy = ["initialize", "tools/list", "tools/call"];
    let probed = ["server/discover", "initialize", "tools/list", "tools/call"];
    assert_eq!(call("silent")?, probed);
    assert_eq!(call("silent")?, legacy);
    assert_eq!(call("legacy")?, legacy);
    // The server is of the other era now: it is asked anew, and that is remembered.
    let modern = ["server/discover", "tools/list", "tools/call"];
    assert_eq!(call("modern")?[0], "initialize");
    assert_eq!(call("modern")?, modern);
    assert_eq!(call("legacy")?, probed);
    assert_eq!(call("legacy")?, legacy);
    // What is kept is only believed as far as it can be read.
    fs::write(place.path().join("cache/eras"), [0xFF, b'\n', b'x'])?;
    assert_eq!(call("legacy")?, probed);
    assert_eq!(call("legacy")?, legacy);
    Ok(())
}

/// Servers that answer only when all of them were asked are all listed, searched and examined.
#[test]
fn servers_start_at_the_same_time() -> TestResult {
    for command in [
        &["tools", "list"][..],
        &["tools", "search", "t"],
        &["doctor"],
        &["tools", "check"],
    ] {
        let place = Place::with("{}")?;
        let [one, two] = ["one", "two"].map(|name| place.path().join(name));
        let server = |own: &Path, other: &Path| {
            scripted(&json!({"tools": ["t"], "era": "silent", "meets": [own, other]}))
        };
        let config = json!({"mcpServers": {"a": server(&one, &two), "b": server(&two, &one)}});
        fs::write(place.path().join(".mcp.json"), config.to_string())?;
        let printed = place.wx(command)?;
        assert_eq!(
            printed.code,
            Some(0),
            "{command:?}: {}{}",
            printed.stdout,
            printed.stderr
        );
    }
    Ok(())
}

/// After the last start that is tried, errors still say why it did not work.
#[test]
fn the_reason_is_told_when_a_server_is_not_started_again() -> TestResult {
    let place = Place::new(&json!({
        "broken": {"command": "sh", "args": ["-c", "echo no licence >&2; exit 3"]},
    }))?;
    let source = "
for _ in range(6):
    try: call_tool('broken.t')
    except ToolError as error: last = str(error)
print(last)";
    let printed = place.run("python", source)?;
    assert!(
        printed.contains("it is not started again; the last time: "),
        "{printed}"
    );
    assert!(
        printed.contains("status 3") && printed.contains("no licence"),
        "{printed}"
    );
    Ok(())
}
