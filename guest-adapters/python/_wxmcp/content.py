"""What a tool answered beside its value: `content(value)`.

An MCP server may answer structured content, which is the value, and content blocks that say
something else: a summary, a file's text, an image. Values stay what JSON makes them, so the
blocks are kept here, by the identity of the value.
"""

from . import kept as __builtins__

from sys import getrefcount

from . import values

# id of a dictionary or list -> (it, its blocks). One that nothing else holds any more is dropped
# when the next one comes.
_beside = {}
_FEW = 64
_sweep_at = _FEW

# (value, blocks) of the last answers that are texts, numbers and so on: they have no identity.
_last = []
_MOST = 8

_KINDS = {"text": "text", "image": "data", "audio": "data", "resource": "resource", "resource_link": "uri"}


def _references(entry):
    return getrefcount(entry[0])


_ALONE = _references(({},))


def keep(answer):
    """The value of {"value", "content"}, whose content is then known."""
    global _sweep_at
    value, blocks = answer["value"], answer["content"]
    answer.clear()
    if not isinstance(value, (dict, list)):
        _last.append((value, blocks))
        del _last[:-_MOST]
        return value
    if len(_beside) < _FEW or len(_beside) >= _sweep_at:
        for key in [key for key, entry in _beside.items() if _references(entry) <= _ALONE]:
            del _beside[key]
        _sweep_at = max(_FEW, 2 * len(_beside))
    _beside[id(value)] = value, blocks
    return value


def beside(value):
    """The blocks that came beside a value; None if there were none."""
    entry = _beside.get(id(value))
    if entry is not None and entry[0] is value:
        return entry[1]
    if isinstance(value, (dict, list)):
        return None
    found = [blocks for known, blocks in _last if type(known) is type(value) and known == value]
    if any(blocks != found[-1] for blocks in found):
        raise ValueError(f"several answers were {values.shown(value)}: ask for content before the next call")
    return found[-1] if found else None


def content(value):
    """The content blocks of a tool's answer: a list of {"type": "text", "text": ..} and the like.

    Of an answer that has no content of its own, its value as one block.
    """
    if hasattr(value, "__await__"):
        raise TypeError("content() takes an answer: await the call first")
    blocks = beside(value)
    if blocks is not None:
        return list(blocks)
    if value is None:
        return []
    if _is_block(value):
        return [value]
    if isinstance(value, list) and value and all(map(_is_block, value)):
        return list(value)
    return [{"type": "text", "text": value if isinstance(value, str) else values.encode(value).decode()}]


def _is_block(value):
    return isinstance(value, dict) and isinstance(value.get("type"), str) and _KINDS.get(value["type"]) in value
