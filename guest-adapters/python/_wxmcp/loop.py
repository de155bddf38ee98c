"""asyncio over the host: an event loop whose selector waits in `wait`.

Timers, tasks and tool calls work as everywhere. There are no sockets, pipes or
processes, and no threads: an executor's function runs in the loop, between two
steps of other tasks, as if in a thread of its own.
"""

from . import kept as __builtins__

import asyncio
import asyncio.base_events
import asyncio.events
import asyncio.tasks
import math
import sys
from concurrent.futures import ThreadPoolExecutor

from . import calls, report, seam, stdlib
from .output import flush


class _HostSelector:
    """What `BaseEventLoop` asks for events: completions of the host."""

    def select(self, timeout=None):
        if timeout is None:
            if not calls.pending():
                return None
            flush()
            return seam.wait(None) or None
        if timeout <= 0:
            return seam.wait(0) if calls.pending() else ()
        flush()
        return seam.wait(math.ceil(timeout * 1e6))

    def close(self):
        pass


class HostLoop(asyncio.base_events.BaseEventLoop):
    """The event loop of scripts."""

    def __init__(self):
        super().__init__()
        self._selector = _HostSelector()
        self._main = None

    def _process_events(self, events):
        if events is None:
            self._end_deadlock()
        else:
            calls.deliver(events)

    def _write_to_self(self):
        pass  # nobody else could be waiting

    def run_until_complete(self, future):
        if asyncio.iscoroutine(future):
            future = self.create_task(future)
            future._log_destroy_pending = False
        outer, self._main = self._main, future
        value = None
        try:
            value = super().run_until_complete(future)
            held = calls.held(value)
            if held:
                # Whoever gets the value cannot await them any more once the loop is closed.
                self._main = None
                super().run_until_complete(calls.arrive(held))
            return value
        finally:
            self._main = outer
            calls.settle(sys.modules["__main__"].__dict__, value)

    def create_task(self, coro, **options):
        if isinstance(coro, calls.ToolCall):
            coro = _awaiting(coro)
        return super().create_task(coro, **options)

    def run_in_executor(self, executor, func, *args):
        self._check_closed()
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            return asyncio.wrap_future(executor.submit(func, *args), loop=self)
        future = self.create_future()
        self.call_soon(_run_apart, future, func, args)
        return future

    async def shutdown_default_executor(self, timeout=None):
        """There is none."""

    def _end_deadlock(self):
        """Raises in the main task, where it waits, since nothing can ever wake it."""
        error = RuntimeError("deadlock: every task waits, and nothing is left that could wake one")
        waits_for = self._main
        while waits_for is not None and getattr(waits_for, "_fut_waiter", None) is not None:
            waits_for = waits_for._fut_waiter
        if waits_for is None or waits_for.done() or isinstance(waits_for, asyncio.Task):
            raise error
        waits_for.set_exception(error)

    def close(self):
        calls.give_up(self)
        super().close()


@report.nameless
async def _awaiting(call):
    return await call


def _run_apart(future, func, args):
    if future.cancelled():
        return
    try:
        result = apart(func, *args)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def apart(func, /, *args, **kwargs):
    """Calls `func` as a thread would: outside of the running loop and task, where tool calls block."""
    loop = asyncio.events._get_running_loop()
    if loop is None:
        return func(*args, **kwargs)
    task = asyncio.tasks._swap_current_task(loop, None)
    asyncio.events._set_running_loop(None)
    try:
        return func(*args, **kwargs)
    finally:
        asyncio.events._set_running_loop(loop)
        asyncio.tasks._swap_current_task(loop, task)


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    _loop_factory = HostLoop


def install():
    """Makes `HostLoop` the loop that asyncio uses and names."""
    for module in (asyncio.events, asyncio.unix_events, asyncio):
        stdlib.patches[module.__name__] = _name_ours
        _name_ours(module)


def _name_ours(module):
    if module.__name__ == "asyncio.events":
        module._event_loop_policy = _Policy()
    for name in ("SelectorEventLoop", "EventLoop", "_UnixSelectorEventLoop"):
        if hasattr(module, name):
            setattr(module, name, HostLoop)
    for name in ("DefaultEventLoopPolicy", "_DefaultEventLoopPolicy", "_UnixDefaultEventLoopPolicy"):
        if hasattr(module, name):
            setattr(module, name, _Policy)
