"""`signal.alarm` and `signal.setitimer`: SIGALRM comes between two steps of a script's Python code.

While an alarm is set, the clock is looked at when functions begin and loops turn, by
`sys.monitoring`; and `time.sleep` sleeps no longer than until then. A function of C
that takes long, a tool call and a wait of the event loop end first.
"""

from . import kept as __builtins__

import errno
import os
import signal
import sys
import time

from . import seam

_register_callback = sys.monitoring.register_callback
_monitoring = sys.monitoring
_tool = None
_EVENTS = _monitoring.events.PY_START | _monitoring.events.JUMP

ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = range(3)

_monotonic = time.monotonic
_due = None
_interval = 0.0
_plain_sleep = None


def _left():
    return 0.0 if _due is None else max(_due - _monotonic(), 1e-6)


def _set(seconds, interval=0.0):
    """Sets or takes off the alarm; returns what was left of the last one, and its interval."""
    global _due, _interval
    before = _left(), _interval if _due is not None else 0.0
    was_set = _due is not None
    _due = _monotonic() + seconds if seconds > 0 else None
    _interval = interval
    if _due is not None and not was_set:
        _watch()
    elif _due is None and was_set:
        _unwatch()
    return before


def _watch():
    global _plain_sleep, _tool
    _tool = next(number for number in (4, 3, *range(6)) if _monitoring.get_tool(number) is None)
    _monitoring.use_tool_id(_tool, "signal.alarm")
    _register_callback(_tool, _monitoring.events.PY_START, _look)
    _register_callback(_tool, _monitoring.events.JUMP, _look)
    _monitoring.set_events(_tool, _EVENTS)
    _plain_sleep, time.sleep = time.sleep, _sleep


def _unwatch():
    global _plain_sleep
    _monitoring.set_events(_tool, 0)
    _monitoring.free_tool_id(_tool)
    if time.sleep is _sleep:
        time.sleep = _plain_sleep
    _plain_sleep = None


def _look(code, *places):
    if _due is not None and _monotonic() >= _due and not code.co_filename.startswith(_OWN):
        _deliver(sys._getframe(1))


_OWN = os.path.dirname(__file__)


def _deliver(frame):
    global _due
    if _interval > 0:
        _due = _monotonic() + _interval
    else:
        _set(0)
    handler = signal.getsignal(signal.SIGALRM)
    if handler == signal.SIG_IGN:
        return
    if not callable(handler):
        print("Alarm clock", file=sys.stderr)
        seam.killed_by = int(signal.SIGALRM)
        os._exit(128 + signal.SIGALRM)
    handler(int(signal.SIGALRM), frame)


def _sleep(seconds, /):
    """Suspend execution for a number of seconds, or until SIGALRM's handler raises something."""
    plain = _plain_sleep
    end = _monotonic() + seconds
    while _due is not None:
        left = end - _monotonic()
        if left <= 0:
            return plain(0)
        plain(min(left, _left()))
        if _due is not None and _monotonic() >= _due:
            _deliver(sys._getframe(1))
    plain(max(end - _monotonic(), 0))


def alarm(seconds, /):
    """Arrange for SIGALRM to arrive after the given number of seconds; what was left of the last one."""
    left = _set(seconds.__index__())[0]
    return int(left) + (left % 1 > 0)


def setitimer(which, seconds, interval=0.0, /):
    """Sets the real timer, which sends SIGALRM: the others count the same time."""
    if which not in (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF) or seconds < 0 or interval < 0:
        raise signal.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
    if which != ITIMER_REAL:
        raise signal.ItimerError(errno.ENOTSUP, "The sandbox has ITIMER_REAL only")
    return _set(float(seconds), float(interval))


def getitimer(which, /):
    """What is left of a timer, and its interval."""
    if which not in (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF):
        raise signal.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
    return (_left(), _interval if _due is not None else 0.0) if which == ITIMER_REAL else (0.0, 0.0)


def pause():
    """Wait until a signal arrives."""
    if _due is None:
        raise RuntimeError("deadlock: no alarm is set, and no other signal ever arrives")
    _sleep(_left())


def siginterrupt(signalnum, flag, /):
    """Changes nothing: calls are not restarted here."""


def pthread_sigmask(how, mask, /):
    """Changes nothing, and tells that nothing is blocked."""
    return set()


def sigpending():
    """None: a signal is handled when it arrives."""
    return set()


def valid_signals():
    """All signals that there are."""
    return set(signal.Signals)


class ItimerError(OSError):
    """What setitimer and getitimer raise."""

    __module__ = "signal"


def install():
    """Puts the functions into `signal`."""
    functions = (alarm, setitimer, getitimer, pause, siginterrupt, pthread_sigmask, sigpending, valid_signals)
    for function in functions:
        function.__module__ = "signal"
        setattr(signal, function.__name__, function)
    signal.ItimerError = ItimerError
    numbers = {"SIG_BLOCK": 0, "SIG_UNBLOCK": 1, "SIG_SETMASK": 2}
    for name, number in numbers.items():
        setattr(signal, name, number)
    for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
        setattr(signal, name, globals()[name])
