"""Between JSON and typed values of a component, by the layout of an interface.

The layout is what `runtime/tooltree/src/wit/layout.rs` writes; the classes are those that
componentize-py makes for the interface. What is said of a value that does not fit is what
wxmcp itself says.
"""

import dataclasses
import json
import keyword
import math

_LARGEST = {"s64": (-(1 << 63), (1 << 63) - 1), "u64": (0, (1 << 64) - 1)}
_EXACT = (1 << 53) - 1
_JSON = {"bool": "a boolean", "s64": "an integer", "u64": "an integer", "f64": "a number", "string": "a string"}
_CONTAINERS = {"list": "an array", "tuple": "an array", "map": "an object"}


class Misfit(Exception):
    """A value that is not of its type: what is wrong, and where, a JSON pointer."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def inside(self, step):
        """The same, seen from one level further up."""
        step = str(step)[:100].replace("~", "~0").replace("/", "~1")
        self.path = f"/{step}{self.path}"
        return self

    def __str__(self):
        return f"at `{self.path}`: {self.reason}" if self.path else self.reason


class Interface:
    """The types of one interface, and the module that has its classes."""

    def __init__(self, layout, module):
        self._definitions = layout["definitions"]
        self._classes = [_class(definition, module) for definition in self._definitions]

    def parameters(self, record, arguments):
        """The parameters of a function, of the JSON value that its tool takes."""
        if record is None:
            return [_text(arguments)]
        return self._fields(record, _object(arguments))

    def arguments(self, record, parameters):
        """The JSON value that the parameters of a function stand for."""
        if record is None:
            return json.loads(parameters[0])
        return self._members(record, parameters)

    def value(self, of, given):
        """The typed value that a JSON value stands for."""
        if type(of) is str:
            return _scalar(of, given)
        ((kind, inner),) = of.items()
        if kind == "named":
            return self._named(self._definitions[inner], self._classes[inner], given)
        if kind == "option":
            return None if given is None else self.value(inner, given)
        if kind == "map":
            if type(given) is not dict:
                raise _expected("an object", given)
            return self._pairs(inner, given.items())
        if type(given) is not list:
            raise _expected(_CONTAINERS[kind], given)
        if kind == "list":
            return [self._at(at, self.value, inner, item) for at, item in enumerate(given)]
        if len(inner) != len(given):
            raise Misfit(f"expected {len(inner)} items, found {len(given)}")
        return tuple(self._at(at, self.value, *pair) for at, pair in enumerate(zip(inner, given)))

    def plain(self, of, value):
        """The JSON value that a typed value stands for."""
        if type(of) is str:
            return json.loads(value) if of == "json" else _number(value) if of == "f64" else value
        ((kind, inner),) = of.items()
        if kind == "named":
            return self._plain_named(self._definitions[inner], self._classes[inner], value)
        if kind == "option":
            return None if value is None else self.plain(inner, value)
        if kind == "map":
            return {name: self._at(name, self.plain, inner, item) for name, item in value}
        if kind == "list":
            return [self._at(at, self.plain, inner, item) for at, item in enumerate(value)]
        return [self._at(at, self.plain, *pair) for at, pair in enumerate(zip(inner, value))]

    @staticmethod
    def _at(step, function, *arguments):
        try:
            return function(*arguments)
        except Misfit as error:
            raise error.inside(step)

    def _named(self, definition, made, given):
        if "record" in definition:
            return made(*self._fields(definition["record"], _object(given)))
        if "enum" in definition:
            for place, constant in enumerate(definition["enum"]):
                if _same(constant["json"], given):
                    return made(place)
            raise Misfit(f"it is none of the constants of `{definition['label']}`")
        if "flags" in definition:
            return made(self._bits(definition["flags"], _object(given)))
        place = self._case(definition, given)
        case = definition["variant"][place]
        return made[place](self.value(case["of"], given))

    def _plain_named(self, definition, made, value):
        if "record" in definition:
            fields = [getattr(value, field.name) for field in dataclasses.fields(made)]
            return self._members(definition["record"], fields)
        if "enum" in definition:
            return definition["enum"][value.value]["json"]
        if "flags" in definition:
            return {flag["name"]: bool(value.value >> at & 1) for at, flag in enumerate(definition["flags"])}
        place = made.index(type(value))
        return self.plain(definition["variant"][place]["of"], value.value)

    @staticmethod
    def _bits(flags, given):
        bits = 0
        for at, flag in enumerate(flags):
            name = flag["name"]
            if name not in given:
                raise Misfit(f"member `{name}` is missing")
            if type(given[name]) is not bool:
                raise _expected("a boolean", given[name]).inside(name)
            bits |= given[name] << at
        _only({flag["name"] for flag in flags}, given)
        return bits

    @staticmethod
    def _case(definition, given):
        kind, tag = _kind(given), definition["tag"]
        for place, case in enumerate(definition["variant"]):
            if kind not in case["takes"]:
                continue
            if tag is None or kind != "object":
                return place
            if tag in given and any(_same(literal, given[tag]) for literal in case["when"] or ()):
                return place
        raise Misfit(f"it fits no case of `{definition['label']}`")

    def _fields(self, record, given):
        fields = []
        for member in record["members"]:
            name = member["name"]
            if name in given:
                fields.append(self._at(name, self.value, member["of"], given[name]))
            elif member["required"]:
                raise Misfit(f"member `{name}` is missing")
            else:
                fields.append(None)
        if record["open"]:
            return fields
        names = {member["name"] for member in record["members"]}
        others = record["others"]
        if others is None:
            _only(names, given)
        else:
            rest = [(name, value) for name, value in given.items() if name not in names]
            fields.append(self._pairs(others["of"], rest))
        return fields

    def _members(self, record, fields):
        members = {}
        for member, value in zip(record["members"], fields):
            if member["required"] or value is not None:
                members[member["name"]] = self._at(member["name"], self.plain, member["of"], value)
        if record["others"] is not None:
            of = record["others"]["of"]
            members |= {name: self._at(name, self.plain, of, value) for name, value in fields[-1]}
        return members

    def _pairs(self, of, items):
        return [(name, self._at(name, self.value, of, value)) for name, value in items]


def _class(definition, module):
    """The class of a definition; of a variant, those of its cases."""
    name = _camel(definition["label"])
    if "variant" in definition:
        return [getattr(module, f"{name}_{_escaped(_camel(case['label']))}") for case in definition["variant"]]
    return getattr(module, _escaped(name))


def function(module, label):
    """The function of a label."""
    return getattr(module, identifier(label))


def identifier(label):
    """What componentize-py calls a function, a module or a field."""
    return _escaped(label.replace("-", "_"))


def _camel(label):
    return "".join(word.capitalize() for word in label.split("-"))


def _escaped(name):
    return name + "_" if keyword.iskeyword(name) else name


def _scalar(of, given):
    kind = type(given)
    if of == "json":
        return _text(given)
    if of == "bool" and kind is bool or of == "string" and kind is str:
        return given
    if kind is not int and kind is not float or of in ("bool", "string"):
        raise _expected(_JSON[of], given)
    if of == "f64":
        return _float(given)
    # Beyond 2^53 a float may stand for another integer.
    whole = int(given) if kind is int or given.is_integer() and abs(given) <= _EXACT else None
    least, most = _LARGEST[of]
    if whole is None or not least <= whole <= most:
        raise _misfit(of, given)
    return whole


def _float(given):
    try:
        made = float(given)
    except OverflowError:
        made = math.inf
    if not math.isfinite(made) or made != given:
        raise _misfit("f64", given)
    return made


def _misfit(of, given):
    is_long = type(given) is int and abs(given) > _EXACT
    return Misfit(f"{given if is_long else 'the number'} does not fit `{of}` exactly")


def _number(value):
    """An integer where the number is one, since many servers take `3.0` for no integer."""
    if not math.isfinite(value):
        raise Misfit("JSON has no number that is infinite or not a number")
    is_negative_zero = value == 0 and math.copysign(1, value) < 0
    is_integer = value.is_integer() and abs(value) <= _EXACT and not is_negative_zero
    return int(value) if is_integer else value


def _text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _object(given):
    if type(given) is not dict:
        raise _expected("an object", given)
    return given


def _only(names, given):
    for name in given:
        if name not in names:
            raise Misfit(f"there is no member `{name}`")


def _kind(value):
    if value is None:
        return "null"
    return _KINDS[type(value)]


_KINDS = {bool: "boolean", int: "number", float: "number", str: "text", list: "array", dict: "object"}
_FOUND = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "text": "a string",
    "array": "an array",
    "object": "an object",
}


def _same(literal, given):
    kind = _kind(given)
    return kind == _kind(literal) and kind not in ("array", "object") and literal == given


def _expected(expected, given):
    return Misfit(f"expected {expected}, found {_FOUND[_kind(given)]}")
