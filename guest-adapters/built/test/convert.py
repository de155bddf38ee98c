"""Answers what the converter of Python makes of values: `runtime/catalogue` holds it against its own.

Each line of standard input is {"layout", "cases": [[kind, JSON text], ..]}, where the kind is
"arguments" or "answer" of the first function. Each line of the output is, for one case,
{"value", "back"}, what was made of it and what that stands for, or {"error"}.
"""

import dataclasses
import enum
import json
import pathlib
import struct
import sys
import types

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python/_wxmcp"))

import convert  # noqa: E402


def bindings(layout):
    """Classes as componentize-py makes them."""
    module = types.ModuleType("bindings")
    for definition in layout["definitions"]:
        name = convert._camel(definition["label"])
        escaped = convert._escaped(name)
        if "record" in definition:
            record = definition["record"]
            labels = [member["label"] for member in record["members"]]
            labels += [record["others"]["label"]] if record["others"] else []
            fields = [convert._escaped(label.replace("-", "_")) for label in labels]
            setattr(module, escaped, dataclasses.make_dataclass(escaped, fields))
        elif "enum" in definition:
            names = [case["label"].replace("-", "_").upper() for case in definition["enum"]]
            setattr(module, escaped, enum.Enum(escaped, {name: at for at, name in enumerate(names)}))
        elif "flags" in definition:
            names = [flag["label"].replace("-", "_").upper() for flag in definition["flags"]]
            setattr(module, escaped, enum.Flag(escaped, names))
        else:
            for case in definition["variant"]:
                made = f"{name}_{convert._escaped(convert._camel(case['label']))}"
                setattr(module, made, dataclasses.make_dataclass(made, ["value"]))
    return module


def told(layout, of, value):
    """A typed value, in words that tell each from every other."""
    if type(of) is str:
        if of == "f64":
            assert type(value) is float
            return ["f64", struct.pack(">d", value).hex()]
        expected = {"bool": bool, "s64": int, "u64": int}.get(of, str)
        assert type(value) is expected
        return [of, value if of == "bool" else str(value)]
    ((kind, inner),) = of.items()
    if kind == "option":
        return ["none"] if value is None else ["some", told(layout, inner, value)]
    if kind == "map":
        return ["list", [["tuple", [["string", name], told(layout, inner, item)]] for name, item in value]]
    if kind == "list":
        assert type(value) is list
        return ["list", [told(layout, inner, item) for item in value]]
    if kind == "tuple":
        assert type(value) is tuple
        return ["tuple", [told(layout, *pair) for pair in zip(inner, value)]]
    definition = layout["definitions"][inner]
    if "record" in definition:
        values = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return ["record", fields(layout, definition["record"], values)]
    if "enum" in definition:
        return ["enum", definition["enum"][value.value]["label"]]
    if "flags" in definition:
        return ["flags", [flag["label"] for at, flag in enumerate(definition["flags"]) if value.value >> at & 1]]
    for case in definition["variant"]:
        made = f"{convert._camel(definition['label'])}_{convert._escaped(convert._camel(case['label']))}"
        if type(value).__name__ == made:
            return ["variant", case["label"], told(layout, case["of"], value.value)]
    raise AssertionError(value)


def fields(layout, record, values):
    """Label and value of each field."""
    told_fields = []
    for member, value in zip(record["members"], values):
        of = member["of"] if member["required"] else {"option": member["of"]}
        told_fields.append([member["label"], told(layout, of, value)])
    if record["others"]:
        of = {"map": record["others"]["of"]}
        told_fields.append([record["others"]["label"], told(layout, of, values[-1])])
    return told_fields


def answered(layout, interface, kind, text):
    given = json.loads(text)
    function = layout["functions"][0]
    try:
        if kind == "answer":
            value = interface.value(function["answer"], given)
            back = interface.plain(function["answer"], value)
            return {"value": told(layout, function["answer"], value), "back": json.dumps(back)}
        record = function["arguments"]
        values = interface.parameters(record, given)
        back = json.dumps(interface.arguments(record, values))
    except convert.Misfit as error:
        return {"error": str(error)}
    if record is None:
        return {"value": [["json", values[0]]], "back": back}
    return {"value": [value for _, value in fields(layout, record, values)], "back": back}


for line in sys.stdin:
    document = json.loads(line)
    layout = document["layout"]
    interface = convert.Interface(layout, bindings(layout))
    for kind, text in document["cases"]:
        print(json.dumps(answered(layout, interface, kind, text)))
