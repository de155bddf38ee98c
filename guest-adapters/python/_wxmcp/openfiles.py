"""Files that a script left open: what they hold is written at its end, as CPython does when it exits."""

from . import kept as __builtins__

import _io
import gc
import posix
import stat
import sys
import types

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
        _end_all(gc.get_objects(), True)


# Objects among which files are looked for whether one is open or not: `open(1, "w")` opens none.
_FEW = 2_000


def close():
    """Writes what is left, and ends it, when a script has ended. Never raises."""
    found = gc.get_objects()
    if len(found) <= _FEW or output.is_wrapped or _any_is_open():
        _end_all(found, False)


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


# What no file is, and most objects are.
_OTHERS = {
    dict, list, tuple, set, frozenset, slice, type, property, staticmethod, classmethod,
    *(getattr(types, name) for name in types.__all__ if isinstance(getattr(types, name), type)),
}


def _end_all(objects, stay_open):
    """Writes what is left, outermost first: text, then what packs it, then the file.

    What packs a file cannot write all that it has without being closed; where files stay open, it keeps that.
    """
    kinds = _kinds(objects)
    if not kinds:
        return
    archives, wrappers, texts, buffers, databases = {}, {}, {}, {}, {}
    zipfile = sys.modules.get("zipfile")
    archive = getattr(zipfile, "ZipFile", None)
    database = getattr(sys.modules.get("_sqlite3"), "Connection", None)
    for kind in kinds:
        if issubclass(kind, _TEXT):
            found = texts
        elif issubclass(kind, _WRITERS):
            found = buffers
        elif issubclass(kind, _BYTES) and kind.__module__ != "_io":
            found = wrappers
        elif isinstance(archive, type) and issubclass(kind, archive):
            found = archives
        elif isinstance(database, type) and issubclass(kind, database):
            found = databases
        else:
            continue
        found[id(kind)] = kind
    if stay_open:
        wrappers.clear()
        archives.clear()
        databases.clear()
    for ended, some in (("flush", texts), ("close", wrappers), ("close", archives), ("flush", buffers)):
        for one in _of(some, objects):
            _end(one, ended)
    for one in _of(databases, objects):
        _roll_back(one)


def _kinds(objects):
    """The classes of objects, each once, but for those that no file has."""
    try:
        return set(map(type, objects)) - _OTHERS  # of C, whatever is in them: they may be a million
    except Exception:  # classes whose own class says how they are compared
        return {id(kind): kind for kind in map(type, objects)}.values()


def _of(kinds, objects):
    return [one for one in objects if id(type(one)) in kinds] if kinds else ()


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
