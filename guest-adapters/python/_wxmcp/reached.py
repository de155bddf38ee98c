"""Places that sockets connect to: names, addresses that stand for names, and what the host says of both."""

from . import kept as __builtins__

import socket

from . import calls, lines, seam, web

# Names have addresses here that nobody else has: those that are set aside for the tests of networks.
_MOST_NAMES = 1 << 16
_names, _addresses = {}, {}

# What `getaddrinfo` has reached already, so that `connect` need not.
_reached = {}

_TLS = ("CERT_UNTRUSTED", "EPROTO")


class Local(str):
    """An address of this machine that remembers the name it was asked for by."""

    name = "localhost"

    def __reduce__(self):
        return str, (str.__str__(self),)


def address_of(name):
    """The address that stands for a name."""
    address = _addresses.get(name)
    if address is None:
        number = len(_names)
        if number >= _MOST_NAMES:
            raise socket.gaierror(socket.EAI_AGAIN, f"more than {_MOST_NAMES} names in one run")
        address = _addresses[name] = f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        _names[address] = name
    return address


def name_of(address):
    """The name that an address stands for, or the address itself."""
    return address.name if isinstance(address, Local) else _names.get(address, address)


def _request(name, port, timeout=None):
    # What is connected to at this port speaks TLS: so both are one call.
    request = {"url": lines.origin("https" if port == 443 else "http", name, port), "connect": True}
    if timeout:
        request["timeout_ms"] = max(int(timeout * 1000), 1)
    return seam.encode(request)


def _line(name, port, error):
    """The line of a place that was reached, or failed with an error of the host."""
    if error is not None:
        code = lines._told(error)
        if code[0] not in _TLS:
            raise web.failure(error)
    line = lines.Line(name, port, port == 443)
    if error is not None:
        line.tls_error = code
    return line


def connect(address, timeout):
    """A line to an address, for code that waits."""
    name, port = name_of(address[0]), address[1]
    if _reached.get((name, port)):
        return _line(name, port, _reached[name, port].pop())
    return _line(name, port, _reach(name, port, timeout))


async def connect_in(loop, address):
    """The same inside an event loop."""
    name, port = name_of(address[0]), address[1]
    if _reached.get((name, port)):
        return _line(name, port, _reached[name, port].pop())
    return _line(name, port, await _reach_in(loop, name, port))


def look_up(name, port):
    """Reaches the place behind a name before `connect` does, and raises what `getaddrinfo` would."""
    _keep(name, port, _reach(name, port, None))


async def look_up_in(loop, name, port):
    """The same inside an event loop."""
    _keep(name, port, await _reach_in(loop, name, port))


def _keep(name, port, error):
    if error is not None:
        failed = web.failure(error)
        if isinstance(failed, PermissionError):
            raise socket.gaierror(socket.EAI_NONAME, str(error))
        if isinstance(failed, (socket.gaierror, ValueError)):
            raise failed
    _reached.setdefault((name, port), []).append(error)


def _reach(name, port, timeout):
    try:
        calls.block(seam.HTTP, _request(name, port, timeout), "http")
    except calls.ToolError as error:
        return error
    return None


class _Reaching(calls.ToolCall):
    """A connection that is being opened."""

    _operation = seam.HTTP


async def _reach_in(loop, name, port):
    try:
        await _Reaching(_request(name, port), "http", loop)
    except calls.ToolError as error:
        return error
    return None
