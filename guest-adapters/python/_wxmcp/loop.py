"""asyncio over the host: an event loop whose selector waits in `wait`.

Timers, tasks and tool calls work as everywhere, and executors have threads (see
`threads`), and connections carry requests (see `transports`). There are no pipes.
"""

from . import kept as __builtins__

import asyncio
import asyncio.base_events
import asyncio.events
import asyncio.tasks
import math
import subprocess
import sys

from . import calls, children, report, seam, stdlib, threads, transports, twins
from .output import flush


class _HostSelector:
    """What `BaseEventLoop` asks for events: completions of the host."""

    def __init__(self, loop):
        self._loop = loop

    def select(self, timeout=None):
        if threads.alive:
            wait = self._wait(timeout)
            try:
                if wait is not None:
                    threads.block(wait)
                return ()
            except threads.Deadlock:
                return None
        if timeout is None:
            if not calls.pending():
                return None
            flush()
            return seam.wait(None) or None
        if timeout <= 0:
            return seam.wait(0) if calls.pending() else ()
        flush()
        return seam.wait(math.ceil(timeout * 1e6))

    def _wait(self, timeout):
        """What to wait for while there are threads: that the loop has something to do."""
        if timeout is not None and timeout <= 0:
            threads.turn()
            return None
        return threads.Wait(self._loop.is_due, "an event of its event loop", timeout)

    def _select_aside(self, timeout=None):
        wait = self._wait(timeout)
        yield threads.TURN if wait is None else wait
        return ()

    def close(self):
        pass


class HostLoop(transports.Loop, asyncio.base_events.BaseEventLoop):
    """The event loop of scripts."""

    def __init__(self):
        super().__init__()
        self._selector = _HostSelector(self)
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

    async def subprocess_exec(
        self, protocol_factory, program, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    ):
        """A child; see `subprocess`."""
        options |= {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        return await children.start(self, protocol_factory, (program, *args), False, options)

    async def subprocess_shell(
        self, protocol_factory, cmd, *, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    ):
        """What a shell answers; see `subprocess`."""
        options.pop("shell", None)
        options |= {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        return await children.start(self, protocol_factory, cmd, True, options)

    def is_due(self):
        """Whether something can run at once."""
        return bool(self._ready) or self._stopping

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


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    _loop_factory = HostLoop


def install():
    """Makes `HostLoop` the loop that asyncio uses and names."""
    twins.waits_aside(_HostSelector.select, _HostSelector._select_aside)
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
