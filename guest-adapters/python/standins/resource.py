"""Use and limits of resources: what is used is known; limits are those of the run, which a script cannot set."""

import errno as _errno
import os as _os
import time as _time

import _wxmcp_native as _native

error = OSError
RLIM_INFINITY = -1
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE = range(8)
RLIMIT_MEMLOCK, RLIMIT_AS, _LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_RTTIME = range(8, 16)
RLIMIT_OFILE = RLIMIT_NOFILE
RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1

_PAGE = 65536
_FILES = 1000
_fixed = {RLIMIT_CORE: (0, 0), RLIMIT_NOFILE: (_FILES, _FILES), RLIMIT_NPROC: (1, 1)}


class struct_rusage(tuple):
    """struct_rusage: Result from getrusage."""

    __slots__ = ()
    __module__ = "resource"
    n_fields = n_sequence_fields = 16
    _names = (
        "ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt "
        "ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw"
    ).split()

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, self))
        return f"resource.struct_rusage({told})"


for _at, _name in enumerate(struct_rusage._names):
    setattr(struct_rusage, _name, property(lambda self, at=_at: self[at]))


def getrusage(who, /):
    """What the run has used: time, and its memory in KiB as ru_maxrss. It has no children."""
    if who not in (RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD):
        raise ValueError("invalid who parameter")
    if who == RUSAGE_CHILDREN:
        return struct_rusage([0.0, 0.0] + [0] * 14)
    return struct_rusage([_time.process_time(), 0.0, _native.memory() // 1024] + [0] * 13)


def getpagesize():
    """The size of a page of memory, in bytes."""
    return _PAGE


def getrlimit(resource, /):
    """The soft and hard limit, as far as there is one that has this name."""
    if resource not in range(16):
        raise ValueError("invalid resource specified")
    return _fixed.get(resource, (RLIM_INFINITY, RLIM_INFINITY))


def setrlimit(resource, limits, /):
    """Leaves a limit as it is; a run's limits are set from outside."""
    soft, hard = limits
    if (soft, hard) != getrlimit(resource) and resource != RLIMIT_CORE:
        raise OSError(_errno.EPERM, "The limits of a run are set by --memory and --timeout, not by the script")


def prlimit(pid, resource, limits=None, /):
    """The same for a process, of which there is one."""
    if pid not in (0, _os.getpid()):
        raise ProcessLookupError(_errno.ESRCH, _os.strerror(_errno.ESRCH))
    before = getrlimit(resource)
    if limits is not None:
        setrlimit(resource, limits)
    return before
