"""Modules of the library that CPython has in C for systems that this is none of.

The folder `standins` beside this package has them, in Python; they become modules of
the library like any other. Runs in the build only.
"""

import os
import sys

from . import stdlib

_FOLDER = os.path.dirname(os.path.dirname(__file__)) + "/standins"


class Finder:
    """Finds the stand-ins while the library is executed."""

    names = frozenset()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return stdlib.spec_of(name) if name in cls.names else None


def begin(library: str) -> list:
    """(name, file, path in `library`) of each; from now on they can be imported."""
    found = []
    for entry in sorted(os.listdir(_FOLDER)):
        if entry.endswith(".py"):
            found.append((entry[:-3], f"{_FOLDER}/{entry}", f"{library}/{entry}"))
    Finder.names = frozenset(name for name, file, path in found)
    sys.meta_path.insert(0, Finder)
    return found


def end():
    """The library is executed."""
    sys.meta_path.remove(Finder)
