"""What sockets are connected to: HTTP requests as bytes in, the host's answers as bytes out.

A `Line` reads what is written to it as requests of HTTP/1.1. When one is whole, the host is asked, and what comes to be
read is its answer as HTTP has it. So all that is above a socket is its library's own: sessions, redirects, cookies,
streams, retries. TLS is the host's: what `_ssl` writes in place of a handshake marks a line as secured.
"""

from . import kept as __builtins__

import base64
import errno
import math
import re
import socket

from time import monotonic

from . import calls, output, seam, threads, twins, web

# What the host decides.
_OURS = frozenset(
    b"connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade "
    b"http2-settings".split()
)

# Bytes of a request's head.
_MOST_HEAD = 1 << 17

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (\S+) HTTP/1\.([01])")
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}( |$)")

NOT_HTTP = "The sandbox has sockets for requests of HTTP/1.1 alone: --allow-host grants the hosts"
_PROXY = "requests through a proxy are not sent: the host asks the servers itself"

# What `_ssl` writes and reads in place of a handshake: a record of TLS that no TLS has.
_HELLO = b"\x16\x03\x01"
_MARK = b"wxmcp\0"


def _refusal(words):
    return PermissionError(errno.EACCES, words)


def origin(scheme, name, port):
    """The URL of a place, without a path."""
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}" if port == (443 if scheme == "https" else 80) else f"{scheme}://{name}:{port}"


class Line:
    """A connection to one place."""

    def __init__(self, name, port, is_secured=False):
        self.name, self.port = name, port
        # Whether the host has secured it already, and why it could not.
        self.is_prepared, self.tls_error = is_secured, None
        self.is_secured = False
        self.written, self.incoming = bytearray(), bytearray()
        self.is_ended = False
        self.error = None
        self.asked = None  # what the host works on
        self._taking = None  # what takes its answer
        self.on_change = None  # is told when there is something to be read
        self._head = self._body = self._need = None
        self._has_answered = False

    def feed(self, data):
        """Takes bytes, and asks the host when a request is whole."""
        if self.is_ended:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        self.written += data
        self._advance()

    def _advance(self):
        while self.asked is None and self.written or self._head is not None:
            if self._head is None and not self._read_head():
                return
            if self.asked is not None or not self._read_body():
                return
            self._ask()
            if self.asked is not None:
                return

    def _read_head(self):
        """Whether the head of a request is there."""
        written = self.written
        if written[:1] == _HELLO[:1]:
            self._shake()
            return False
        while written[:2] == b"\r\n":
            del written[:2]
        if _METHOD.match(written[:33]) is None and written:
            self._refuse(NOT_HTTP)
        first = written.find(b"\r\n")
        match = _LINE.fullmatch(written[:first]) if first >= 0 else None
        if first >= 0 and match is None:
            self._refuse(NOT_HTTP)
        end = written.find(b"\r\n\r\n")
        if end < 0:
            if len(written) > _MOST_HEAD:
                self._refuse("the head of the request is too large")
            return False
        headers = [_header(line) for line in bytes(written[first + 2 : end]).split(b"\r\n") if line]
        del written[: end + 4]
        method, target, minor = match.groups()
        self._begin(method.decode(), target.decode("latin-1"), minor == b"1", headers)
        return True

    def _begin(self, method, target, is_new, headers):
        named = dict(headers)
        if method == "CONNECT" or not target.startswith("/") and target != "*":
            self._refuse(_PROXY)
        if b"upgrade" in named and b"websocket" in named[b"upgrade"].lower():
            self._refuse("The sandbox has no WebSockets: sockets are for requests of HTTP/1.1 alone")
        if b"chunked" in named.get(b"transfer-encoding", b"").lower():
            self._need = None
        else:
            try:
                self._need = int(named.get(b"content-length", b"0"))
            except ValueError:
                self._refuse(NOT_HTTP)
        closes = named.get(b"connection", b"" if is_new else b"close").lower()
        self._head = method, target, headers, b"close" in closes
        self._body = bytearray()
        if b"100-continue" in named.get(b"expect", b"").lower() and not self.written and self._need != 0:
            self._arrive(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _read_body(self):
        """Whether the body of a request is there."""
        written, body = self.written, self._body
        if self._need is not None:
            taken = min(self._need, len(written))
            body += written[:taken]
            del written[:taken]
            self._need -= taken
            return self._need == 0
        at = 0
        try:
            while True:
                end = written.find(b"\r\n", at)
                if end < 0:
                    return False
                size = int(written[at:end].partition(b";")[0], 16)
                if size == 0:
                    # What comes behind a body is not sent.
                    last = end if written[end : end + 4] == b"\r\n\r\n" else written.find(b"\r\n\r\n", end)
                    if last < 0:
                        return False
                    at = last + 4
                    return True
                if end + 2 + size + 2 > len(written):
                    return False
                body += written[end + 2 : end + 2 + size]
                at = end + 2 + size + 2
        except ValueError:
            self._refuse(NOT_HTTP)
        finally:
            del written[:at]

    def _ask(self):
        method, target, headers, _ = self._head
        sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in _OURS]
        if all(name != b"accept-encoding" for name, _ in headers):
            sent.append(("accept-encoding", "identity"))  # else the host would ask for some, and decode it
        request = {
            "method": method,
            "url": origin("https" if self.is_secured else "http", self.name, self.port) + ("" if target == "*" else target),
            "redirect": "manual",
            "headers": sent,
        }
        if self._body:
            request["bytes"] = base64.b64encode(self._body).decode()
        self._body = None
        self._submit(request, self._take_answer)

    def _shake(self):
        """Goes on with what stands for a handshake."""
        written = self.written
        length = int.from_bytes(written[3:5], "big") if len(written) >= 5 else 1
        if len(written) < 5 + length:
            return
        told = bytes(written[5 : 5 + length])
        if written[:3] != _HELLO or not told.startswith(_MARK):
            self._refuse("The sandbox speaks no TLS of its own: the host secures connections, as `ssl` has them")
        del written[: 5 + length]
        name = told[len(_MARK) :].decode().lower().rstrip(".")
        if name and name != self.name.lower().rstrip("."):
            self._shaken("", f"the name of the certificate, `{name}`, is not the host that is connected to: `{self.name}`")
        elif self.is_prepared:
            self.is_secured = True
            self._shaken(*(self.tls_error or ("", "")))
        else:
            self._submit({"url": origin("https", self.name, self.port), "connect": True}, self._take_handshake)

    def _take_handshake(self, call):
        try:
            calls.answered(call.ok, call.payload, "http")
        except calls.ToolError as error:
            self._shaken(*_told(error))
            return
        self.is_secured = True
        self._shaken("", "")

    def _shaken(self, code, words):
        told = f"{code}\0{words}".encode()[:60000] if words else b""
        self._arrive(_HELLO + len(told).to_bytes(2, "big") + told)

    def _submit(self, request, taking):
        output.flush()
        call = threads.Call()
        self.asked, self._taking = call, taking
        if self.on_change is not None:
            call.then = self.on_change
        self._number = seam.submit(seam.HTTP, seam.encode(request))
        calls.expect(self._number, call)

    def take(self):
        """Takes what the host has answered, if it has."""
        call = self.asked
        if call is None or call.ok is None:
            return
        self.asked = None
        self._taking(call)
        if not self.is_ended:
            self._advance()

    def _take_answer(self, call):
        method, _, _, closes = self._head
        self._head = None
        payload, call.payload = call.payload, None
        try:
            told = calls.answered(call.ok, payload, "http")
        except calls.ToolError as error:
            failed = web.failure(error)
            self.error = OSError(errno.EINVAL, str(failed)) if isinstance(failed, ValueError) else failed
            self.is_ended = True
            return
        head, body, ends = _answer(told, method)
        self.is_ended, self._has_answered = closes or ends, True
        self._arrive(head)
        self._arrive(body)

    def _arrive(self, data):
        self.incoming += data

    def end_idle(self):
        """Ends a line that somebody reads from who has asked for nothing: no server would go on."""
        if self._head is not None or self.written:
            raise TimeoutError("the request was not written whole: no answer will come")
        if not self._has_answered:
            self._refuse(NOT_HTTP + "; this one waits for a server that speaks first")
        self.is_ended = True

    def _refuse(self, words):
        self.is_ended = True
        self.error = _refusal(words)
        raise self.error

    def is_readable(self):
        """Whether a read would not wait."""
        self.take()
        return bool(self.incoming) or self.is_ended

    def read(self, size):
        """Bytes that are there; raises what stands in place of them."""
        taken = bytes(self.incoming[:size])
        if taken:
            del self.incoming[: len(taken)]
            return taken
        if self.error is not None:
            error, self.error = self.error, None
            raise error.with_traceback(None)
        return b""

    def close(self):
        """Gives up on what is under way."""
        self.is_ended = True
        if self.asked is not None and self.asked.ok is None:
            calls.unexpect(self._number)
            seam.cancel(self._number)
        self.asked = self.on_change = None


def _header(line):
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def _told(error):
    code = error.data.get("code") if isinstance(error.data, dict) else None
    return code or "", str(error)


def _answer(told, method):
    """The head of an answer and its body, as bytes, and whether it ends with the connection."""
    body = web.body_of(told)
    told.pop("text", None), told.pop("bytes", None)  # it may be large
    status, headers = told["status"], told["headers"]
    named = {name: value.lower() for name, value in headers}
    lines = [f"HTTP/1.1 {status} {told['reason']}"]
    ends = "close" in named.get("connection", "")
    if method == "HEAD" or status < 200 or status in (204, 304):
        body = b""
    elif "chunked" in named.get("transfer-encoding", ""):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif "content-length" in named:
        if named["content-length"] != str(len(body)):
            headers = [pair for pair in headers if pair[0] != "content-length"] + [("content-length", str(len(body)))]
    else:
        ends = True
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace"), body, ends


def wait(line, timeout):
    """Waits until the host has answered; whether it has in time."""
    call = line.asked
    if threads.alive:
        return threads.block(_waiting(call, timeout))
    output.flush()
    deadline = None if timeout is None else monotonic() + timeout
    while call.ok is None:
        left = None
        if deadline is not None:
            left = math.ceil((deadline - monotonic()) * 1e6)
            if left <= 0:
                return False
        calls.deliver(seam.wait(left))
    return True


def _wait_aside(line, timeout):
    return (yield _waiting(line.asked, timeout))


def _waiting(call, timeout):
    return threads.Wait(call.ready, "the answer of the host", timeout)


twins.waits_aside(wait, _wait_aside)


def fill(line, timeout):
    """Waits until something can be read from a line."""
    while not line.is_readable():
        if timeout == 0:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        if line.asked is None:
            line.end_idle()
            continue
        if not wait(line, timeout):
            raise TimeoutError("timed out")


def receive(line, size, timeout):
    """`socket.recv` of a line."""
    if size == 0:
        return b""
    fill(line, timeout)
    return line.read(size)
