"""`socket` over the host: sockets connect to places that are granted, to carry requests of HTTP (see `connected`).

They can be made and set up as everywhere, and refuse in words what else sockets do.
"""

from . import kept as __builtins__

import errno
import os
import socket
import weakref

from . import reached

WORDS = "The sandbox has no sockets but for requests of HTTP, to hosts that are granted by --allow-host"
_UNKNOWN = "Name or service not known: the sandbox has no network but requests"
_LOCAL = {"localhost": "127.0.0.1", "ip6-localhost": "::1", "": "0.0.0.0"}
_SERVICES = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "smtp": 25, "domain": 53}
_NUMBERS = {
    "SOCK_RAW": 3, "SOCK_RDM": 4, "SOCK_SEQPACKET": 5, "SO_BROADCAST": 6, "SO_LINGER": 13, "SO_REUSEPORT": 15,
    "SO_OOBINLINE": 10, "SO_DONTROUTE": 5, "AF_PACKET": 17, "AF_NETLINK": 16, "AF_BLUETOOTH": 31,
}  # fmt: skip

# What a socket was made and set up as.
_states = weakref.WeakKeyDictionary()


# What `connected` adds: methods of sockets, what gives them numbers, finds them by these, and ends a connection.
_methods, _number, _adopt, _close = (), None, None, None


def join(methods, number, adopt, close):
    """Has sockets connect. Runs in the build only."""
    global _methods, _number, _adopt, _close
    _methods, _number, _adopt, _close = methods, number, adopt, close


def put_into(module):
    """Replaces what would ask the system."""
    for function in (gethostname, getaddrinfo, gethostbyname, gethostbyname_ex, gethostbyaddr, socketpair):
        function.__module__ = "socket"
        setattr(module, function.__name__, function)
    for name, number in _NUMBERS.items():
        if not hasattr(module, name):
            setattr(module, name, number)
    for name, method in vars(_Methods).items():
        if name not in ("__module__", "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__"):
            setattr(module.socket, name, method)
    for name in "bind listen accept sendto recvfrom_into dup".split():
        setattr(module.socket, name, _refuse)
    for method in _methods:
        setattr(module.socket, method.__name__, method)


def gethostname():
    """Return the current host name."""
    return "localhost"


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """Resolve host and port: numbers, and the names of this machine, which need no network."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii")
    address = _LOCAL.get(host or "", host)
    if host == "localhost":
        address = reached.Local(address)
    elif address is host and _is_name(host) and port and type in (0, socket.SOCK_STREAM) and not flags & socket.AI_NUMERICHOST:
        host = _encoded(host)
        reached.look_up(host, _port(port))
        address = reached.address_of(host)
    return _infos(address, port, family, type, proto)


def _is_name(host):
    return not host.replace(".", "").isdecimal() and ":" not in host


def _encoded(host):
    return host if host.isascii() else host.encode("idna").decode()


async def getaddrinfo_in(loop, host, port, family=0, type=0, proto=0, flags=0):
    """The same inside an event loop, for names that the host must look up."""
    if isinstance(host, str) and host not in _LOCAL and _is_name(host) and port and type in (0, socket.SOCK_STREAM):
        host = _encoded(host)
        await reached.look_up_in(loop, host, _port(port))
        return _infos(reached.address_of(host), port, family, type, proto)
    return getaddrinfo(host, port, family, type, proto, flags)


def _infos(address, port, family, type, proto):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(kind, address)
    except (OSError, ValueError):
        raise socket.gaierror(socket.EAI_NONAME, _UNKNOWN) from None
    if family not in (0, kind):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    place = (address, _port(port), 0, 0) if kind == socket.AF_INET6 else (address, _port(port))
    kinds = ((socket.SOCK_STREAM, socket.IPPROTO_TCP), (socket.SOCK_DGRAM, socket.IPPROTO_UDP))
    return [(kind, one, two, "", place) for one, two in kinds if type in (0, one) and proto in (0, two)]


def _port(port):
    if port is None or isinstance(port, int):
        return port or 0
    name = port.decode() if isinstance(port, bytes) else port
    if name.isdecimal():
        return int(name)
    if name in _SERVICES:
        return _SERVICES[name]
    raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")


def gethostbyname(hostname, /):
    """The address of a name: of this machine, or a number."""
    return getaddrinfo(hostname, None, socket.AF_INET)[0][4][0]


def gethostbyname_ex(hostname, /):
    """The same, with the name."""
    return hostname, [], [gethostbyname(hostname)]


def gethostbyaddr(address, /):
    """The name of an address: of this machine."""
    if address in ("127.0.0.1", "::1", "localhost"):
        return "localhost", [], ["127.0.0.1"]
    raise socket.herror(1, "Unknown host")


def socketpair(family=None, type=socket.SOCK_STREAM, proto=0):
    """Refuses: there are no sockets."""
    raise PermissionError(errno.EACCES, WORDS)


class _State:
    def __init__(self, family, type, proto):
        self.family, self.type, self.proto = family, type, proto
        self.timeout = socket.getdefaulttimeout()
        self.options, self.closed = {}, False
        self.line, self.number, self.peer = None, -1, None


def find(sock):
    """What a socket is; None if it was left to another one."""
    return _states.get(sock)


def forget(sock):
    """Leaves what a socket was to another one."""
    return _states.pop(sock, None)


def state_of(sock):
    """What a socket that is open is."""
    return _open(sock)


def _open(sock):
    state = _states.get(sock)
    if state is None or state.closed:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return state


def _refuse(self, *args, **kwargs):
    """Refuses: there are no sockets."""
    _open(self)
    raise PermissionError(errno.EACCES, WORDS)


def _of(sock):
    return _states.get(sock) or _State(socket.AF_INET, socket.SOCK_STREAM, 0)


class _Methods:
    """What `socket.socket` has in place of its own methods."""

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        self._io_refs, self._closed = 0, False
        if fileno is not None:
            _states[self] = _adopt(fileno)
            return
        family = socket.AF_INET if family == -1 else family
        state = _State(family, socket.SOCK_STREAM if type == -1 else type, 0 if proto == -1 else proto)
        _states[self] = _number(state)

    def __repr__(self):
        state = _of(self)
        about = "[closed] " if state.closed or self._closed else ""
        return f"<socket.socket {about}fd={state.number}, family={state.family:d}, type={state.type:d}, proto={state.proto}>"

    def __del__(self):
        """Nothing is open."""

    def settimeout(self, value, /):
        """Set a timeout on socket operations."""
        if value is not None and value < 0:
            raise ValueError("Timeout value out of range")
        _open(self).timeout = value

    def gettimeout(self):
        """Return the timeout in seconds that is associated with socket operations."""
        return _open(self).timeout

    def setblocking(self, flag, /):
        """Set the socket to blocking or non-blocking mode."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self):
        """Return True if the socket is in blocking mode."""
        return _open(self).timeout != 0.0

    def setsockopt(self, level, optname, value, optlen=None, /):
        """Set a socket option."""
        _open(self).options[level, optname] = value

    def getsockopt(self, level, optname, buflen=0, /):
        """Get a socket option."""
        state = _open(self)
        if (level, optname) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(state.type)
        return state.options.get((level, optname), bytes(buflen) if buflen else 0)

    def getsockname(self):
        """Return the address of the local endpoint."""
        state = _open(self)
        if state.line is not None:
            return ("127.0.0.1", 32768 + state.number % 28000) if state.family == socket.AF_INET else ("::1", 0, 0, 0)
        return ("0.0.0.0", 0) if state.family == socket.AF_INET else ("::", 0, 0, 0)

    def get_inheritable(self):
        """Return False: nothing is inherited."""
        return False

    def set_inheritable(self, inheritable):
        """Changes nothing: nothing is inherited."""

    def _real_close(self, *args):
        state = _states.get(self)
        if state is not None and not state.closed:
            state.closed = True
            _close(state)

    family = property(lambda self: socket._intenum_converter(_of(self).family, socket.AddressFamily))
    type = property(lambda self: socket._intenum_converter(_of(self).type, socket.SocketKind))
    proto = property(lambda self: _of(self).proto)
    timeout = property(lambda self: _of(self).timeout)
