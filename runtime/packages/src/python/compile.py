"""Compiles packages. Runs in the sandbox, which has them in the folder of the first argument, and writes to that of the second.

`code` has the marshalled code of one file after the other, `index` a marshalled dict of where each is, by path below the
folder: offset and bytes. What does not compile has neither: an import compiles its text, and says what is wrong with it.
A folder without `__init__.py` has None. The guest's `packages.py` reads both.
"""

import marshal
import os
import sys
import warnings

root, out = sys.argv[1:3]
warnings.simplefilter("ignore")
index = {}
at = 0
with open(f"{out}/code", "wb") as target:
    for folder, folders, names in os.walk(root):
        folders.sort()
        if folder != root and "__init__.py" not in names:
            index[folder[len(root) + 1 :]] = None
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            path = f"{folder}/{name}"
            with open(path, "rb") as file:
                text = file.read()
            inner = path[len(root) + 1 :]
            index[inner] = ()
            try:
                code = marshal.dumps(compile(text, path, "exec", dont_inherit=True))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            index[inner] = at, len(code)
            target.write(code)
            at += len(code)
with open(f"{out}/index", "wb") as target:
    target.write(marshal.dumps(index))
len(index)
