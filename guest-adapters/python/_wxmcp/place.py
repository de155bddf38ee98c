"""Where a script stands: the folder that it begins in, its home, and the modules beside it.

The image begins in the home, with the environment of a script that is given none: `build` makes it so. What
differs is changed when a run begins; so a script that asks for nothing pays nothing.
"""

from . import kept as __builtins__

import os
import posix
import sys

from . import packages, stdlib

HOME = "/home/agent"

# What a script's environment says that is given nothing else.
ENVIRONMENT = {"HOME": HOME, "TMPDIR": "/tmp", "USER": "agent"}

# Where the folder is seen that `--project` names.
_PROJECT = "/project"

# The current folder while the guest is built, as long as `HOME`. The build writes that in its place: the
# folder itself is not there yet, and libc only goes where something is.
_AT_BUILD = "cwdagent"

# The environment, and the folder, that the last run of a session was given; first those of the image.
_environment = None
_folder = None


def build(folder):
    """Puts the image into the home; `folder` is one in which a folder can be made."""
    global _environment, _folder
    _environment, _folder = ENVIRONMENT, HOME
    os.mkdir(f"{folder}/{_AT_BUILD}")
    posix.chdir(f"{folder}/{_AT_BUILD}")
    os.rmdir(f"{folder}/{_AT_BUILD}")
    sys.path[:] = [""]


def begin(script):
    """Puts a run where the host says. What a script of a session has changed stays, unless the host has changed it."""
    global _environment, _folder
    environment = script["env"]
    if environment != _environment:
        os.environ.clear()
        os.environ.update(environment)
        _environment = environment
    folder = script.get("cwd")
    if folder is not None and folder != _folder:
        posix.chdir(folder)
        _folder = folder
    path = script.get("path")
    if path is not None:
        _begin_beside(path.rpartition("/")[0] or "/")
    elif script.get("mounts") and _PROJECT in script["mounts"] and _PROJECT not in sys.path:
        sys.path.insert(1, _PROJECT)
    if environment.get("PYTHONPATH"):
        _search(environment["PYTHONPATH"])
    if "packages" in script:
        packages.begin(script["packages"])


def _begin_beside(folder):
    """Lets a script import what is beside its file, before what else has the same name: the library, and the tools."""
    if sys.path[:1] == [""]:
        sys.path[0] = folder
    elif folder not in sys.path:
        sys.path.insert(0, folder)
    _put_before_library(folder)


def _search(folders):
    """Has imports look into the folders of `PYTHONPATH`: behind the script's own, before the library."""
    place = 1
    for folder in folders.split(":"):
        folder = os.path.abspath(folder)
        if folder not in sys.path:
            sys.path.insert(place, folder)
            place += 1
            _put_before_library(folder)


def _put_before_library(folder):
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for entry in names:
        name = entry.removesuffix(".py")
        if name not in _FOUND_ELSEWHERE and name not in stdlib.paths or name in _STARTED or "." in name:
            continue
        if name == entry and not os.path.isfile(f"{folder}/{name}/__init__.py"):
            continue  # a folder that is no package comes after the library
        stdlib.beside.add(name)
        sys.modules.pop(name, None)


# Modules that are there when a script begins, and no part of the library.
_FOUND_ELSEWHERE = ("tools",)

# Modules that CPython has imported when a script begins: one of such a name beside it is not found there either.
_STARTED = frozenset("""
    _collections_abc _sitebuiltins abc codecs encodings genericpath io os posixpath site stat sys
""".split())
