//! `wxmcp test`: tests of scripts in both languages, as a user runs them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Printed, TestResult, fixture_config, repository, tree, wx};

const ECHO: &str = "\
import sys, time
from tools import github
print('started', int(time.time()), sys.argv[1:], sys.stdin.read())
time.sleep(300)
github.list_issues(repo='core', count=2)
";

/// What `wxmcp test` prints, without times, of one file beside `a.py`.
fn test_of(script: &str, test: &str) -> Result<Printed, Box<dyn std::error::Error>> {
    let folder = tree(&[("a.py", script), ("a_test.py", test)])?;
    tested(folder.path(), &["a_test.py"])
}

fn tested(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn std::error::Error>> {
    let printed = wx(folder, &[&["test"], args].concat())?;
    Ok(Printed {
        stdout: without_times(&printed.stdout),
        ..printed
    })
}

/// A text without the times at the ends of its lines.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let is_time = |end: &str| end.ends_with(" ms") || end.ends_with(" s)");
        match line.rsplit_once("  ").or(line.rsplit_once(" (")) {
            Some((rest, end)) if is_time(end) || is_time(&format!(" {end}")) => rest,
            _ => line,
        }
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_a_test_gives_is_what_its_script_gets() -> TestResult {
    let test = "\
from wxmcp_test import run

def test_all():
    report = run('a.py', ['x', 2], stdin='typed', tools={'github.list_issues': lambda repo, count: [repo] * count})
    assert report.stdout == \"started 1767225600 ['x', '2'] typed\\n\"
    assert report.value == ['core', 'core']
    assert [(call.name, call.arguments) for call in report.calls] == [
        ('github.list_issues', {'repo': 'core', 'count': 2})]

def test_exit_code():
    report = run('a.py', tools={'github.list_issues': {}}, now='2030-01-01T00:00:00Z')
    assert report.outcome == 'returned' and '1893456000' in report.stdout
";
    let printed = test_of(ECHO, test)?;
    assert_eq!(
        printed.stdout,
        "ok       a_test.py: test_all\nok       a_test.py: test_exit_code\nran 2 tests in 1 file: 2 passed\n",
        "{}",
        printed.stderr
    );
    assert_eq!(printed.code, Some(0));
    Ok(())
}

#[test]
fn a_comparison_that_is_false_shows_both_sides() -> TestResult {
    let test = "\
from wxmcp_test import run

def test_value():
    report = run('a.py')
    assert report.value == {'open': 3, 'closed': 1}

def test_contains():
    print('looked')
    assert 4 in [1, 2]

def test_own_words():
    assert run('a.py').value['open'] > 5, 'too few are open'
";
    let printed = test_of("{'open': 2, 'closed': 1}", test)?;
    let expected = "\
FAILED   a_test.py: test_value
    a_test.py:5: assert report.value == {'open': 3, 'closed': 1}
    - right, + left
    - {'closed': 1, 'open': 3}
    + {'closed': 1, 'open': 2}
FAILED   a_test.py: test_contains
    a_test.py:9: assert 4 in [1, 2]
    left:  4
    right: [1, 2]
    the test printed:
      looked
FAILED   a_test.py: test_own_words
    a_test.py:12: assert run('a.py').value['open'] > 5, 'too few are open'
    too few are open
    left:  2
    right: 5
ran 3 tests in 1 file: 0 passed, 3 failed
";
    assert_eq!((printed.stdout.as_str(), printed.code), (expected, Some(1)));
    Ok(())
}

#[test]
fn typescript_shows_both_sides_and_its_own_lines() -> TestResult {
    let test = "\
import assert from 'node:assert';
import { assertEqual, run, test } from 'wxmcp/test';
interface Page { open: number }
test('value', async () => {
  const report = await run('a.ts', { args: ['7'] });
  const page: Page = report.value;
  assertEqual(page, { open: 8 });
});
test('node', async () => {
  assert.deepStrictEqual([1], [2]);
});
test('passes', () => assertEqual({ a: [1] }, { a: [1] }));
test('raises', async () => { null!.x; });
test('unknown', async () => { await run('a.ts', { tool: {} } as any); });
";
    let folder = tree(&[
        (
            "a.ts",
            "return { open: Number(process.argv[2]) as number };",
        ),
        ("a.test.ts", test),
    ])?;
    let printed = tested(folder.path(), &["."])?;
    for part in [
        "FAILED   ./a.test.ts: value\n    ./a.test.ts:7: assertEqual(page, { open: 8 });\n    - right, + left\n    - { open: 8 }\n    + { open: 7 }\n",
        "./a.test.ts:10: assert.deepStrictEqual([1], [2]);\n    - right, + left\n    - [ 2 ]\n    + [ 1 ]\n",
        "ok       ./a.test.ts: passes\n",
        "./a.test.ts:13: test('raises'",
        "TypeError: run has no option `tool`",
        "ran 5 tests in 1 file: 1 passed, 4 failed\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
fn a_call_that_no_stub_answers_fails_by_name_whatever_the_script_catches() -> TestResult {
    let script = "\
from tools import github
try:
    github.list_issues(repo='core')
except Exception as error:
    print('caught')
try:
    call_tool('github.close_issue', {'number': 3})
except Exception:
    print('caught')
";
    let test = "\
from wxmcp_test import run

def test_near():
    run('a.py', tools={'github.list_issues': [], 'github.close_isue': None})

def test_member():
    # A tool of a namespace that has other stubs.
    run('a.py', tools={'github.close_issue': None})

def test_no_stubs():
    run('a.py')

def test_stubbed():
    report = run('a.py', tools={'github.list_issues': [], 'github.close_issue': None})
    assert report.stdout == ''
";
    let printed = test_of(script, test)?;
    let expected = "\
FAILED   a_test.py: test_near
    a_test.py:4: run('a.py', tools={'github.list_issues': [], 'github.close_isue': None})
    Failed: a.py, line 7: no stub answers the call of `github.close_issue` with {\"number\":3}; the nearest is `github.close_isue`
FAILED   a_test.py: test_member
    a_test.py:8: run('a.py', tools={'github.close_issue': None})
    Failed: a.py, line 3: no stub answers the call of `github.list_issues` with {\"repo\":\"core\"}; the nearest is `github.close_issue`
FAILED   a_test.py: test_no_stubs
    a_test.py:11: run('a.py')
    Failed: a.py, line 3: no stub answers the call of `github.list_issues` with {\"repo\":\"core\"}; the test has no stubs
ok       a_test.py: test_stubbed
ran 4 tests in 1 file: 1 passed, 3 failed
";
    assert_eq!(printed.stdout, expected, "{}", printed.stderr);
    Ok(())
}

#[test]
fn a_script_in_typescript_has_no_stub_either() -> TestResult {
    let script = "\
import { closeIssue } from './tools/github';
await closeIssue({ number: 3 });
";
    let test = "\
import { run, test } from 'wxmcp/test';
test('missing', async () => { await run('a.ts', { tools: { 'github.close_isue': 1 } }); });
test('there', async () => { await run('a.ts', { tools: { 'github.close_issue': 1 } }); });
";
    let folder = tree(&[("a.ts", script), ("a.test.ts", test)])?;
    let printed = tested(folder.path(), &["a.test.ts"])?;
    for part in [
        "no stub answers the call of `github.closeIssue` with {\"number\":3}; the nearest is `github.close_isue`",
        "ok       a.test.ts: there\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
fn what_a_stub_raises_is_an_error_of_the_tool_but_an_assertion_fails_the_test() -> TestResult {
    let script = "\
from tools import github
try:
    github.list_issues()
except ToolError as error:
    value = [error.kind, str(error), error.data]
value
";
    let test = "\
from wxmcp_test import ToolError, run

def raises(**arguments):
    raise ValueError('no such repository')

def test_exceptions():
    assert run('a.py', tools={'github.list_issues': raises}).value == ['tool-failed', 'no such repository', None]
    limited = ToolError('slow down', kind='limit-reached', data={'after': 3})
    assert run('a.py', tools={'github.list_issues': limited}).value == ['limit-reached', 'slow down', {'after': 3}]

def test_unknown_kind():
    run('a.py', tools={'github.list_issues': ToolError('x', kind='odd')})

def test_assertion():
    def asked(repo='none'):
        assert repo == 'core'
    run('a.py', tools={'github.list_issues': asked})

def test_no_json():
    run('a.py', tools={'github.list_issues': object()})
";
    let printed = test_of(script, test)?;
    for part in [
        "ok       a_test.py: test_exceptions\n",
        "Failed: the stub of `github.list_issues`: unknown variant `odd`",
        "a_test.py:16: assert repo == 'core'\n    - right, + left\n    - 'core'\n    + 'none'\n",
        "Failed: the stub of `github.list_issues` answered what is no JSON",
        "ran 4 tests in 1 file: 1 passed, 3 failed\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

const GATHERED: &str = "\
import asyncio
from tools import web
async def main():
    return await asyncio.gather(*(web.fetch(n=n) for n in range(3)))
await main()
";

#[test]
fn calls_made_at_once_are_answered_at_once_by_async_stubs() -> TestResult {
    let python = "\
import asyncio
from wxmcp_test import run

async def test_gathered():
    began, last = [], asyncio.Event()
    async def fetch(n):
        began.append(n)
        if n == 2:
            last.set()
        await last.wait()
        return n * 10
    report = await run('a.py', tools={'web.fetch': fetch})
    assert (began, report.value) == ([0, 1, 2], [0, 10, 20])

async def test_many_scripts_at_once():
    reports = await asyncio.gather(*(run('a.py', tools={'web.fetch': k}) for k in range(9)))
    assert [report.value for report in reports] == [[k] * 3 for k in range(9)]

async def test_lost():
    run('a.py', tools={'web.fetch': 1})
";
    let typescript = "\
import { assertEqual, run, test } from 'wxmcp/test';
test('gathered', async () => {
  let last: () => void;
  const came = new Promise<void>((resolve) => (last = resolve));
  const report = await run('a.py', {
    tools: { 'web.fetch': async ({ n }) => { if (n === 2) last(); await came; return n * 10; } },
  });
  assertEqual(report.value, [0, 10, 20]);
});
test('lost', async () => { run('a.py', { tools: { 'web.fetch': 1 } }); });
";
    let files = [
        ("a.py", GATHERED),
        ("a_test.py", python),
        ("b.test.ts", typescript),
    ];
    let printed = tested(tree(&files)?.path(), &["."])?;
    for part in [
        "ok       ./a_test.py: test_gathered\nok       ./a_test.py: test_many_scripts_at_once\n",
        "a_test.py:20: run('a.py', tools={'web.fetch': 1})\n    Failed: this `run` was not awaited\n",
        "ok       ./b.test.ts: gathered\n",
        "./b.test.ts:10: test('lost'",
        "ran 5 tests in 2 files: 3 passed, 2 failed\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
fn a_tool_tree_says_what_its_stubs_take_and_answer() -> TestResult {
    let total = "\
def total(customer: str, year: int = 2026) -> int:
    return len(customer) + year
";
    let test = "\
from wxmcp_test import REAL, run

def test_stub():
    report = run('a.py', ['ada'], tools={'orders.total': lambda customer, year: year})
    assert report.value == 3

def test_real():
    assert run('a.py', ['ada'], tools={'orders.total': REAL}).value == 6

def test_wrong_answer():
    run('a.py', ['ada'], tools={'orders.total': 'many'})

def test_wrong_arguments():
    report = run('a.py', ['ada', 'no number'], tools={'orders.total': 3})
    assert report.error.message.startswith('the arguments of `orders.total` do not fit')
    assert report.outcome == 'raised'

def test_misspelt():
    run('a.py', tools={'orders.totals': 3})

def test_nothing():
    run('a.py', ['ada'])

def test_real_of_a_server():
    run('a.py', tools={'github.list': REAL})
";
    let script = "\
import sys
from tools import orders
orders.total(sys.argv[1], sys.argv[2] if sys.argv[2:] else 3)
";
    let folder = tree(&[
        ("tools/orders/total.py", total),
        ("scripts/a.py", script),
        ("scripts/a_test.py", test),
    ])?;
    let printed = tested(folder.path(), &["scripts"])?;
    for part in [
        "ok       scripts/a_test.py: test_stub\nok       scripts/a_test.py: test_real\n",
        "Failed: a.py, line 3: a stub is wrong: the answer of `orders.total` is not what the tool declares",
        "ok       scripts/a_test.py: test_wrong_arguments\n",
        "there is a stub of `orders.totals`, and no such tool in the tool tree; the nearest is `orders.total`",
        "no stub answers the call of `orders.total` with {\"customer\":\"ada\",\"year\":3}; the test has no stubs",
        "`github.list` is no tool file, which `REAL` runs",
        "ran 7 tests in 1 file: 3 passed, 4 failed\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
fn stubs_are_asked_in_the_order_of_the_calls() -> TestResult {
    let script = "\
import asyncio
from tools import orders, web
async def main():
    return await asyncio.gather(*((orders.total if n % 2 else web.fetch)(n=n) for n in range(200)))
await main()
";
    let test = "\
from wxmcp_test import REAL, run

async def test_stubs():
    order = []
    async def asked(n):
        order.append(n)
        return n
    report = await run('a.py', tools={'orders.total': asked, 'web.fetch': asked})
    assert (report.value, order) == (list(range(200)), list(range(200)))

async def test_real():
    order = []
    def fetch(n):
        order.append(n)
        return n
    report = await run('a.py', tools={'orders.total': REAL, 'web.fetch': fetch})
    assert report.value == [n * 2 if n % 2 else n for n in range(200)]
    assert order == list(range(0, 200, 2))
";
    let folder = tree(&[
        (
            "tools/orders/total.py",
            "def total(n: int) -> int:\n    return n * 2\n",
        ),
        ("a.py", script),
        ("a_test.py", test),
    ])?;
    let printed = tested(folder.path(), &["a_test.py"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stdout);
    Ok(())
}

#[test]
fn a_recording_answers_and_each_call_must_be_one_of_it() -> TestResult {
    let script = "\
import sys, time
from tools import fixture
print(time.time() > 0, sys.argv[1:])
[fixture.add(a=n, b=1) for n in range(2)]
";
    let test = "\
from wxmcp_test import run

def test_recorded():
    report = run('a.py', recording='a.wxr')
    assert (report.value, report.stdout) == ([1, 2], \"True ['x']\\n\")

def test_own_arguments():
    assert run('a.py', ['y'], recording='a.wxr').stdout == \"True ['y']\\n\"

def test_stub_before_recording():
    stubs = {'fixture.add': lambda a, b: a * 100}
    run('a.py', recording='a.wxr', tools=stubs)

def test_other_calls():
    run('b.py', recording='a.wxr')

def test_with_a_seed():
    run('a.py', recording='a.wxr', seed=3)

def test_project():
    assert run('scripts/c.py', recording='c.wxr').value == 'helped'
";
    let folder = tree(&[
        ("a.py", script),
        ("b.py", &script.replace("b=1", "b=n")),
        ("scripts/c.py", "import helper\nhelper.word"),
        ("scripts/helper.py", "word = 'helped'\n"),
        ("a_test.py", test),
    ])?;
    let config = fixture_config();
    let live = wx(
        folder.path(),
        &["record", "--mcp-config", &config, "a.py", "x"],
    )?;
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    let project = ["record", "--project", ".", "-o", "c.wxr", "scripts/c.py"];
    let live = wx(folder.path(), &project)?;
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    let printed = tested(folder.path(), &["a_test.py"])?;
    for part in [
        "ok       a_test.py: test_recorded\nok       a_test.py: test_own_arguments\n",
        "ok       a_test.py: test_project\n",
        "ok       a_test.py: test_stub_before_recording\n",
        "b.py, line 4: the script differs from the recording at event",
        "-   \"b\": 1",
        "+   \"b\": 0",
        "`files`, `project`, `now` and `seed` do not go with it",
        "ran 6 tests in 1 file: 4 passed, 2 failed\n",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
fn what_does_not_end_is_stopped_by_name() -> TestResult {
    let script = "\
import sys
if sys.argv[1:]:
    while True: pass
from tools import github
github.list_issues()
";
    let test = "\
import asyncio
from wxmcp_test import run

def test_stub():
    async def never():
        await asyncio.Event().wait()
    run('a.py', tools={'github.list_issues': never})

def test_script():
    report = run('a.py', ['loop'], timeout=0.05)
    assert (report.outcome, report.error.limit) == ('stopped', 'wall-time')

def test_script_without_a_limit():
    run('a.py', ['loop'])

def test_itself():
    while True: pass

def test_yields():
    yield

def test_exits():
    raise SystemExit(0)

def test_after():
    assert run('a.py', tools={'github.list_issues': 5}).value == 5
";
    let folder = tree(&[("a.py", script), ("a_test.py", test)])?;
    let printed = tested(folder.path(), &["--timeout", "2s", "a_test.py"])?;
    let expected = "\
ERROR    a_test.py: test_stub
    stopped by the time limit of 2 s
      `a.py` was waiting for the stub of `github.list_issues`
ok       a_test.py: test_script
ERROR    a_test.py: test_script_without_a_limit
    stopped by the time limit of 2 s
      `a.py` was still running
ERROR    a_test.py: test_itself
    stopped by the time limit of 2 s
FAILED   a_test.py: test_yields
    a_test.py
    TypeError: a test returns nothing, and `test_yields` returned generator
ERROR    a_test.py: test_exits
    the test ended itself, with exit code 0
ok       a_test.py: test_after
ran 7 tests in 1 file: 2 passed, 5 failed
";
    assert_eq!((printed.stdout.as_str(), printed.code), (expected, Some(1)));
    Ok(())
}

#[test]
fn a_test_starts_a_thousand_scripts_and_no_more() -> TestResult {
    let test = "\
from wxmcp_test import run

def test_many():
    for n in range(10_000):
        run('missing.py') if n >= 1000 else started()

def started():
    try:
        run('missing.py')
    except AssertionError as error:
        assert str(error) == 'there is no file `missing.py` beside the test'
";
    let printed = test_of("", test)?;
    let part = "Failed: a test runs at most 1000 scripts";
    assert!(printed.stdout.contains(part), "{}", printed.stdout);
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn a_test_has_nothing_but_its_folder_and_a_script_has_no_test() -> TestResult {
    let test = "\
import os
from wxmcp_test import run

def test_folder():
    assert sorted(os.listdir('/project')) == ['a.py', 'a_test.py', 'inner.py']
    try:
        open('/project/a.py', 'w')
    except OSError:
        pass
    else:
        assert False

def test_tools():
    try:
        call_tool('orders.total')
    except ToolError as error:
        assert error.kind == 'unknown-tool'

def test_outside():
    run('../secret.py')

def test_script():
    assert run('a.py', env={'A': '1'}).value == ['No such file or directory', {'A': '1'}]

def test_recursion():
    run('inner.py')

def test_project():
    assert run('a.py', project=True).value[0] == 'found'
";
    let script = "\
import os, sys
try:
    os.listdir('/project'); first = 'found'
except OSError as error:
    first = error.strerror
[first, {k: v for k, v in os.environ.items() if k == 'A'}]
";
    let outer = tree(&[
        ("secret.py", "1"),
        ("in/a.py", script),
        (
            "in/inner.py",
            "call_tool('wxmcp_test.start', {'script': 'a.py'})",
        ),
        ("in/a_test.py", test),
        (
            "tools/orders/total.py",
            "def total() -> int:\n    return 1\n",
        ),
    ])?;
    let printed = tested(outer.path(), &["in"])?;
    for part in [
        "ok       in/a_test.py: test_folder\nok       in/a_test.py: test_tools\n",
        "Failed: `../secret.py` is outside of what the test sees",
        "ok       in/a_test.py: test_script\n",
        "inner.py, line 1: no stub answers the call of `wxmcp_test.start` with {\"script\":\"a.py\"}",
        "ok       in/a_test.py: test_project",
    ] {
        assert!(printed.stdout.contains(part), "{part}\n{}", printed.stdout);
    }
    let larger = tested(
        outer.path(),
        &["--project", ".", "--filter", "test_outside", "in"],
    )?;
    let expected = "ok       in/a_test.py: test_outside\nran 1 test in 1 file: 1 passed\n";
    assert_eq!(larger.stdout, expected, "{}", larger.stderr);
    Ok(())
}

#[test]
fn files_are_given_and_looked_at_afterwards() -> TestResult {
    let script = "\
text = open('/data/in/orders.csv').read()
open('/data/out.txt', 'w').write(text.upper())
open('/data/raw', 'wb').write(b'\\xff')
";
    let test = "\
from wxmcp_test import run

def test_files():
    report = run('a.py', files={'/data/in/orders.csv': 'a,b'})
    assert report.files == {'/data/in/orders.csv': 'a,b', '/data/out.txt': 'A,B', '/data/raw': None}

def test_odd():
    run('a.py', files={'data/x': ''})
";
    let printed = test_of(script, test)?;
    assert!(
        printed.stdout.contains("ok       a_test.py: test_files\n"),
        "{}",
        printed.stdout
    );
    let part = "`files`: `data/x` is no path of a file in a folder";
    assert!(printed.stdout.contains(part), "{}", printed.stdout);
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn programs_and_ci_systems_read_how_it_went() -> TestResult {
    let test = "\
from wxmcp_test import run

def test_passes():
    print('<&> in the test')

def test_fails():
    assert run('a.py').value == '<right>'
";
    let folder = tree(&[
        ("a.py", "'<left>'"),
        ("a_test.py", test),
        ("broken_test.py", "def test_x(:\n"),
        ("empty_test.py", ""),
        ("node_modules/a/a.test.js", "throw 1"),
        (
            "unittest_test.py",
            "class TestA:\n    def test_a(self): pass\n",
        ),
    ])?;
    let run = |args: &[&str]| wx(folder.path(), &[&["test", "."], args].concat());
    let printed = run(&["--json", "--junit", "out.xml"])?;
    assert_eq!(printed.code, Some(1), "{}", printed.stderr);
    let lines: Result<Vec<Value>, _> = printed.stdout.lines().map(serde_json::from_str).collect();
    let lines = lines?;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("-");
            format!("{} {} {}", text("file"), text("test"), text("outcome"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "./a_test.py test_passes passed",
            "./a_test.py test_fails failed",
            "./broken_test.py - error",
            "./empty_test.py - error",
            "./unittest_test.py - error",
        ]
    );
    let difference = lines.get(1).and_then(|line| line.get("difference"));
    assert_eq!(
        difference.and_then(Value::as_str),
        Some("- right, + left\n- '<right>'\n+ '<left>'")
    );
    let written = fs::read_to_string(folder.path().join("out.xml"))?;
    let checked = std::process::Command::new("python3")
        .args(["-c", "import sys, xml.etree.ElementTree as t\nr = t.parse(sys.argv[1]).getroot()\nprint(r.tag, r.get('name'), r.get('tests'), r.get('failures'), r.get('errors'), [s.get('name') for s in r])"])
        .arg(folder.path().join("out.xml"))
        .output()?;
    assert_eq!(
        String::from_utf8(checked.stdout)?,
        "testsuites wxmcp test 5 1 3 ['./a_test.py', './broken_test.py', './empty_test.py', './unittest_test.py']\n",
        "{written}"
    );
    let quiet = run(&["-q"])?.stdout;
    assert!(!quiet.contains("test_passes"), "{quiet}");
    assert!(quiet.contains("SyntaxError"), "{quiet}");
    assert!(quiet.contains("there is no test in it"), "{quiet}");
    assert!(
        quiet.contains("`TestA` is a class: tests are functions"),
        "{quiet}"
    );
    Ok(())
}

#[test]
fn a_command_that_has_no_test_to_run_is_usage() -> TestResult {
    let folder = tree(&[("a.py", ""), ("a_test.py", "def test_x(): pass\n")])?;
    for (args, part) in [
        (&["a.py"][..], "`a.py` is no file of tests"),
        (
            &["--filter", "nothing", "."],
            "there is no test that has `nothing` in its name",
        ),
        (&["missing_test.py"], "read `missing_test.py`"),
        (
            &["--project", "/usr", "a_test.py"],
            "is not in the project `/usr`",
        ),
    ] {
        let printed = tested(folder.path(), args)?;
        assert_eq!(printed.code, Some(2), "{}", printed.stdout);
        assert!(printed.stderr.contains(part), "{part}: {}", printed.stderr);
    }
    Ok(())
}

#[test]
fn the_examples_pass() -> TestResult {
    let printed = wx(repository(), &["test", "examples/testing"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stdout);
    Ok(())
}

#[test]
fn a_test_that_would_pass_without_being_run_is_refused() -> TestResult {
    let typescript = "\
import { assertEqual, test } from 'wxmcp/test';
test('generator', function* () { assertEqual(1, 2); });
test('outer', () => { test('inner', () => assertEqual(1, 2)); });
test('one value', () => assertEqual(undefined));
test('a promise', () => assertEqual(Promise.resolve(1), Promise.resolve(2)));
test('all right', async () => { assertEqual(await Promise.resolve(1), 1); });
";
    let python = "def test_twice():\n    assert False\n\n\ndef test_twice():\n    pass\n";
    let folder = tree(&[("a.test.ts", typescript), ("b_test.py", python)])?;
    let ran = wx(folder.path(), &["test", "."])?;
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    for said in [
        "a test returns nothing, and this one returned Generator",
        "the test \"inner\" is inside of another one, which does not run it",
        "assertEqual takes two values",
        "assertEqual was given a promise: await it",
        "two tests are called `test_twice`",
        "1 passed",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    Ok(())
}

/// A stub counts before the recording, whose calls of that tool need not be made.
#[test]
fn a_stub_replaces_what_was_recorded() -> TestResult {
    let tool = "def now() -> str:\n    \"\"\"Says when.\"\"\"\n    return 'recorded'\n";
    let test = "\
from wxmcp_test import run

def test_one():
    report = run('s.py', recording='s.wxr', tools={'when.now': 'stubbed'})
    assert report.stdout == 'stubbed\\n'

def test_other():
    assert run('s.py', recording='s.wxr').stdout == 'recorded\\n'
";
    let folder = tree(&[
        ("tools/when/now.py", tool),
        ("s.py", "from tools import when\nprint(when.now())\n"),
        ("s_test.py", test),
    ])?;
    let recorded = wx(folder.path(), &["record", "s.py"])?;
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    let ran = wx(folder.path(), &["test", "s_test.py"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("2 passed"), "{}", ran.stdout);
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one test after the other")]
fn what_nobody_waits_for_fails_its_test_in_python() -> TestResult {
    let test = "\
import asyncio, threading
from wxmcp_test import run

kept = []

def wrong():
    assert run('a.py').value == 2

async def late():
    assert 1 > 2

def test_thread():
    thread = threading.Thread(target=wrong)
    thread.start()
    thread.join()

def test_thread_that_is_not_joined():
    threading.Thread(target=wrong).start()

async def test_task():
    asyncio.create_task(late())
    await asyncio.sleep(0)

async def test_task_that_is_kept():
    kept.append(asyncio.create_task(late()))
    await asyncio.sleep(0)

def test_task_of_another_loop():
    async def main():
        kept.append(asyncio.create_task(late()))
        await asyncio.sleep(0)
    asyncio.run(main())

async def test_task_that_has_not_ended():
    asyncio.create_task(asyncio.sleep(3600))

async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)

async def test_allowed():
    task = asyncio.create_task(late())
    try:
        await task
    except AssertionError:
        pass
    asyncio.create_task(asyncio.sleep(3600)).cancel()
    thread = threading.Thread(target=exit)
    thread.start()
    thread.join()
    await asyncio.gather(run('a.py'), run('a.py'))
";
    let printed = test_of("1", test)?;
    let lines = printed.stdout.lines();
    let told: Vec<_> = lines
        .filter(|line| !line.starts_with(' ') || line.contains("a_test.py:"))
        .filter(|line| !line.contains("<Handle") && !line.contains("Exception in"))
        .collect();
    let expected = "\
FAILED   a_test.py: test_thread
    a_test.py:7: assert run('a.py').value == 2
FAILED   a_test.py: test_thread_that_is_not_joined
    a_test.py:7: assert run('a.py').value == 2
FAILED   a_test.py: test_task
    a_test.py:10: assert 1 > 2
FAILED   a_test.py: test_task_that_is_kept
    a_test.py:10: assert 1 > 2
FAILED   a_test.py: test_task_of_another_loop
    a_test.py:10: assert 1 > 2
FAILED   a_test.py: test_task_that_has_not_ended
    a_test.py:35: asyncio.create_task(asyncio.sleep(3600))
FAILED   a_test.py: test_callback
    a_test.py:38: asyncio.get_running_loop().call_soon(lambda: 1 / 0)
ok       a_test.py: test_allowed
ran 8 tests in 1 file: 1 passed, 7 failed";
    assert_eq!(told.join("\n"), expected, "{}", printed.stdout);
    let part = "Failed: this task was not awaited, and had not ended";
    assert!(printed.stdout.contains(part), "{}", printed.stdout);
    Ok(())
}

#[test]
fn what_nobody_waits_for_fails_its_test_in_typescript() -> TestResult {
    let test = "\
import { assertEqual, run, test } from 'wxmcp/test';

async function wrong() {
  assertEqual((await run('a.py')).value, 2);
}

test('promise', () => {
  wrong();
});

test('timer', () => {
  setTimeout(() => assertEqual(1, 2), 1);
});

test('allowed', async () => {
  const promise = wrong();
  await promise.catch(() => {});
});
";
    let folder = tree(&[("a.py", "1"), ("a.test.ts", test)])?;
    let printed = tested(folder.path(), &["a.test.ts"])?;
    let lines = printed.stdout.lines();
    let told: Vec<_> = lines.filter(|line| !line.starts_with(' ')).collect();
    let expected = [
        "ERROR    a.test.ts: promise",
        "ERROR    a.test.ts: timer",
        "ok       a.test.ts: allowed",
        "ran 3 tests in 1 file: 1 passed, 2 failed",
    ];
    assert_eq!(told, expected, "{}", printed.stdout);
    for line in ["at wrong (a.test.ts:4:14)", "at a.test.ts:12:31"] {
        assert!(printed.stdout.contains(line), "{line}\n{}", printed.stdout);
    }
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn calls_and_requests_that_nothing_answers_fail_the_test_wherever_they_are_made() -> TestResult {
    let config = "[grants.\"g.*\"]\ntools = [\"up.*\", \"xy.*\"]\nhttp = [\"127.0.0.1:9\"]\n";
    let tool = |grants: &str, body: &str| {
        format!(
            "from wxmcp import tool\n@tool(grants={grants})\ndef c(n: int) -> str:\n    'c'\n    try:\n        {body}\n    \
             except Exception:\n        return 'caught'\n    return 'answered'\n"
        )
    };
    let renamed = |name: &str, grants: &str, body: &str| {
        tool(grants, body).replace("def c(", &format!("def {name}("))
    };
    let caught = |call: &str| {
        format!("from tools import g\ntry:\n    g.{call}(1)\nexcept Exception:\n    pass\n")
    };
    let test = "\
from wxmcp_test import REAL, run

def test_granted():
    run('c.py', tools={'g.c': REAL})

def test_granted_beside_a_stub():
    run('c.py', tools={'g.c': REAL, 'up.b': 1})

def test_granted_and_stubbed():
    assert run('c.py', tools={'g.c': REAL, 'up.a': 1}).outcome == 'returned'

def test_by_name():
    run('d.py', tools={'g.d': REAL})

def test_not_granted():
    # A tool file is refused that everywhere.
    run('f.py', tools={'g.f': REAL})

def test_host_of_a_tool_file():
    run('h.py', tools={'g.h': REAL})

def test_host():
    run('net.py')

def test_host_in_typescript():
    run('net.ts')

def test_started():
    run('starts.py')

def test_started_and_stubbed():
    assert run('starts.py', tools={'up.a': 1}).value == 0

def test_started_with_names_of_its_own():
    run('computes.py')
";
    let starts = "import subprocess, sys\n\
                  code = 'from tools import up\\ntry:\\n    up.a(n=1)\\nexcept Exception:\\n    pass'\n\
                  subprocess.run([sys.executable, '-c', code]).returncode\n";
    let computes = "import subprocess, sys\nname = 'sl' + 'ack'\n\
                    code = f'try:\\n    from tools import {name}\\nexcept ImportError:\\n    pass'\n\
                    subprocess.run([sys.executable, '-c', code])\n";
    let files = [
        ("wxmcp.toml", config.to_owned()),
        (
            "tools/g/c.py",
            tool(
                "{'tools': ['up.*']}",
                "from tools import up; up.a(n=n)",
            ),
        ),
        (
            "tools/g/d.py",
            renamed(
                "d",
                "{'tools': ['xy.*']}",
                "call_tool('x' + 'y.a', {'n': n})",
            ),
        ),
        (
            "tools/g/f.py",
            renamed("f", "{}", "call_tool('x' + 'y.a', {'n': n})"),
        ),
        (
            "tools/g/h.py",
            renamed(
                "h",
                "{'http': ['127.0.0.1:9']}",
                "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/x')",
            ),
        ),
        ("c.py", caught("c")),
        ("d.py", caught("d")),
        ("f.py", caught("f")),
        ("h.py", caught("h")),
        (
            "net.py",
            "import urllib.request\ntry:\n    urllib.request.urlopen('http://127.0.0.1:9/y')\nexcept Exception:\n    pass\n"
                .to_owned(),
        ),
        (
            "net.ts",
            "try { await fetch('http://127.0.0.1:9/z', { method: 'PUT', body: '1' }); } catch {}\n"
                .to_owned(),
        ),
        ("starts.py", starts.to_owned()),
        ("computes.py", computes.to_owned()),
        ("a_test.py", test.to_owned()),
    ];
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let folder = tree(&files)?;
    let printed = tested(folder.path(), &["a_test.py"])?;
    let lines = printed.stdout.lines();
    let told: Vec<_> = lines
        .filter(|line| !line.starts_with(' ') || line.contains("Failed: "))
        .collect();
    let expected = "\
FAILED   a_test.py: test_granted
    Failed: c.py: no stub answers the call of `up.a` with {\"n\":1}
FAILED   a_test.py: test_granted_beside_a_stub
    Failed: c.py: no stub answers the call of `up.a` with {\"n\":1}; the nearest is `up.b`
ok       a_test.py: test_granted_and_stubbed
FAILED   a_test.py: test_by_name
    Failed: d.py: no stub answers the call of `xy.a` that a tool file makes
ok       a_test.py: test_not_granted
FAILED   a_test.py: test_host_of_a_tool_file
    Failed: h.py: a test has no hosts, and nothing answers the request `GET http://127.0.0.1:9/x`
FAILED   a_test.py: test_host
    Failed: net.py, line 3: a test has no hosts, and nothing answers the request `GET http://127.0.0.1:9/y`
FAILED   a_test.py: test_host_in_typescript
    Failed: net.ts: a test has no hosts, and nothing answers the request `PUT http://127.0.0.1:9/z`
FAILED   a_test.py: test_started
    Failed: starts.py: no stub answers the call of `up.a` with {\"n\":1}; the test has no stubs
ok       a_test.py: test_started_and_stubbed
FAILED   a_test.py: test_started_with_names_of_its_own
    Failed: computes.py: no stub answers calls of `slack`, for which a script asks that it starts
ran 11 tests in 1 file: 3 passed, 8 failed";
    assert_eq!(told.join("\n"), expected, "{}", printed.stdout);
    Ok(())
}
