"""The entry of a component that `wxmcp build` makes of a script in Python.

Importing this module is most of the build: it bakes the standard library into memory, puts
`_wxmcp.portable` where the adapter of the guest looks for its host, and installs the adapter.
"""

import sys

sys.dont_write_bytecode = True

import gc
import json
import os
import types

import wit_world

from _wxmcp import portable

_FOLDER = os.path.dirname(__file__)
_PRIVATE = ("app", "_wxmcp")

with open(_FOLDER + "/built.json") as file:
    _built = json.load(file)
try:
    import wit_world.imports as imports
except ModuleNotFoundError:  # the script uses no tools
    imports = sys.modules["wit_world.imports"] = types.ModuleType("wit_world.imports")
imports.host = imports.waiting = portable.Host(_built)
imports.modes = None  # whoever runs the component knows WASI only

from _wxmcp import bake  # noqa: E402

bake._execute = lambda compiled: {}  # compressed code of most of the library is smaller than what it leaves
bake.bake(_FOLDER + "/tzdata")

from _wxmcp import execution, immortal, output, report, stdlib, system, tooltree  # noqa: E402


class WitWorld(wit_world.WitWorld):
    """What whoever runs the component calls."""

    def main(self, arguments: list[str]) -> str:
        return portable.main(execution.run, _built, arguments)


class _Random(types.ModuleType):
    """What componentize-py finds as `random` at the end of its start-up, as in the guest."""

    @property
    def seed(self):
        del sys.modules["random"]
        for name in list(sys.modules):
            if name.partition(".")[0] in _PRIVATE:
                del sys.modules[name]
        gc.collect()
        immortal.plug()
        gc.freeze()
        return int


def _leave_build():
    import zoneinfo

    zoneinfo.reset_tzpath(())
    sys.meta_path.extend([stdlib.Finder, tooltree.Finder])
    sys.path_hooks.insert(0, stdlib.Folder)
    sys.path[:] = []
    sys.path_importer_cache.clear()
    os.environ.clear()


report.install()
system.install()
_leave_build()
output.install()
_random = sys.modules["random"] = _Random("random")
