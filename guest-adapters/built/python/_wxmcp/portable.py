"""The host of `wit/guest.wit` inside a component: what the adapter asks for is done with its imports.

Calls of tools are calls of imported functions, one after the other: an operation has ended
when `submit` returns, and `wait` hands it over. `built.json`, which `wxmcp build` writes, has
the script, the listings of its namespaces and their types.
"""

import importlib
import json
import os
import struct
import sys
import time

from componentize_py_types import Err

from . import binding, convert

_COMPLETION = struct.Struct("<QBI")
_SEARCH = "a component that was built has no search of tools; its own are in `dir(tools)`"
_NOT_GRANTED = "a component that was built has no {} of its own; call a tool for it"
_ARTIFACTS = "a component that was built has nobody to hand images and texts to; print, or return them"
_NAMED = 20  # most names in one message
_CAPABILITIES = {7: "statements", 8: "requests", 9: "files of directories"}

_write = os.write
_exit = os._exit
_sleep = time.sleep

_ended = {}  # number -> completion, packed
_numbers = 0
_outcome = None


class _Refused(Exception):
    def __init__(self, kind, message, data=None):
        self.told = {"kind": kind, "message": message}
        if data is not None:
            self.told["data"] = json.loads(data)


class _Tool:
    """A tool as the function that is imported for it."""

    def __init__(self, name, layout, interface, call):
        self._name = name
        self._layout = layout
        self._interface = interface
        self._call = call

    def __call__(self, given):
        self._refuse_unknown(given)
        try:
            parameters = self._interface.parameters(self._layout["arguments"], given)
        except convert.Misfit as error:
            raise _Refused("invalid-arguments", f"the arguments of `{self._name}` do not fit: {error}")
        try:
            answer = self._call(*parameters)
        except Err as error:
            failed = error.value
            raise _Refused(failed.kind, failed.message, failed.data)
        try:
            return self._interface.plain(self._layout["answer"], answer)
        except (convert.Misfit, ValueError) as error:
            raise _Refused("invalid-answer", f"`{self._name}` answered what is not of its type: {error}")


    def _refuse_unknown(self, given):
        """Refuses names that are no parameters in the words of the host, with the nearest."""
        record = self._layout["arguments"]
        if record is None or record["others"] is not None:
            return
        known = [member["name"] for member in record["members"]]
        for name in given:
            if name in known:
                continue
            near = [other for other in known if binding.is_near(name, other)]
            instead = f"; did you mean `{near[0]}`?" if near else f"; it has {binding.listed(known)[2:]}"
            if not known:
                raise _Refused("invalid-arguments", f"`{self._name}` takes no arguments, and so no `{name}`")
            raise _Refused("invalid-arguments", f"`{self._name}` has no parameter `{name}`{instead}")


class Host:
    """The functions of the interfaces `host` and `waiting`."""

    def __init__(self, built):
        self._namespaces = {space["listing"]["name"]: space for space in built["namespaces"]}
        self._tools = {}
        for name, space in self._namespaces.items():
            self._add(name, space)

    def _add(self, name, space):
        if not space["layout"]["functions"]:
            return
        module = _bindings(space["label"])
        interface = convert.Interface(space["layout"], module)
        attributes = {tool["name"]: tool["attribute"] for tool in space["listing"]["tools"]}
        for layout in space["layout"]["functions"]:
            own = layout["name"]
            tool = _Tool(f"{name}.{own}", layout, interface, convert.function(module, layout["label"]))
            self._tools[f"{name}.{own}"] = tool
            self._tools.setdefault(f"{name}.{attributes.get(own, own)}", tool)

    def submit(self, operation, payload):
        """Does it at once; its completion waits for `wait`."""
        global _numbers
        _numbers += 1
        ok, answer = self._done(operation, payload)
        _ended[_numbers] = _COMPLETION.pack(_numbers, ok, len(answer)) + answer
        return _numbers

    def cancel(self, number):
        """Forgets a completion."""
        _ended.pop(number, None)

    def wait(self, timeout):
        """All completions; without any, sleeps for that many microseconds."""
        if not _ended and timeout:
            _sleep(timeout / 1e6)
        packed = b"".join(_ended.values())
        _ended.clear()
        return packed

    def call(self, operation, payload):
        """Does it, and answers at once."""
        ok, answer = self._done(operation, payload)
        return (b"\1" if ok else b"\0") + answer

    def emit(self, kind, payload):
        """Prints, keeps the outcome, or exits."""
        global _outcome
        if kind <= 2:
            _print(kind, payload)
        elif kind <= 4:
            _outcome = kind, payload.decode()
        elif kind == 5:
            _print(2, (json.loads(payload).get("message") or "").encode() + b"\n")
        elif kind == 6:
            raise RuntimeError(_ARTIFACTS)
        elif kind == 7:
            _exit(json.loads(payload)["code"])

    def _done(self, operation, payload):
        try:
            return True, json.dumps(self._answer(operation, json.loads(payload))).encode()
        except _Refused as error:
            return False, json.dumps(error.told).encode()

    def _answer(self, operation, given):
        if operation == 1:
            return self._tool(given["name"])(given["arguments"])
        if operation == 2:
            raise _Refused("invalid-call", _SEARCH)
        if operation == 3:
            return [self._described(name) for name in given["names"]]
        if operation == 4:
            return sorted(self._namespaces)
        if operation == 5:
            space = self._namespaces.get(given["name"])
            if space is None:
                raise self._unknown("namespace", given["name"])
            return space["listing"]
        raise _Refused("not-granted", _NOT_GRANTED.format(_CAPABILITIES.get(operation, "such operation")))

    def _tool(self, name):
        """The tool of a name; its namespace may be spelled with another case, `-` or `_`."""
        space, _, own = name.partition(".")
        alike = [known for known in self._namespaces if _folded(known) == _folded(space)]
        tool = self._tools.get(name) or len(alike) == 1 and self._tools.get(f"{alike[0]}.{own}")
        if not tool:
            raise self._unknown("tool", name)
        return tool

    def _described(self, name):
        if "." not in name:
            name = self._full_name(name)
        for space in self._namespaces.values():
            for described in space["described"]:
                own = f"{space['listing']['name']}.{described['own']}"
                if name in (own, described["told"]["name"]):
                    return described["told"]
        raise self._unknown("tool", name)

    def _full_name(self, name):
        """The only tool that a name without namespace means: joined with its namespace, or alone."""
        wanted = _folded(name)
        joined, alone = [], []
        for space, held in self._namespaces.items():
            for tool in held["listing"]["tools"]:
                full, own = f"{space}.{tool['attribute']}", _folded(tool["attribute"])
                if wanted.removeprefix("mcp") == _folded(space) + own or wanted == _folded(space) + own:
                    joined.append(full)
                elif own == wanted:
                    alone.append(full)
        found = joined or alone
        if len(found) > 1:
            names = ", ".join(f"`{full}`" for full in found[:_NAMED])
            told = f"`{name}` is a tool of several namespaces: {names}"
            raise _Refused("unknown-tool", told, json.dumps({"several": found[:_NAMED]}))
        if not found:
            raise self._unknown("tool", name)
        return found[0]

    def _unknown(self, what, name):
        known = self._namespaces
        if what == "tool":
            listings = [space["listing"] for space in known.values()]
            known = [f"{listing['name']}.{tool['attribute']}" for listing in listings for tool in listing["tools"]]
        some = [f"`{one}`" for one in sorted(known)[:_NAMED]]
        if len(known) > _NAMED:
            some.append(f"{len(known) - _NAMED} more")
        told = f"there is no {what} `{name}` in this component, which was built with {', '.join(some) or 'none'}"
        return _Refused("unknown-tool", f"{told}; where there is one, `wxmcp build --with {name}` adds it")


def _folded(name):
    return "".join(letter for letter in name if letter not in "_-/:").lower()


def _bindings(label):
    name = convert.identifier(label)
    if label == "types":  # beside the types that all tools share
        name = "tools_types_types"
    return importlib.import_module(f"wit_world.imports.{name}")


def _print(descriptor, data):
    while data:
        data = data[_write(descriptor, data) :]


def main(run, built, arguments):
    """Runs the script; answers JSON of its value, or raises an Err of what went wrong."""
    global _outcome
    _outcome = None
    _ended.clear()
    script = built["script"] | {"args": arguments, "env": dict(os.environ)}
    run(json.dumps(script).encode())
    kind, told = _outcome
    if kind == 3:
        return told
    told = json.loads(told)
    _print(2, told["traceback"].encode())
    raise Err(f"{told['type']}: {told['message']}" if told["message"] else told["type"])
