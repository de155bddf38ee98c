"""A script that is indented as a whole, as agents send it, read as the block that it is.

The block is put under an `if`: so columns stay those of the text, and so do the contents of
strings, which taking the blanks off would change. Lines are counted back by the one that the `if` takes.
"""

from . import kept as __builtins__

import ast
import re
import warnings

_HEAD = "if 1:\n"
_OTHER_LINE = re.compile(r"\b(?:on|at) line (\d+)")


def is_indented(source: str) -> bool:
    """Whether the first line with code begins with blanks."""
    for line in source.split("\n"):
        code = line.lstrip(" \t\f\r")
        if code and code[0] != "#":
            return line[0] in " \t"
    return False


def tree(source: str, name: str, flags: int):
    """The tree of an indented script, with the places of its text.

    None if it is not indented as a whole: that is CPython's IndentationError.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            module = compile(_HEAD + source, name, "exec", flags, dont_inherit=True)
        except SyntaxError as error:
            raise _counted_back(error) from None
    block = module.body[0]
    if len(module.body) > 1 or block.orelse:
        return None
    for one in told:
        warnings.warn_explicit(one.message, one.category, name, one.lineno - 1)
    module.body = block.body
    return ast.increment_lineno(module, -1)


def _counted_back(error):
    if error.lineno:
        error.lineno -= 1
    if error.end_lineno:
        error.end_lineno -= 1
    error.msg = _OTHER_LINE.sub(lambda found: f"{found[0][: -len(found[1])]}{int(found[1]) - 1}", error.msg)
    return error
