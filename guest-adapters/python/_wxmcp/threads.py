"""Threads without a second stack: those that wait are kept aside, and whoever blocks runs the others.

A thread is a generator that yields what it waits for, since its functions are executed by their
twins (see `twins`). So it can be kept aside at any call of theirs, and a thread that waits there
costs no stack. Code that has no twin (a comprehension, a callback of the library, the main thread)
blocks where it stands: `block` runs the other threads on top of it until it can go on.

Nothing here runs, and nothing asks for a thread, before the first one is started.
"""

from . import kept as __builtins__

import _thread
import math
import sys
import threading
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _swap_current_task
from time import monotonic

from . import calls, output, seam

# Threads that have been started and have not ended, at most.
MOST = 1_000

# How many pieces of code may block on top of each other; beyond that, the topmost waits for the host alone.
MOST_BLOCKED = 48


class Wait:
    """What a thread waits for: until `ready()` is true, which `take` then makes use of, or the time is up."""

    __slots__ = ("ready", "deadline", "what", "take")

    def __init__(self, ready, what, timeout=None, take=None):
        self.ready = ready
        self.what = what
        self.take = take
        self.deadline = None if timeout is None else monotonic() + timeout


def never():
    """What is ready at no time."""
    return False


def at_once():
    """What is ready at any time."""
    return True


# For whoever wants others to have their turn, and for who has not begun.
TURN = Wait(at_once, "its turn")
_BEGIN = Wait(at_once, "its beginning")


class Deadlock(RuntimeError):
    """Nothing can end what the topmost code waits for."""


Deadlock.__name__ = Deadlock.__qualname__ = "RuntimeError"
Deadlock.__module__ = "builtins"


class Fiber:
    """One thread: who it is, what it waits for, and how to go on with it."""

    __slots__ = ("ident", "name", "daemon", "generator", "context", "wait", "answer", "loop", "task", "done", "blocked")

    def __init__(self, ident, name):
        self.ident = ident
        self.name = name
        self.daemon = False
        self.generator = self.context = self.wait = self.answer = self.loop = self.task = None
        self.done = False
        self.blocked = []  # what its code waits for on the stack, the topmost last


_MAIN_IDENT = _thread.get_ident()
main = Fiber(_MAIN_IDENT, "MainThread")
current = main
idents = _MAIN_IDENT

# Threads that are kept aside, in the order in which they began to wait.
aside = []

# Fibers whose code blocks on the stack, from below; the last is at the top.
stack = []

# Whether somebody has blocked on top of others since this was last looked at.
_is_covered = False

# How many threads run on top of each other.
_inside = 0

# Threads that have not ended, by identifier, the main one excepted.
alive = {}


def get_ident():
    """The identifier of the thread that runs."""
    return current.ident


def start(generator, name, daemon, context):
    """Begins a thread, which runs until it first waits."""
    global idents
    if len(alive) >= MOST:
        raise RuntimeError(f"can't start new thread: at most {MOST} threads run at the same time in the sandbox")
    idents += 8
    fiber = Fiber(idents, name)
    fiber.generator, fiber.daemon, fiber.context, fiber.wait = generator, daemon, context, _BEGIN
    alive[fiber.ident] = fiber
    calls.block_aside = block_call
    return fiber


def begin(fiber, at_once):
    """Runs a new thread until it waits, or leaves it to whoever blocks next."""
    if at_once and _inside < MOST_BLOCKED // 2:
        _resume(fiber)
    else:
        aside.append(fiber)


def begin_last():
    """Begins the thread that was left to others last, if it still is."""
    if aside and aside[-1].wait is _BEGIN and _inside < MOST_BLOCKED // 2:
        _resume(aside.pop())


def _resume(fiber):
    """Goes on with a thread until it waits again or has ended."""
    global current, _asked, _inside
    before = current
    loop = _get_running_loop()
    task = None if loop is None else _swap_current_task(loop, None)
    _set_running_loop(fiber.loop)
    if fiber.loop is not None:
        _swap_current_task(fiber.loop, fiber.task)
    current = fiber
    answer = None if fiber.wait is _BEGIN else fiber.answer
    fiber.answer = fiber.wait = None
    limit = _get_limit()
    _put_limit(limit + _depth())
    _inside += 1
    try:
        if fiber.context is None:
            fiber.wait = fiber.generator.send(answer)
        else:
            fiber.wait = fiber.context.run(fiber.generator.send, answer)
    except StopIteration:
        pass
    finally:
        _inside -= 1
        _put_limit(limit)
        fiber.loop = _get_running_loop()
        fiber.task = None if fiber.loop is None else _swap_current_task(fiber.loop, None)
        current = before
        _set_running_loop(loop)
        if loop is not None:
            _swap_current_task(loop, task)
        if fiber.wait is not TURN:
            _asked = 0
        if fiber.wait is None:
            end(fiber)
        else:
            aside.append(fiber)


# The interpreter's own, which count the frames of ours as well.
_get_limit = sys.getrecursionlimit
_put_limit = sys.setrecursionlimit


def _depth():
    """The frames below, which are not those of the thread that goes on."""
    frame, depth = sys._getframe(1), 0
    while frame is not None:
        frame = frame.f_back
        depth += 1
    return depth


def end(fiber):
    """Notes that a thread has ended."""
    fiber.done = True
    fiber.generator = fiber.context = None
    alive.pop(fiber.ident, None)
    if not alive:
        calls.block_aside = None


def block(wait):
    """Waits where the code stands, and runs other threads meanwhile; whether it was ready in time."""
    global _is_covered, _asked
    _asked = 0
    fiber = current
    fiber.blocked.append(wait)
    stack.append(fiber)
    try:
        while True:
            if wait.ready():
                if wait.take is not None:
                    wait.take()
                return True
            if wait.deadline is not None and wait.deadline <= monotonic():
                return False
            _step(wait)
    finally:
        stack.pop()
        fiber.blocked.pop()
        _is_covered = bool(stack)


def has_blocked():
    """Whether code below on the stack waits to go on since somebody on top of it has blocked, too; asks once."""
    global _is_covered
    if not _is_covered:
        return False
    _is_covered = False
    return bool(stack) and _may_go_on(stack[-1])


def _may_go_on(fiber):
    wait = fiber.blocked[-1]
    return wait.ready() or wait.deadline is not None and wait.deadline <= monotonic()


# Questions in a row that are answered before the others have a turn: whoever asks so often waits for the answer to change.
_PATIENCE = 100
_asked = 0


def asked():
    """Counts a question of how something stands, which code may ask again and again instead of waiting."""
    if is_asked_again():
        turn()


def is_asked_again():
    """Whether this question comes after many others, without a wait between them."""
    global _asked
    _asked += 1
    return _asked > _PATIENCE


def turn():
    """Lets the others run as far as they can without time passing: for whoever asks again and again."""
    if alive and _inside < MOST_BLOCKED // 2:
        _deliver(0)
        fiber = _next()
        if fiber is not None:
            stack.append(current)
            current.blocked.append(TURN)
            try:
                _resume(fiber)
            finally:
                current.blocked.pop()
                stack.pop()


def look():
    """Takes what the host has ended so far."""
    _deliver(0)


def _step(wait):
    """Goes on with one thread, or waits for the host until one can."""
    if len(stack) <= MOST_BLOCKED:
        fiber = _next()
        if fiber is not None:
            _resume(fiber)
            return
    deadline = wait.deadline
    for fiber in aside:
        its = fiber.wait.deadline
        if its is not None and (deadline is None or its < deadline):
            deadline = its
    if deadline is None and not calls.pending():
        raise Deadlock(_deadlock())
    _deliver(None if deadline is None else max(deadline - monotonic(), 0))


def _next():
    """The first thread that is kept aside and can go on."""
    now = None
    for at, fiber in enumerate(aside):
        wait = fiber.wait
        if wait.ready():
            if wait.take is not None:
                wait.take()
            fiber.answer = True
        elif wait.deadline is None:
            continue
        else:
            if now is None:
                now = monotonic()
            if wait.deadline > now:
                continue
            fiber.answer = False
        del aside[at]
        return fiber
    return None


def _deliver(timeout):
    """Takes what the host has ended by then."""
    if timeout == 0 and not calls.pending():
        return
    output.flush()
    calls.deliver(seam.wait(None if timeout is None else math.ceil(timeout * 1e6)))


def _deadlock():
    fiber = stack[-1]
    told = f"deadlock: {named(fiber)} waits for {fiber.blocked[-1].what}"
    below = [one for one in stack[:-1] if one is not fiber and _may_go_on(one)]
    if len(stack) > MOST_BLOCKED and aside:
        return f"{told}, and {MOST_BLOCKED} waits are on top of each other, which is the most that the sandbox can hold"
    if below:
        return (
            f"{told}, which only {named(below[-1])} below it on the stack could end: a comprehension, a generator or a "
            f"function of the library that waits inside a thread keeps those below it from going on"
        )
    others = [f"{named(one)} for {one.wait.what}" for one in aside[:3]]
    others += [f"{named(one)} for {one.blocked[-1].what}" for one in stack[:-1] if one is not fiber][:3]
    return told + ", and nothing is left that could end this" + (f" ({', '.join(others)})" if others else "")


def named(fiber):
    """A thread, for messages."""
    return "the main thread" if fiber is main else f"thread '{fiber.name}'"


class Call:
    """An operation of the host that a thread waits for."""

    __slots__ = ("ok", "payload", "then")

    def __init__(self):
        self.ok = self.payload = self.then = None

    def _arrived(self, ok, payload):
        self.ok, self.payload = ok, payload
        if self.then is not None:
            self.then()

    def get_loop(self):
        """It belongs to no loop, and is not given up with one."""

    def ready(self):
        """Whether it has ended."""
        return self.ok is not None


def _submitted(operation, payload, tool):
    output.flush()
    call = Call()
    calls.expect(seam.submit(operation, payload), call)
    return call, Wait(call.ready, f"the answer of {tool or 'the host'}")


def block_call(operation, payload, tool=None):
    """`calls.block` while there are threads."""
    call, wait = _submitted(operation, payload, tool)
    block(wait)
    return calls.answered(call.ok, call.payload, tool)


def call_aside(operation, payload, tool=None):
    """The same for a thread that can be kept aside."""
    call, wait = _submitted(operation, payload, tool)
    yield wait
    return calls.answered(call.ok, call.payload, tool)


def finish(continues):
    """Waits until the threads that are no daemons have ended, as CPython does when a script ends.

    In a session those that wait for what only a later script could do stay.
    """
    if not alive:
        return
    if continues:
        _settle()
        return
    for function in reversed(threading._threading_atexits):
        function()
    threading._threading_atexits.clear()
    ended = Wait(lambda: all(fiber.daemon for fiber in alive.values()), "the threads that are no daemons to end")
    block(ended)


def _settle():
    """Goes on with all threads until none of those that are no daemons can."""
    def is_still():
        return all(fiber.daemon or not _moves(fiber.wait) for fiber in alive.values() if fiber in aside) and not any(
            fiber.wait is TURN for fiber in aside
        )

    try:
        block(Wait(is_still, "the threads of this run to end"))
    except Deadlock:
        pass  # none can go on: the next script may let them
    for fiber in aside:
        call = getattr(fiber.wait.ready, "__self__", None)
        if isinstance(call, Call):
            call.ok, call.payload = 0, _ENDED


_ENDED = b'{"kind":"cancelled","message":"the run that made this call has ended"}'


def _moves(wait):
    return wait.deadline is not None or isinstance(getattr(wait.ready, "__self__", None), Call)


def forget():
    """Starts anew, without the threads of an earlier run."""
    global current, _inside
    current, _inside = main, 0
    del main.blocked[:], stack[:]
