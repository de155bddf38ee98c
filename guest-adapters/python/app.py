"""The Python guest's entry: exports `run` of `wit/guest.wit`.

Importing this module is most of the build: it bakes the standard library into
memory and warms the interpreter up. The end of componentize-py's own start-up is
the rest: it leaves an image in which each run begins, and writes
`build-report.json`, and `immortal.bin` and `immortal-types.bin` for the patch that
the build applies to the linked module, beside this file.
"""

import sys

sys.dont_write_bytecode = True  # here, nor later in a mount: nothing that nobody asked for

import gc
import json
import os
import types

import wit_world

from _wxmcp import common, immortal

immortal.plug()  # so that the adapter's objects find no holes to scatter into

from _wxmcp import bake, execution, output, place, report, stdlib, system, tooltree, warm_up

immortal.unplug()

_FOLDER = os.path.dirname(__file__)
_PRIVATE = ("app", "_wxmcp")


class WitWorld(wit_world.WitWorld):
    """What the host calls."""

    def run(self, script: bytes) -> None:
        execution.run(script)


class _Random(types.ModuleType):
    """What componentize-py finds as `random` at the end of its start-up.

    It takes `seed` to call it in every run. Scripts that import `random` get it
    seeded anyway (see `stdlib`); the others need not wait for it.
    """

    @property
    def seed(self):
        del sys.modules["random"]
        for name in list(sys.modules):
            if name.partition(".")[0] in _PRIVATE:
                del sys.modules[name]
        os.environ.update(place.ENVIRONMENT)  # componentize-py has just emptied it
        _end()
        return int  # does nothing, in C


def _begin():
    told = bake.bake(_FOLDER + "/tzdata")
    report.install()
    system.install()
    _leave_build()
    warm_up.entry, warm_up.folder = WitWorld().run, _FOLDER
    hot = warm_up.executed()
    immortal.plug()
    immortal.move_together(hot)
    output.install()
    warm_up.run()
    return told


def _leave_build():
    """Removes the build's paths and variables; modules come from memory, or from mounts by `sys.path`."""
    import zoneinfo

    zoneinfo.reset_tzpath(())
    # Before what looks into folders: the library is imported without a look at any.
    sys.meta_path.insert(-1, stdlib.Finder)
    sys.meta_path.append(tooltree.Finder)
    sys.path_hooks.insert(0, stdlib.Folder)
    sys.path_importer_cache.clear()
    os.environ.clear()
    place.build(_FOLDER)


def _end():
    immortal.plug()
    _write_report()
    warm_up.last()
    os.remove(_FOLDER + "/warm.txt")
    gc.collect()
    gc.freeze()
    immortal.plug()
    immortal.drain()
    gc.freeze()


def _write_report():
    _report["objects"] = immortal.collect(_FOLDER + "/immortal.bin", _FOLDER + "/immortal-types.bin")
    with open(_FOLDER + "/build-report.json", "w") as file:
        json.dump(_report, file, indent=1)


_report = _begin()
_random = sys.modules["random"] = _Random("random")
