"""Methods of `socket.socket` once it is connected, its files, and `select` over it."""

from . import kept as __builtins__

import errno
import io
import os
import select as plain_select
import socket
import weakref

from . import lines, reached, sockets

# Descriptors of sockets are above all of WASI's, and above those of pipes.
FIRST = 200_000

_by_number = weakref.WeakValueDictionary()
_detached = {}
_count = [FIRST]


def _line_of(sock):
    state = sockets.state_of(sock)
    if state.line is None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
    return state.line


def number(state):
    """Gives a socket its number."""
    state.number = _count[0]
    _count[0] += 1
    _by_number[state.number] = state
    return state


def adopt(number):
    """Gives a socket what another one with this descriptor has."""
    _detached.pop(number, None)
    state = _by_number.get(number)
    if state is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return state


def _address(address):
    if not isinstance(address, tuple) or len(address) < 2:
        raise TypeError(f"connect(): AF_INET address must be tuple, not {type(address).__name__}")
    host, port = address[:2]
    if not isinstance(host, str):
        host = bytes(host).decode("ascii")
    if not isinstance(port, int):
        raise TypeError(f"'{type(port).__name__}' object cannot be interpreted as an integer")
    if not 0 <= port <= 65535:
        raise OverflowError("connect(): port must be 0-65535.")
    return (host or "127.0.0.1"), port


def check(sock, address):
    """The place that a socket may be connected to."""
    state = sockets.state_of(sock)
    if state.family not in (socket.AF_INET, socket.AF_INET6) or state.type != socket.SOCK_STREAM:
        raise PermissionError(errno.EACCES, sockets.WORDS)
    if state.line is not None:
        raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
    return state, _address(address)


def connect(self, address, /):
    """Connect to a remote socket at address: a place that --allow-host grants."""
    state, place = check(self, address)
    state.line = reached.connect(place, state.timeout)
    state.peer = address


def connect_ex(self, address, /):
    """The same; a failure is a number."""
    try:
        connect(self, address)
    except socket.gaierror:
        raise
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def send(self, data, flags=0, /):
    """Send data; all of it is taken."""
    size = memoryview(data).nbytes
    _line_of(self).feed(data)
    return size


def sendall(self, data, flags=0, /):
    """Send all of data."""
    _line_of(self).feed(data)


def sendmsg(self, buffers, *args):
    """Send buffers, one after the other."""
    return send(self, b"".join(buffers))


def recv(self, bufsize, flags=0, /):
    """Receive up to bufsize bytes of what the host has answered."""
    line = _line_of(self)
    data = lines.receive(line, bufsize, sockets.state_of(self).timeout)
    if flags & socket.MSG_PEEK:
        line.incoming[:0] = data
    return data


def recv_into(self, buffer, nbytes=0, flags=0, /):
    """The same into a buffer; returns how many."""
    with memoryview(buffer).cast("B") as view:
        data = recv(self, nbytes or len(view), flags)
        view[: len(data)] = data
    return len(data)


def recvfrom(self, bufsize, flags=0, /):
    """The same, and from where."""
    return recv(self, bufsize, flags), None


def getpeername(self):
    """Return the address of the remote endpoint."""
    _line_of(self)
    return sockets.state_of(self).peer


def shutdown(self, how, /):
    """Ends what may be sent; answers still arrive."""
    _line_of(self)


def fileno(self):
    """Return the number of a socket; -1 once it is closed."""
    state = sockets.find(self)
    return -1 if state is None or state.closed else state.number


def detach(self):
    """Closes the socket, and leaves its connection to who knows its number."""
    number = fileno(self)
    self._closed = True
    state = sockets.forget(self)
    if number >= 0:
        _detached[number] = state
    return number


def close(state):
    """Ends a connection, and gives up the number of its socket."""
    _by_number.pop(state.number, None)
    _detached.pop(state.number, None)
    state.number = -1
    if state.line is not None:
        state.line.close()


class Reader(io.BufferedIOBase):
    """A socket as a file that is read; unlike the library's, its methods let other threads go on while they wait."""

    def __init__(self, sock):
        self._sock = sock
        self._line = _line_of(sock)
        self._timed_out = False

    def readable(self):
        """Always."""
        return True

    def fileno(self):
        """That of the socket."""
        return self._sock.fileno()

    @property
    def name(self):
        return self.fileno()

    @property
    def raw(self):
        return self

    def _fill(self):
        """Whether there is more to be read."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        if self._line.incoming:
            return True
        if self._timed_out:
            raise OSError("cannot read from timed out object")
        state = sockets.find(self._sock)
        try:
            lines.fill(self._line, None if state is None else state.timeout)
        except TimeoutError:
            self._timed_out = True
            raise
        if self._line.incoming:
            return True
        self._line.read(1)  # raises what stands in place of it
        return False

    def readline(self, size=-1, /):
        """A line, of at most `size` bytes."""
        incoming, start = self._line.incoming, 0
        while True:
            end = incoming.find(b"\n", start) + 1
            if end or 0 <= size <= len(incoming):
                break
            start = len(incoming)
            if not self._fill_more(start):
                end = len(incoming)
                break
        if end <= 0 or 0 <= size < end:
            end = size
        return self._line.read(end) if end else b""

    def _fill_more(self, have):
        """Whether more came than there was."""
        line = self._line
        while len(line.incoming) <= have:
            if have and (line.is_ended or line.asked is None):
                return False
            if not have:
                return self._fill()
            state = sockets.find(self._sock)
            if not lines.wait(line, None if state is None else state.timeout):
                raise TimeoutError("timed out")
            line.take()
        return True

    def read(self, size=-1, /):
        """So many bytes, or all up to the end."""
        line = self._line
        while size is None or size < 0 or len(line.incoming) < size:
            have = len(line.incoming)
            if not self._fill_more(have):
                break
        size = len(line.incoming) if size is None or size < 0 else size
        return line.read(size) if size and line.incoming else b""

    def read1(self, size=-1, /):
        """Some bytes."""
        if size == 0 or not self._fill():
            return b""
        return self._line.read(len(self._line.incoming) if size < 0 else size)

    def peek(self, size=0, /):
        """Some bytes, which stay."""
        return bytes(self._line.incoming) if self._fill() else b""

    def readinto(self, buffer, /):
        """The same as `read`, into a buffer."""
        with memoryview(buffer).cast("B") as view:
            data = self.read(len(view))
            view[: len(data)] = data
        return len(data)

    def readinto1(self, buffer, /):
        """The same as `read1`, into a buffer."""
        with memoryview(buffer).cast("B") as view:
            data = self.read1(len(view))
            view[: len(data)] = data
        return len(data)

    def close(self):
        """Closes the file, and the socket if it was closed before."""
        if not self.closed:
            super().close()
            self._sock._decref_socketios()


_plain_makefile = socket.socket.makefile


def makefile(self, mode="r", buffering=None, *, encoding=None, errors=None, newline=None):
    """An I/O stream connected to the socket."""
    state = sockets.state_of(self)
    if state.line is None or "w" in mode or buffering == 0 or set(mode) - {"r", "b"}:
        return _plain_makefile(self, mode, buffering, encoding=encoding, errors=errors, newline=newline)
    self._io_refs += 1
    reader = Reader(self)
    if "b" in mode:
        return reader
    text = io.TextIOWrapper(reader, io.text_encoding(encoding), errors, newline)
    text.mode = mode
    return text


METHODS = (
    connect, connect_ex, send, sendall, sendmsg, recv, recv_into, recvfrom, getpeername, shutdown, fileno, detach, makefile,
)  # fmt: skip


def _number_of(file):
    return file if isinstance(file, int) else file.fileno()


_select, _poll = plain_select.select, plain_select.poll


def select(rlist, wlist, xlist, timeout=None, /):
    """Wait until one or more of these can be read or written."""
    rlist, wlist = list(rlist), list(wlist)
    if not any(_number_of(one) in _by_number for one in (*rlist, *wlist)):
        return _select(rlist, wlist, xlist, timeout)
    writable = [one for one in wlist if _number_of(one) in _by_number]
    readable = _readable([_number_of(one) for one in rlist], 0 if writable else timeout)
    return [one for one in rlist if _number_of(one) in readable], writable, []


def _readable(numbers, timeout):
    """Which of these connections can be read, once one can."""
    found = _readable_now(numbers)
    known = [_by_number[number].line for number in numbers if number in _by_number]
    asked = [line for line in known if line is not None and line.asked is not None]
    if not found and asked and timeout != 0:
        lines.wait(asked[0], timeout)
        found = _readable_now(numbers)
    return found


def _readable_now(numbers):
    known = {number: _by_number[number].line for number in numbers if number in _by_number}
    return {number for number, line in known.items() if line is None or line.is_readable()}


class poll:
    """Returns a polling object, which waits for files and connections."""

    def __init__(self):
        self._plain, self._ours, self._files = _poll(), {}, 0

    def register(self, fd, eventmask=plain_select.POLLIN | plain_select.POLLPRI | plain_select.POLLOUT, /):
        """Register a file descriptor with the polling object."""
        number = _number_of(fd)
        if number in _by_number:
            self._ours[number] = eventmask
        else:
            self._plain.register(number, eventmask)
            self._files += 1

    def modify(self, fd, eventmask, /):
        """Modify an already registered file descriptor."""
        number = _number_of(fd)
        if number in self._ours:
            self._ours[number] = eventmask
        else:
            self._plain.modify(number, eventmask)

    def unregister(self, fd, /):
        """Remove a file descriptor."""
        number = _number_of(fd)
        if self._ours.pop(number, None) is None:
            self._plain.unregister(number)
            self._files -= 1

    def poll(self, timeout=None, /):
        """Polls the registered file descriptors, with a timeout in milliseconds."""
        if not self._ours:
            return self._plain.poll(timeout)
        writable = {number for number, mask in self._ours.items() if mask & plain_select.POLLOUT}
        waiting = [number for number, mask in self._ours.items() if mask & plain_select.POLLIN]
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        readable = _readable(waiting, 0 if writable else seconds)
        found = [
            (number, plain_select.POLLIN * (number in readable) | plain_select.POLLOUT * (number in writable))
            for number in self._ours
            if number in readable or number in writable
        ]
        return found + (self._plain.poll(0) if self._files else [])


def install():
    """Has sockets connect, and `select` know them. Runs in the build only."""
    sockets.join(METHODS, number, adopt, close)
    for one in (select, poll):
        one.__module__ = "select"
        setattr(plain_select, one.__name__, one)
