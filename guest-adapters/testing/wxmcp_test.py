"""What tests of scripts use: `run` carries a script out, with answers of tools that the test gives.

See docs/testing.md. Each test is a run of its own; `_main` is what `wxmcp test` calls in it.
"""

import ast
import asyncio
import gc
import inspect
import marshal
import operator
import pprint
import sys
import threading
import traceback
import types

__all__ = ["Failed", "REAL", "Report", "ToolError", "run"]

# What a stub raises to fail as a tool does: ToolError("no such repository", kind="tool-failed", data=None).
ToolError = ToolError

# A tool file of the tool tree is run itself, where this is its stub.
REAL = types.new_class("REAL")

_HOST = "wxmcp_test"
_LONGEST = 20_000

# The last run that a script raised in, or was stopped in, for the words on a failure.
_went_wrong = None
# Runs that were begun and are not over, with the lines of the test that began them.
_under_way = {}


class Failed(AssertionError):
    """The script did what its test does not allow: it made a call that nothing answers, or another than was recorded."""


class Report:
    """How the script went: the members of the report that `wxmcp run --json` prints."""

    def __init__(self, members):
        self.__dict__.update(members)

    def __repr__(self):
        members = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"Report({members})"


def run(
    script,
    args=None,
    *,
    stdin=None,
    env=None,
    tools=None,
    recording=None,
    files=None,
    project=False,
    seed=0,
    now=None,
    timeout=None,
):
    """Runs a script in a sandbox of its own; `script` is its path, relative to the test's file.

    `tools` are the answers by the tools' names: values, exceptions, or functions, which get the arguments by name and may
    be async; `recording` is the path of a recording whose answers are given where no stub is. The run is deterministic:
    `seed` and `now` ("2026-01-01T00:00:00Z") say what it is given. `files` are texts by paths that the script may read and
    write, `project` shows it the test's folder. Returns a Report; in async code an awaitable of it.
    """
    stubs = dict(tools or {})
    given = {
        "script": _path(script),
        "args": None if args is None else [str(word) for word in args],
        "stdin": stdin,
        "env": {name: str(value) for name, value in (env or {}).items()},
        "stubs": [_described(name, stub) for name, stub in stubs.items()],
        "recording": None if recording is None else _path(recording),
        "files": dict(files or {}),
        "project": project,
        "seed": seed,
        "now": now,
        "timeout": timeout,
    }
    carried_out = _run(given, stubs)
    _under_way[carried_out] = sys._getframe(1).f_lineno
    if asyncio._get_running_loop() is not None:
        return _Counted(carried_out)
    return asyncio.run(_awaited(_Counted(carried_out)))


class _Counted:
    """What `run` returns in async code: a test that does not await it fails."""

    def __init__(self, carried_out):
        self._carried_out = carried_out

    def __await__(self):
        try:
            return (yield from self._carried_out.__await__())
        finally:
            _under_way.pop(self._carried_out, None)


async def _awaited(awaitable):
    return await awaitable


def _path(path):
    return str(path)


def _described(name, stub):
    if stub is REAL:
        return {"name": name, "real": True}
    if not callable(stub):
        return {"name": name}
    try:
        parameters = inspect.signature(stub).parameters.values()
    except (TypeError, ValueError):
        return {"name": name}
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return {"name": name}
    needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_POSITIONAL]
    return {"name": name, "parameters": [one.name for one in parameters], "required": needed}


async def _run(given, stubs):
    global _went_wrong
    number = await _asked("start", **given)
    answers = set()
    asking = None
    try:
        while True:
            asking = asyncio.ensure_future(_asked("next", run=number))
            # An answer that fails ends the test, whatever the script does.
            while not asking.done():
                done, _ = await asyncio.wait({asking, *answers}, return_when=asyncio.FIRST_COMPLETED)
                for one in done & answers:
                    one.result()
                answers -= done
            told = asking.result()
            if "report" in told:
                break
            answers.add(asyncio.ensure_future(_answer(number, told, stubs)))
    finally:
        for one in (asking, *answers):
            if one is not None:
                one.cancel()
        await _asked("stop", run=number)
    if told["failed"]:
        raise Failed(told["failed"])
    report = _report(told["report"])
    if report.outcome != "returned":
        _went_wrong = given["script"], report
    return report


def _report(members):
    calls = [types.SimpleNamespace(**call) for call in members["calls"]]
    error = members["error"]
    return Report(members | {"calls": calls, "error": error and types.SimpleNamespace(**error)})


async def _answer(number, call, stubs):
    name = call["stub"]
    stub = stubs[name]
    reply = {}
    try:
        if isinstance(stub, BaseException):
            raise stub
        value = stub(**call["arguments"]) if callable(stub) else stub
        if inspect.isawaitable(value):
            value = await value
        reply["value"] = value
    except AssertionError:
        raise
    except ToolError as error:
        reply["error"] = {"kind": _kind(error), "message": str(error), "data": error.data}
    except Exception as error:
        reply["error"] = {"kind": "tool-failed", "message": str(error) or type(error).__name__}
    try:
        answered = call_tool.aio(f"{_HOST}.answer", {"run": number, "call": call["call"]} | reply)
    except (TypeError, ValueError) as error:
        raise Failed(f"the stub of `{name}` answered what is no JSON: {error}") from None
    try:
        await answered
    except ToolError as error:
        raise Failed(f"the stub of `{name}`: {error}") from None


def _kind(error):
    return "tool-failed" if error.kind == "tool" else error.kind


async def _asked(tool, **arguments):
    try:
        return await call_tool.aio(f"{_HOST}.{tool}", arguments)
    except ToolError as error:
        raise Failed(str(error)) from None


# Tests


def _main(path, name=None, code=None):
    """The tests of a file, and its code, which later calls may hand back; with a name, how that test went."""
    try:
        code = _compiled(path) if code is None else marshal.loads(bytes.fromhex(code))
        module = _load(path, code)
    except Exception as error:
        return {"broken": "".join(_traceback(error))[-_LONGEST:]}
    tests = {name: one for name, one in vars(module).items() if name.startswith("test") and inspect.isfunction(one)}
    if name is None:
        for one in vars(module).values():
            if inspect.isclass(one) and one.__module__ == module.__name__ and any(it.startswith("test") for it in vars(one)):
                return {"broken": f"`{one.__name__}` is a class: tests are functions"}
        names = [{"name": name, "line": one.__code__.co_firstlineno} for name, one in tests.items()]
        return {"tests": {"names": names, "code": marshal.dumps(code).hex()}}
    _watch(path)
    try:
        result = tests[name]()
        if inspect.isawaitable(result):
            asyncio.run(_awaited(result))
        elif result is not None:
            raise TypeError(f"a test returns nothing, and `{name}` returned {type(result).__name__}")
        for lost, line in _under_way.items():
            lost.close()
            return {"failed": {"type": "Failed", "message": "this `run` was not awaited", "line": line}}
        _wait_for_threads()
    except Exception as error:
        return {"failed": _failure(error, path)}
    _look_for_lost(path)
    return {"failed": _lost[0]} if _lost else {"passed": {}}


# How threads, tasks and callbacks failed that nobody waited for.
_lost = []
# Tasks that may yet fail so, with the lines of the test that began them.
_tasks = []


def _watch(path):
    """Has noted what else would only be printed: exceptions of threads, callbacks and tasks."""
    loop, runners = asyncio.SelectorEventLoop, asyncio.runners
    create_task, handle, cancel_all = loop.create_task, loop.call_exception_handler, runners._cancel_all_tasks
    shown = threading.excepthook

    def in_thread(args):
        if args.exc_type is not SystemExit and args.exc_value is not None:
            _lost.append(_failure(args.exc_value, path))
        shown(args)

    def created(self, coro, **options):
        task = create_task(self, coro, **options)
        if len(_tasks) > 1000:
            _tasks[:] = [one for one in _tasks if not one[0].done() or one[0]._log_traceback]
        _tasks.append((task, _line_of(sys._getframe(1), path)))
        return task

    def handled(self, context):
        error = context.get("exception")
        if isinstance(error, Exception) and self._exception_handler is None:
            _lost.append(_failure(error, path))
        handle(self, context)

    def ends(running):
        lines = dict(_tasks)
        for task in asyncio.all_tasks(running):
            if not task.cancelling():
                told = {"type": "Failed", "message": "this task was not awaited, and had not ended", "line": lines.get(task)}
                _lost.append(told)
        cancel_all(running)

    threading.excepthook = in_thread
    loop.create_task, loop.call_exception_handler, runners._cancel_all_tasks = created, handled, ends


def _wait_for_threads():
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _look_for_lost(path):
    for task, _ in _tasks:
        if task.done() and task._log_traceback:
            _lost.append(_failure(task.exception(), path))
    _tasks.clear()
    # Futures say so when they are dropped.
    gc.collect()


def _line_of(frame, path):
    while frame is not None and frame.f_code.co_filename != path:
        frame = frame.f_back
    return None if frame is None else frame.f_lineno


def _compiled(path):
    with open(path, encoding="utf-8-sig") as opened:
        tree = ast.parse(opened.read(), path)
    names = [it.name for it in tree.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef) and it.name.startswith("test")]
    for name in names:
        if names.count(name) > 1:
            raise NameError(f"two tests are called `{name}`")
    _keep_sides(tree)
    return compile(tree, path, "exec")


def _load(path, code):
    folder, _, file = path.rpartition("/")
    sys.path.insert(0, folder)
    module = types.ModuleType(file.removesuffix(".py"))
    module.__file__ = path
    sys.modules[module.__name__] = module
    module.__dict__[_COMPARED] = _compared
    exec(code, module.__dict__)
    return module


_OPERATORS = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
    ast.In: ("in", lambda left, right: left in right),
    ast.NotIn: ("not in", lambda left, right: left not in right),
}
_SPELLED = dict(_OPERATORS.values())
_COMPARED = "@compared"

# The line and the two sides of the comparison that an `assert` last found false.
_false = None


def _keep_sides(tree):
    """Has each `assert a == b` keep both sides, so that a failure shows them."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:
            test = node.test
            spelled = ast.Constant(_OPERATORS[type(test.ops[0])][0])
            name, line = ast.Name(_COMPARED, ast.Load()), ast.Constant(node.lineno)
            node.test = ast.Call(name, [spelled, line, test.left, *test.comparators], [])
            for made in (node.test, name, spelled, line):
                ast.copy_location(made, test)
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            within = getattr(node, part, None)
            if isinstance(within, list):
                todo += within


def _compared(spelled, line, left, right):
    global _false
    holds = _SPELLED[spelled](left, right)
    if not holds:
        _false = line, spelled, left, right
    return holds


def _failure(error, path):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    line = lines[-1] if lines else None
    told = {"type": type(error).__name__, "message": str(error)[:_LONGEST], "line": line}
    if not isinstance(error, AssertionError):
        told["traceback"] = "".join(_traceback(error))[-_LONGEST:]
    if type(error) is AssertionError and _false is not None and _false[0] == line:
        _, spelled, left, right = _false
        told |= {"operator": spelled} | dict(zip(("left", "right"), _both(left, right)))
    if _went_wrong is not None:
        script, report = _went_wrong
        told["script"] = {"name": script, "outcome": report.outcome, "words": _words(report)}
    return told


def _traceback(error):
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(__file__.rpartition("/")[0]):
        trace = trace.tb_next
    return traceback.format_exception(type(error), error, trace)


def _words(report):
    if report.outcome == "exited":
        return f"exit code {report.exit_code}"
    error = report.error
    return "" if error is None else (getattr(error, "traceback", None) or error.message)[-_LONGEST:]


def _both(left, right):
    if isinstance(left, str) and isinstance(right, str) and "\n" in left + right:
        return left[:_LONGEST], right[:_LONGEST]
    shown = [_shown(one) for one in (left, right)]
    if max(map(len, shown)) > _WIDTH or shown[0] == shown[1]:
        # A member a line, so that lines of both sides are the same where the values are.
        shown = [_in_lines(one) for one in (left, right)]
    return [one[:_LONGEST] for one in shown]


_WIDTH = 60


def _shown(value):
    return pprint.saferepr(value)


def _in_lines(value, indent="\n"):
    deeper = indent + "  "
    if len(indent) > 200 or not value or type(value) not in (dict, list, tuple):
        return repr(value)
    if type(value) is dict:
        try:
            members = sorted(value.items())
        except TypeError:
            members = value.items()
        lines = [f"{name!r}: {_in_lines(member, deeper)}," for name, member in members]
        return "{" + "".join(deeper + line for line in lines) + indent + "}"
    opens, closes = "[]" if type(value) is list else "()"
    return opens + "".join(f"{deeper}{_in_lines(member, deeper)}," for member in value) + indent + closes
