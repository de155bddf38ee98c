"""What modules of the library lack here and can have, and what says in words why it cannot be.

Runs in the build; modules that run again get it again (see `stdlib.patches`).
"""

from . import kept as __builtins__

import hashlib
import importlib
import os
import shutil
import socket
import time
import types
import zipfile

from . import alarm, connected, keys, multi, room, services, sockets, stdlib, users

_CLOCKS = {"CLOCK_PROCESS_CPUTIME_ID": 2, "CLOCK_THREAD_CPUTIME_ID": 3, "CLOCK_MONOTONIC_RAW": 4, "CLOCK_BOOTTIME": 7}


def install():
    """Completes the modules that other modules of the library look at when they are executed."""
    users.install()
    alarm.install()
    connected.install()
    room.put_into_os()
    _complete_time()
    stdlib.patches.update(_PATCHES)
    for module in (shutil, zipfile):  # executed before there were compressions
        importlib.reload(module)
    for module in (hashlib, shutil, socket):
        _PATCHES[module.__name__](module)
    _complete_socket()
    _execute_with_fork()


def _complete_socket():
    earlier = stdlib.patches["socket"]

    def put_into(module):
        earlier(module)
        services.put_into(module)

    stdlib.patches["socket"] = put_into
    services.put_into(socket)


def _execute_with_fork():
    """Has `socketserver` make its classes that fork: `processes` brings `os.fork`, which refuses in words.

    Only here: `random`, `logging` and others would register for it.
    """
    os.fork = None
    importlib.import_module("socketserver")
    del os.fork


def executed(modules):
    """Completes what has been executed since."""
    for name, patch in _PATCHES.items():
        if name in modules and name not in ("hashlib", "shutil", "socket"):
            patch(modules[name])


def _complete_time():
    plain, plain_info = time.clock_gettime, time.get_clock_info

    def thread_time():
        """The time that the run has used: all of its threads are one."""
        return time.process_time()

    def thread_time_ns():
        """The same in nanoseconds."""
        return time.process_time_ns()

    def clock_gettime(clk_id, /):
        if clk_id in (2, 3):
            return time.process_time()
        return time.monotonic() if clk_id in (4, 7) else plain(clk_id)

    def clock_gettime_ns(clk_id, /):
        return int(clock_gettime(clk_id) * 1_000_000_000) if clk_id in (2, 3, 4, 7) else plain_ns(clk_id)

    def get_clock_info(name, /):
        if name != "thread_time":
            return plain_info(name)
        told = plain_info("process_time")
        return types.SimpleNamespace(**vars(told))

    plain_ns = time.clock_gettime_ns
    clock_gettime.__doc__, clock_gettime_ns.__doc__ = plain.__doc__, plain_ns.__doc__
    get_clock_info.__doc__ = plain_info.__doc__
    for function in (thread_time, thread_time_ns, clock_gettime, clock_gettime_ns, get_clock_info):
        function.__module__ = "time"
        setattr(time, function.__name__, function)
    for name, number in _CLOCKS.items():
        setattr(time, name, number)


def _without_executable(module):
    plain = module.libc_ver

    def libc_ver(executable=None, lib="", version="", chunksize=16384):
        # The interpreter is no file that could be read.
        return (lib, version) if executable is None else plain(executable, lib, version, chunksize)

    libc_ver.__doc__, libc_ver.__module__ = plain.__doc__, "platform"
    module.libc_ver = libc_ver


def _without_tracker(module):
    def nothing(self, *args):
        """There are no processes that would leave something behind."""

    module.ResourceTracker.register = module.ResourceTracker.unregister = nothing
    module.ResourceTracker.ensure_running = nothing
    module.register, module.unregister = module._resource_tracker.register, module._resource_tracker.unregister
    module.ensure_running = module._resource_tracker.ensure_running


_PATCHES = {
    **multi.PATCHES,
    "hashlib": keys.put_into,
    "multiprocessing.resource_tracker": _without_tracker,
    "platform": _without_executable,
    "shutil": room.put_into,
    "socket": sockets.put_into,
}
