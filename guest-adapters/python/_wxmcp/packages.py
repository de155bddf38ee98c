"""Packages that scripts import: in bundles, which the host makes and mounts, and in folders of a user's own.

A bundle is a folder like `site-packages`. Its `.wxmcp/index` tells by path where in `.wxmcp/code` the code of a module is,
compiled for this interpreter: `(offset, bytes)`, `()` of what does not compile, and None of a folder without `__init__.py`.
So an import looks into a dict and reads once, where the library's own finder lists folders and asks for times. Anything
else in a bundle, sources among it, is a file of the mount.
"""

from . import kept as __builtins__

import marshal
import posix
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

# By path: a bundle, or None of a folder that is none.
_bundles = {}


def begin(paths):
    """Lets a script import what is at these paths of the guest, after all else."""
    for path in paths:
        if path not in sys.path:
            sys.path.append(path)
            _bundles.setdefault(path, False)
    if Finder not in sys.path_hooks:
        sys.path_hooks.insert(0, Finder)


class _Bundle:
    def __init__(self, root):
        self.root = root
        self.index = marshal.loads(_read(root + "/.wxmcp/index"))
        self._file = None

    def code(self, path):
        """The code of a file, or None where only its source is there."""
        place = self.index.get(path[len(self.root) + 1 :])
        if not place:
            return None
        offset, size = place
        try:
            packed = self._read(offset, size)
        except OSError:  # the script has closed what it did not open
            self._file = None
            packed = self._read(offset, size)
        return marshal.loads(packed) if len(packed) == size else None

    def _read(self, offset, size):
        if self._file is None:
            self._file = posix.open(self.root + "/.wxmcp/code", posix.O_RDONLY)
        parts = []
        while size:
            part = posix.pread(self._file, size, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _read(path):
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def _bundle_around(path):
    """The bundle that a path is in, or None."""
    for root, bundle in _bundles.items():
        if path == root or path.startswith(root + "/"):
            if bundle is False:
                try:
                    bundle = _Bundle(root)
                except OSError:
                    bundle = None
                _bundles[root] = bundle
            return bundle
    return None


class _Loader(SourceFileLoader):
    """Loads a module of a bundle; all but its code is the library's own way."""

    def __init__(self, name, path, bundle):
        super().__init__(name, path)
        self._bundle = bundle

    def get_code(self, fullname):
        code = self._bundle.code(self.path)
        return super().get_code(fullname) if code is None else code


class Finder:
    """Finds what is in one folder of a bundle."""

    def __init__(self, path):
        self._bundle = _bundle_around(path)
        if self._bundle is None:
            raise ImportError("no folder of packages", path=path)
        self.path = path
        self._inner = path[len(self._bundle.root) + 1 :]
        if self._inner:
            self._inner += "/"

    def find_spec(self, name, target=None):
        bundle = self._bundle
        index = bundle.index
        inner = self._inner + name.rpartition(".")[2]
        path = inner + "/__init__.py"
        if path in index:
            return self._spec(name, path, f"{bundle.root}/{inner}")
        path = inner + ".py"
        if path in index:
            return self._spec(name, path, None)
        if inner in index:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [f"{bundle.root}/{inner}"]
            return spec
        return None

    def _spec(self, name, inner, folder):
        path = f"{self._bundle.root}/{inner}"
        spec = ModuleSpec(name, _Loader(name, path, self._bundle), origin=path, is_package=folder is not None)
        spec.has_location = True
        if folder is not None:
            spec.submodule_search_locations = [folder]
        return spec

    def iter_modules(self, prefix=""):
        """(name, whether it is a package) of each module here, for `pkgutil`."""
        start = self._inner
        found = {}
        for path in self._bundle.index:
            if path.startswith(start) and path.endswith(".py"):
                name, _, rest = path[len(start) :].partition("/")
                if rest == "__init__.py":
                    found[name] = True
                elif not rest and name != "__init__.py":
                    found.setdefault(name.removesuffix(".py"), False)
        return [(prefix + name, found[name]) for name in sorted(found)]

    @staticmethod
    def invalidate_caches():
        """A bundle never changes."""
