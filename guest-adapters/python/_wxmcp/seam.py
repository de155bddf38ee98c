"""The seam of `wit/guest.wit`: the host's functions, completions, and JSON as its bytes.

Other modules call these by attribute (`seam.emit(..)`), so that the build can
run them against a host that is not there.
"""

from . import kept as __builtins__

import json.decoder
import json.encoder
import struct

from wit_world.imports import host, modes, waiting

submit = host.submit
wait = waiting.wait
call = waiting.call
cancel = host.cancel
emit = host.emit

# Operations of `submit`.
CALL, SEARCH, DESCRIBE, NAMESPACES, NAMESPACE = range(1, 6)
SQL, HTTP, FILES, RUN = range(7, 11)

# What a completion's payload is: an error, an answer, or {"value", "content"}.
FAILED, ANSWER, WITH_CONTENT = range(3)

# Kinds of `emit`.
STDOUT, STDERR, VALUE, RAISED, PROGRESS, ARTIFACT, EXIT = range(1, 8)

# The signal by which the script ends itself, just before it does.
killed_by = 0

_HEADER = struct.Struct("<QBI")


def completions(packed: bytes) -> list:
    """(id, ok, payload) of each completion that `wait` answered."""
    found = []
    at = 0
    while at < len(packed):
        number, ok, length = _HEADER.unpack_from(packed, at)
        at += _HEADER.size
        found.append((number, ok, packed[at : at + length]))
        at += length
    return found


scan = json.decoder.JSONDecoder().scan_once


def decode(payload: bytes):
    """The value of one JSON text that the host sent."""
    return scan(payload.decode().strip(), 0)[0]


def _refuse(value):
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


# From a value to a tuple with its JSON. NaN and infinities raise ValueError, what JSON
# lacks TypeError, and endless nesting RecursionError.
chunks = json.encoder.c_make_encoder(
    None, _refuse, json.encoder.c_encode_basestring, None, ":", ",", False, False, False
)
join = "".join


def to_text(value) -> str:
    """JSON of plain values, not yet as bytes."""
    return join(chunks(value, 0))


def to_bytes(text: str) -> bytes:
    """UTF-8, with lone surrogates (which no JSON reader takes) as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def encode(value) -> bytes:
    """JSON of plain values: for messages that the adapter itself composes."""
    return to_bytes(to_text(value))
