"""The code inside Markdown: models answer with programs in fences.

`wxmcp check` reads this file too, so it stands alone; it runs before any script.
"""

import ast
import re
import warnings

_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_PARSED = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST


def without_fences(source: str) -> str:
    """The code of a source on its original lines.

    That is what a Markdown fence holds if the source begins with one, or is no program
    and has one; of several none is taken, since that would lose the others. A byte order
    mark is taken off, as Python takes it off a file.
    """
    source = source.removeprefix("\ufeff")
    if "```" not in source and "~~~" not in source:
        return source
    lines = source.split("\n")
    written = [at for at, line in enumerate(lines) if line.strip()]
    first, last = written[0], written[-1]
    fence = _fence(lines[first])
    if fence:
        end = _closing(lines, first, fence)
        if end in (last, len(lines)):
            return _taken(lines, first, end)
        # A text in the code may look like the end of the fence.
        if _closes(fence, lines[last]) and _is_program(whole := _taken(lines, first, last)):
            return whole
    elif _is_program(source):
        return source
    blocks = _blocks(lines)
    if len(blocks) != 1:
        return source
    [(start, end)] = blocks
    before = "\n".join(lines[:start])
    if before.count('"""') % 2 or before.count("'''") % 2:
        return source  # the fence is inside a text of the program
    return _taken(lines, start, end)


def _fence(line):
    found = _FENCE.match(line.strip())
    return found and found[1]


def _closes(fence, line):
    line = line.strip()
    return len(line) >= len(fence) and not line.strip(fence[0])


def _closing(lines, start, fence):
    """The line that closes the fence of a line; the end of the source if none does."""
    inside = range(start + 1, len(lines))
    return next((at for at in inside if _closes(fence, lines[at])), len(lines))


def _blocks(lines):
    """The lines of the fences that open and close each block."""
    found = []
    at = 0
    while at < len(lines):
        if fence := _fence(lines[at]):
            end = _closing(lines, at, fence)
            found.append((at, end))
            at = end
        at += 1
    return found


def _taken(lines, start, end):
    return "\n" * (start + 1) + "\n".join(lines[start + 1 : end]) + "\n"


def _is_program(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "", "exec", _PARSED, dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True
