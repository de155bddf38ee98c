"""Semaphores for `multiprocessing`: within the one process that there is."""

import threading as _threading
import time as _time

flags = {"HAVE_SEM_OPEN": 1, "HAVE_SEM_TIMEDWAIT": 1, "HAVE_BROKEN_SEM_GETVALUE": 0, "HAVE_SEM_UNLINK": 1}

_RECURSIVE_MUTEX, _SEMAPHORE = range(2)


def sem_unlink(name, /):
    """Forgets a semaphore's name."""


class SemLock:
    """Semaphore/Mutex type."""

    __module__ = "_multiprocessing"
    SEM_VALUE_MAX = 2147483647

    def __init__(self, kind, value, maxvalue, name, unlink):
        if kind not in (_RECURSIVE_MUTEX, _SEMAPHORE):
            raise ValueError("unrecognized kind")
        self.handle = id(self)
        self.kind, self.maxvalue, self.name = kind, maxvalue, None
        self._value, self._held, self._owner = value, 0, None
        self._condition = _threading.Condition()

    @classmethod
    def _rebuild(cls, handle, kind, maxvalue, name):
        return cls(kind, maxvalue, maxvalue, name, False)

    def acquire(self, block=True, timeout=None):
        """Acquire the semaphore/lock."""
        if self.kind == _RECURSIVE_MUTEX and self._is_mine():
            self._held += 1
            return True
        end = None if timeout is None else _time.monotonic() + max(timeout, 0)
        with self._condition:
            while self._value == 0:
                left = None if end is None else end - _time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                self._condition.wait(left)
            self._value -= 1
        self._held += 1
        self._owner = _threading.get_ident()
        return True

    def release(self):
        """Release the semaphore/lock."""
        if self.kind == _RECURSIVE_MUTEX:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif self._value >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        with self._condition:
            self._value += 1
            self._held -= 1
            self._condition.notify()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()

    def _count(self):
        """Num of `acquire()`s minus num of `release()`s for this process."""
        return self._held

    def _is_mine(self):
        """Whether the lock is owned by this thread."""
        return self._held > 0 and self._owner == _threading.get_ident()

    def _get_value(self):
        """Get the value of the semaphore."""
        return self._value

    def _is_zero(self):
        """Return whether semaphore has value zero."""
        return self._value == 0

    def _after_fork(self):
        """Rezero the net acquisition count after fork()."""
        self._held = 0


