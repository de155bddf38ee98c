"""`shutil.disk_usage`: how much room a run's own files have."""

from . import kept as __builtins__

import collections
import errno
import os

from . import hints

# Bytes of the folders in memory that are a run's own, together: what `--scratch` is by default.
TOTAL = 64 << 20

_Usage = collections.namedtuple("usage", "total used free")
_Usage.__module__ = "shutil"
_Usage.total.__doc__ = "Total space in bytes"
_Usage.used.__doc__ = "Used space in bytes"
_Usage.free.__doc__ = "Free space in bytes"


def disk_usage(path):
    """Return disk usage statistics about the given path: of a run's own files, and refuse for mounts of the host's."""
    os.stat(path)
    full = os.path.abspath(path if not isinstance(path, int) else "/")
    mounts, own = hints.look()
    mounts = [mount for mount in mounts if mount not in own and (full + "/").startswith(mount.rstrip("/") + "/")]
    if mounts:
        words = f"The sandbox is not told how much room the mount `{mounts[0]}` has"
        raise OSError(errno.ENOTSUP, words, os.fspath(path) if not isinstance(path, int) else None)
    used = min(sum(map(_used, own)), TOTAL)
    return _Usage(TOTAL, used, TOTAL - used)


def _used(folder):
    total = 0
    for place, folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{place}/{name}").st_size
            except OSError:
                continue
    return total


def put_into(shutil):
    """Gives the module its function."""
    disk_usage.__module__ = "shutil"
    shutil.disk_usage = disk_usage
    shutil._ntuple_diskusage = _Usage
    if "disk_usage" not in shutil.__all__:
        shutil.__all__.append("disk_usage")
