"""Compiles packages. Runs in the sandbox, which has them in the folder of the first argument, and writes to that of the second.

`code` has the marshalled code of one file after the other, `index` a marshalled dict of where each is: by path below the
folder. What does not compile is left out: an import compiles its text, and says what is wrong with it.
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
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            path = f"{folder}/{name}"
            with open(path, "rb") as file:
                text = file.read()
            try:
                code = marshal.dumps(compile(text, path, "exec", dont_inherit=True))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            index[path[len(root) + 1 :]] = at, len(code)
            target.write(code)
            at += len(code)
with open(f"{out}/index", "wb") as target:
    target.write(marshal.dumps(index))
len(index)
