"""The `tools` package that scripts import: one module per namespace, one callable per tool.

Nothing is asked of the host before it is needed: the names of namespaces at the
first import of one, the tools of a namespace at the first use of one.
"""

from . import kept as __builtins__

import difflib
import importlib.machinery
import keyword
import sys
import unicodedata
from dis import opmap
from types import ModuleType

from . import calls, seam, values
from .tool import Later, Tool, awaitable, head, is_mapping

# While a tool file is only read, it may import whatever tools it will call: they are
# promised, and looked up when it runs.
promises = False

_value_of = calls.value_of


def call_tool(name, /, args=None, **kwargs):
    """Calls any tool by its full name, `namespace.tool`, as its own function would.

    Arguments are those of the mapping `args` and the keyword arguments.
    """
    return _value_of(_named_request(name, args, kwargs), name)


def _call_sync(name, /, args=None, **kwargs):
    """Calls any tool by its full name and waits, also inside a running event loop."""
    return calls.block(seam.CALL, seam.to_bytes(_named_request(name, args, kwargs)), name)


def _call_aio(name, /, args=None, **kwargs):
    """An awaitable of the answer of any tool, by its full name."""
    return awaitable(seam.to_bytes(_named_request(name, args, kwargs)), name)


# By a name without namespace, the full name of the only tool that it means.
_full_names = {}


def _full_name(name):
    found = _full_names.get(name)
    if found is None:
        found = _full_names[name] = calls.block(seam.DESCRIBE, seam.encode({"names": [name]}))[0]["name"]
    return found


def _named_request(name, args, kwargs):
    if not isinstance(name, str):
        raise TypeError(f"the name of a tool must be str, not {type(name).__name__}")
    if "." not in name:
        name = _full_name(name)
    if any(key.endswith("_") and keyword.iskeyword(key[:-1]) for key in kwargs):
        kwargs = _renamed(name, kwargs)
    if args is not None:
        if not is_mapping(args):
            raise TypeError(f"the arguments of {name} must be a mapping, not {type(args).__name__}")
        for one in kwargs:
            if one in args:
                raise TypeError(f"{name} got multiple values for argument '{one}'")
        kwargs = {**args, **kwargs}
    return f"{head(name)}{values.arguments(kwargs)}}}"


def _renamed(name, kwargs):
    space, _, own = name.partition(".")
    try:
        return getattr(getattr(tree, space), own)._renamed(kwargs)
    except AttributeError:
        return kwargs  # there is no such tool: the host says so


call_tool.sync = _call_sync
call_tool.aio = _call_aio


class Found(list):
    """What a look-up found; complete at once, but `await` is taken too."""

    def __await__(self):
        return self
        yield


def search(query="", limit=10, detail="brief"):
    """The tools that fit a query best, none if nothing fits: a list of {"name", "description"}.

    With detail="names" only the names, with "full" all that `describe` answers.
    """
    question = {"query": str(query), "limit": limit, "detail": detail}
    return Found(calls.block(seam.SEARCH, seam.encode(question)))


def describe(*names):
    """Signature, description and schemas of tools: a list of dictionaries, in the order of `names`."""
    if len(names) == 1 and isinstance(names[0], (list, tuple)):
        names = names[0]
    names = [getattr(name, "name", name) for name in names]  # functions of tools will do
    return Found(calls.block(seam.DESCRIBE, seam.encode({"names": names})))


class Namespace(ModuleType):
    """A module `tools.NAME` whose attributes are the tools of one namespace."""

    def __init__(self, name: str, attribute: str):
        super().__init__(f"tools.{attribute}")
        self.__path__ = []
        self._host_name = name
        self._table = None

    def __getattr__(self, name):
        if name == "__all__":
            return list(self._tools())
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if promises:
            return Tool(self._host_name, name, name, [], "")
        if self._table is None and _is_only_read(sys._getframe(1)):
            tool = Later(self, name)
        else:
            tool = self.known(name)
        if type(tool) is Tool:  # `dir` shows what is kept, so nothing else is
            setattr(self, name, tool)
        return tool

    def known(self, name):
        """The tool of that name; AttributeError with the nearest if there is none."""
        known = self._table
        tool = self._found(name)
        if tool is None and known is not None:
            # A call may have changed what there is.
            self._ask_again()
            tool = self._found(name)
        if tool is None and name in _CALLERS:
            return self._call
        if tool is None:
            raise AttributeError(self._missing(name), obj=self)
        return tool

    def _call(self, name, /, *args, **kwargs):
        """Calls a tool by its name: what other hosts have as `tool` or `call_tool` of a server."""
        return self.known(name)(*args, **kwargs)

    def __getitem__(self, name):
        return _item(self, name)

    def __contains__(self, name):
        return isinstance(name, str) and self._found(name) is not None

    def __iter__(self):
        return iter(list(self._tools()))

    def __dir__(self):
        if self._table is not None:
            self._ask_again()
        return sorted({*super().__dir__(), *self._tools()} - {"_host_name", "_table"})

    def __repr__(self):
        return f"<module {self.__name__!r} of tools>"

    def _found(self, name):
        """The tool of that name: its identifier, its own name, or the only one that differs as `_folded` allows."""
        tools = self._tools()
        tool = tools.get(name) or _only(t for t in tools.values() if _is_named(t, name))
        return tool or _only(t for key, t in tools.items() if _folded(key) == _folded(name))

    def _ask_again(self):
        known, self._table = self._table, None
        try:
            self._tools()
        except calls.ToolError:
            self._table = known

    def _tools(self):
        if self._table is None:
            told = calls.block(seam.NAMESPACE, seam.encode({"name": self._host_name}))
            self._table = {
                tool["attribute"]: Tool(
                    self._host_name,
                    tool["name"],
                    tool["attribute"],
                    tool["parameters"],
                    tool["description"],
                    tool.get("object-first", False),
                )
                for tool in told["tools"]
            }
        return self._table

    def _missing(self, name):
        return f"no tool `{name}` in `{self.__name__}`" + _nearest(name, self._tools())


class ToolTree(ModuleType):
    """The package `tools`: its attributes are the namespaces a script may use."""

    def __init__(self):
        super().__init__("tools", "Tools, by namespace: `from tools import NAMESPACE`.")
        self.__path__ = []
        self.__spec__ = importlib.machinery.ModuleSpec("tools", None, is_package=True)
        self._names = None
        self.ToolError = calls.ToolError
        self.call = self.call_tool = call_tool
        self.search = search
        self.describe = describe

    def __getattr__(self, name):
        if name == "__all__":
            return list(self._namespaces())
        if not name.startswith("_"):
            known = self._known(name)
            if known is not None:
                return _imported(known)
            found = flat(name, sys._getframe(1))
            if found is not None:
                return found
            raise AttributeError(self._missing(name), obj=self)
        raise AttributeError(f"module 'tools' has no attribute {name!r}")

    def __getitem__(self, name):
        return _item(self, name)

    def __contains__(self, name):
        return isinstance(name, str) and self._known(name) is not None

    def __iter__(self):
        return iter(sorted(set(self._namespaces().values())))

    def __setattr__(self, name, value):
        # `import tools.search` of a namespace of that name leaves `tools.search(..)` alone.
        if not (isinstance(value, Namespace) and name in _ALWAYS):
            super().__setattr__(name, value)

    def __dir__(self):
        return sorted({*super().__dir__(), *self._namespaces()} - {"_names"})

    def _namespaces(self):
        """The namespaces as {name in Python: name at the host}."""
        if self._names is None:
            told = calls.block(seam.NAMESPACES, b"{}")
            self._names = {_identifier(name): name for name in told} | {name: name for name in told}
            self._names = {key: name for key, name in self._names.items() if key.isidentifier()}
        return self._names

    def _known(self, name):
        if promises:
            return name
        names = self._namespaces()
        return name if name in names else _only(key for key in names if _folded(key) == _folded(name))

    def _missing(self, name):
        try:
            # One that is known and cannot be used says why.
            calls.block(seam.NAMESPACE, seam.encode({"name": name}))
        except calls.ToolError as error:
            if error.kind != "unknown-tool":
                return str(error)
        return f"no tool namespace `{name}`" + _nearest(name, self._namespaces())


# Functions of other hosts' servers that call a tool by its name, unless a tool is called so.
_CALLERS = ("tool", "call_tool", "call", "callTool")

_LOAD_ATTR = opmap["LOAD_ATTR"]


def _is_only_read(frame):
    """Whether the attribute that a frame reads is not called with that: `find = github.find_issues`.

    What asks for a member by its name (`getattr`, `import`) wants to know whether there is one.
    """
    text = frame.f_code.co_code
    at = frame.f_lasti
    return 0 <= at < len(text) and text[at] == _LOAD_ATTR and text[at + 1] & 1 == 0


def _item(module, name):
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise KeyError(str(error)) from None


def flat(name, frame):
    """The tool that `tools.NAME` means where a frame reads it; `ambient` knows."""
    return None


_ALWAYS = ("ToolError", "call", "call_tool", "describe", "search")

tree = ToolTree()


def _imported(name):
    full = f"tools.{name}"
    module = sys.modules.get(full)
    if module is None:
        module = Namespace(name if promises else tree._namespaces()[name], name)
        module.__spec__ = importlib.machinery.ModuleSpec(full, _Loader, is_package=True)
        sys.modules[full] = module
    setattr(tree, name, module)
    return module


class _Loader:
    """Makes namespaces for the import system."""

    @staticmethod
    def create_module(spec):
        return _imported(tree._known(spec.name.partition(".")[2]))

    @staticmethod
    def exec_module(module):
        pass


class _Other:
    """The same modules by the name that other hosts have for `tools`; their own name stays."""

    @staticmethod
    def create_module(spec):
        space = spec.name.partition(".")[2]
        module = _imported(tree._known(space)) if space else tree
        _specs[spec.name] = module.__spec__
        return module

    @staticmethod
    def exec_module(module):
        module.__spec__ = _specs.pop(module.__spec__.name)


# What `_Other` puts back: name -> the module's own spec.
_specs = {}

# Modules that are found by their names, wherever they went: name -> module.
own = {"tools": tree}


class _Own:
    """Finds again what a script took out of `sys.modules`."""

    @staticmethod
    def create_module(spec):
        return own[spec.name]

    @staticmethod
    def exec_module(module):
        pass


# The package, and what other hosts call it.
_ROOTS = ("tools", "servers", "mcp_servers", "mcp_tools")


class Finder:
    """Finds `tools.NAMESPACE`; a name that is not there is an ImportError with the nearest ones."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in own:
            return importlib.machinery.ModuleSpec(name, _Own, is_package=name == "tools")
        if name in _ROOTS[1:]:
            return importlib.machinery.ModuleSpec(name, _Other, is_package=True)
        root, _, space = name.partition(".")
        if not space or root not in _ROOTS or sys.modules.get(root) is not tree:
            return None
        space, _, rest = space.partition(".")
        known = tree._known(space)
        if known is None:
            raise ModuleNotFoundError(tree._missing(space), name="tools")
        if rest:
            raise ImportError(_imported(known)._missing(rest), name=f"tools.{known}")
        loader = _Loader if root == "tools" else _Other
        return importlib.machinery.ModuleSpec(name, loader, is_package=True)

    @staticmethod
    def invalidate_caches():
        pass


def refresh():
    """Asks the host again what tools there are, when a new run of a session does."""
    if tree._names is None:
        return
    tree._names = None
    _full_names.clear()
    for name, module in list(sys.modules.items()):
        if isinstance(module, Namespace):
            del sys.modules[name]
            tree.__dict__.pop(name.partition(".")[2], None)


def _only(found):
    found = list(found)
    return found[0] if len(found) == 1 else None


def _is_named(tool, name):
    own = tool.name.partition(".")[2]
    if name.isascii() or own.isascii():
        return own == name
    # Python has the names of a source in this form.
    return unicodedata.normalize("NFKC", own) == unicodedata.normalize("NFKC", name)


def _folded(name):
    return name.replace("_", "").replace("-", "").lower()


def _identifier(name):
    return "".join(c if c.isidentifier() or c.isdigit() else "_" for c in name)


def _nearest(name, names):
    near = difflib.get_close_matches(name, names, 3, 0.5)
    if near:
        return "; nearest: " + ", ".join(f"`{n}`" for n in near)
    some = sorted(names)[:20]
    return "; there are: " + ", ".join(f"`{n}`" for n in some) if some else "; there are none"
