"""Permission bits of files: what `os` does with them, by the interface `modes` of `wit/guest.wit`.

`os.stat`, `os.open` and `os.mkdir` need nothing here: the build links their functions of C with it.
"""

from . import kept as __builtins__

import errno
import operator
import os
import posix
import stat
import sys

from . import seam

# The order of WASI's `error-code`.
_ERRORS = """
    EACCES EAGAIN EALREADY EBADF EBUSY EDEADLK EDQUOT EEXIST EFBIG EILSEQ EINPROGRESS EINTR EINVAL EIO EISDIR
    ELOOP EMLINK EMSGSIZE ENAMETOOLONG ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOTDIR ENOTEMPTY ENOTRECOVERABLE
    ENOTSUP ENOTTY ENXIO EOVERFLOW EPERM EPIPE EROFS ESPIPE ETXTBSY EXDEV
""".split()

_PRIVILEGED = stat.S_ISUID | stat.S_ISGID


def install():
    """Puts the functions into `os`, and into `posix`, where `os` takes them from if it is reloaded."""
    if seam.modes is None:
        return
    plain_access = os.access
    for function in (chmod, fchmod, access, umask):
        setattr(os, function.__name__, function)
        setattr(posix, function.__name__, function)
    os.supports_effective_ids.add(access)
    for supported in (os.supports_dir_fd, os.supports_follow_symlinks):
        supported.discard(plain_access)
        supported.update((access, chmod))
    os.supports_fd.add(chmod)


def chmod(path, mode, *, dir_fd=None, follow_symlinks=True):
    """Change the access permissions of a file."""
    mode = operator.index(mode)
    sys.audit("os.chmod", path, mode, -1 if dir_fd is None else dir_fd)
    seam.modes.forget()
    posix.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    failed = _failed(seam.modes.change(mode & 0o7777))
    if failed == errno.ENOTSUP and not follow_symlinks:
        raise NotImplementedError("chmod: follow_symlinks unavailable on this platform")
    if failed:
        raise OSError(failed, _reason(failed, mode), path)


def fchmod(fd, mode):
    """Change the access permissions of the file given by file descriptor fd."""
    mode = operator.index(mode)
    sys.audit("os.chmod", fd, mode, -1)
    seam.modes.forget()
    posix.fstat(fd)
    failed = _failed(seam.modes.change(mode & 0o7777))
    if failed:
        raise OSError(failed, _reason(failed, mode))


def _reason(failed, mode):
    if failed == errno.EPERM and mode & _PRIVILEGED:
        return "The sandbox sets no setuid and setgid bits"
    return os.strerror(failed)


def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
    """Use the real uid/gid to test for access to a path."""
    mode = operator.index(mode)
    seam.modes.forget()
    try:
        posix.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    except OSError:
        return False
    return not mode or not seam.modes.allows(mode & 7)


def umask(mask, /):
    """Set the current numeric umask and return the previous umask."""
    return seam.modes.umask(operator.index(mask) & 0o777)


def _failed(number):
    """The errno of an answer, or 0."""
    return number and getattr(errno, _ERRORS[number - 1], errno.EIO)
