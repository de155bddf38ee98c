"""The module `wxmcp`: what `wit/capabilities.wit` offers to tool files.

Statements over connections, files of directories, requests to hosts; and what else a tool file or a script
may want by a name of ours.
"""

from . import kept as __builtins__

import base64
from types import ModuleType

from . import artifacts, calls, content, seam, toolfile, tooltree, values, web


class Rows(list):
    """Rows as dictionaries; `columns` are their names and types as the database calls them."""

    columns = ()


class _Statements:
    def __init__(self, connection, transaction=None):
        self._about = {"connection": connection}
        if transaction is not None:
            self._about["transaction"] = transaction

    def _send(self, action, **request):
        payload = seam.to_bytes(values.arguments(self._about | {"action": action} | request))
        return calls.block(seam.SQL, payload, f"sql {self._about['connection']}")

    def query(self, statement, parameters=()):
        """The rows that a statement answers."""
        told = self._send("query", statement=statement, parameters=_bound(parameters))
        names = [column["name"] for column in told["columns"]]
        for at, column in enumerate(told["columns"]):
            if "bytes" in column:
                for row in told["rows"]:
                    row[at] = _whole(row[at])
        rows = Rows(dict(zip(names, row)) for row in told["rows"])
        rows.columns = told["columns"]
        return rows

    def execute(self, statement, parameters=()):
        """Runs a statement: {"rows_affected": ..}."""
        return self._send("execute", statement=statement, parameters=_bound(parameters))


class Transaction(_Statements):
    """Statements that happen together or not at all; a context manager commits or rolls back."""

    def commit(self):
        """Makes what was done lasting."""
        self._send("commit")

    def rollback(self):
        """Undoes what was done."""
        self._send("rollback")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.commit()
        else:
            self.rollback()


class Connection(_Statements):
    """A connection of `wxmcp.toml`."""

    def transaction(self):
        """Begins a transaction: `with connection.transaction() as inside:`."""
        return Transaction(self._about["connection"], self._send("begin")["transaction"])


def sql(connection="main"):
    """The connection of that name."""
    return Connection(_text(connection, "the name of a connection"))


def _bound(parameters):
    if isinstance(parameters, (str, bytes, dict)):
        raise TypeError("the parameters of a statement must be a sequence")
    return [_sent(value) for value in parameters]


def _sent(value):
    """Bytes as base64, in arrays too."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_sent(one) for one in value]
    return value


def _whole(value):
    if type(value) is list:
        return [_whole(one) for one in value]
    if type(value) is not dict:
        return value
    return base64.b64decode(value["$bytes"])


class Directory:
    """A directory of `wxmcp.toml`; paths are relative to it."""

    def __init__(self, name):
        self._name = name

    def _send(self, action, path, **request):
        request |= {"directory": self._name, "action": action, "path": _text(path, "a path")}
        return calls.block(seam.FILES, seam.to_bytes(values.arguments(request)), f"files {self._name}")

    def read(self, path):
        """The text of a file."""
        return self._send("read", path, **{"as": "text"})["text"]

    def read_bytes(self, path):
        """The bytes of a file."""
        return base64.b64decode(self._send("read", path, **{"as": "bytes"})["bytes"])

    def write(self, path, data):
        """Replaces a file, whole or not at all: {"bytes": its size}."""
        return self._send("write", path, **_content(data))

    def append(self, path, data):
        """Adds to the end of a file: {"bytes": its size}."""
        return self._send("append", path, **_content(data))

    def list(self, path="."):
        """What is in a folder: [{"name", "kind", "bytes"}]."""
        return self._send("list", path)["entries"]

    def stat(self, path):
        """{"kind", "bytes", "modified"} of a path."""
        return self._send("stat", path)

    def remove(self, path):
        """Removes a file, or a folder that is empty."""
        self._send("remove", path)

    def make_directory(self, path):
        """Makes a folder, and those around it."""
        self._send("make-directory", path)


def directory(name="main"):
    """The directory of that name."""
    return Directory(_text(name, "the name of a directory"))


def _content(data):
    if isinstance(data, str):
        return {"text": data}
    if isinstance(data, (bytes, bytearray, memoryview)):
        return {"bytes": base64.b64encode(data).decode()}
    raise TypeError(f"a file is written from str or bytes, not {type(data).__name__}")


def _text(value, what):
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    return value


module = ModuleType("wxmcp", __doc__)
for _name, _value in {
    "sql": sql,
    "directory": directory,
    "http": web.http,
    "tool": toolfile.tool,
    "tools": tooltree.tree,
    "call_tool": tooltree.call_tool,
    "ToolError": calls.ToolError,
    "progress": artifacts.progress,
    "artifact": artifacts.artifact,
    "image": artifacts.image,
    "text": artifacts.text,
    "content": content.content,
}.items():
    setattr(module, _name, _value)
