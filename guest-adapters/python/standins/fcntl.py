"""File control here: one run is the only process there is, so each lock is had at once."""

import errno as _errno
import os as _os

LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8
LOCK_MAND, LOCK_READ, LOCK_WRITE, LOCK_RW = 32, 64, 128, 192
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW = range(8)
F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG = range(8, 12)
F_RDLCK, F_WRLCK, F_UNLCK = range(3)
F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ = 1030, 1031, 1032
FD_CLOEXEC = 1
FASYNC = 8192

_descriptor_flags = {}


def _descriptor(fd):
    if not isinstance(fd, int):
        try:
            fd = fd.fileno()
        except AttributeError:
            raise TypeError("argument must be an int, or have a fileno() method.") from None
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    _os.fstat(fd)
    return fd


def flock(fd, operation, /):
    """Perform the lock operation *operation* on file descriptor *fd*: nobody else can hold a lock."""
    _descriptor(fd)
    if operation & ~LOCK_NB not in (LOCK_SH, LOCK_EX, LOCK_UN):
        raise OSError(_errno.EINVAL, _os.strerror(_errno.EINVAL))


def lockf(fd, cmd, len=0, start=0, whence=0, /):
    """A wrapper around the fcntl() locking calls: nobody else can hold a lock."""
    _descriptor(fd)
    if not cmd & (LOCK_SH | LOCK_EX | LOCK_UN):
        raise ValueError("unrecognized lockf argument")


def fcntl(fd, cmd, arg=0, /):
    """Perform the operation *cmd* on file descriptor *fd*, where that has a meaning here."""
    fd = _descriptor(fd)
    if cmd in (F_SETLK, F_SETLKW):
        return arg if isinstance(arg, bytes) else 0
    if cmd == F_GETFD:
        return _descriptor_flags.get(fd, FD_CLOEXEC)
    if cmd == F_SETFD:
        _descriptor_flags[fd] = arg & FD_CLOEXEC
        return 0
    if cmd == F_GETFL:
        return _os.O_RDWR if fd > 2 else _os.O_RDONLY if fd == 0 else _os.O_WRONLY
    if cmd == F_SETFL:
        return 0
    raise OSError(_errno.EINVAL, "The sandbox has no such operation of fcntl")


def ioctl(fd, request, arg=0, mutate_flag=True, /):
    """Perform the operation *request* on file descriptor *fd*: nothing here is a device."""
    _descriptor(fd)
    raise OSError(_errno.ENOTTY, "Inappropriate ioctl for device")
