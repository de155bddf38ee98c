"""What threads wait for: locks, sleep, the end of a thread. Each waits where it stands, or aside.

Everything else of `threading`, `queue` and `concurrent.futures` is made of these, by the library itself.
"""

from . import kept as __builtins__

import _thread

from . import threads, twins

TIMEOUT_MAX = _thread.TIMEOUT_MAX


def _checked(blocking, timeout):
    """Seconds to wait, None without an end, as `_thread` reads them."""
    if timeout == -1:
        return None
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if timeout < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    return timeout


class lock:
    """A lock object is a synchronization primitive. To create a lock, call threading.Lock()."""

    __slots__ = ("_is_held", "__weakref__")

    def __init__(self):
        self._is_held = False

    def acquire(self, blocking=True, timeout=-1):
        """Lock the lock, waiting for it if `blocking`, `timeout` seconds at most."""
        if not self._is_held and timeout == -1:
            self._is_held = True
            return True
        seconds = _checked(blocking, timeout)
        if not self._is_held:
            self._is_held = True
            return True
        return bool(blocking) and seconds != 0 and threads.block(self._wait(seconds))

    def _acquire_aside(self, blocking=True, timeout=-1):
        if not self._is_held or not blocking or timeout == 0:
            return self.acquire(blocking, timeout)
        return (yield self._wait(_checked(blocking, timeout)))

    def _wait(self, seconds):
        return threads.Wait(self._is_free, "a lock", seconds, self._take)

    def _is_free(self):
        return not self._is_held

    def _take(self):
        self._is_held = True

    def release(self):
        """Release the lock, allowing another thread to acquire it."""
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False

    def locked(self):
        """Return whether the lock is locked."""
        return self._is_held

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def __enter__(self):
        if not self._is_held:
            self._is_held = True
            return True
        return self.acquire()

    def _enter_aside(self):
        return (yield from self._acquire_aside())

    def __exit__(self, kind, error, trace):
        self.release()

    def _at_fork_reinit(self):
        self._is_held = False

    def __repr__(self):
        return f"<{'locked' if self._is_held else 'unlocked'} _thread.lock object at {id(self):#x}>"


class RLock:
    """A lock that the thread which holds it may acquire again."""

    __slots__ = ("_owner", "_count", "__weakref__")

    def __init__(self):
        self._owner = None
        self._count = 0

    def acquire(self, blocking=True, timeout=-1):
        """Lock the lock, or once more if the thread holds it already."""
        me = threads.current
        seconds = None if timeout == -1 else _checked(blocking, timeout)
        if self._owner is None or self._owner is me:
            self._owner = me
            self._count += 1
            return True
        return bool(blocking) and seconds != 0 and threads.block(self._wait(seconds))

    def _acquire_aside(self, blocking=True, timeout=-1):
        if self._owner is None or self._owner is threads.current or not blocking or timeout == 0:
            return self.acquire(blocking, timeout)
        return (yield self._wait(_checked(blocking, timeout)))

    def _wait(self, seconds, count=1):
        me = threads.current

        def take():
            self._owner = me
            self._count = count

        return threads.Wait(self._is_free, "a lock", seconds, take)

    def _is_free(self):
        return self._owner is None

    def release(self):
        """Release the lock; it is free when each `acquire` has had its `release`."""
        if self._owner is not threads.current:
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None

    def locked(self):
        """Return whether the lock is locked."""
        return self._owner is not None

    def __enter__(self):
        return self.acquire()

    def _enter_aside(self):
        return (yield from self._acquire_aside())

    def __exit__(self, kind, error, trace):
        self.release()

    def _is_owned(self):
        return self._owner is threads.current

    def _recursion_count(self):
        return self._count if self._owner is threads.current else 0

    def _release_save(self):
        if self._owner is not threads.current:
            raise RuntimeError("cannot release un-acquired lock")
        state = self._count, self._owner
        self._count, self._owner = 0, None
        return state

    def _acquire_restore(self, state):
        if self._owner is None:
            self._count, self._owner = state
        else:
            threads.block(self._wait(None, state[0]))

    def _restore_aside(self, state):
        if self._owner is None:
            self._count, self._owner = state
        else:
            yield self._wait(None, state[0])

    def _at_fork_reinit(self):
        self._count, self._owner = 0, None

    def __repr__(self):
        owner = 0 if self._owner is None else self._owner.ident
        told = "unlocked" if self._owner is None else "locked"
        return f"<{told} _thread.RLock object owner={owner} count={self._count} at {id(self):#x}>"


lock.__module__ = RLock.__module__ = "_thread"


class Handle:
    """What a `Thread` knows of the fiber that executes it."""

    def __init__(self):
        self.fiber = None
        self._is_done = False

    @property
    def ident(self):
        """The identifier of the thread, 0 before it begins."""
        return 0 if self.fiber is None else self.fiber.ident

    def is_done(self):
        """Whether the thread has ended."""
        if self.fiber is not None and not self.fiber.done and self.fiber is not threads.main:
            threads.asked()
        return self._is_done or self.fiber is not None and self.fiber.done

    def join(self, timeout=None):
        """Waits for the end of the thread."""
        if not self._is_over():
            threads.block(self._wait(timeout))

    def _join_aside(self, timeout=None):
        if not self._is_over():
            yield self._wait(timeout)

    def _wait(self, timeout):
        return threads.Wait(self._is_over, f"the end of {threads.named(self.fiber)}", timeout)

    def _is_over(self):
        return self._is_done or self.fiber is not None and self.fiber.done

    def _set_done(self):
        self._is_done = True


Handle.__name__ = Handle.__qualname__ = "_ThreadHandle"


def sleep_aside(seconds):
    """`time.sleep` of a thread that can be kept aside."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    yield threads.Wait(threads.never, "the end of its sleep", seconds) if seconds else threads.TURN


def sleep(seconds):
    """`time.sleep` while there are threads."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if seconds == 0:
        threads.turn()
    threads.block(threads.Wait(threads.never, "the end of its sleep", seconds))


def register():
    """Tells which functions wait aside when a twin calls them."""
    twins.waits_aside(lock.acquire, lock._acquire_aside)
    twins.waits_aside(lock.__enter__, lock._enter_aside)
    twins.waits_aside(RLock.acquire, RLock._acquire_aside)
    twins.waits_aside(RLock.__enter__, RLock._enter_aside)
    twins.waits_aside(RLock._acquire_restore, RLock._restore_aside)
    twins.waits_aside(Handle.join, Handle._join_aside)
