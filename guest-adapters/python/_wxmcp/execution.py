"""One run: from the host's message to exactly one outcome."""

from . import kept as __builtins__

import asyncio
import io
import linecache
import sys
import warnings
from types import CoroutineType

from . import ambient, awaiting, calls, fences, hints, loop, output, report, seam, session, source, stdlib, system
from . import threads, toolfile, unseen

_COROUTINE = 0x80  # inspect.CO_COROUTINE
_NOTHING = (seam.VALUE, b"null")


def run(message: bytes):
    """Runs the script of the message and emits its value, exception or exit code."""
    try:
        script = seam.decode(message)
        kind, payload = _outcome(script)
        seam.emit(kind, payload)
    except MemoryError:
        failed = {"type": "MemoryError", "message": "", "traceback": "MemoryError\n", "line": None}
        seam.emit(seam.RAISED, seam.encode(failed))
    except Exception as error:  # an earlier run of the session took the library apart
        kind, message = type(error).__name__, str(error)
        failed = {"type": kind, "message": message, "traceback": f"{kind}: {message}\n", "line": None}
        seam.emit(seam.RAISED, seam.encode(failed))


def _outcome(script):
    name = script["name"]
    task = script.get("task")
    continues = script.get("session", False)
    system.prepare(script, continues)
    hints.begin(script, task is not None, calls.last_blocked)
    try:
        if task is None:
            outcome = _ended(name, _value, name, fences.without_fences(script["source"]), continues)
        else:
            outcome = _ended(name, toolfile.perform, name, script.get("source"), task, script.get("modules", ()))
        stopped = calls.take_stopped()
        if stopped is not None:  # whatever the script did with it, and after it
            with unseen.Apart():
                outcome = seam.RAISED, report.raised(stopped, name)
        if threads.alive:
            _finish_threads(continues)
        if continues:
            return outcome  # what is lost for a script that ends may be of use to the next run
        try:
            if outcome == _NOTHING and source.uncalled():
                output.tell(_note_of_uncalled(*source.uncalled()))
            _warn_of_lost(system.main.__dict__)
        except Warning:
            pass  # the script made warnings errors
    finally:
        system.finish(task is None, continues)
    return outcome


def _finish_threads(continues):
    try:
        threads.finish(continues)
    except Exception as error:
        output.tell(f"{type(error).__name__}: {error}")


def _note_of_uncalled(name, call):
    return f"note: the script defines `{name}` and does not call it; `{call}` at its end would"


def _ended(name, work, *parts):
    placed = None
    try:
        try:
            value = _untraced(work, *parts)
        except report.Placed as caught:
            placed = caught
        if placed is not None:
            raise placed.error
        forgotten = calls.never_awaited()
        if forgotten:
            tool, place = forgotten[0]
            return seam.RAISED, report.forgotten(RuntimeError(_advice(tool, place)), place)
        return seam.VALUE, value
    except SystemExit as error:
        return _exit(error.code)
    except BaseException as error:
        ambient.before_shown(error, system.main.__dict__)
        report.hooked(error)
        for tool, place in calls.never_awaited():
            error.add_note("note: " + _advice(tool, place))
        with unseen.Apart():
            return seam.RAISED, report.raised(error, name, placed and placed.place)
    finally:
        calls.forget()


def _untraced(function, *arguments):
    try:
        return function(*arguments)
    finally:
        if sys.gettrace() is not None or sys.getprofile() is not None:
            sys.settrace(None)
            sys.setprofile(None)


def _value(name, text, continues):
    lines = io.StringIO(text, newline=None).readlines()
    entry = (len(text), None, lines, name)
    linecache.cache[name] = entry
    stdlib.patches["linecache"] = lambda module: module.cache.setdefault(name, entry)
    took = None
    if continues:
        session.keep_source(name, len(text))
        took = session.remember
    report.began(None)
    code = source.compiled(text, name)
    report.began(code)
    namespace = system.main.__dict__
    ambient.bind(code, namespace)
    if code.co_flags & _COROUTINE:
        with session.Runner() if continues else asyncio.Runner(loop_factory=loop.HostLoop) as runner:
            runner.run(eval(code, namespace))
            return awaiting.encoded(source.take_value(), runner.run, took)
    exec(code, namespace)
    if threads.alive:
        threads.finish(continues)
    return awaiting.encoded(source.take_value(), None, took)


def _advice(tool, place):
    line = report.line_of(place)
    return f"call of {tool} at line {line} was never awaited; await it, or use `.sync(..)` to block"


def _warn_of_lost(namespace):
    """Says of coroutines and failed tasks in globals what CPython says when it clears them at exit."""
    for name, value in list(namespace.items()):
        if name in _OWN:
            continue
        for one in _members(value):
            kind = type(one)
            if kind is CoroutineType:
                if not one.cr_suspended and not one.cr_running and one.cr_frame is not None:
                    told = f"coroutine '{one.__qualname__}' was never awaited"
                    warnings.warn_explicit(told, RuntimeWarning, *report.NOWHERE, source=one)
            elif kind is asyncio.Task and one.done():
                one.__del__()  # logs an exception that nobody retrieved


# Names that every module has.
_OWN = frozenset(system.main.__dict__) | {"__file__", "__cached__", "__builtins__"}

# Members of one container that are looked at.
_MOST = 1_000


def _members(value):
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind not in (list, tuple, set):
        return (value,)
    return tuple(value) if len(value) <= _MOST else ()


def _exit(code):
    if code is None:
        status = 0
    elif isinstance(code, int):
        status = code & 0xFF
    else:
        print(code, file=sys.stderr)
        status = 1
    return seam.EXIT, seam.encode({"code": status})
