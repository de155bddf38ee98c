"""`shutil.disk_usage` and `os.statvfs`: how much room a run's own files have."""

from . import kept as __builtins__

import collections
import errno
import os
import sys

from . import hints

# As the host counts: what each file, folder or link takes, besides the letters of its name; what a file or folder takes
# for what is in it; the pieces that content is kept in, and what each takes besides.
_NODE = 256 + 128
_TABLE = 400
_PAGE = 4096
_PAGE_ENTRY = 96

_Usage = collections.namedtuple("usage", "total used free")
_Usage.__module__ = "shutil"
_Usage.total.__doc__ = "Total space in bytes"
_Usage.used.__doc__ = "Used space in bytes"
_Usage.free.__doc__ = "Free space in bytes"


def disk_usage(path):
    """Return disk usage statistics about the given path: of a run's own files, and refuse for mounts of the host's."""
    total, used, nodes = _room(path)
    return _Usage(total, used, total - used)


def statvfs(path):
    """Perform a statvfs system call on the given path: of a run's own files, and refuse for mounts of the host's."""
    total, used, nodes = _room(path)
    # What a file can take that is made now.
    free = max(total - used - 2 * (_NODE + _TABLE), 0) // (_PAGE + _PAGE_ENTRY)
    most = total // (_NODE + _TABLE)
    # bsize, frsize, blocks, bfree, bavail, files, ffree, favail, flag, namemax, fsid
    fields = _PAGE, _PAGE, total // _PAGE, free, free, most, most - nodes, most - nodes, 0, 255, 0
    return os.statvfs_result(fields)


def _room(path):
    """(bytes in all, bytes used, how many files and folders) of the file system that a path is in."""
    os.stat(path)
    full = os.path.abspath(os.fsdecode(path)) if not isinstance(path, int) else "/"
    mounts, own = hints.look()
    mounts = [mount for mount in mounts if mount not in own and (full + "/").startswith(mount.rstrip("/") + "/")]
    if mounts:
        words = f"The sandbox is not told how much room the mount `{mounts[0]}` has"
        raise OSError(errno.ENOTSUP, words, os.fspath(path) if not isinstance(path, int) else None)
    used, nodes = 0, 0
    for folder in own:
        for place, folders, names in os.walk(folder):
            for name in folders + names:
                used += _size(f"{place}/{name}", name)
                nodes += 1
    return hints.room, min(used, hints.room), nodes


def _size(path, name):
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    kind = found.st_mode & 0o170000
    if kind == 0o120000:
        content = found.st_size
    else:
        pages = 0 if kind == 0o040000 else -(-found.st_size // _PAGE)
        content = _TABLE + pages * (_PAGE + _PAGE_ENTRY)
    return _NODE + len(os.fsencode(name)) + content


def _result():
    names = "f_bsize f_frsize f_blocks f_bfree f_bavail f_files f_ffree f_favail f_flag f_namemax f_fsid"
    kind = collections.namedtuple("statvfs_result", names)
    kind.__module__ = "os"
    return kind


def put_into(shutil):
    """Gives the module its function."""
    disk_usage.__module__ = "shutil"
    shutil.disk_usage = disk_usage
    shutil._ntuple_diskusage = _Usage
    if "disk_usage" not in shutil.__all__:
        shutil.__all__.append("disk_usage")


def put_into_os():
    """Gives `os` its functions. Runs in the build only."""
    if not hasattr(os, "statvfs_result"):
        os.statvfs_result = _result()
    for place in (os, sys.modules["posix"]):
        place.statvfs = place.fstatvfs = statvfs
        place.ST_RDONLY, place.ST_NOSUID = 1, 2
