"""Puts the standard library into the guest's memory. Runs in the build only.

Every module is compiled; those whose import has no effect to be seen are executed
too, and hidden (see `stdlib`). What cannot be imported stays as code, so that a
script's import fails with the error that CPython would give.
"""

import importlib
import marshal
import os
import sys
import types
import zlib

from . import network, report, stdlib, twincode, twins

try:
    from . import library, standins
except ModuleNotFoundError as error:
    if error.name != "_wxmcp_native":
        raise
    library = standins = None  # a component that is built has no native module, and nothing of this

_LIBRARY = "/python"
_SKIPPED = {"site-packages", "__pycache__", "test", "_bundled"}

# Executed by scripts only: an import prints, opens something, or takes the time, a
# clock or a seed from its surroundings (`sqlite3` initialises a generator in C). `pydoc_data`
# is text only, and would be in the image twice, since it is kept without its source.
_LATE = """
    this antigravity __hello__ __phello__ rlcompleter site sitecustomize turtle pty tty
    _android_support _ios_support _apple_support _aix_support _osx_support
    idlelib turtledemo tkinter ensurepip venv _pyrepl sqlite3 dbm.sqlite3 pydoc_data
""".split()

_WITHOUT_SOURCE = ("idlelib", "pydoc_data", "turtledemo")


def bake(zones: str) -> dict:
    """Bakes the library, and the time zone package in the folder `zones`; returns the report."""
    keep = set(sys.modules)
    compiled = _compile(zones)
    network.install()
    if library is not None:
        library.install()
    failures = _execute(compiled)
    if library is not None:
        standins.end()
        library.executed(sys.modules)
    _find_random_users()
    for name in list(sys.modules):
        if name in stdlib.paths and (name not in keep or name in stdlib.random_users):
            stdlib.hidden[name] = sys.modules.pop(name)
    for name, code in compiled.items():
        if name not in stdlib.hidden and name not in sys.modules:
            stdlib.codes[name] = zlib.compress(marshal.dumps(code), 9)
    _adopt()
    _bake_twins()
    return {
        "modules": len(stdlib.paths),
        "imported": sum(name in sys.modules for name in stdlib.paths),
        "hidden": len(stdlib.hidden),
        "unexecuted": len(stdlib.codes),
        "zone_files": len(stdlib.files),
        "random_users": sorted(stdlib.random_users),
        "not_importable": failures,
    }


def _walk(root, prefix=""):
    for entry in sorted(os.listdir(root)):
        path = f"{root}/{entry}"
        if entry in _SKIPPED or "-" in entry:
            continue
        if entry.endswith(".py") and entry != "__init__.py":
            yield prefix + entry[:-3], path, False
        elif os.path.isfile(path + "/__init__.py"):
            yield prefix + entry, path + "/__init__.py", True
            yield from _walk(path, prefix + entry + ".")


def _compile(zones):
    """Code of every module that is not imported yet; notes paths, sources and data files."""
    modules = [(name, path, path, package) for name, path, package in _walk(_LIBRARY)]
    if standins is not None:
        modules += [(name, file, path, False) for name, file, path in standins.begin(_LIBRARY)]
    if os.path.isdir(zones):
        zone_modules = [("tzdata", zones + "/__init__.py", True), *_walk(zones, "tzdata.")]
        modules += [(name, path, path, package) for name, path, package in zone_modules]
        _read_zones(zones)
    compiled = {}
    for name, file, path, package in modules:
        with open(file, "rb") as opened:
            source = opened.read()
        stdlib.paths[name] = path
        if package:
            stdlib.packages.add(name)
        if not name.startswith(_WITHOUT_SOURCE):
            stdlib.sources[name] = zlib.compress(source, 9)
        if name not in sys.modules:
            compiled[name] = compile(source, path, "exec", dont_inherit=True)
    return compiled


def _read_zones(zones):
    for folder, folders, names in os.walk(zones):
        folders.sort()
        for name in names:
            if not name.endswith((".py", ".pyc")):
                path = f"{folder}/{name}"
                with open(path, "rb") as file:
                    stdlib.files[path] = file.read()


def _execute(compiled):
    """Imports what may be imported now; the error of each module that cannot be, by name."""
    failures = {}
    for name in compiled:
        parents = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)}
        if not parents.isdisjoint(_LATE) or name.endswith("__main__"):
            continue
        try:
            importlib.import_module(name)
        except BaseException as error:
            failures[name] = f"{type(error).__name__}: {error}"
    return failures


def _find_random_users():
    """Modules that hold `random`, a function of it, or such a module: to a fixed point."""
    users = {"random"}
    while True:
        library = ((name, module) for name, module in sys.modules.items() if name in stdlib.paths)
        found = {name for name, module in library if _uses(module, users)}
        if found <= users:
            stdlib.random_users.update(users)
            return
        users |= found


def _uses(module, users):
    for value in vars(module).values():
        if isinstance(value, types.ModuleType):
            own = value.__name__.startswith(module.__name__ + ".")  # bound by the import of a submodule
            if value.__name__ in users and not own:
                return True
        elif isinstance(value, types.FunctionType) and value.__module__ in users:
            return True
        elif isinstance(value, types.BuiltinMethodType) and type(value.__self__).__module__ == "random":
            return True
    return False


def _bake_twins():
    """Makes the twins of what waits in the library and in the adapter (see `twins`)."""
    for name in twins.LIBRARY:
        if name not in stdlib.sources:  # one of ours that components do not have
            continue
        twincode.bake(zlib.decompress(stdlib.sources[name]).decode(), stdlib.paths[name])
    for path in report.FILES:
        if path.rpartition("/")[2].removesuffix(".py") in twins.ADAPTER:
            with open(path, encoding="utf-8") as file:
                twincode.bake(file.read(), path)


def _adopt():
    """Gives each module of the library the loader that knows its source."""
    for name in stdlib.paths:
        module = stdlib.hidden.get(name) or sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.name == name:
            spec.loader = module.__loader__ = stdlib.loader
            spec.cached = None
            module.__dict__.pop("__cached__", None)
