"""From any Python value to JSON. What becomes of what JSON lacks is a table in LIMITS.md."""

from . import kept as __builtins__

import array
import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import uuid

from . import seam

_chunks = seam.chunks
_join = seam.join

_VIEWS = (collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView)
_LISTS = (list, tuple, range, collections.deque, array.array, *_VIEWS)
_TEXTS = (decimal.Decimal, fractions.Fraction, complex, datetime.timedelta, uuid.UUID, pathlib.PurePath)
_DATES = (datetime.date, datetime.time)


def quick(value):
    """JSON of a value that has nothing in it but what JSON has; None of any other."""
    if value is None:
        return b"null"
    try:
        return seam.to_bytes(seam.to_text(value))
    except (TypeError, ValueError, RecursionError):
        pass
    return None


def shown(value) -> str:
    """`repr()` that cannot fail."""
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__} whose repr() raised {type(error).__name__}>"


def encode(value, otherwise=shown) -> bytes:
    """JSON of a script's value. Raises ValueError where it is nested too deeply.

    `otherwise` converts what neither JSON has nor a container is.
    """
    payload = quick(value)
    return encode_slowly(value, otherwise) if payload is None else payload


def encode_slowly(value, otherwise=shown) -> bytes:
    """The same of a value of which it is known that `quick` does not do."""
    try:
        return seam.encode(_plain(value, set(), otherwise))
    except RecursionError:
        # A shorter text in its place would be another value.
        raise ValueError("the value is nested too deeply to be JSON") from None


def arguments(value) -> str:
    """JSON of a tool's arguments, with the same conversions, but nothing by `repr()`.

    Raises TypeError for a value that has no JSON form, ValueError for one inside itself and for
    numbers that JSON has not: NaN, infinities, integers of more than 4,300 digits.
    """
    try:
        return _join(_chunks(value, 0))
    except TypeError:
        return seam.to_text(_plain(value, set(), _refused))
    except RecursionError:
        raise ValueError("Circular reference detected") from None


def plain(value, otherwise=None):
    """What JSON has, of a value; TypeError where `arguments` raises it, unless that is converted `otherwise`."""
    return _plain(value, set(), otherwise or _refused)


def _refused(value):
    advice = "; write `await` before it" if hasattr(type(value), "__await__") else ""
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable{advice}")


def _plain(value, inside, otherwise):
    if value is None or value is True or value is False:
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, inside, otherwise)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _integer(int(value), otherwise)
    if isinstance(value, float):
        return _real(float(value), otherwise)
    if isinstance(value, _DATES):
        return value.isoformat()
    if isinstance(value, _TEXTS):
        return str(value)
    parts = _parts(value)
    if parts is None or id(value) in inside:
        return otherwise(value)
    inside.add(id(value))
    if type(parts) is dict:
        done = {_key(k, inside, otherwise): _plain(v, inside, otherwise) for k, v in parts.items()}
    else:
        done = [_plain(item, inside, otherwise) for item in parts]
    inside.discard(id(value))
    return done


def _parts(value):
    """The members of a container: a dict, or something to iterate; None if it is none."""
    try:
        if isinstance(value, dict):
            return dict(value.items())
        if isinstance(value, _LISTS):
            return list(value)
        if isinstance(value, (set, frozenset)):
            try:
                return sorted(value)
            except TypeError:
                return list(value)
        if isinstance(value, type):
            return None
        if dataclasses.is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, collections.abc.Mapping):
            return dict(value)
        if type(value).__name__ == "Row":  # SQLite's, which need not be imported
            return {key: value[key] for key in value.keys()}
    except Exception:
        pass  # a container of the script's own that cannot be read
    return None


def _integer(value, otherwise):
    try:
        str(value)
    except ValueError:  # more digits than Python writes
        if otherwise is _refused:
            raise
        return hex(value)
    return value


def _real(value, otherwise):
    if math.isfinite(value):
        return value
    if otherwise is _refused:
        raise ValueError(f"Out of range float values are not JSON compliant: {value!r}")
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _key(key, inside, otherwise):
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, (bool, float)) and key == key:
        return key
    plain = _plain(key, inside, otherwise)
    if isinstance(plain, (str, int, float)):
        return plain
    return otherwise(key) if otherwise is _refused else str(key)
