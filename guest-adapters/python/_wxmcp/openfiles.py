"""Files that a script left open: what they hold is written at its end, as CPython does when it exits."""

from . import kept as __builtins__

import _io
import gc
import posix
import stat
import sys

from . import hints, output

# Of C: `issubclass` of the classes in `io` keeps a note of each class that it was ever asked about.
_TEXT, _BYTES, _WRITERS = _io.TextIOWrapper, _io._BufferedIOBase, (_io.BufferedWriter, _io.BufferedRandom)


# Descriptors that are closed, one after the other, behind which no other is looked for: they are given out from below.
_GAP = 16


def flush():
    """Writes what is left of text and bytes of files that stay open. Never raises.

    Scripts of a session may hold a million objects, and few of them write files: so these are looked for only
    where a file is open, and something can be written at all.
    """
    if hints.may_write() and _any_is_open():
        close(True)


def _any_is_open():
    descriptor, closed = 3, 0
    try:
        posix.fstat(descriptor)
    except OSError:
        return False  # the mounts come first, with the first file that is asked for
    while closed < _GAP:
        try:
            if not stat.S_ISDIR(posix.fstat(descriptor).st_mode):
                return True
            closed = 0
        except OSError:
            closed += 1
        descriptor += 1
    return False


def close(stay_open=False):
    """Writes what is left, outermost first: text, then what packs it, then the file. Never raises.

    What packs a file cannot write all that it has without being closed; where files stay open, it keeps that.
    """
    archives, wrappers, texts, buffers, databases = [], [], [], [], []
    zipfile = sys.modules.get("zipfile")
    archive = getattr(zipfile, "ZipFile", None)
    database = getattr(sys.modules.get("_sqlite3"), "Connection", None)
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, _TEXT):
            texts.append(one)
        elif issubclass(kind, _WRITERS):
            buffers.append(one)
        elif issubclass(kind, _BYTES) and kind.__module__ != "_io":
            wrappers.append(one)
        elif isinstance(archive, type) and issubclass(kind, archive):
            archives.append(one)
        elif isinstance(database, type) and issubclass(kind, database):
            databases.append(one)
    if stay_open:
        wrappers.clear()
        archives.clear()
        databases.clear()
    for ended, some in (("flush", texts), ("close", wrappers), ("close", archives), ("flush", buffers)):
        for one in some:
            _end(one, ended)
    for one in databases:
        _roll_back(one)


def _roll_back(connection):
    """Ends what a script has not committed, and with it the lock, which is a folder beside the database."""
    try:
        connection.set_trace_callback(None)
        connection.set_authorizer(None)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()
    except Exception:
        pass  # closed already


def _end(one, ended):
    try:
        if not getattr(one, "closed", False):
            getattr(one, ended)()
    except ValueError if ended == "flush" else ():
        pass  # detached from its file
    except Exception as error:
        name = getattr(one, "name", None) or getattr(one, "filename", None)
        output.tell(f"what {name!r} still held could not be written: {type(error).__name__}: {error}")
