"""Tool files: what a tool says of itself, and its calls.

A file defines one tool: the function that is named after the file, or the only one that
`wxmcp.tool` marks. Its signature is the schema, its docstring the description.
"""

from . import kept as __builtins__

import asyncio
import base64
import inspect
import linecache
import types
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from . import awaiting, calls, loop, report, schema, shared, system, tooltree, values


class InvalidArguments(Exception):
    """The arguments do not fit what the tool itself checks. The host knows it by its name."""


InvalidArguments.__module__ = "builtins"

_MARK = "__wxmcp_tool__"
_loaded = None


def tool(function=None, /, *, name=None, description=None, grants=None, reusable=False):
    """Marks the function of a tool file that is the tool, and says what it wants besides.

    `grants` are the capabilities that it asks for: {"sql": ["main:ro"]}. `reusable` allows
    one instance to answer many calls, so that globals live on.
    """

    def marked(function):
        setattr(function, _MARK, {"name": name, "description": description, "grants": grants, "reusable": reusable})
        return function

    return marked if function is None else marked(function)


def perform(name, text, task, modules=()):
    """JSON of what the host wants of a tool file; reads it first, unless it was read already."""
    global _loaded
    tooltree.promises = "describe" in task
    if text is not None:
        _loaded = None
        report.began(None)
        if modules:
            shared.begin(name, modules, system.main)
        code = _compiled(name, text)
        report.began(code)
        try:
            exec(code, system.main.__dict__)
        except ImportError as error:
            shared.explained(error)
            raise
        _loaded = system.main.__dict__
    function = _found(task["tool"])
    if "describe" in task:
        return values.encode(schema.described(function, task["tool"], getattr(function, _MARK, {})))
    return _called(function, task["call"])


def _compiled(name, text):
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    return compile(text, name, "exec", dont_inherit=True)


def _found(name):
    functions = {
        key: value
        for key, value in _loaded.items()
        if _is_function(value) and value.__module__ == "__main__" and value.__name__ == key
    }
    marked = [function for function in functions.values() if hasattr(function, _MARK)]
    if len(marked) > 1:
        names = " and ".join(f"`{function.__name__}`" for function in marked[:5])
        raise NameError(f"`@tool` marks {names}, but a file is one tool: give each a file of its own name")
    function = functions.get(name.replace("-", "_"))
    if function is not None and (not marked or marked[0] is function):
        return function
    if function is not None:
        raise NameError(
            f"`@tool` marks `{marked[0].__name__}`, but the file is called `{name}` and has a function of that name: "
            "a file is one tool"
        )
    if len(marked) == 1:
        return marked[0]
    raise NameError(f"the file defines no function `{name.replace('-', '_')}`, and marks none with `@tool`")


def _is_function(value):
    """Also what a decorator such as `functools.cache` made of one."""
    if isinstance(value, types.FunctionType):
        return True
    return not isinstance(value, type) and isinstance(getattr(value, "__wrapped__", None), types.FunctionType)


def _called(function, given):
    try:
        bound = schema.bound(function, given)
    except schema.Unfit as error:
        raise InvalidArguments(str(error)) from None
    report.began(getattr(function, "__code__", None) or inspect.unwrap(function).__code__)
    value = function(*bound.args, **bound.kwargs)
    if not isinstance(value, (CoroutineType, AsyncGeneratorType, calls.ToolCall)):
        return awaiting.encoded(_plain(value))
    with asyncio.Runner(loop_factory=loop.HostLoop) as runner:
        return awaiting.encoded(_plain(runner.run(_awaited(value))), runner.run)


def _plain(value):
    if isinstance(value, GeneratorType):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return value


async def _awaited(value):
    if isinstance(value, AsyncGeneratorType):
        return [one async for one in value]
    return await value
