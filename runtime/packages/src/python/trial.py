"""Tries whether modules import whose packages lack their native code. Runs in the sandbox, with the packages.

The argument is JSON: modules, and the names of the native ones that were left out. The value is how each module failed that did,
and whether for want of native code.
"""

import importlib
import io
import json
import sys
import warnings

warnings.simplefilter("ignore")
asked = json.loads(sys.argv[1])
native = set(asked["native"])


def wants_native(error):
    """Whether an error, or one that it came from, is of a module that was left out."""
    for _ in range(20):
        if error is None:
            return False
        name = getattr(error, "name", None)
        if isinstance(error, ImportError) and (name in native or any(one in str(error) for one in short)):
            return True
        error = error.__cause__ or error.__context__
    return False


def first_line(error):
    """What an error says, where it says more than is to be read at once."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next(filter(None, lines), "")[:200]


short = {one.rpartition(".")[2] for one in native}
failed = {}
out, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()
for name in asked["modules"]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = [f"{type(error).__name__}: {first_line(error)}", wants_native(error)]
sys.stdout = out
failed
