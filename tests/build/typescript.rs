//! A component of TypeScript.

use std::fs;

use crate::folders::{built, has_typed_imports, wx};
use crate::support::TestResult;

const TYPESCRIPT: &str = r#"
import { query } from './tools/database';
enum Mode { Raise = 'raise', Exit = 'exit' }
interface Row { n: number }
const mode: string = process.argv[2];
if (mode === Mode.Raise) {
  function fail(): never { throw new TypeError('é') }
  fail();
}
if (mode === Mode.Exit) {
  process.stdout.write('leaving');
  process.exit(3);
}
const [rows, counted] = await Promise.all([
  query('select * from numbers where n < ? order by n', [2]) as Promise<Row[]>,
  query({ sql: 'select count(*) as many, null as missing from numbers' }),
]);
console.log(rows, counted, await stdin.text());
try { await query('select nothing') } catch (error) { console.log(error.kind, error.tool) }
try { await callTool('database.query', { sql: 3 }) } catch (error) { console.log(error.kind, error.message) }
try { await fetch('https://example.com') } catch (error) { console.log(error.message) }
setTimeout(() => console.log('last'), 20);
setTimeout(() => console.log('first'), 10);
try { text('x') } catch (error) { console.log(error.message) }
await files.mkdir('/data/made/below', { recursive: true });
await files.append('/data/made/below/typescript', 'writ');
await files.append('/data/made/below/typescript', 'ten');
console.log(await files.readText('/data/given'), await files.list('/data/made'), await files.exists('/data/x'));
try { await files.readText('/data/made') } catch (error) { console.log(error.code) }
console.log((await tools.describe(query))[0].name, process.env.KEY);
return { rows };
"#;

const TYPESCRIPT_PRINTS: &str = "\
[ { n: 0, text: 'n0', half: 0 }, { n: 1, text: 'n1', half: 0.5 } ] [ { many: 3, missing: null } ] typed

tool-failed database.query
invalid-arguments the arguments of `database.query` do not fit: at `/sql`: expected a string, found a number
fetch: a component that was built has no requests of its own; call a tool for it
a component that was built has nobody to hand images and texts to; print, or return them
given [ 'below' ] false
EBADF
database.query value
first
last
{\"rows\":[{\"n\":0,\"text\":\"n0\",\"half\":0},{\"n\":1,\"text\":\"n1\",\"half\":0.5}]}
";

#[test]
fn a_component_of_typescript_does_what_the_script_does() -> TestResult {
    let folder = built("report.ts", TYPESCRIPT)?;
    has_typed_imports(folder.path())?;
    let args = [
        "run",
        "-e",
        "KEY=value",
        "-v",
        "data:/data:rw",
        "out.wasm",
        "x",
    ];
    let ran = wx(folder.path(), &args, "typed\n")?;
    assert_eq!(ran.stdout, TYPESCRIPT_PRINTS, "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let written = folder.path().join("data/made/below/typescript");
    assert_eq!(fs::read_to_string(written)?, "written");

    let raised = wx(folder.path(), &["run", "out.wasm", "raise"], "")?;
    let traceback = "TypeError: é\n    at fail (report.ts:7:34)\n    at report.ts:8:3\n";
    assert!(raised.stderr.starts_with(traceback), "{}", raised.stderr);
    assert_eq!(raised.code, Some(1));

    let exited = wx(folder.path(), &["run", "out.wasm", "exit"], "")?;
    assert_eq!(exited.stdout, "leaving", "{}", exited.stderr);
    assert_eq!(exited.code, Some(1), "{}", exited.stderr);
    Ok(())
}
