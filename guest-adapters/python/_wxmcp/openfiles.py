"""Files that a script left open: what they hold is written at its end, as CPython does when it exits."""

from . import kept as __builtins__

import _io
import gc
import posix
import stat
import sys
import types
from encodings import utf_8
from itertools import compress

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


# What no file is, and most objects are; and files that hold nothing back.
_OTHERS = {
    dict, list, tuple, set, frozenset, slice, type, property, staticmethod, classmethod,
    _io.FileIO, _io.StringIO, _io.BytesIO, _io.BufferedReader, utf_8.IncrementalEncoder, utf_8.IncrementalDecoder,
    *(getattr(types, name) for name in types.__all__ if isinstance(getattr(types, name), type)),
}

# So many objects are looked at one by one, which is done before the classes of many are gathered.
_HANDFUL = 100


# Outermost first, how each group ends: text, then what packs it, then the file.
_ENDS = (("texts", "flush"), ("wrappers", "close"), ("archives", "close"), ("buffers", "flush"))


def _end_all(objects, stay_open):
    """Writes what is left, outermost first.

    What packs a file cannot write all that it has without being closed; where files stay open, it keeps that.
    """
    groups = {}
    for one in _candidates(objects):
        group = _group_of(type(one))
        if group is not None:
            groups.setdefault(group, []).append(one)
    if not groups:
        return
    for group, ended in _ENDS:
        if not stay_open or ended == "flush":
            for one in groups.get(group, ()):
                _end(one, ended)
    if not stay_open:
        for one in groups.get("databases", ()):
            _roll_back(one)


def _candidates(objects):
    """Those that may hold something back. Where there may be a million, all that is done with each is done in C."""
    try:
        if len(objects) <= _HANDFUL:
            return [one for one in objects if type(one) not in _OTHERS]
        kinds = set(map(type, objects)) - _OTHERS
    except Exception:  # classes whose own class says how they are compared
        kinds = {id(kind): kind for kind in map(type, objects)}.values()
    kinds = {id(kind) for kind in kinds if _group_of(kind) is not None}
    return compress(objects, map(kinds.__contains__, map(id, map(type, objects)))) if kinds else ()


def _group_of(kind):
    if kind is _TEXT:  # most are
        return "texts"
    if kind is _io.BufferedWriter:
        return "buffers"
    if issubclass(kind, _TEXT):
        return "texts"
    if issubclass(kind, _WRITERS):
        return "buffers"
    if issubclass(kind, _BYTES):
        return "wrappers" if kind.__module__ != "_io" else None
    for module, name, group in _LATER:
        other = getattr(sys.modules.get(module), name, None)
        if isinstance(other, type) and issubclass(kind, other):
            return group
    return None


# Classes of modules that a script may not have imported.
_LATER = (("zipfile", "ZipFile", "archives"), ("_sqlite3", "Connection", "databases"))


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
