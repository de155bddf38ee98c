//! A component of Python.

use std::fs;

use crate::folders::{built, has_typed_imports, wx};
use crate::support::TestResult;

const PYTHON: &str = r#"
import asyncio, sys
from tools import database
mode = sys.argv[1]
if mode == "raise":
    def fail():
        raise ValueError("é")
    fail()
if mode == "exit":
    print("leaving", end="")
    sys.exit(3)
rows, counted = await asyncio.gather(
    database.query("select * from numbers where n < ? order by n", [2]),
    database.query(sql="select count(*) as many, null as missing from numbers"),
)
print(rows, counted, input())
try:
    await database.query("select nothing")
except ToolError as error:
    print(error.kind, error.tool)
try:
    database.query.sync(sql=3)
except ToolError as error:
    print(error.kind, error)
try:
    call_tool.sync("database.query", {"sql": "select 9007199254740993 as big"})
except ToolError as error:
    print(error.kind, error)
print(tools.describe("database.query")[0]["name"], dir(database)[-1])
try:
    tools.search("x")
except ToolError as error:
    print(error)
async with asyncio.timeout(5):
    await asyncio.sleep(0.01)
try:
    text("x")
except RuntimeError as error:
    print(error)
with open("/data/python", "w") as file:
    file.write("written")
print(open("/data/given").read())
import decimal, zoneinfo, random
return {"rows": rows, "random": 0 <= random.random() < 1}
"#;

const PYTHON_PRINTS: &str = r#"[{'n': 0, 'text': 'n0', 'half': 0}, {'n': 1, 'text': 'n1', 'half': 0.5}] [{'many': 3, 'missing': None}] typed
tool-failed database.query
invalid-arguments the arguments of `database.query` do not fit: at `/sql`: expected a string, found a number
invalid-answer the answer of `database.query` does not fit its type: at `/0/big`: 9007199254740993 does not fit `f64` exactly
database.query query
a component that was built has no search of tools; its own are in `dir(tools)`
a component that was built has nobody to hand images and texts to; print, or return them
given
{"rows":[{"n":0,"text":"n0","half":0},{"n":1,"text":"n1","half":0.5}],"random":true}
"#;

#[test]
fn a_component_of_python_does_what_the_script_does() -> TestResult {
    let folder = built("report.py", PYTHON)?;
    has_typed_imports(folder.path())?;
    let args = ["run", "-v", "data:/data:rw", "out.wasm", "x"];
    let ran = wx(folder.path(), &args, "typed\n")?;
    assert_eq!(ran.stdout, PYTHON_PRINTS, "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    assert_eq!(
        fs::read_to_string(folder.path().join("data/python"))?,
        "written"
    );

    let raised = wx(folder.path(), &["run", "out.wasm", "raise"], "")?;
    let traceback = "Traceback (most recent call last):
  File \"report.py\", line 8, in <module>
    fail()
    ~~~~^^
  File \"report.py\", line 7, in fail
    raise ValueError(\"é\")
ValueError: é
";
    assert!(raised.stderr.starts_with(traceback), "{}", raised.stderr);
    assert_eq!(raised.code, Some(1));

    let exited = wx(folder.path(), &["run", "out.wasm", "exit"], "")?;
    assert_eq!(exited.stdout, "leaving", "{}", exited.stderr);
    // WASI tells success from failure, and no more.
    assert_eq!(exited.code, Some(1), "{}", exited.stderr);
    Ok(())
}
