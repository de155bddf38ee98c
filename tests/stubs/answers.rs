//! Calls are typed as they answer.

use serde_json::json;
use wxmcp_catalogue::{Definition, stubs};

use crate::checkers::{judged, mypy, put, sets, tsc};
use crate::support::TestResult;

fn edit() -> Definition {
    Definition {
        name: "edit-file".to_owned(),
        description: "Edits.".to_owned(),
        input_schema: json!({
            "$defs": {"Node": {"type": "object", "properties": {
                "name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            }, "required": ["name"]}},
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "mode": {"enum": ["fast", "slow", null]},
                "tree": {"$ref": "#/$defs/Node"},
                "limits": {"type": "object", "additionalProperties": {"type": "number"}},
            },
            "required": ["path"],
        }),
        output_schema: Some(json!({
            "type": "object",
            "properties": {"lines": {"type": "array", "items": {"type": "string"}}, "user-id": {"type": "integer"}},
            "required": ["lines"],
        })),
    }
}

#[test]
fn python_calls_are_typed_as_they_answer() -> TestResult {
    let blocking = r#"
from tools import things, ToolError, search
from tools.things import edit_file
answer = edit_file("a", mode="fast", tree={"name": "x", "below": [{"name": "y"}]}, limits={"a": 1})
answer["lines"][0].upper()
answer["nothing"]  # wrong
edit_file("a", mode="quick")  # wrong
edit_file("a", tree={"name": "x", "below": [{"nam": "y"}]})  # wrong
edit_file("a", limits={"a": "1"})  # wrong
things.edit_fil("a")  # wrong
search("x")[0]["name"].upper()
try:
    edit_file("a").get("user-id")
except ToolError as error:
    error.kind.upper()
    error.kinds  # wrong
"#;
    let awaited = r#"
import asyncio
from tools.things import edit_file
from tools import call_tool
async def main() -> None:
    one, two = await asyncio.gather(edit_file("a"), edit_file(path="b"))
    one["lines"][0].upper()
    edit_file("a")["lines"]  # wrong
    edit_file.sync("a")["lines"]
    edit_file.aio("a")["lines"]  # wrong
    (await edit_file.aio("a"))["lines"]
    (await call_tool("things.edit-file", path="a"))["lines"]
    edit_file(1)  # wrong
"#;
    let either = r#"
from tools.things import edit_file
async def main() -> None:
    (await edit_file("a"))["lines"]
    await edit_file("a", 3)  # wrong
edit_file("a")["lines"]
edit_file.sync("a")["nothing"]  # wrong
"#;
    for (calls, text) in [
        (stubs::Calls::Blocking, blocking),
        (stubs::Calls::Awaited, awaited),
        (stubs::Calls::Either, either),
    ] {
        let folder = tempfile::tempdir()?;
        put(folder.path(), &stubs::python(&sets(vec![edit()]), calls))?;
        judged(folder.path(), "calls.py", text, mypy)?;
    }
    Ok(())
}

#[test]
fn typescript_calls_are_typed_as_they_answer() -> TestResult {
    let folder = tempfile::tempdir()?;
    put(folder.path(), &stubs::typescript(&sets(vec![edit()])))?;
    let text = r#"
import things, { editFile, edit_file, type EditFileAnswer } from './tools/things';
import * as all from './tools/things';
import { things as again } from './tools';
const answer: EditFileAnswer = await editFile({ path: 'a', mode: null, tree: { name: 'x', below: [{ name: 'y' }] } });
answer.lines[0].toUpperCase();
answer.nothing; // wrong
(await edit_file('a', 'slow'))['user-id']?.toFixed();
await editFile('a', 'quick'); // wrong
await editFile({ path: 'a', tree: { name: 'x', below: [{ nam: 'y' }] } }); // wrong
await all.editFile({ path: 'a', limits: { a: '1' } }); // wrong
await things['edit-file']('a');
await things.editFil('a'); // wrong
editFile('a').lines; // wrong
again.editFile(); // wrong
const [first] = await tools.search('x');
first.name.toUpperCase();
progress('half', 1, '2'); // wrong
try { await callTool('x', { a: 1 }); } catch (e) { if (e instanceof ToolError) e.kind.toUpperCase(); }
text('x'); image(await files.readBytes('/x')); process.exit(3);
"#;
    judged(folder.path(), "calls.ts", text, tsc)
}
