"""The Python guest of wxmcp: everything between `wit/guest.wit` and a user's script.

Scripts see `tools` and a few builtins; this package is not part of what they
are promised, and its frames are left out of their tracebacks.
"""

import builtins

# What the adapter's functions use as builtins: scripts may replace those of everybody else.
# Each module begins with it, since a function keeps the builtins it was made with.
kept = dict(vars(builtins))
