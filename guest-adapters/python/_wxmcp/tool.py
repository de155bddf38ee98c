"""One callable per tool: its arguments bound and encoded, its call begun."""

from . import kept as __builtins__

import inspect
import keyword
from asyncio.events import _get_running_loop
from collections.abc import Mapping

from . import binding, calls, report, seam, values

_value_of = calls.value_of
_arguments = values.arguments


class Tool:
    """One tool. Called with keyword arguments, one mapping of them, or positional ones in the order the tool declares.

    Outside a running event loop the call returns the tool's answer. Inside one it
    has begun and returns an awaitable. `sync` always blocks, `aio` always returns
    an awaitable. A tool that fails raises ToolError.
    """

    def __init__(self, namespace: str, name: str, attribute: str, parameters: list, description: str, object_first=False):
        self.__name__ = attribute
        self.__qualname__ = attribute
        self.__module__ = f"tools.{namespace}"
        self.__doc__ = description
        self.name = f"{namespace}.{name}"
        self.parameters = tuple(parameters)
        self._keywords = _keywords(self.parameters)
        self._head = head(self.name)
        self._object_first = object_first

    def __call__(self, /, *args, **kwargs):
        if args or self._keywords:
            kwargs = self._bound(args, kwargs)
        return _value_of(f"{self._head}{_arguments(kwargs)}}}", self.name)

    def sync(self, /, *args, **kwargs):
        """Calls and waits, also inside a running event loop (whose other tasks wait too)."""
        return calls.block(seam.CALL, self._payload(args, kwargs), self.name)

    def aio(self, /, *args, **kwargs):
        """An awaitable of the answer; outside a running loop the call begins when it is awaited."""
        return awaitable(self._payload(args, kwargs), self.name)

    def _payload(self, args, kwargs):
        if args or self._keywords:
            kwargs = self._bound(args, kwargs)
        return seam.to_bytes(f"{self._head}{_arguments(kwargs)}}}")

    def _bound(self, args, kwargs):
        if self._keywords:
            kwargs = self._renamed(kwargs)
        if not args:
            return kwargs
        first = args[0]
        if is_mapping(first):
            if len(args) == 1 and not kwargs:
                is_first = self._object_first and binding.is_value(first, self.parameters)
                return {self.parameters[0]: first} if is_first else first
            if first and all(name in self.parameters for name in first):
                raise TypeError(
                    f"{self.name} takes one mapping of its arguments, or its arguments one by one: "
                    f"pass all of them in the mapping, or write `{self.parameters[0]}=..`"
                )
        if len(args) > len(self.parameters):
            count = len(self.parameters)
            raise TypeError(
                f"{self.name} takes {'at most ' if count else ''}{count} positional "
                f"argument{'' if count == 1 else 's'} ({len(args)} given){binding.listed(self.parameters)}"
            )
        bound = dict(zip(self.parameters, args))
        for name in kwargs:
            if name in bound:
                raise TypeError(f"{self.name} got multiple values for argument '{name}'")
        return bound | kwargs

    def _renamed(self, kwargs):
        """Arguments with `from_` as `from`, for parameters that no one can spell in Python."""
        for spelled, name in self._keywords.items():
            if spelled in kwargs:
                if name in kwargs:
                    raise TypeError(f"{self.name} got `{spelled}` and `{name}`, which are the same argument")
                kwargs[name] = kwargs.pop(spelled)
        return kwargs

    @property
    def __signature__(self):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        spelled = {name: key for key, name in self._keywords.items()}
        named = [spelled.get(name, name) for name in self.parameters]
        return inspect.Signature(
            [inspect.Parameter(name, kind) for name in named if name.isidentifier() and not keyword.iskeyword(name)]
        )

    def __repr__(self):
        return f"<tool {self.name}({', '.join(self.parameters)})>"


class Later:
    """A tool by its name that is looked up when it is first used: to ask for it may start its server."""

    def __init__(self, namespace, name):
        self.__name__ = self.__qualname__ = name
        self._namespace = namespace
        self._tool = None

    __doc__ = property(lambda self: self.found().__doc__)

    def __call__(self, /, *args, **kwargs):
        return self.found()(*args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("_") and name != "__signature__":
            raise AttributeError(f"{self!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(self.found(), name)

    def __eq__(self, other):
        return self is other or self.found() is (other.found() if isinstance(other, Later) else other)

    def __hash__(self):
        return hash(self.found())

    def __repr__(self):
        return repr(self._tool) if self._tool else f"<tool {self._namespace.__name__.partition('.')[2]}.{self.__name__}>"

    def found(self):
        """The tool; AttributeError with the nearest names if there is none."""
        if self._tool is None:
            self._tool = self._namespace.known(self.__name__)
        return self._tool


# Kinds that are no mappings. To ask `Mapping` runs code of the library, which a profiler would see.
_PLAIN = (str, int, float, list, tuple, bytes, type(None))


def is_mapping(value):
    return type(value) is dict or not isinstance(value, _PLAIN) and isinstance(value, Mapping)


def _keywords(parameters):
    """{"from_": "from"} for each parameter that is a keyword of Python, unless that is another's name."""
    found = {name + "_": name for name in parameters if keyword.iskeyword(name)}
    return {spelled: name for spelled, name in found.items() if spelled not in parameters}


def head(name):
    """The payload of a call up to its arguments."""
    return f'{{"name":{seam.to_text(name)},"content":true,"arguments":'


def awaitable(payload, name):
    loop = _get_running_loop()
    if loop is not None:
        return calls.ToolCall(payload, name, loop)
    coroutine = _later(payload, name)
    coroutine.__name__ = coroutine.__qualname__ = f"{name}.aio"  # in CPython's warning of one that is lost
    return coroutine


@report.nameless
async def _later(payload, name):
    return await calls.ToolCall(payload, name, _get_running_loop())
