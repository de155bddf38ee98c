"""The empty path names nothing. The C library takes it for the current folder, which is `/`."""

from . import kept as __builtins__

import errno
import os
import posix


def install():
    """Puts the functions that refuse it into `os`, and into `posix`, where `os` takes them from if it is reloaded."""
    for function in (posix.stat, posix.lstat, posix.listdir, posix.scandir):
        refusing = _refusing(function)
        for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if function in supported:
                supported.discard(function)
                supported.add(refusing)
        setattr(os, function.__name__, refusing)
        setattr(posix, function.__name__, refusing)


def _refusing(function):
    def refusing(*arguments, **named):
        path = arguments[0] if arguments else named.get("path")
        if type(path) in (str, bytes) and not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return function(*arguments, **named)

    refusing.__name__ = refusing.__qualname__ = function.__name__
    refusing.__doc__ = function.__doc__
    refusing.__module__ = "posix"
    refusing.__wrapped__ = function
    return refusing
