"""Shared memory by name: files in the private /tmp, since one run is the only process there is."""

import os as _os

_FOLDER = "/tmp/.shm-"


def _path(name):
    return _FOLDER + name.lstrip("/").replace("/", "-")


def shm_open(path, flags, mode=511):
    """Open a shared memory object.  Returns a file descriptor (integer)."""
    return _os.open(_path(path), flags, mode)


def shm_unlink(path):
    """Remove a shared memory object (similar to unlink())."""
    _os.unlink(_path(path))
