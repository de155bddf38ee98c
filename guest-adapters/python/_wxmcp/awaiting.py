"""What is awaited in a script's value: calls, coroutines, tasks and futures, wherever they are in it."""

from . import kept as __builtins__

import asyncio
import concurrent.futures
import gc
import inspect
from types import AsyncGeneratorType, CoroutineType

from . import calls, loop, report, values


def encoded(value, run=None, took=None) -> bytes:
    """JSON of a value, once all that waits in it has been awaited, at the same time.

    `run` runs a coroutine in the loop of the script, which has one if it awaits at its top level.
    `took` is called with the value, or with what it answered if it was awaited itself.
    """
    payload, found = values.quick(value), ()
    if payload is None:
        payload, found = _encoded(value, {})
    if found:
        if run is not None:
            payload, value = _settled(value, found, run)
        else:
            with asyncio.Runner(loop_factory=loop.HostLoop) as runner:
                payload, value = _settled(value, found, runner.run)
    if took is not None:
        took(value)
    return payload


def _settled(value, found, run):
    answers = {}
    while found:
        for one, answer in zip(found, run(_all(found))):
            answers[id(one)] = answer, one  # kept, so that no other object gets its `id`
        payload, found = _encoded(value, answers)
    return payload, answers.get(id(value), (value,))[0]


def _encoded(value, answers):
    """JSON of a value with these answers, and what is still to be awaited in it, each once."""
    found, shown = {}, []

    def convert(one):
        if not _waits(one):
            if gc.is_tracked(one):
                shown.append(one)
            return values.shown(one)
        if id(one) in answers:
            return values.plain(answers[id(one)][0], convert)
        found[id(one)] = one

    payload = values.encode_slowly(value, convert)
    if shown and not found:
        _refuse_lost(shown)
    return payload, list(found.values())


def _refuse_lost(shown):
    """What is shown by its `repr` may not hide what nobody has awaited."""
    for one in calls.reachable(shown, (CoroutineType, calls.ToolCall)):
        if isinstance(one, calls.ToolCall):
            what = one.is_unawaited() and one.described()
        else:
            what = inspect.getcoroutinestate(one) == inspect.CORO_CREATED and f"the coroutine `{one.__qualname__}`"
        if what:
            told = f"{what} is inside of an object in the value, and was never awaited"
            raise report.Placed(RuntimeError(told), _place(one))


def _waits(one):
    if isinstance(one, (AsyncGeneratorType, concurrent.futures.Future)):
        return True
    return hasattr(type(one), "__await__")


@report.nameless
async def _all(found):
    return await asyncio.gather(*map(_answer, found))


@report.nameless
async def _answer(one):
    lost = _lost(one)
    if lost is not None:
        raise report.Placed(RuntimeError(lost), _place(one))
    try:
        if isinstance(one, AsyncGeneratorType):
            return [item async for item in one]
        if isinstance(one, concurrent.futures.Future):
            return one.result()
        return await one
    except asyncio.CancelledError:
        # A call that fails cancels the tasks of the others.
        lost = None if asyncio.current_task().cancelling() else _lost(one)
        if lost is None:
            raise
        raise report.Placed(RuntimeError(lost), _place(one)) from None
    except Exception as error:
        place = _place(one)
        if place is None or report.is_placed(error):
            raise
        raise report.Placed(error, place) from None


def _lost(one):
    """Why something will never have an answer; None if it may."""
    if isinstance(one, concurrent.futures.Future):
        return None if one.done() else "the value holds a future that nothing will complete"
    if not asyncio.isfuture(one):
        return None
    what = one.described() if isinstance(one, calls.ToolCall) else _named(one)
    if one.done():
        return f"{what} is in the value, but was cancelled; await it before its loop ends" if one.cancelled() else None
    if one.get_loop() is asyncio.get_running_loop():
        return None
    return f"{what} is in the value, but its loop has ended; await it before that"


def _named(future):
    coroutine = isinstance(future, asyncio.Task) and future.get_coro()
    return f"the task of `{coroutine.__qualname__}`" if coroutine else "a future"


def _place(one):
    """Where to look for what went wrong with it: the line of the call, or that of the function."""
    if isinstance(one, calls.ToolCall):
        return one.place
    coroutine = one.get_coro() if isinstance(one, asyncio.Task) else one
    if isinstance(coroutine, CoroutineType):
        return coroutine.cr_code, 0
    return None
