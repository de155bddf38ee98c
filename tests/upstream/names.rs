//! Names of tools, and what a script may do with them.

use std::fs;

use serde_json::json;

use crate::place::Place;
use crate::support::{TestResult, scripted};

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
#[expect(clippy::too_many_lines, reason = "one table of cases")]
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
