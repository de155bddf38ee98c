"""`os` about users, processes and terminals: what Linux says to a process without privileges that is alone."""

from . import kept as __builtins__

import errno
import os
import posix
import signal

from . import seam

# The user that scripts run as, and its group.
USER = 1000

_PARENT = 1
_niceness = 0


def _fail(number, path=None):
    error = OSError(number, os.strerror(number))
    if path is not None:
        error.filename = path
    raise error


def _own(name, value, doc):
    def function():
        return value() if callable(value) else value

    function.__doc__ = doc
    return name, function


def getlogin():
    """Return the actual login name."""
    return os.environ.get("USER", "agent")


def getpgid(pid):
    """Call the system call getpgid(), and return the result."""
    _alone(pid)
    return os.getpid()


def getsid(pid, /):
    """Call the system call getsid(pid) and return the result."""
    return getpgid(pid)


def setsid():
    """Refuses as to a process that leads its group."""
    _fail(errno.EPERM)


def _alone(pid):
    if pid not in (0, os.getpid()):
        _fail(errno.ESRCH)


def getpriority(which, who):
    """Return program scheduling priority."""
    return _niceness


def nice(increment, /):
    """Add increment to the priority of process and return the new priority, which means nothing here."""
    global _niceness
    if increment < 0:
        _fail(errno.EPERM)
    _niceness = min(_niceness + increment, 19)
    return _niceness


def getloadavg():
    """Of the sandbox, in which nothing else runs."""
    return 0.0, 0.0, 0.0


def sched_getaffinity(pid, /):
    """The one CPU that a run has."""
    _alone(pid)
    return {0}


def sched_setaffinity(pid, mask, /):
    """Accepts the one CPU that a run has."""
    _alone(pid)
    if 0 not in set(mask):
        _fail(errno.EINVAL)


def kill(pid, signal_, /):
    """Sends a signal to the run itself: there is no other process."""
    if pid not in (0, -1, os.getpid()):
        _fail(errno.ESRCH)
    if signal_:
        _send(signal_)


def killpg(pgid, signal_, /):
    """Sends a signal to the run itself: there is no other process."""
    kill(pgid, signal_)


def _send(number):
    if number in (9, 19) or (signal.getsignal(number) == signal.SIG_DFL and number not in (17, 18, 23, 28)):
        seam.killed_by = int(number)
        os._exit(128 + number)
    signal.raise_signal(number)


def _may_be(user, now):
    return user in (now, -1, 0xFFFFFFFF)


def chown(path, uid, gid, *, dir_fd=None, follow_symlinks=True):
    """Change the owner: only to the one that runs, which changes nothing."""
    os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    if not _may_be(uid, USER) or not _may_be(gid, USER):
        _fail(errno.EPERM, path)


def lchown(path, uid, gid):
    """Change the owner of a path, not following symbolic links: only to the one that runs."""
    chown(path, uid, gid, follow_symlinks=False)


def fchown(fd, uid, gid):
    """Change the owner of an open file: only to the one that runs."""
    chown(fd, uid, gid)


def _become(name):
    def function(*users):
        if not all(_may_be(user, USER) for user in users):
            _fail(errno.EPERM)

    function.__doc__ = "Changes nothing: refuses every user but the one that runs."
    return name, function


def ttyname(fd, /):
    """Refuses: nothing here is a terminal."""
    os.fstat(fd)
    _fail(errno.ENOTTY)


def ctermid():
    """The name of a terminal that there is not."""
    return "/dev/tty"


def get_terminal_size(fd=1, /):
    """Refuses: nothing here is a terminal."""
    _fail(errno.ENOTTY)


def openpty():
    """Refuses: there are no terminals."""
    raise OSError(errno.ENODEV, "The sandbox has no terminals")


def getrandom(size, flags=0):
    """Obtain a series of random bytes."""
    return os.urandom(size)


def sync():
    """Force write of everything to disk: nothing waits for that here."""


def waitpid(pid, options, /):
    """Refuses as where there are no child processes."""
    _fail(errno.ECHILD)


def wait():
    """Refuses as where there are no child processes."""
    _fail(errno.ECHILD)


def waitstatus_to_exitcode(status):
    """Convert a wait status to an exit code."""
    if status & 0x7F == 0:
        return status >> 8 & 0xFF
    if status & 0xFF == 0x7F:
        raise ValueError(f"process stopped by delivery of signal {status >> 8 & 0xFF}")
    return -(status & 0x7F)


def _status(name, read):
    def function(status):
        return read(status)

    function.__doc__ = "A part of a wait status."
    return name, function


def uname():
    """The system, as it is: its one machine is `localhost`."""
    told = _plain_uname()
    return os.uname_result((told.sysname, "localhost", *told[2:]))


def times():
    """The time that the run has used, and that has gone by."""
    import time

    return os.times_result((time.process_time(), 0.0, 0.0, 0.0, time.monotonic()))


_plain_uname = posix.uname

_NEW = dict(
    [
        _own("getppid", _PARENT, "Return the parent's process id."),
        *[_own(name, USER, "Return the current process's user or group id.") for name in "getuid geteuid getgid getegid".split()],
        _own("getgroups", lambda: [USER], "Return list of supplemental group IDs for the process."),
        _own("getresuid", (USER,) * 3, "Return a tuple of the current process's real, effective, and saved user ids."),
        _own("getresgid", (USER,) * 3, "Return a tuple of the current process's real, effective, and saved group ids."),
        _own("getpgrp", lambda: os.getpid(), "Return the current process group id."),
        *map(_become, "setuid seteuid setgid setegid setreuid setregid setresuid setresgid".split()),
    ]
)
_NEW.update(
    {
        function.__name__: function
        for function in (
            getlogin, getpgid, getsid, setsid, getpriority, nice, getloadavg, sched_getaffinity, sched_setaffinity, kill, killpg,
            chown, lchown, fchown, ttyname, ctermid, get_terminal_size, openpty, getrandom, sync, waitpid, wait, waitstatus_to_exitcode, uname, times,
        )
    }
)
_NEW.update(
    [
        _status("WIFEXITED", lambda status: status & 0x7F == 0),
        _status("WEXITSTATUS", lambda status: status >> 8 & 0xFF),
        _status("WIFSIGNALED", lambda status: status & 0x7F not in (0, 0x7F)),
        _status("WTERMSIG", lambda status: status & 0x7F),
        _status("WIFSTOPPED", lambda status: status & 0xFF == 0x7F),
        _status("WSTOPSIG", lambda status: status >> 8 & 0xFF),
        _status("WCOREDUMP", lambda status: bool(status & 0x80)),
    ]
)
_NUMBERS = {"WNOHANG": 1, "WUNTRACED": 2, "WCONTINUED": 8, "PRIO_PROCESS": 0, "PRIO_PGRP": 1, "PRIO_USER": 2}
_REPLACED = ("uname", "times")


def install():
    """Puts the functions into `os`, and into `posix`, where `os` takes them from if it is reloaded."""
    for name, value in (_NEW | _NUMBERS).items():
        if hasattr(posix, name) and name not in _REPLACED:
            continue
        if callable(value):
            value.__module__, value.__name__, value.__qualname__ = "posix", name, name
        for module in (os, posix):
            setattr(module, name, value)
        if name not in os.__all__:
            os.__all__.append(name)
    os.supports_fd.add(chown)
    os.supports_follow_symlinks.add(chown)
