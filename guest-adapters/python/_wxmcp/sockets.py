"""`socket` without a network: sockets can be made and set up, and refuse in words to reach anybody."""

from . import kept as __builtins__

import errno
import os
import weakref

_WORDS = "The sandbox has no sockets: urllib.request reaches hosts that are granted by --allow-host"
_LOCAL = {"localhost": "127.0.0.1", "ip6-localhost": "::1", "": "0.0.0.0"}

# What the options of a socket and its address are, by socket.
_states = weakref.WeakKeyDictionary()


def put_into(module):
    """Replaces what would ask the system."""
    _complete_names(module)
    _complete_numbers(module)
    _replace_methods(module)


def _complete_numbers(module):
    numbers = {
        "SOCK_RAW": 3, "SOCK_RDM": 4, "SOCK_SEQPACKET": 5, "SO_BROADCAST": 6, "SO_LINGER": 13, "SO_REUSEPORT": 15,
        "SO_OOBINLINE": 10, "SO_DONTROUTE": 5, "AF_PACKET": 17, "AF_NETLINK": 16, "AF_BLUETOOTH": 31,
    }  # fmt: skip
    for name, number in numbers.items():
        if not hasattr(module, name):
            setattr(module, name, number)


def _complete_names(module):
    plain = module._socket.getaddrinfo

    def gethostname():
        """Return the current host name."""
        return "localhost"

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        """Resolve host and port: numbers and the names of this machine, which need no network."""
        if isinstance(host, (bytes, bytearray)):
            host = host.decode("ascii")
        address = _LOCAL.get(host or "", host)
        number, port_name = (0 if port is None else int(port) if str(port).isdecimal() else _service(module, port)), port
        kind = module.AF_INET6 if address and ":" in address else module.AF_INET
        if not _is_numeric(module, kind, address):
            raise module.gaierror(module.EAI_NONAME, "Name or service not known: the sandbox has no network but requests")
        if family not in (0, kind):
            raise module.gaierror(module.EAI_NONAME, "Name or service not known")
        place = (address, number, 0, 0) if kind == module.AF_INET6 else (address, number)
        kinds = [(module.SOCK_STREAM, module.IPPROTO_TCP), (module.SOCK_DGRAM, module.IPPROTO_UDP)]
        found = [(kind, one, two, "", place) for one, two in kinds if type in (0, one) and proto in (0, two)]
        convert = module._intenum_converter
        return [
            (convert(kind, module.AddressFamily), convert(one, module.SocketKind), two, name, place)
            for kind, one, two, name, place in found
        ]

    def gethostbyname(hostname, /):
        """The address of a name: of this machine, or a number."""
        return getaddrinfo(hostname, None, module.AF_INET)[0][4][0]

    def gethostbyname_ex(hostname, /):
        """The same, with the name."""
        return hostname, [], [gethostbyname(hostname)]

    def gethostbyaddr(address, /):
        """The name of an address: of this machine."""
        if address in ("127.0.0.1", "::1", "localhost"):
            return "localhost", [], ["127.0.0.1"]
        raise module.herror(1, "Unknown host")

    del plain
    for function in (gethostname, getaddrinfo, gethostbyname, gethostbyname_ex, gethostbyaddr):
        function.__module__ = "socket"
        setattr(module, function.__name__, function)


def _service(module, name):
    known = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "smtp": 25, "domain": 53}
    if name in known:
        return known[name]
    raise module.gaierror(module.EAI_SERVICE, "Servname not supported for ai_socktype")


def _is_numeric(module, kind, address):
    try:
        module.inet_pton(kind, address)
    except (OSError, TypeError, ValueError):
        return False
    return True


class _State:
    def __init__(self, module, family, type, proto):
        self.family, self.type, self.proto = family, type, proto
        self.timeout = module.getdefaulttimeout()
        self.options, self.closed = {}, False


def _replace_methods(module):
    kind = module.socket

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        if fileno is not None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        family = module.AF_INET if family == -1 else family
        type = module.SOCK_STREAM if type == -1 else type
        self._io_refs, self._closed = 0, False
        _states[self] = _State(module, family, type, 0 if proto == -1 else proto)

    def refuse(self, *args, **kwargs):
        _open(self)
        raise PermissionError(errno.EACCES, _WORDS)

    def settimeout(self, value, /):
        """Set a timeout on socket operations."""
        if value is not None and value < 0:
            raise ValueError("Timeout value out of range")
        _open(self).timeout = value

    def setsockopt(self, level, optname, value, optlen=None, /):
        """Set a socket option."""
        _open(self).options[level, optname] = value

    def getsockopt(self, level, optname, buflen=0, /):
        """Get a socket option."""
        state = _open(self)
        if (level, optname) == (module.SOL_SOCKET, module.SO_TYPE):
            return int(state.type)
        return state.options.get((level, optname), bytes(buflen) if buflen else 0)

    def getsockname(self):
        """Return the address of the local endpoint."""
        return ("0.0.0.0", 0) if _open(self).family == module.AF_INET else ("::", 0, 0, 0)

    def getpeername(self):
        """Refuses: nobody is connected."""
        _open(self)
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    def _real_close(self):
        _states[self].closed = True

    def __repr__(self):
        state = _states[self]
        about = "[closed] " if state.closed else ""
        return f"<socket.socket {about}fd={fileno(self)}, family={state.family:d}, type={state.type:d}, proto={state.proto}>"

    def fileno(self):
        """Return -1: no descriptor belongs to it."""
        return -1

    methods = {
        "__init__": __init__, "settimeout": settimeout, "setsockopt": setsockopt, "getsockopt": getsockopt,
        "getsockname": getsockname, "getpeername": getpeername, "_real_close": lambda self, *args: _real_close(self),
        "__repr__": __repr__, "fileno": fileno, "gettimeout": lambda self: _open(self).timeout,
        "setblocking": lambda self, flag, /: settimeout(self, None if flag else 0.0),
        "getblocking": lambda self: _open(self).timeout != 0.0,
        "connect_ex": lambda self, address, /: _open(self) and errno.EACCES,
        "detach": lambda self: -1,
        "shutdown": getpeername,
        "set_inheritable": lambda self, inheritable: None, "get_inheritable": lambda self: False,
        "family": property(lambda self: module._intenum_converter(_states[self].family, module.AddressFamily)),
        "type": property(lambda self: module._intenum_converter(_states[self].type, module.SocketKind)),
        "proto": property(lambda self: _states[self].proto),
        "timeout": property(lambda self: _states[self].timeout),
    }  # fmt: skip
    for name in "connect bind listen accept send sendall sendto sendmsg recv recv_into recvfrom recvfrom_into dup".split():
        methods[name] = refuse
    for name, method in methods.items():
        setattr(kind, name, method)
    kind.__del__ = lambda self: None

    def socketpair(family=None, type=module.SOCK_STREAM, proto=0):
        """Refuses."""
        raise PermissionError(errno.EACCES, _WORDS)

    module.socketpair = socketpair


def _open(sock):
    state = _states.get(sock)
    if state is None or state.closed:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return state
