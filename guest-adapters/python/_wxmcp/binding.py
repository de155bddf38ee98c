"""Whether one mapping is the arguments of a call, or the value of the first parameter.

The host refuses names that are no parameters; here nothing may become another argument
on its way there.
"""

from . import kept as __builtins__

from collections.abc import Mapping

# Names that programs elsewhere wrap arguments in, as in `runtime/tooltree/src/arguments.rs`.
_WRAPPERS = frozenset(["args", "arguments", "input", "inputs", "kwargs", "parameters", "params"])

_MOST_NAMES = 32  # a mapping with more is a document, and no misspelt arguments
_LONGEST = 64
_MOST_LISTED = 20


def is_value(mapping, parameters) -> bool:
    """Whether a mapping is a value, given that the first parameter allows one: no key of it is a
    parameter, nor looks like a parameter that was misspelt, nor like arguments that are wrapped."""
    if not mapping or not mapping.keys().isdisjoint(parameters):
        return False
    if len(mapping) > _MOST_NAMES:
        return True
    if len(mapping) == 1:
        ((name, value),) = mapping.items()
        if isinstance(value, Mapping) and isinstance(name, str) and name in _WRAPPERS:
            return False
    names = [name for name in mapping if isinstance(name, str)]
    return not any(is_near(name, parameter) for name in names for parameter in parameters)


def listed(parameters) -> str:
    """The parameters, for the end of a message."""
    if not parameters:
        return ""
    more = f" and {len(parameters) - _MOST_LISTED} more" if len(parameters) > _MOST_LISTED else ""
    return ": " + ", ".join(f"`{name}`" for name in parameters[:_MOST_LISTED]) + more


def is_near(one: str, other: str) -> bool:
    """Whether a name may be another, misspelt: a third of its letters may differ."""
    longest = max(len(one), len(other))
    if longest < 2 or longest > _LONGEST:
        return one.lower() == other.lower()
    allowed = max(1, longest // 3)
    if abs(len(one) - len(other)) > allowed:
        return False
    return _distance(one.lower(), other.lower()) <= allowed


def _distance(a, b):
    """How many letters to change, add or take away (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (letter != other))
    return row[-1]
