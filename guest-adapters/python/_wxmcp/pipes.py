"""`os.pipe`: between threads of one run, since there are no processes that would have its ends.

Nothing of `os` is replaced before a script makes the first pipe.
"""

from . import kept as __builtins__

import io
import os
import sys

from . import copies

# Descriptors of pipes are above all of WASI's.
_FIRST = 100_000

_ends = {}
_plain = {}
_count = [0]


class _Pipe:
    """What is between two descriptors."""

    __slots__ = ("data", "has_reader", "has_writer")

    def __init__(self):
        self.data = bytearray()
        self.has_reader = self.has_writer = True

    def is_ready(self):
        """Whether a read would not wait."""
        return bool(self.data) or not self.has_writer

    def read(self, count):
        """Some bytes, and waits for the first; none at the end."""
        copies.wait_for(self.is_ready, "data of a pipe")
        taken = bytes(self.data[:count])
        del self.data[: len(taken)]
        return taken

    def write(self, data):
        """Adds bytes; there is room as long as there is memory."""
        if not self.has_reader:
            raise BrokenPipeError(32, "Broken pipe")
        self.data += data
        return len(data)


class _File(io.RawIOBase):
    """A descriptor of a pipe as a file."""

    def __init__(self, fd, is_reader):
        self._fd, self._is_reader = fd, is_reader

    def readable(self):
        return self._is_reader

    def writable(self):
        return not self._is_reader

    def fileno(self):
        return self._fd

    def readinto(self, buffer):
        data = read(self._fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        return write(self._fd, data)

    def close(self):
        if not self.closed:
            super().close()
            close(self._fd)


def pipe():
    """Create a pipe; returns its descriptors for reading and for writing."""
    if not _plain:
        _install()
    made = _Pipe()
    reader = _FIRST + _count[0]
    _count[0] += 2
    _ends[reader], _ends[reader + 1] = (made, True), (made, False)
    return reader, reader + 1


def read(fd, length, /):
    """Read from a file descriptor."""
    end = _ends.get(fd)
    if end is None:
        return _plain["read"](fd, length)
    if not end[1]:
        raise OSError(8, "Bad file descriptor")
    return end[0].read(length)


def write(fd, data, /):
    """Write a bytes object to a file descriptor."""
    end = _ends.get(fd)
    if end is None:
        return _plain["write"](fd, data)
    if end[1]:
        raise OSError(8, "Bad file descriptor")
    return end[0].write(bytes(data))


def close(fd):
    """Close a file descriptor."""
    end = _ends.pop(fd, None)
    if end is None:
        return _plain["close"](fd)
    if end[1]:
        end[0].has_reader = False
    else:
        end[0].has_writer = False


def fdopen(fd, mode="r", buffering=-1, encoding=None, *args, **kwargs):
    """Open a file object of a descriptor."""
    end = _ends.get(fd)
    if end is None:
        return _plain["fdopen"](fd, mode, buffering, encoding, *args, **kwargs)
    raw = _File(fd, end[1])
    if ("r" in mode) is not end[1]:
        raise ValueError(f"a pipe's end for {'reading' if end[1] else 'writing'} cannot be opened with mode {mode!r}")
    if buffering == 0:
        return raw
    buffered = io.BufferedReader(raw) if end[1] else io.BufferedWriter(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, *args, line_buffering=buffering == 1, **kwargs)


def _install():
    for function in (read, write, close, fdopen):
        name = function.__name__
        _plain[name] = getattr(os, name)
        for module in (os, sys.modules["posix"]):
            if hasattr(module, name):
                setattr(module, name, function)


def install():
    """Puts `os.pipe` in its place. Runs in the build only."""
    os.pipe = sys.modules["posix"].pipe = pipe
