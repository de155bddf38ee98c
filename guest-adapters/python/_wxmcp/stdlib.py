"""The whole standard library out of the guest's own memory.

There are no library files in the sandbox. A module is in one of three states:
imported since the build; executed at the build but hidden until something
imports it; or marshalled code that runs at its first import. Sources are kept for
tracebacks and `inspect`, and are compiled when a script reloads a module, or deletes
it from `sys.modules` and imports it again.
"""

from . import kept as __builtins__

import importlib.abc
import importlib.machinery
import importlib.resources.abc
import importlib.util
import io
import marshal
import os
import sys
import time
import types
import zlib

# All by module name, or by path for `files`. The build fills them.
packages = set()
paths = {}  # name -> file
codes = {}  # name -> zlib(marshal(code)): not executed yet
hidden = {}  # name -> module: executed at the build
sources = {}  # name -> zlib(source)
files = {}  # path -> bytes of a package's data file

# Names that a folder on `sys.path` has, too, and that are meant there.
beside = set()

# Functions that make a module again what this adapter needs, after its code has run
# anew: name -> function of the module. Whoever changes a module registers it.
patches = {}

# Modules that can reach the shared generator of `random`, which must not be the build's.
random_users = set()


class Loader(importlib.abc.InspectLoader):
    """Loads every module of the standard library."""

    def create_module(self, spec):
        return hidden.get(spec.name)

    def exec_module(self, module):
        name = module.__spec__.name
        if hidden.pop(name, None) is None:
            exec(self.get_code(name), module.__dict__)
            patch = patches.get(name)
            if patch is not None:
                patch(module)
        _freshen(name)

    def is_package(self, name):
        return name in packages

    def get_code(self, name):
        packed = codes.get(name)
        if packed is not None:
            return marshal.loads(zlib.decompress(packed))
        packed = sources.get(name)  # as bytes: to decode them takes `tokenize`, which may be the module
        return packed and compile(zlib.decompress(packed), paths[name], "exec", dont_inherit=True)

    def get_source(self, name):
        packed = sources.get(name)
        return None if packed is None else importlib.util.decode_source(zlib.decompress(packed))

    def get_filename(self, name):
        return paths[name]

    def get_data(self, path):
        try:
            return files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    def get_resource_reader(self, name):
        return _Resources(paths[name].rpartition("/")[0]) if name in packages else None


loader = Loader()


def spec_of(name):
    """The spec of a module that the library has."""
    spec = importlib.machinery.ModuleSpec(name, loader, origin=paths[name], is_package=name in packages)
    spec.has_location = True
    if name in packages:
        spec.submodule_search_locations = [paths[name].rpartition("/")[0]]
    return spec


class Finder:
    """Finds what the library has, after builtin and frozen modules."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if beside and name.partition(".")[0] in beside:
            return None
        module = hidden.get(name)
        if module is not None:
            return module.__spec__ or spec_of(name)
        return spec_of(name) if name in paths else None

    @staticmethod
    def iter_modules(prefix=""):
        """The modules that are in no package, for `pkgutil`."""
        return _below("", prefix)

    @staticmethod
    def invalidate_caches():
        pass


class Folder:
    """What `pkgutil` finds behind the `__path__` of a package of the library."""

    def __init__(self, path):
        self._package = next((name for name in packages if paths[name] == path + "/__init__.py"), None)
        if self._package is None:
            raise ImportError("no package of the library", path=path)

    @staticmethod
    def find_spec(name, target=None):
        return None  # `Finder` does

    def iter_modules(self, prefix=""):
        """The modules of the package."""
        return _below(self._package + ".", prefix)


def _below(start, prefix):
    """(name, whether it is a package) of each module directly below a package, as `pkgutil` wants them."""
    for name in sorted(paths):
        own = name[len(start) :]
        if name.startswith(start) and "." not in own:
            yield prefix + own, name in packages


def _freshen(name):
    """Replaces what a module keeps of the moment it was executed in the build."""
    if name in random_users:
        random_users.clear()
        _seed()
    if name == "logging":
        sys.modules[name]._startTime = time.time_ns()
    if name == "sqlite3.dbapi2":
        _randomize(sys.modules[name])


def _seed():
    import random

    random.seed()


def _randomize(dbapi2):
    """Gives SQL its `random()`: this SQLite finds no source of randomness and always counts the same."""
    connect_plain = dbapi2.connect

    def connect(*args, **kwargs):
        connection = connect_plain(*args, **kwargs)
        connection.create_function("random", 0, lambda: int.from_bytes(os.urandom(8), "little", signed=True))
        connection.create_function("randomblob", 1, lambda size: os.urandom(max(int(size or 0), 1)))
        return connection

    connect.__doc__ = connect_plain.__doc__
    dbapi2.connect = connect  # `sqlite3` takes all names from here


class _Resources(importlib.resources.abc.TraversableResources):
    """Data files of a package, for `importlib.resources`."""

    def __init__(self, path):
        self._path = path

    def files(self):
        return _Resource(self._path)


class _Resource(importlib.resources.abc.Traversable):
    def __init__(self, path):
        self._path = path

    @property
    def name(self):
        return self._path.rpartition("/")[2]

    def iterdir(self):
        below = self._path + "/"
        names = {path[len(below) :].partition("/")[0] for path in files if path.startswith(below)}
        return iter([_Resource(below + name) for name in sorted(names)])

    def is_dir(self):
        below = self._path + "/"
        return any(path.startswith(below) for path in files)

    def is_file(self):
        return self._path in files

    def joinpath(self, *descendants):
        return _Resource("/".join([self._path, *map(str, descendants)]))

    __truediv__ = joinpath

    def read_bytes(self):
        return loader.get_data(self._path)

    def read_text(self, encoding="utf-8", errors="strict"):
        return self.read_bytes().decode(encoding, errors)

    def open(self, mode="r", *args, encoding="utf-8", **kwargs):
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, encoding=encoding)
