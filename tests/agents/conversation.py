"""What the scripted model says, and what it must have read by the end; the same for every agent."""

import binascii
import json
import re
import struct
import zlib
from dataclasses import dataclass, field

PROMPT = "Count the pears, then draw them."


@dataclass
class Call:
    """A call of `run_code` that the model makes."""

    id: str
    arguments: dict


@dataclass
class Image:
    """An image that the agent sent as one, not as text."""

    media_type: str
    data: bytes


@dataclass
class Result:
    """What the agent sent to the model as the result of one call."""

    texts: list[str]
    images: list[Image] = field(default_factory=list)


@dataclass
class Offer:
    """A tool that the agent offered to the model: its full name there, and its arguments."""

    name: str
    arguments: list[str]


def png(width, height):
    """A PNG image of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x30\xa0\x50" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


IMAGE = png(16, 16)


def next_turn(results):
    """The model's next turn after these results: a call, or the text that ends the conversation."""
    match len(results):
        case 0:
            return Call("call_define", {"code": "pears = 41", "session": "new"})
        case 1:
            _, session = value_and_session(results[0])
            if session is None:
                return "There is no session in that result."
            return Call("call_read", {"code": "{'pears': pears + 1}", "session": session})
        case 2:
            return Call("call_draw", {"code": f"image({IMAGE!r}, 'image/png')\n'drawn'"})
        case _:
            return "There are 42 pears."


def value_and_session(result):
    """What a result says of the value, as text, and of the session; None for what it does not say.

    An agent shows its model either the structured content or the text of a result.
    """
    first = result.texts[0] if result.texts else ""
    try:
        shown = json.loads(first)
    except ValueError:
        shown = None
    if isinstance(shown, dict) and "outcome" in shown:
        return json.dumps(shown.get("value"), separators=(",", ":")), shown.get("session")
    value, _, rest = first.partition("\n")
    session = re.fullmatch(r"\[session\] ([0-9a-f]{32})", rest)
    return value, session and session[1]


def differences(offer, results):
    """What is not as it must be, a sentence each; none if the agent passes."""
    if offer is None:
        return ["run_code was not offered to the model"]
    found = []
    missing = {"code", "language", "session", "timeout_ms", "wait"} - set(offer.arguments)
    if missing:
        found.append(f"run_code was offered without {sorted(missing)}")
    if len(results) != 3:
        return [*found, f"the model read {len(results)} results instead of 3: {results}"]
    defined, read, drawn = results
    value, session = value_and_session(defined)
    if value not in ("null", "[no value, nothing printed]") or session is None:
        found.append(f"the first result has a value or no session: {defined}")
    if value_and_session(read) != ('{"pears":42}', session):
        found.append(f"the second result is not the variable in the same session: {read}")
    # Agents may add a line about the image.
    if drawn.texts[:1] != ["drawn"] or drawn.images != [Image("image/png", IMAGE)]:
        found.append(f"the third result is not a text and the image: {drawn}")
    return found
