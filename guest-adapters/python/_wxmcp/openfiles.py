"""Files that a script left open: what they hold is written at its end, as CPython does when it exits."""

from . import kept as __builtins__

import gc
import io
import sys

from . import output

_WRITERS = io.BufferedWriter, io.BufferedRandom


def close():
    """Writes what is left, outermost first: an archive before its file, text before bytes. Never raises."""
    archives, wrappers, texts, buffers = [], [], [], []
    zipfile = sys.modules.get("zipfile")
    archive = getattr(zipfile, "ZipFile", None)
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, io.TextIOWrapper):
            texts.append(one)
        elif issubclass(kind, _WRITERS):
            buffers.append(one)
        elif issubclass(kind, io.BufferedIOBase) and kind.__module__ != "_io":
            wrappers.append(one)
        elif isinstance(archive, type) and issubclass(kind, archive):
            archives.append(one)
    for ended, some in (("close", archives), ("close", wrappers), ("flush", texts), ("flush", buffers)):
        for one in some:
            _end(one, ended)


def _end(one, ended):
    try:
        if not getattr(one, "closed", False):
            getattr(one, ended)()
    except ValueError if ended == "flush" else ():
        pass  # detached from its file
    except Exception as error:
        name = getattr(one, "name", None) or getattr(one, "filename", None)
        output.tell(f"what {name!r} still held could not be written: {type(error).__name__}: {error}")
