"""Code that tool files share: modules beside them whose names begin with `_`, and those of `_lib`.

The host sends the modules that a tool file names. They are `_tools.FOLDER._money` and
`_tools._lib.tax`, so that relative imports work; `import _money` and `import _lib.tax` mean the same.
"""

from . import kept as __builtins__

import importlib
import linecache
import sys
from importlib.machinery import ModuleSpec

from . import report

_ROOT = "_tools"

HOW = (
    "code that tool files share is in files beside them whose names begin with `_`, "
    "in `_lib/` beside them, or in `tools/_lib/`"
)

_files = {}  # by full name, what the host sent
_packages = set()
_folder = ""  # the package of the tool file


def begin(name, modules, main):
    """Makes the modules of a tool file importable."""
    global _folder
    _folder = f"{_ROOT}.{name.split('/')[-2].replace('.', '_')}"
    _files.clear()
    _packages.clear()
    _packages.update((_ROOT, _folder))
    for module in modules:
        full = f"{_ROOT}.{module['module']}"
        _files[full] = module
        if module.get("package"):
            _packages.add(full)
        above = full.rpartition(".")[0]
        while above:
            _packages.add(above)
            above = above.rpartition(".")[0]
    for module in modules:
        own = module["module"].rpartition(".")[2]
        if own in sys.stdlib_module_names and f"{_folder}.{own}" in _files:
            raise ImportError(f"`{module['name']}` has the name of a module of Python's: give it another one")
    # What runs a module is not the script's; CPython leaves these frames out for its own loaders only.
    report.hide(importlib._bootstrap._find_and_load, importlib.import_module)
    main.__package__ = _folder
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)


def _is_known(full):
    return full in _files or full in _packages


def _meant(name):
    """What an import without dots in front means: a module beside the tool file, else one of the root."""
    for base in (_folder, _ROOT):
        if _is_known(f"{base}.{name}"):
            return f"{base}.{name}"
    return None


class Finder:
    """Finds shared modules by both of their names."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith("_"):
            return None
        if name.partition(".")[0] == _ROOT:
            if not _is_known(name):
                raise ModuleNotFoundError(f"there is no shared module `{name.rpartition('.')[2]}`; {HOW}", name=name)
            return ModuleSpec(name, _Loader, origin=_origin(name), is_package=name in _packages)
        full = _meant(name)
        return None if full is None else ModuleSpec(name, _Alias(full), is_package=full in _packages)

    @staticmethod
    def invalidate_caches():
        pass


def _origin(full):
    file = _files.get(full)
    return file and file["name"]


class _Loader:
    """Runs what the host sent."""

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        file = _files.get(module.__name__)
        if file is None:
            return  # a folder without `__init__.py`
        name = file["name"]
        if "refused" in file:
            raise ImportError(f"`{name}` is not read: {file['refused']}", name=module.__name__, path=name)
        module.__file__ = name
        text = file["source"]
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)


class _Alias:
    """Gives the module of the full name under its short name."""

    def __init__(self, full):
        self._full = full

    def create_module(self, spec):
        module = importlib.import_module(self._full)
        self._spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._spec


def explained(error):
    """An ImportError of a tool file, with how code is shared where that may have been meant."""
    top = (error.name or "").partition(".")[0]
    if top in sys.stdlib_module_names or top in ("wxmcp", _ROOT) or HOW in str(error.msg):
        return
    if isinstance(error, ModuleNotFoundError) or "relative import" in str(error.msg):
        error.msg = f"{error.msg}; {HOW}"
