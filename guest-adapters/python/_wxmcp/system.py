"""What a script finds around it: arguments, environment, and `os` and `time` as they work here."""

from . import kept as __builtins__

import atexit
import builtins
import os
import posix
import sys
import time
import types

from . import ambient, artifacts, calls, capabilities, content, locks, loop, modes, multi, openfiles, output, paths, pipes, place
from . import processes, seam, source, stdlib, threaded, threads, tooltree, twins, unseen, zone

main = types.ModuleType("__main__")


def install():
    """Puts everything in its place, once, when the guest is built."""
    main.__builtins__ = builtins
    main.__file__ = main.__cached__ = None
    sys.modules["__main__"] = main
    sys.modules["tools"] = tooltree.tree
    sys.modules["wxmcp"] = tooltree.own["wxmcp"] = capabilities.module
    builtins.tools = tooltree.tree
    builtins.call_tool = tooltree.call_tool
    builtins.ToolError = calls.ToolError
    for function in (artifacts.progress, artifacts.image, artifacts.text, artifacts.artifact, content.content):
        setattr(builtins, function.__name__, function)
    _install_site_builtins()
    source.install()
    output.install()
    loop.install()
    _install_waits()
    _install_exits()
    threaded.install()
    processes.install()
    multi.install()
    pipes.install()
    _install_recursion_limit()
    modes.install()
    paths.install()
    unseen.install()


def _install_site_builtins():
    import _sitebuiltins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()
    builtins.copyright = _sitebuiltins._Printer("copyright", sys.copyright)
    builtins.credits = _sitebuiltins._Printer("credits", "See www.python.org for more information.")
    builtins.license = _sitebuiltins._Printer("license", "See https://www.python.org/psf/license/")


def _install_waits():
    real_sleep = time.sleep

    def sleep(seconds, /):
        if threads.alive:
            return locks.sleep(seconds)
        output.flush()
        real_sleep(seconds)

    sleep.__doc__ = real_sleep.__doc__
    time.sleep = sleep
    twins.waits_aside(sleep, locks.sleep_aside)


# Frames of ours below a script's first.
_FRAMES_BELOW = 6


def _install_recursion_limit():
    """Lets a script recurse exactly as deep as under plain CPython, where nothing is below it."""
    get, put = sys.getrecursionlimit, sys.setrecursionlimit

    def getrecursionlimit():
        return get() - _FRAMES_BELOW

    def setrecursionlimit(limit, /):
        put(limit + _FRAMES_BELOW if isinstance(limit, int) and 0 < limit < 1 << 30 else limit)

    getrecursionlimit.__doc__ = get.__doc__
    setrecursionlimit.__doc__ = put.__doc__
    sys.getrecursionlimit = getrecursionlimit
    sys.setrecursionlimit = setrecursionlimit
    setrecursionlimit(1000)


def _install_exits():
    real_exit = os._exit

    def _exit(status):
        """Exits at once, without calling cleanup handlers; what was printed is not lost."""
        status = int(status) & 0xFF
        output.finish()
        ended = {"code": status}
        if seam.killed_by:
            ended["signal"], seam.killed_by = seam.killed_by, 0
        seam.emit(seam.EXIT, seam.encode(ended))
        real_exit(status)

    def abort():
        """Aborts at once, as a process that SIGABRT ended."""
        seam.killed_by = 6
        _exit(134)

    # In `posix` too, where `os` takes them from if it is reloaded.
    os._exit = posix._exit = _exit
    os.abort = posix.abort = abort


def prepare(script, continues=False):
    """Makes one run's surroundings. Variables of earlier runs of a session stay."""
    if continues:
        _mend()
        ambient.unbind()
    name = script["name"]
    main.__file__ = name
    sys.argv[:] = ["-c" if name == processes.CODE else name, *script["args"]]
    place.begin(script)
    zone.begin(script["env"])
    calls.forget()
    if threads.alive:
        threads.forget()
    processes.forget()
    tooltree.refresh()


def _mend():
    """Puts back what no run can do without, whatever an earlier one took away."""
    sys.modules["__main__"] = main
    main.__builtins__ = builtins
    source.install()


def finish(is_script, continues):
    """Runs what the script left for its exit, and hands over the last of its files and its output.

    A script of a session does not exit when it ends.
    """
    if not continues:
        atexit._run_exitfuncs()
    if continues:
        processes.settle()
        openfiles.flush()
    elif is_script:
        openfiles.close()
    output.finish()
