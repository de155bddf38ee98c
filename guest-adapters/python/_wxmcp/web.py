"""Requests to hosts: `http` of the module `wxmcp`, and what `http.client` has of it, too."""

from . import kept as __builtins__

import base64
import errno
import json
import socket
import urllib.parse

from asyncio.events import _get_running_loop

from . import calls, seam, values


class Response:
    """What a host answered."""

    def __init__(self, told):
        self.status = told["status"]
        self.reason = told["reason"]
        self.url = told["url"]
        self.headers = Headers(told["headers"])
        self.content = body_of(told)

    @property
    def ok(self):
        """Whether the status is that of success."""
        return 200 <= self.status <= 299

    @property
    def text(self):
        """The body as text, by the charset of its header."""
        charset = "utf-8"
        for parameter in (self.headers.get("content-type") or "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                charset = value.strip().strip("\"'")
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self):
        """The body as JSON."""
        return json.loads(self.content)

    def __repr__(self):
        return f"<Response {self.status} {self.url}>"


class Headers(dict):
    """Headers by name, whatever its case; `all` has those that come more than once."""

    def __init__(self, pairs):
        self._pairs = [(name.lower(), value) for name, value in pairs]
        super().__init__((name, ", ".join(self.all(name))) for name, _ in self._pairs)

    def all(self, name):
        """Every value of a header, in their order."""
        return [value for known, value in self._pairs if known == name.lower()]

    def get(self, name, default=None):
        """The value of a header."""
        return super().get(name.lower(), default)

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())


class _Request(calls.ToolCall):
    """A request that has begun."""

    _operation = seam.HTTP

    @staticmethod
    def _value(told):
        return Response(told)


class Http:
    """Requests to hosts that are granted, or below a connection of `wxmcp.toml`."""

    def __init__(self, connection=None):
        self._connection = connection

    def request(self, method, url, *, params=None, headers=None, data=None, json=None, timeout=None, redirect="follow"):
        """Sends a request: its Response, inside a running event loop an awaitable of it.

        `data` is str, bytes, or a dict for a form; `json` any value; `params` go behind the URL.
        """
        if params:
            url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params, doseq=True)
        headers = list(headers.items() if hasattr(headers, "items") else headers or ())
        request = {"method": method, "url": url, "redirect": redirect}
        kind = None
        if json is not None:
            request["text"], kind = values.arguments(json), "application/json"
        elif isinstance(data, dict):
            request["text"], kind = urllib.parse.urlencode(data, doseq=True), "application/x-www-form-urlencoded"
        elif isinstance(data, str):
            request["text"], kind = data, "text/plain; charset=utf-8"
        elif isinstance(data, (bytes, bytearray, memoryview)):
            request["bytes"] = base64.b64encode(data).decode()
        elif data is not None:
            raise TypeError(f"data must be str, bytes or a dict, not {type(data).__name__}")
        if kind is not None and all(name.lower() != "content-type" for name, _ in headers):
            headers.append(("content-type", kind))
        request["headers"] = headers
        if self._connection is not None:
            request["connection"] = self._connection
        if timeout is not None:
            request["timeout_ms"] = max(int(timeout * 1000), 1)
        payload = seam.to_bytes(values.arguments(request))
        what = "http" if self._connection is None else f"http {self._connection}"
        loop = _get_running_loop()
        if loop is not None:
            return _Request(payload, what, loop)
        return Response(calls.block(seam.HTTP, payload, what))

    def get(self, url, **options):
        """`request("GET", url, ..)`."""
        return self.request("GET", url, **options)

    def post(self, url, **options):
        """`request("POST", url, ..)`."""
        return self.request("POST", url, **options)


def http(connection=None):
    """Requests to granted hosts; with a name, below the connection of that name."""
    if connection is not None and not isinstance(connection, str):
        raise TypeError(f"the name of a connection must be str, not {type(connection).__name__}")
    return Http(connection)


def body_of(told):
    """The body of an answer, as bytes."""
    text = told.get("text")
    return base64.b64decode(told["bytes"]) if text is None else text.encode()


_CODES = {
    "ECONNREFUSED": lambda text: ConnectionRefusedError(errno.ECONNREFUSED, text),
    "ECONNRESET": lambda text: ConnectionResetError(errno.ECONNRESET, text),
    "EHOSTUNREACH": lambda text: OSError(errno.EHOSTUNREACH, text),
    "ENOTFOUND": lambda text: socket.gaierror(socket.EAI_NONAME, text),
    "ETIMEDOUT": lambda text: TimeoutError(errno.ETIMEDOUT, text),
}


def failure(error):
    """The exception that sockets would raise for what the host told."""
    text = str(error)
    if error.kind == "not-granted":
        return PermissionError(errno.EACCES, text)
    if error.kind == "call-timed-out":
        return TimeoutError(text)
    if error.kind == "invalid-call":
        return ValueError(text)
    code = error.data.get("code") if isinstance(error.data, dict) else None
    made = _CODES.get(code)
    return OSError(errno.EIO, text) if made is None else made(text)
