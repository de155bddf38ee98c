"""`http.client` over the host: there are no sockets, but requests to hosts that are granted.

A connection of `http.client` writes its request into a `_Line` as if that were a socket;
when the request is whole, the host is asked, and the line reads like the answer. So all
that is above, `urllib.request` with its handlers, redirects and errors, is CPython's own.
"""

from . import kept as __builtins__

import base64
import errno
import io
import socket

from . import calls, seam, stdlib, web

# What the host decides. `http.client` writes most of them itself.
_OURS = frozenset(
    b"connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)

# Bytes of a request's head.
_MOST = 1 << 17


class _Line:
    """As much of a socket as `http.client` uses."""

    def __init__(self, scheme, host, port, timeout):
        name = f"[{host}]" if ":" in host else host
        usual = {"http": 80, "https": 443}[scheme]
        self._origin = f"{scheme}://{name}" if port == usual else f"{scheme}://{name}:{port}"
        self._timeout = timeout
        self._written = bytearray()
        self._answer = None

    def sendall(self, data):
        """Takes a part of a request, and asks the host when it is whole."""
        self._written += data
        end = self._written.find(b"\r\n\r\n")
        if end < 0:
            if len(self._written) > _MOST:
                raise OSError(errno.EMSGSIZE, "the head of the request is too large")
            return
        line, *headers = bytes(self._written[:end]).split(b"\r\n")
        headers = [_header(header) for header in headers]
        body = _body(self._written, end + 4, dict(headers))
        if body is not None:
            self._written = bytearray()
            self._answer = self._ask(line, headers, body)

    def _ask(self, line, headers, body):
        method, target, _ = line.decode("latin-1").split(" ")
        if not target.startswith("/") and target != "*":
            raise OSError(errno.EOPNOTSUPP, "requests through a proxy are not sent")
        request = {
            "method": method,
            "url": self._origin + ("" if target == "*" else target),
            "redirect": "manual",
            "headers": [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in _OURS],
        }
        if body:
            request["bytes"] = base64.b64encode(body).decode()
        timeout = self._timeout
        if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:
            timeout = socket.getdefaulttimeout()
        if timeout is not None:
            request["timeout_ms"] = max(int(timeout * 1000), 1)
        try:
            told = calls.block(seam.HTTP, seam.encode(request), "http")
        except calls.ToolError as error:
            raise web.failure(error) from None
        return _answer(told, method)

    def makefile(self, mode="r", *args, **kwargs):
        """What the host answered, as bytes of HTTP."""
        if self._answer is None:
            raise ConnectionError("the request was not written whole")
        answer, self._answer = self._answer, None
        return io.BytesIO(answer)

    def settimeout(self, timeout):
        """Bounds what is asked from now on."""
        self._timeout = timeout

    def close(self):
        """There is nothing to close."""

    shutdown = setsockopt = lambda self, *args: None


def _header(line):
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def _body(written, start, headers):
    """The body of a request, once it is there."""
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return _chunks(written, start)
    length = int(headers.get(b"content-length", b"0"))
    return bytes(written[start : start + length]) if len(written) - start >= length else None


def _chunks(written, at):
    body = bytearray()
    while True:
        end = written.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(written[at:end].partition(b";")[0], 16)
        at = end + 2 + size + 2
        if size == 0:
            return bytes(body)
        if at > len(written):
            return None
        body += written[end + 2 : end + 2 + size]


# Of an answer whose length we know, these say what is not true any more.
_OF_THE_WAY = frozenset("connection content-length keep-alive transfer-encoding".split())


def _answer(told, method):
    body = web.body_of(told)
    lines = [f"HTTP/1.1 {told['status']} {told['reason']}"]
    lines += [f"{name}: {value}" for name, value in told["headers"] if method == "HEAD" or name not in _OF_THE_WAY]
    if method != "HEAD":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def install():
    """Puts the line under `http.client`. Runs in the build, before `urllib.request` is executed."""
    import http.client

    stdlib.patches["http.client"] = _put_under
    _put_under(http.client)


def _put_under(client):
    def connect(self):
        if self._tunnel_host:
            raise OSError(errno.EOPNOTSUPP, "requests through a proxy are not sent")
        self.sock = _Line(self._scheme, self.host, self.port, self.timeout)

    connection = client.HTTPConnection
    connect.__doc__ = connection.connect.__doc__
    connection.connect = connect
    connection._scheme = "http"

    class HTTPSConnection(connection):
        """The host secures the connection and decides whom to trust; `context` has no effect."""

        default_port = client.HTTPS_PORT
        _scheme = "https"

        def __init__(
            self,
            host,
            port=None,
            *,
            timeout=socket._GLOBAL_DEFAULT_TIMEOUT,
            source_address=None,
            context=None,
            blocksize=8192,
        ):
            super().__init__(host, port, timeout, source_address, blocksize=blocksize)

    HTTPSConnection.__module__ = "http.client"
    HTTPSConnection.__qualname__ = "HTTPSConnection"
    client.HTTPSConnection = HTTPSConnection
    client._create_https_context = lambda version: None
    client.__all__.append("HTTPSConnection")
