"""`socket` without a network: sockets can be made and set up, and refuse in words to reach anybody."""

from . import kept as __builtins__

import errno
import os
import socket
import weakref

_WORDS = "The sandbox has no sockets: urllib.request reaches hosts that are granted by --allow-host"
_UNKNOWN = "Name or service not known: the sandbox has no network but requests"
_LOCAL = {"localhost": "127.0.0.1", "ip6-localhost": "::1", "": "0.0.0.0"}
_SERVICES = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "smtp": 25, "domain": 53}
_NUMBERS = {
    "SOCK_RAW": 3, "SOCK_RDM": 4, "SOCK_SEQPACKET": 5, "SO_BROADCAST": 6, "SO_LINGER": 13, "SO_REUSEPORT": 15,
    "SO_OOBINLINE": 10, "SO_DONTROUTE": 5, "AF_PACKET": 17, "AF_NETLINK": 16, "AF_BLUETOOTH": 31,
}  # fmt: skip

# What a socket was made and set up as.
_states = weakref.WeakKeyDictionary()


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
    for name in "connect bind listen accept send sendall sendto sendmsg recv recv_into recvfrom recvfrom_into dup".split():
        setattr(module.socket, name, _refuse)


def gethostname():
    """Return the current host name."""
    return "localhost"


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """Resolve host and port: numbers, and the names of this machine, which need no network."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii")
    address = _LOCAL.get(host or "", host)
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
    raise PermissionError(errno.EACCES, _WORDS)


class _State:
    def __init__(self, family, type, proto):
        self.family, self.type, self.proto = family, type, proto
        self.timeout = socket.getdefaulttimeout()
        self.options, self.closed = {}, False


def _open(sock):
    state = _states.get(sock)
    if state is None or state.closed:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return state


def _refuse(self, *args, **kwargs):
    """Refuses: there are no sockets."""
    _open(self)
    raise PermissionError(errno.EACCES, _WORDS)


class _Methods:
    """What `socket.socket` has in place of its own methods."""

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        if fileno is not None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self._io_refs, self._closed = 0, False
        family = socket.AF_INET if family == -1 else family
        _states[self] = _State(family, socket.SOCK_STREAM if type == -1 else type, 0 if proto == -1 else proto)

    def __repr__(self):
        state = _states[self]
        about = "[closed] " if state.closed else ""
        return f"<socket.socket {about}fd=-1, family={state.family:d}, type={state.type:d}, proto={state.proto}>"

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

    def connect_ex(self, address, /):
        """Refuses to connect, by a number."""
        _open(self)
        return errno.EACCES

    def getsockname(self):
        """Return the address of the local endpoint."""
        return ("0.0.0.0", 0) if _open(self).family == socket.AF_INET else ("::", 0, 0, 0)

    def getpeername(self, *args):
        """Refuses: nobody is connected."""
        _open(self)
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    shutdown = getpeername

    def fileno(self):
        """Return -1: no descriptor belongs to it."""
        return -1

    detach = fileno

    def get_inheritable(self):
        """Return False: nothing is inherited."""
        return False

    def set_inheritable(self, inheritable):
        """Changes nothing: nothing is inherited."""

    def _real_close(self, *args):
        _states[self].closed = True

    family = property(lambda self: socket._intenum_converter(_states[self].family, socket.AddressFamily))
    type = property(lambda self: socket._intenum_converter(_states[self].type, socket.SocketKind))
    proto = property(lambda self: _states[self].proto)
    timeout = property(lambda self: _states[self].timeout)
