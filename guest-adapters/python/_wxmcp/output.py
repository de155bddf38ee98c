"""Standard streams over the host: output through `emit`, input through WASI.

Output is handed over line by line, so that a script that a limit stops has lost
nothing that it printed, and whenever the script is about to wait (a tool call, a
sleep, `input()`), so that whoever watches sees what was printed before the wait.
"""

from . import kept as __builtins__

import io
import os
import sys

from . import seam

# Larger pieces would only be copied once more on their way out.
_PIECE = 1 << 20


class _Sink(io.RawIOBase):
    """Bytes to one kind of `emit`."""

    mode = "wb"

    def __init__(self, kind: int, name: str, descriptor: int):
        self._kind = kind
        self._descriptor = descriptor
        self.name = name

    def writable(self):
        _note_wrapped()
        return True

    def fileno(self):
        _note_wrapped()
        return self._descriptor

    def seekable(self):
        _note_wrapped()
        return False

    def write(self, data):
        data = bytes(data)
        if self._kind == seam.STDERR:
            flush()  # what was printed first is seen first
        if len(data) <= _PIECE:
            seam.emit(self._kind, data)
        else:
            for start in range(0, len(data), _PIECE):
                seam.emit(self._kind, data[start : start + _PIECE])
        return len(data)


class _Source(io.RawIOBase):
    """Bytes of WASI's standard input; nothing is asked of it before the first read."""

    mode = "rb"
    name = "<stdin>"

    def readable(self):
        return True

    def fileno(self):
        return 0

    def readinto(self, buffer):
        flush()
        data = _read(0, len(buffer))
        buffer[: len(data)] = data
        return len(data)


_read = os.read


def _text(sink, **options):
    # An encoding that cannot fail: `print` of a lone surrogate shows its escape.
    return io.TextIOWrapper(
        io.BufferedWriter(sink, 8192), encoding="utf-8", errors="backslashreplace", newline="\n", **options
    )


stdout = None
stderr = None

# Whether a script may have streams of its own that lead to these: whoever makes one asks what they can.
is_wrapped = False


def _note_wrapped():
    global is_wrapped
    is_wrapped = True


def install():
    """Makes the three streams and puts them in `sys`, also as `sys.__stdout__` and so on."""
    global stdout, stderr, is_wrapped
    stdout = _text(_Sink(seam.STDOUT, "<stdout>", 1), line_buffering=True)
    stderr = _text(_Sink(seam.STDERR, "<stderr>", 2), line_buffering=True)
    stdin = io.TextIOWrapper(io.BufferedReader(_Source(), 8192), encoding="utf-8")
    stdout.mode = stderr.mode = "w"
    stdin.mode = "r"
    sys.stdout = sys.__stdout__ = stdout
    sys.stderr = sys.__stderr__ = stderr
    sys.stdin = sys.__stdin__ = stdin
    is_wrapped = False


def flush():
    """Hands over what was printed so far. Never raises."""
    try:
        stdout.flush()
    except ValueError:
        pass  # the script closed it


def emit(kind, data):
    """Hands over bytes that a child has printed, after what was printed before. Never raises."""
    flush()
    for start in range(0, len(data), _PIECE):
        seam.emit(kind, data[start : start + _PIECE])


def tell(line):
    """Prints a line of ours on standard error. Never raises."""
    try:
        stderr.write(line + "\n")
    except ValueError:
        pass  # the script closed it


def finish():
    """Hands over everything at the end of a run, as CPython does when it exits."""
    if sys.stdout is not stdout:
        try:
            sys.stdout.flush()
        except Exception:
            pass  # None, closed, or of a class of the script
    flush()
    try:
        stderr.flush()
    except ValueError:
        pass
    if stdout.closed or stderr.closed:
        install()  # for the next run of a session
