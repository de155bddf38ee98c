"""From a function's signature and docstring to a tool's definition, and from JSON to its arguments.

| annotation                     | JSON Schema                                   | the function gets          |
|--------------------------------|-----------------------------------------------|----------------------------|
| str int float bool None        | string integer number boolean null            | the value                  |
| list tuple set frozenset       | array, with its items                         | that container             |
| NamedTuple                     | array, an item for each field                 | the NamedTuple             |
| Iterator, AsyncIterator        | array (as what a generator answers)           | list                       |
| dict, Mapping                  | object                                        | dict                       |
| TypedDict, dataclass           | object with its members                       | dict, or the dataclass     |
| Literal, Enum                  | enum                                          | the value, or the member   |
| `A | B`, Optional              | anyOf                                         | as for the first that fits |
| datetime date time UUID        | string with its format                        | that object                |
| Decimal, Path, bytes           | string (bytes: base64)                        | that object                |
| Annotated[T, "..", {..}]       | T, with a description and further keywords    | as for T                   |
| Any, and everything else       | {}                                            | the value                  |
"""

from . import kept as __builtins__

import base64
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import functools
import inspect
import pathlib
import re
import types
import typing
import uuid

from . import values

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", None: "null"}
_FORMATS = {
    datetime.datetime: ("date-time", datetime.datetime.fromisoformat),
    datetime.date: ("date", datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.fromisoformat),
    uuid.UUID: ("uuid", uuid.UUID),
    decimal.Decimal: (None, decimal.Decimal),
    bytes: (None, functools.partial(base64.b64decode, validate=True)),
    **{kind: (None, kind) for kind in (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath)},
}
_ARRAYS = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Iterator: list,
    collections.abc.Generator: list,
    collections.abc.AsyncIterable: list,
    collections.abc.AsyncIterator: list,
    collections.abc.AsyncGenerator: list,
}
# What a value of JSON is called in a schema.
_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Unfit(Exception):
    """A value that is not of the annotated type."""


def described(function, name, wishes):
    """The definition of a tool, as the host wants it."""
    hints = _hints(function)
    text, parts = _docstring(inspect.getdoc(function) or "")
    properties, required = {}, []
    others = False  # may be given besides
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            others = schema_of(hints.get(parameter.name, typing.Any)) or True
            continue
        if parameter.kind not in _NAMED:
            raise TypeError(f"parameter `{parameter.name}` of the tool cannot be given by name")
        of = schema_of(hints.get(parameter.name, typing.Any))
        if parameter.name in parts:
            of.setdefault("description", parts[parameter.name])
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
        else:
            try:
                of["default"] = _plain(parameter.default)
            except (TypeError, ValueError):
                pass  # only Python knows it
        properties[parameter.name] = of
    told = {
        "description": wishes.get("description") or text,
        "input": {"type": "object", "properties": properties, "required": required, "additionalProperties": others},
    }
    if wishes.get("name"):
        if wishes["name"].rpartition(".")[2].replace("-", "_") != name.replace("-", "_"):
            raise ValueError(f"the tool is called `{wishes['name']}` in its file, but the file is called `{name}`")
        told["name"] = wishes["name"]
    answer = hints.get("return", typing.Any)
    if answer is not typing.Any:
        told["output"] = schema_of(answer)
    if wishes.get("grants"):
        told["grants"] = wishes["grants"]
    if wishes.get("reusable"):
        told["reusable"] = True
    return told


def _hints(function):
    """The annotations. A default of None allows None, whatever the annotation says."""
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name, typing.Any)
        if parameter.default is not None or hint is typing.Any:
            continue
        if typing.get_origin(hint) is typing.Annotated:
            inner, *extras = typing.get_args(hint)
            hints[parameter.name] = typing.Annotated[typing.Optional[inner], *extras]
        else:
            hints[parameter.name] = typing.Optional[hint]
    return hints


def schema_of(hint, inside=()):
    """JSON Schema of an annotation."""
    if hint in _SIMPLE if _is_hashable(hint) else False:
        return {"type": _SIMPLE[hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(schema_of(arguments[0], inside), arguments[1:])
    if origin in (typing.Required, typing.NotRequired, typing.ReadOnly, typing.Final):
        return schema_of(arguments[0], inside)
    if isinstance(hint, typing.TypeAliasType):
        return schema_of(hint.__value__, inside) if hint not in inside else {}
    if isinstance(hint, typing.NewType):
        return schema_of(hint.__supertype__, inside)
    if origin is typing.Literal:
        return {"enum": [_plain(value) for value in arguments]}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of(one, inside) for one in arguments]}
    kind = origin or hint
    if kind in _FORMATS:
        named = _FORMATS[kind][0]
        return {"type": "string", "format": named} if named else {"type": "string"}
    if kind in _ARRAYS:
        return _array(kind, arguments, inside)
    if kind in _OBJECTS:
        of = schema_of(arguments[1], inside) if len(arguments) == 2 else {}
        return {"type": "object", "additionalProperties": of} if of else {"type": "object"}
    if isinstance(hint, type):
        if hint in inside:
            return {"type": "object"}  # it is inside itself: said once
        if _is_named_tuple(hint):
            return _named_tuple(hint, (*inside, hint))
        if issubclass(hint, enum.Enum):
            return {"enum": [_plain(member.value) for member in hint]}
        if typing.is_typeddict(hint):
            members = typing.get_type_hints(hint, include_extras=True)
            return _object(members, hint.__required_keys__, {}, (*inside, hint))
        if dataclasses.is_dataclass(hint):
            fields = [field for field in dataclasses.fields(hint) if field.init]
            hints = typing.get_type_hints(hint, include_extras=True)
            defaults = {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
            factories = {f.name for f in fields if f.default_factory is not dataclasses.MISSING}
            required = [f.name for f in fields if f.name not in defaults and f.name not in factories]
            return _object({f.name: hints[f.name] for f in fields}, required, defaults, (*inside, hint))
    return {}


def _is_hashable(hint):
    try:
        hash(hint)
    except TypeError:
        return False
    return True


def _annotated(of, extras):
    for extra in extras:
        if isinstance(extra, str):
            of["description"] = extra
        elif isinstance(extra, dict):
            of.update(extra)
    return of


def _array(kind, arguments, inside):
    of = {"type": "array"}
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        of["prefixItems"] = [schema_of(one, inside) for one in arguments]
        of["minItems"] = of["maxItems"] = len(arguments)
    elif arguments:
        items = schema_of(arguments[0], inside)
        if items:
            of["items"] = items
    if kind in (set, frozenset):
        of["uniqueItems"] = True
    return of


def _is_named_tuple(hint):
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def _named_tuple(hint, inside):
    hints = typing.get_type_hints(hint, include_extras=True)
    items = [{"title": name} | schema_of(hints.get(name, typing.Any), inside) for name in hint._fields]
    least = len(items) - len(hint._field_defaults)
    return {"type": "array", "prefixItems": items, "minItems": least, "maxItems": len(items)}


def _object(members, required, defaults, inside):
    properties = {}
    for name, hint in members.items():
        properties[name] = schema_of(hint, inside)
        if name in defaults:
            try:
                properties[name]["default"] = _plain(defaults[name])
            except (TypeError, ValueError):
                pass
    wanted = [name for name in members if name in required]
    return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}


def _plain(value):
    return values.plain(value)


def bound(function, given):
    """The arguments of a call as the annotations want them.

    Raises Unfit, with the path, for a value that none of them takes.
    """
    signature = inspect.signature(function)
    hints = _hints(function)
    others = typing.Any
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            others = hints.pop(parameter.name, typing.Any)
    made = {name: _made(hints.get(name, others), value, f"/{name}") for name, value in given.items()}
    try:
        return signature.bind(**made)
    except TypeError as error:
        raise Unfit(str(error)) from None


def _made(hint, value, path):
    if hint is float and type(value) is int:
        return _float(value, path)
    if hint is int and type(value) is float and value.is_integer():
        return int(value)  # 2.0 is an integer to JSON Schema
    if hint is typing.Any or (_is_hashable(hint) and hint in _SIMPLE):
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired, typing.ReadOnly, typing.Final):
        return _made(arguments[0], value, path)
    if isinstance(hint, typing.TypeAliasType):
        return _made(hint.__value__, value, path)
    if isinstance(hint, typing.NewType):
        return _made(hint.__supertype__, value, path)
    if origin in (typing.Union, types.UnionType):
        return _first(arguments, value, path)
    if origin is typing.Literal:
        return next((one for one in arguments if isinstance(one, enum.Enum) and _plain(one) == value), value)
    kind = origin or hint
    if kind in _FORMATS and isinstance(value, (str, int, float)):
        try:
            return _FORMATS[kind][1](value if kind is not decimal.Decimal else str(value))
        except (ValueError, decimal.InvalidOperation) as error:
            raise Unfit(f"{path}: {error}") from None
    if kind in _ARRAYS and isinstance(value, list):
        if kind is tuple and arguments and arguments[-1] is not Ellipsis:
            hints = arguments
        else:
            hints = [arguments[0] if arguments else typing.Any] * len(value)
        return _ARRAYS[kind](_made(of, one, f"{path}/{at}") for at, (of, one) in enumerate(zip(hints, value)))
    if kind in _OBJECTS and isinstance(value, dict) and len(arguments) == 2:
        return {
            _key(arguments[0], name, f"{path}/{name}"): _made(arguments[1], one, f"{path}/{name}")
            for name, one in value.items()
        }
    if _is_named_tuple(hint) and isinstance(value, list):
        hints = typing.get_type_hints(hint, include_extras=True)
        items = zip(hint._fields, value)
        return hint(*(_made(hints.get(name, typing.Any), one, f"{path}/{at}") for at, (name, one) in enumerate(items)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError as error:
            raise Unfit(f"{path}: {error}") from None
    if isinstance(hint, type) and isinstance(value, dict):
        if dataclasses.is_dataclass(hint):
            hints = typing.get_type_hints(hint, include_extras=True)
            made = {name: _made(hints.get(name, typing.Any), one, f"{path}/{name}") for name, one in value.items()}
            try:
                return hint(**made)
            except (TypeError, ValueError) as error:
                raise Unfit(f"{path}: {error}") from None
        if typing.is_typeddict(hint):
            hints = typing.get_type_hints(hint, include_extras=True)
            return {name: _made(hints.get(name, typing.Any), one, f"{path}/{name}") for name, one in value.items()}
    return value


def _float(value, path):
    try:
        made = float(value)
    except OverflowError:
        made = None
    if made != value:
        raise Unfit(f"{path}: a float would round {value}")
    return made


def _key(hint, name, path):
    """A key of an object, which JSON knows as text only."""
    if hint in (int, float) if _is_hashable(hint) else False:
        try:
            return hint(name)
        except ValueError:
            raise Unfit(f"{path}: the key is no {hint.__name__}") from None
    return _made(hint, name, path)


def _first(alternatives, value, path):
    """What the first alternative makes of the value that it fits; one of its very type goes first."""
    for one in alternatives:
        # But not for texts: `date | str` is a date where it can be.
        if type(value) is not str and _is_hashable(one) and one in _SIMPLE:
            if type(value) is (type(None) if one is None else one):
                return value
    failure = None
    for one in alternatives:
        if not _fits(schema_of(one), value):
            continue
        try:
            return _made(one, value, path)
        except Unfit as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return value


def _fits(schema, value):
    """Whether a value is of a schema, as far as its outermost part tells."""
    if "anyOf" in schema:
        return any(_fits(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    wanted = schema.get("type")
    kind = "null" if value is None else _KINDS.get(type(value))
    if wanted is None or kind is None:
        return True
    if wanted == "object" == kind and "properties" in schema:
        return value.keys() >= set(schema["required"]) and (
            schema["additionalProperties"] is not False or value.keys() <= schema["properties"].keys()
        )
    if {wanted, kind} == {"integer", "number"}:
        return wanted == "number" or value.is_integer()
    return wanted == kind


# `Args:` and its like, of the Google and NumPy styles.
_SECTION = re.compile(r"^((other |keyword )?(args|arguments|parameters|params))\s*:?\s*$", re.I)
_OTHER = re.compile(r"^(returns?|raises|yields?|examples?|notes?|see also|references)\s*:?\s*$", re.I)
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")
_SPHINX_OTHER = re.compile(r"^:(?:returns?|rtype|raises?|type)\b.*:")


def _docstring(text):
    """What a docstring says of the function, and of each parameter."""
    prose, parts = [], {}
    section = indent = None
    current = []  # the names that a line goes on about

    def begin(names, words):
        current[:] = names
        for name in names:
            parts[name] = words

    def go_on(words):
        for name in current:
            parts[name] = f"{parts[name]} {words}".strip()

    for line in text.splitlines():
        stripped = line.strip()
        depth = len(line) - len(line.lstrip())
        sphinx = _SPHINX.match(stripped)
        if sphinx:
            section = "sphinx"
            begin([sphinx[1]], sphinx[2])
        elif _SPHINX_OTHER.match(stripped):
            section = "sphinx"
            begin([], "")
        elif depth == 0 and _SECTION.match(stripped):
            section, indent = "parameters", None
            begin([], "")
        elif depth == 0 and _OTHER.match(stripped):
            section = "other"
            prose.append(line)
        elif stripped and not stripped.strip("-") and section is not None:
            continue  # the line under a heading
        elif section == "parameters" and stripped:
            indent = depth if indent is None else indent
            google = _GOOGLE.match(stripped) if depth == indent else None
            numpy = _NUMPY.match(stripped) if depth == indent == 0 else None
            if numpy:
                begin(re.split(r"\s*,\s*", numpy[1]), "")
            elif google:
                begin([google[1]], google[2])
            elif current and depth > indent:
                go_on(stripped)
            else:
                section = None
                prose.append(line)
        elif section == "sphinx" and stripped and depth > 0:
            go_on(stripped)
        elif section not in ("parameters", "sphinx"):
            prose.append(line)
    return "\n".join(prose).strip(), {name: part for name, part in parts.items() if part}
