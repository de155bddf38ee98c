"""One run: from the host's message to exactly one outcome."""

from . import kept as __builtins__

import asyncio
import io
import linecache
import sys
import warnings
from types import CoroutineType

from . import calls, fences, loop, report, seam, source, system, toolfile, values

_COROUTINE = 0x80  # inspect.CO_COROUTINE


def run(message: bytes):
    """Runs the script of the message and emits its value, exception or exit code."""
    try:
        script = seam.decode(message)
        kind, payload = _outcome(script)
        seam.emit(kind, payload)
    except MemoryError:
        failed = {"type": "MemoryError", "message": "", "traceback": "MemoryError\n", "line": None}
        seam.emit(seam.RAISED, seam.encode(failed))


def _outcome(script):
    name = script["name"]
    system.prepare(name, script["args"], script["env"])
    try:
        task = script.get("task")
        if task is None:
            outcome = _ended(name, _value, name, fences.without_fences(script["source"]))
        else:
            outcome = _ended(name, toolfile.perform, name, script.get("source"), task)
        try:
            _warn_of_lost(system.main.__dict__)
        except Warning:
            pass  # the script made warnings errors
    finally:
        system.finish()
    return outcome


def _ended(name, work, *parts):
    try:
        value = _untraced(work, *parts)
        forgotten = calls.never_awaited()
        if forgotten:
            tool, place = forgotten[0]
            return seam.RAISED, report.forgotten(RuntimeError(_advice(tool, place)), place)
        return seam.VALUE, values.encode(value)
    except SystemExit as error:
        return _exit(error.code)
    except BaseException as error:
        report.hooked(error)
        for tool, place in calls.never_awaited():
            error.add_note("note: " + _advice(tool, place))
        return seam.RAISED, report.raised(error, name)
    finally:
        calls.forget()


def _untraced(function, *arguments):
    try:
        return function(*arguments)
    finally:
        if sys.gettrace() is not None or sys.getprofile() is not None:
            sys.settrace(None)
            sys.setprofile(None)


def _value(name, text):
    lines = io.StringIO(text, newline=None).readlines()
    linecache.cache[name] = (len(text), None, lines, name)
    report.began(None)
    code = source.compiled(text, name)
    report.began(code)
    namespace = system.main.__dict__
    if code.co_flags & _COROUTINE:
        return _awaited(eval(code, namespace))
    exec(code, namespace)
    value = source.take_value()
    if type(value) is CoroutineType:
        with asyncio.Runner(loop_factory=loop.HostLoop) as runner:
            return runner.run(value)
    return value


def _awaited(coroutine):
    """Runs a script with top-level `await`; a coroutine or call that is its value is awaited too."""
    with asyncio.Runner(loop_factory=loop.HostLoop) as runner:
        runner.run(coroutine)
        value = source.take_value()
        if isinstance(value, (CoroutineType, calls.ToolCall)):
            return runner.run(value)
        return value


def _advice(tool, place):
    line = report.line_of(place)
    return f"call of {tool} at line {line} was never awaited; await it, or use `.sync(..)` to block"


def _warn_of_lost(namespace):
    """Says of coroutines and failed tasks in globals what CPython says when it clears them at exit."""
    for value in list(namespace.values()):
        kind = type(value)
        if kind is CoroutineType:
            if not value.cr_suspended and not value.cr_running and value.cr_frame is not None:
                told = f"coroutine '{value.__qualname__}' was never awaited"
                warnings.warn_explicit(told, RuntimeWarning, "sys", 1, source=value)
        elif kind is asyncio.Task and value.done():
            value.__del__()  # logs an exception that nobody retrieved


def _exit(code):
    if code is None:
        status = 0
    elif isinstance(code, int):
        status = code & 0xFF
    else:
        print(code, file=sys.stderr)
        status = 1
    return seam.EXIT, seam.encode({"code": status})
