"""What one run of a session leaves to the next, and what ends with it.

Variables stay in `__main__`, and open files and generators open. All runs that await at
their top level share one event loop, so that locks, queues and async generators of an
earlier run go on working; tasks, timers and tool calls that are left over end with their run.
"""

from . import kept as __builtins__

import asyncio
import builtins
import linecache
from asyncio.runners import _cancel_all_tasks

from . import calls, loop

# Sources of earlier runs that tracebacks can show: the newest, so many and of so many characters.
_MOST_SOURCES = 200
_MOST_CHARACTERS = 4_000_000

_sources = {}  # name -> characters, the oldest first
_runner = None


def keep_source(name, characters):
    """Notes that `linecache` has the source of a run, and has it forget the oldest of too many."""
    _sources.pop(name, None)
    _sources[name] = characters
    while len(_sources) > 1 and (len(_sources) > _MOST_SOURCES or sum(_sources.values()) > _MOST_CHARACTERS):
        oldest = next(iter(_sources))
        del _sources[oldest]
        linecache.cache.pop(oldest, None)


def remember(value):
    """Makes `_` the value of a run, as CPython's own prompt does."""
    if value is not None:
        builtins._ = value


class Runner:
    """The runner of the session's event loop, for one run."""

    def __enter__(self):
        global _runner
        if _runner is None or _runner.get_loop().is_closed():
            _runner = asyncio.Runner(loop_factory=loop.HostLoop)
        return _runner

    def __exit__(self, *_):
        own = _runner.get_loop()
        if own.is_closed():
            return
        _cancel_all_tasks(own)
        calls.give_up(own)
        for handle in own._scheduled:
            handle.cancel()
        own._scheduled.clear()
        own._timer_cancelled_count = 0
        own._ready.clear()
