"""The Python guest's entry: exports `run` of `wit/guest.wit`.

Importing this module is the last step of the build: it bakes the standard library
into memory, warms the interpreter up, and leaves an image in which each run begins.
It writes `/0/build-report.json`, and `/0/immortal.bin` and `/0/immortal-types.bin`
for the patch that the build applies to the linked module.
"""

import gc
import json
import os
import sys

import wit_world

from _wxmcp import bake, execution, immortal, report, stdlib, system, warm_up

_FOLDER = os.path.dirname(__file__)


class WitWorld(wit_world.WitWorld):
    """What the host calls."""

    def run(self, script: bytes) -> None:
        execution.run(script)


def _build():
    told = bake.bake(_FOLDER + "/tzdata")
    report.install()
    system.install()
    _leave_build()
    warm_up.run()
    stdlib.end_build()
    immortal.plug()
    told["objects"] = immortal.collect(_FOLDER + "/immortal.bin", _FOLDER + "/immortal-types.bin")
    with open(_FOLDER + "/build-report.json", "w") as file:
        json.dump(told, file, indent=1)
    gc.collect()
    gc.freeze()
    immortal.plug()
    gc.collect()
    gc.freeze()


def _leave_build():
    """Removes the build's paths and variables; modules come from memory, or from mounts by `sys.path`."""
    import zoneinfo

    zoneinfo.reset_tzpath(())
    sys.meta_path.extend([stdlib.Finder, system.tooltree.Finder])
    sys.path[:] = []
    sys.dont_write_bytecode = True  # nothing is left in a mount that a script did not ask for
    sys.path_importer_cache.clear()
    os.environ.clear()


_build()
