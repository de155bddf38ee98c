"""Tools by names that scripts use and bind nowhere.

A namespace is a global, and so is what other hosts call the tools: `codemode.list_issues(..)`,
`mcp["my-server"]`, `list_issues(..)`. What a script binds itself wins, and so do builtins: only names
that would be a NameError are looked at, before the script runs. No server starts before a tool is used.
"""

from . import kept as __builtins__

import builtins
import dis
import importlib
import sys
from itertools import compress
from types import CodeType, TracebackType

from . import calls, seam, tooltree

# What leads to a name without spelling it; code that is compiled later has names of its own.
_LOOKING = frozenset({"globals", "locals", "vars", "dir", "eval", "exec", "compile"})
_COMPILING = frozenset({"eval", "exec", "compile", "runpy", "importlib", "__import__"})

# Modules that scripts for other hosts use and do not import. They are there where there are tools.
_MODULES = ("asyncio", "json")

_OP = dis.opmap
_LOAD_GLOBAL, _LOAD_ATTR, _PUSH_NULL = _OP["LOAD_GLOBAL"], _OP["LOAD_ATTR"], _OP["PUSH_NULL"]
_EXTENDED = _OP["EXTENDED_ARG"]
_MOST_SHORT = 127  # of names without EXTENDED_ARG


def _table(name):
    return _OP[name], bytes(number == _OP[name] for number in range(256))


# Of instructions whose argument is a name: the number, and a table in which it alone is 1.
_LOADS = [_table("LOAD_NAME"), _table("LOAD_FROM_DICT_OR_GLOBALS")]
_GLOBAL_LOADS = _table("LOAD_GLOBAL")
_GLOBAL_STORES = [_table("STORE_GLOBAL"), _table("DELETE_GLOBAL")]
_STORES = [*_GLOBAL_STORES, _table("STORE_NAME"), _table("DELETE_NAME")]

# Globals of ours: (dictionary, name, value). Names that scripts of a session have used.
_bound = []
_used = set()


def bind(code, namespace):
    """Makes globals of the names of a script that nothing else defines, and that are tools."""
    names = set(code.co_names)
    for const in code.co_consts:
        if type(const) is CodeType:
            _add_names(const, names)
    if not _used and names <= vars(builtins).keys() and names.isdisjoint(_LOOKING):
        return
    loaded, stored = set(), set()
    _scan(code, loaded, stored, _STORES)
    unbound = loaded.difference(stored, vars(builtins), namespace)
    is_open = not names.isdisjoint(_LOOKING) or _compiles(names)
    # Only these ask the host for the namespaces.
    if (unbound or _used or is_open) and tooltree.tree._namespaces():
        _bind(code, namespace, names, loaded, stored, unbound)


def _compiles(names):
    """Whether a script may run code that is not its own text, or lies in a folder, where other modules do."""
    return not names.isdisjoint(_COMPILING) or any(sys.path) or "sys" in names and "path" in names


def _add_names(code, names):
    names.update(code.co_names)
    for const in code.co_consts:
        if type(const) is CodeType:
            _add_names(const, names)


def _bind(code, namespace, names, loaded, stored, unbound):
    _used.update(unbound)
    unknown = []
    for name in sorted(_used.difference(stored, namespace)):
        found = _meaning(name)
        if found is not None:
            _put(namespace, name, found)
        elif name in loaded:
            unknown.append(name)
    if not names.isdisjoint(_LOOKING):
        _bind_all(namespace, stored)
    if _compiles(names):
        _bind_all(vars(builtins), ())
    for name in unknown:
        if name not in namespace and _is_called(code, name):
            _put(namespace, name, Bare(name))


def _bind_all(namespace, stored):
    for name in tooltree.tree._namespaces():
        if name not in namespace and name not in stored and not hasattr(builtins, name):
            _put(namespace, name, tooltree._imported(name))


def _put(namespace, name, value):
    namespace[name] = value
    _bound.append((namespace, name, value))


def unbind():
    """Takes the globals of ours back, for the next run of a session, but for those that a script replaced."""
    for namespace, name, value in _bound:
        if namespace.get(name) is value:
            del namespace[name]
    _bound.clear()


def forget():
    """For the warm-up: as if no script had run."""
    unbind()
    _used.clear()


def _scan(code, loaded, stored, stores):
    """Adds the global names that code loads and stores. Bodies of classes and functions store in their own scope."""
    names = code.co_names
    if names:
        text = code.co_code
        ops, args = text[::2], text[1::2]
        if len(names) > _MOST_SHORT:
            args = _extended(ops, args)
        op, table = _GLOBAL_LOADS
        if op in ops:
            loaded.update([names[i >> 1] for i in set(compress(args, ops.translate(table)))])
        for wanted, found in ((_LOADS, loaded), (stores, stored)):
            for op, table in wanted:
                if op in ops:
                    found.update([names[i] for i in set(compress(args, ops.translate(table)))])
    for const in code.co_consts:
        if type(const) is CodeType:
            _scan(const, loaded, stored, _GLOBAL_STORES)


def _extended(ops, args):
    """Whole arguments, of instructions that have more than a byte of them."""
    whole, above = [], 0
    for op, arg in zip(ops, args):
        above = above << 8 | arg
        whole.append(above)
        if op != _EXTENDED:
            above = 0
    return whole


def _is_called(code, name):
    """Whether code calls that global: only what is called may be a tool that no server was asked for."""
    if name in code.co_names:
        text = code.co_code
        ops = text[::2]
        args = _extended(ops, text[1::2])
        loads = [op for op, _ in _LOADS]
        at = code.co_names.index(name)
        for i, op in enumerate(ops):
            if op == _LOAD_GLOBAL and args[i] == at << 1 | 1 or op in loads and args[i] == at and ops[i + 1] == _PUSH_NULL:
                return True
    return any(_is_called(const, name) for const in code.co_consts if type(const) is CodeType)


def _meaning(name):
    """What a name is that nothing defines; None where it may be a tool at most."""
    known = tooltree.tree._known(name)
    if known is not None:
        return tooltree._imported(known)
    other = _OTHERS.get(name)
    if other is not None:
        return other
    if name in _MODULES:
        return importlib.import_module(name)
    if name.startswith("mcp_"):
        known = tooltree.tree._known(name[4:])
        if known is not None:
            return tooltree._imported(known)
    return Bare(name) if is_joined(name) else None


def is_joined(name):
    """Whether a name begins with that of a namespace: `github_list_issues`, `mcp__github__list_issues`."""
    text = name.removeprefix("mcp__")
    return any(text.startswith(space + "_") and len(text) > len(space) + 1 for space in tooltree.tree._namespaces())


def resolved(name):
    """The only tool that a name without namespace can mean; ToolError if there is none, or several."""
    told = calls.block(seam.DESCRIBE, seam.encode({"names": [name]}))
    space, _, own = told[0]["name"].partition(".")
    return getattr(tooltree._imported(tooltree.tree._known(space)), own)


class Bare:
    """A tool by a name without namespace, which is looked up when it is called."""

    def __init__(self, name):
        self.__name__ = self.__qualname__ = name
        self._tool = None

    def __call__(self, /, *args, **kwargs):
        return self._found()(*args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(self._found(), name)

    def __repr__(self):
        return repr(self._tool) if self._tool else f"<tool {self.__name__}>"

    def _found(self):
        if self._tool is None:
            try:
                self._tool = resolved(self.__name__)
            except calls.ToolError as error:
                if error.kind != "unknown-tool":
                    raise
                failed = NameError(f"name {self.__name__!r} is not defined{_why(error)}", name=self.__name__)
                raise failed from None
        return self._tool


def _why(error):
    """What the host says of a name that means no tool, or several."""
    data = error.data or {}
    if "several" in data:
        return f": {error}"
    near = [f"'{name}'" for name in data.get("near", ())]
    return f". Did you mean: {' or '.join(near)}?" if near else ""


def member(name, shown):
    """A member of an object that has tools by their names alone; AttributeError if there is no such tool."""
    try:
        return resolved(name)
    except calls.ToolError as error:
        if error.kind != "unknown-tool":
            raise
        raise AttributeError(f"`{shown}` has no tool `{name}`{_why(error)}", name=name) from None


def is_call(frame):
    """Whether an attribute that a frame is reading will be called: `tools.list_issues(..)`."""
    text = frame.f_code.co_code
    at = frame.f_lasti
    return 0 <= at < len(text) and text[at] == _LOAD_ATTR and text[at + 1] & 1 == 1


def _flat(name, frame):
    return member(name, "tools") if is_joined(name) or is_call(frame) else None


tooltree.flat = _flat


class _View:
    """What other hosts call the tools: namespaces are its attributes and items, and what `more` finds."""

    def __init__(self, name, functions, more):
        self.__name__ = name
        self.__dict__.update(functions)
        self._more = more

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"`{self.__name__}` has no attribute {name!r}", name=name, obj=self)
        known = tooltree.tree._known(name)
        if known is not None:
            return tooltree._imported(known)
        if name == "tools":
            return tooltree.tree
        if self._more or is_joined(name):
            return member(name, self.__name__)
        raise AttributeError(tooltree.tree._missing(name), obj=self)

    def __getitem__(self, name):
        try:
            return getattr(self, name)
        except AttributeError as error:
            raise KeyError(str(error)) from None

    def __contains__(self, name):
        return isinstance(name, str) and tooltree.tree._known(name) is not None

    def __iter__(self):
        return iter(sorted(set(tooltree.tree._namespaces().values())))

    def __dir__(self):
        hidden = {"_more", "__name__"}
        return sorted({*self.__dict__, *tooltree.tree._namespaces()} - hidden)

    def __repr__(self):
        return f"<{self.__name__}: tools>"


def call_mcp_tool(name, /, *args, **kwargs):
    """Calls a tool as other hosts do: ("github__create_issue", {..}), or ("github", "create_issue", {..})."""
    if args and isinstance(args[0], str):
        name, args = f"{name}.{args[0]}", args[1:]
    return tooltree.call_tool(name, *args, **kwargs)


call_mcp_tool.sync, call_mcp_tool.aio = tooltree.call_tool.sync, tooltree.call_tool.aio
_FUNCTIONS = {"search": tooltree.search, "describe": tooltree.describe, "call_tool": tooltree.call_tool}
_CALLS = dict.fromkeys(["call_tool", "callTool"], call_mcp_tool)
_mcp = _View("mcp", _CALLS, False)
_OTHERS = {
    "codemode": _View("codemode", _FUNCTIONS, True),
    "mcp": _mcp,
    "mcp_servers": _mcp,
    "callTool": tooltree.call_tool,
    **dict.fromkeys(["call_mcp_tool", "callMCPTool", "callMcpTool"], call_mcp_tool),
}


def before_shown(error, namespace):
    """Lets CPython's own suggestion for a name that is not defined be a namespace, and none of ours that stands in."""
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError):
        return
    unbind()
    try:
        _bind_all(namespace, ())
    except Exception:
        return  # the host has ended the run
    error.__traceback__ = _without_ours(error.__traceback__, error.name)


def _without_ours(trace, name):
    """A traceback that ends where a script's frame uses the name: it says which names there are."""
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame, trace.tb_lasti, trace.tb_lineno))
        trace = trace.tb_next
    count = len(frames)
    while frames and frames[-1][0].f_code.co_filename == __file__:
        frames.pop()
    if frames and len(frames) < count:
        frame, at, line = frames[-1]
        frames[-1] = frame, _load_before(frame.f_code, at, name), line
    for frame, at, line in reversed(frames):
        trace = TracebackType(trace, frame, at, line)
    return trace


def _load_before(code, at, name):
    """Where the name is loaded that a call before `at` is of."""
    ops, args = code.co_code[::2], code.co_code[1::2]
    if name in code.co_names:
        index, whole = code.co_names.index(name), _extended(ops, args)
        for i in range(at // 2, -1, -1):
            if ops[i] == _LOAD_GLOBAL and whole[i] >> 1 == index or ops[i] == _LOADS[0][0] and whole[i] == index:
                return 2 * i
    return at
