"""What an error gets as a note at the end of a run: what the sandbox lacks, and what to do about it."""

from . import kept as __builtins__

import errno
import os
import re
import sys

_NETWORK = {"requests", "httpx", "aiohttp", "urllib3", "websockets", "boto3", "openai", "anthropic"}
# Packages that are called otherwise than their modules.
_NAMES = {
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python", "dateutil": "python-dateutil", "dns": "dnspython",
    "docx": "python-docx", "dotenv": "python-dotenv", "Evtx": "python-evtx", "fitz": "pymupdf", "jwt": "pyjwt", "PIL": "pillow",
    "pptx": "python-pptx", "sklearn": "scikit-learn", "yaml": "pyyaml",
}
_NO_PROCESSES = {"posix_spawn", "posix_spawnp", "openpty", "forkpty"}
_NOT_AWAITABLE = re.compile(
    r"can't be used in 'await' expression|can't be awaited|a coroutine was expected, got"
    r"|An asyncio.Future, a coroutine or an awaitable is required"
)

_HOME = "/home/agent"
_OWN = (
    f"`{_HOME}`, where relative paths begin, is the script's own and has nothing of the host; "
    "`-v DIR:/data` shows it a folder, and `--workdir /data` begins there"
)

# What the host told of the mounts; None where nobody knows them. It is read when an error needs it.
_told = None
# The mounts as {path: whether the script may write below it}, and those of them that are scratch.
_mounts = None
_scratch = ()
# Bytes that these may hold together.
room = 0
_is_tool_file = False
_last_blocked = None


def begin(script, is_tool_file, last_blocked):
    """Notes what a run may touch; `last_blocked` tells which tool has last answered in place."""
    global _told, room, _is_tool_file, _last_blocked
    _told, room = script.get("mounts"), script.get("scratch", 0)
    _is_tool_file, _last_blocked = is_tool_file, last_blocked


def may_write():
    """Whether there is a mount that the script may write below, or nobody knows."""
    return _told is None or any(told != "ro" for told in _told.values())


# Errors of a chain or group that are looked at.
_MOST = 20


def look():
    """Reads what the host told of the mounts: all of them, and those that are scratch."""
    global _mounts, _scratch
    _mounts = None if _told is None else {os.path.normpath(path): told != "ro" for path, told in _told.items()}
    _scratch = () if _told is None else [path for path, told in _told.items() if told == "scratch"]
    return _mounts or (), _scratch


def add(error):
    """Adds the note that fits an error, or one that it came from, if one does."""
    look()
    todo = [error]
    for _ in range(_MOST):
        if not todo:
            return
        one = todo.pop(0)
        hint = _hint(one)
        if hint:
            one.add_note("note: " + hint)
            return
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None:
            todo.append(before)


def _hint(error):
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_module(error.name.partition(".")[0])
    if isinstance(error, FileNotFoundError) and getattr(error, "is_program", False):
        return "the sandbox has no processes, but for Python's own (`sys.executable`)"
    if isinstance(error, AttributeError) and error.obj is os and error.name in _NO_PROCESSES:
        return "the sandbox has no processes"
    if type(error).__name__ in ("gaierror", "URLError"):
        return "the sandbox has no network; look for a tool with tools.search(..)"
    if isinstance(error, OSError):
        return _unopened(error)
    if type(error).__name__ == "OperationalError" and type(error).__module__ == "sqlite3":
        return _database(str(error))
    if isinstance(error, (TypeError, ValueError)) and _NOT_AWAITABLE.search(str(error)):
        return _answered_already()
    if isinstance(error, TypeError) and "unhashable type" in str(error) and _is_of_asyncio(error):
        return _answered_already()  # `asyncio.gather` of an answer
    return None


def _is_of_asyncio(error):
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.endswith("/asyncio/tasks.py")


def _missing_module(top):
    if top in sys.modules:
        return None
    if top in _NETWORK:
        return (
            f"there is no package `{top}` here: `wxmcp add {top}` adds it, and `--allow-host` lets it reach a host; "
            "or look for a tool with tools.search(..)"
        )
    if top in sys.stdlib_module_names:
        return f"`{top}` needs what the sandbox does not have"
    name = _NAMES.get(top, top)
    return f"there is no package `{top}` here: `wxmcp add {name}` adds it, `--package {name}` for one run"


def _answered_already():
    tool = _last_blocked()
    if tool is None:
        return None
    return (
        f"a tool that is called outside of a running event loop, as `{tool}` was, or by `.sync(..)`, "
        f"answers at once: leave out what awaits it, or call `.aio(..)`"
    )


def _unopened(error):
    """Why a file cannot be opened or written, where the reason is in the mounts."""
    if _mounts is None:
        return None
    if "No usable temporary directory" in str(error):
        return "there is no folder for temporary files: `--scratch SIZE` gives the script one, `-v DIR:/tmp:rw` mounts one"
    if isinstance(error, FileNotFoundError):
        reason = _unmounted
    elif error.errno in (errno.EPERM, errno.EROFS):
        reason = _refused
    elif error.errno == errno.EACCES:
        reason = _refused_by_host
    else:
        return None
    paths = [path for path in map(_absolute, (error.filename, error.filename2)) if path is not None]
    return next(filter(None, map(reason, paths)), None)


def _unmounted(path):
    full = os.path.normpath(path)
    mount = _mount_of(full)
    if mount is not None:
        return _OWN if mount == _HOME and mount in _scratch else None
    below = [f"`{mount}`" for mount in sorted(_mounts) if _is_below(mount, full) and mount not in _scratch]
    if below:
        return f"below `{full}` there are the mounts only: {', '.join(below)}"
    if _is_tool_file:
        return "a tool file has no mounts; it reads and writes by `wxmcp.directory(..)`, granted as `files`"
    folder = full.rpartition("/")[0] or "/"
    if "/~" in path:
        return _nowhere("/data", "there is no home directory")
    if _is_below(full, "/tmp"):
        return _nowhere("/tmp", "nothing is mounted at `/tmp`")
    if folder == "/" and "." in full:  # a file, and only folders are mounted
        return _nowhere("/data", f"nothing is mounted at `{folder}`")
    place = full if folder == "/" else folder
    return _nowhere(place, f"nothing is mounted at `{place}`")


def _nowhere(place, told):
    there = _told_mounts()
    there = f" (the mounts are {there})" if there else ""
    if place in _mounts:
        return f"{told}{there}; the script's files are below its mounts"
    way = f"`-v DIR:{place}` mounts a folder there" if f"`{place}`" in told else f"`-v DIR:{place}` mounts a folder"
    return f"{told}{there}; {way}, `-v DIR:{place}:rw` one to write to"


def _told_mounts():
    return ", ".join(f"`{mount}`" for mount in sorted(_mounts) if mount not in _scratch)


def _refused(path):
    full = os.path.normpath(path)
    mount = _mount_of(full)
    if mount is None:
        return _unmounted(path)
    if not _is_below(os.path.realpath(full), mount):
        return f"a link in this path leads out of the mount `{mount}`"
    if not _mounts[mount]:
        return f"`{mount}` is mounted read-only; `-v DIR:{mount}:rw` would let the script write there"
    return None


def _refused_by_host(path):
    mount = _mount_of(os.path.normpath(path))
    return None if mount is None else f"the folder is mounted at `{mount}`, but its owner on the host does not permit this"


def _database(told):
    if _mounts is None:
        return None
    if "unable to open database file" in told:
        there = _told_mounts() or "none"
        makes, state = "", ""
        if there != "none" and not any(may for mount, may in _mounts.items() if mount not in _scratch):
            makes, state = " and makes new ones below writable mounts only", ", read-only"
        scratch = ", nor do files in `/tmp` and the script's home" if _scratch else ""
        return (
            f"SQLite opens files below mounts only{makes} (there are: {there}{state}); "
            f"`-v DIR:/data:rw` mounts a folder to write to, and `:memory:` needs none{scratch}"
        )
    if ("attempt to write a readonly database" in told or "access permission denied" in told) and not all(_mounts.values()):
        return "its mount is read-only; `-v DIR:/data:rw` would let the script write there"
    return None


def _absolute(path):
    """A path from the root; None of a descriptor, or of no path."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    return os.path.join(os.getcwd(), os.fsdecode(path))


def _mount_of(full):
    """The mount that a path is in: the innermost."""
    inside = [mount for mount in _mounts if _is_below(full, mount)]
    return max(inside, key=len, default=None)


def _is_below(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")
