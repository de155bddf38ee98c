"""Runs what a run will run, before the image is taken. Runs in the build only.

Bytecode is specialised and caches are filled where the first user would pay for
them; then every trace of it is removed.
"""

import asyncio
import json
import linecache
import struct
import sys

import componentize_py_runtime
from wit_world.imports import host, waiting

from . import ambient, calls, hints, loop, place, report, seam, source, stdlib, system, tooltree

# Taken before `unseen` replaces it with one that passes over the adapter's own code.
_register_callback = sys.monitoring.register_callback

_HELLO = "print('hello')"
_PLAIN = """
import json, re
x = {"a": [1, 2.5, None, True], "b": {str(i): i for i in range(5)}}
def f(a, b=1, *c, **d):
    return a + b
class C:
    def __init__(self): self.v = f(1)
for i in range(3):
    try:
        print(f"{i:>5} {C().v!r}", [i], x["a"][0])
        if i == 2: raise ValueError("no")
    except ValueError as e:
        text = str(e)
json.loads(json.dumps(x)); re.sub("a", "b", "aa"); sorted(x, key=len)
x
"""
_ASYNC = """
import asyncio
async def one(i):
    await asyncio.sleep(0)
    return i
await asyncio.gather(*(one(i) for i in range(3)))
"""
_TOOLS = """
from tools import warm
a = warm.up(value=1)
call_tool("warm.up", {"value": 2})
a
"""
_ASYNC_TOOLS = """
import asyncio
from tools import warm
return await asyncio.gather(warm.up(value=1), call_tool("warm.up"))
"""
_FILES = """
with open('FOLDER/warm.txt', 'w') as file: file.write('a line')
print('hello')
"""
_FAILS = "def f():\n    1/0\nf()"
_INVALID = "x = = 1"


class _FakeHost:
    """Answers as the host would, in place of what the generated bindings call."""

    def __init__(self):
        self.ended = b""
        self.number = 0
        self.functions = {}
        for function, arguments in (
            (host.submit, 2), (host.cancel, 1), (host.emit, 2), (waiting.wait, 1), (waiting.call, 2)
        ):
            componentize_py_runtime.call_import = lambda index, arguments, name=function.__name__: (
                self.functions.update({index: getattr(self, name)})
            )
            function(*[None] * arguments)

    def call_import(self, index, arguments):
        return self.functions[index](*arguments)

    def submit(self, operation, payload):
        self.number += 1
        answer = self._answer(operation)
        self.ended += struct.pack("<QBI", self.number, 1, len(answer)) + answer
        return self.number

    def wait(self, timeout):
        ended, self.ended = self.ended, b""
        return ended

    def call(self, operation, payload):
        return b"\1" + self._answer(operation)

    def cancel(self, number):
        pass

    def emit(self, kind, payload):
        if kind == seam.RAISED and b"ZeroDivisionError" not in payload and b"SyntaxError" not in payload:
            raise RuntimeError(payload.decode())

    @staticmethod
    def _answer(operation):
        if operation == seam.NAMESPACES:
            return b'["warm"]'
        if operation == seam.NAMESPACE:
            tool = {"name": "up", "attribute": "up", "parameters": ["value"], "description": ""}
            return json.dumps({"name": "warm", "tools": [tool]}).encode()
        return b'{"up": 1}'


def run(texts=(_HELLO, _PLAIN, _ASYNC, _TOOLS, _ASYNC_TOOLS, _FILES, _FAILS, _INVALID), times=40):
    """Warms everything up, and leaves nothing behind that a script could see."""
    names, modules = set(system.main.__dict__), set(sys.modules)
    call_import = componentize_py_runtime.call_import
    componentize_py_runtime.call_import = _FakeHost().call_import
    create_task = loop.HostLoop.create_task
    loop.HostLoop.create_task = _create_named_task
    try:
        for text in texts:
            message = json.dumps({
                "name": "script.py", "args": [], "env": place.ENVIRONMENT,
                "mounts": {place.HOME: "scratch", "/tmp": "scratch"}, "scratch": 64 << 20, "cwd": place.HOME,
                "source": text.replace("FOLDER", folder),
            }).encode()
            for _ in range(times):
                entry(message)
    finally:
        componentize_py_runtime.call_import = call_import
        loop.HostLoop.create_task = create_task
        _clean(names, modules)


# What the host calls, and a folder of the build; the guest's entry module sets them.
entry = folder = None


def executed() -> list:
    """The code objects that every run executes, in order."""
    codes = {}
    monitoring = sys.monitoring
    monitoring.use_tool_id(monitoring.PROFILER_ID, "warm_up")
    _register_callback(
        monitoring.PROFILER_ID, monitoring.events.PY_START, lambda code, offset: codes.setdefault(code)
    )
    monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.PY_START)
    try:
        run([_HELLO], 1)
    finally:
        monitoring.set_events(monitoring.PROFILER_ID, 0)
        monitoring.free_tool_id(monitoring.PROFILER_ID)
    return list(codes)


def last():
    """Runs once more what most runs do, so that caches are filled with it and nothing else."""
    run([_ASYNC, _FAILS, _TOOLS, _PLAIN, _FILES, _HELLO], 4)


def _create_named_task(self, coro, *, name=None, **options):
    # Unnamed tasks would use up the numbers that a script's tasks get.
    return asyncio.BaseEventLoop.create_task(self, coro, name="warm", **options)


def _clean(names, modules):
    ambient.forget()
    for name in set(system.main.__dict__) - names:
        del system.main.__dict__[name]
    tooltree.refresh()
    for name in set(sys.modules) - modules:
        if name.startswith("tools."):
            del sys.modules[name]
    calls.forget()
    # What is kept of the last script would be freed by the first run, in pages all over the image.
    report.began(None)
    source.forget()
    hints.begin({}, False, None)
    stdlib.patches.pop("linecache", None)
    system.main.__file__ = None
    linecache.clearcache()
    sys.argv[:] = [""]
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
