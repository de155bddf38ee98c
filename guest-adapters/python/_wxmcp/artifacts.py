"""Builtins that hand something out of a run besides its text: progress, images, texts, files."""

from . import kept as __builtins__

import base64
import os

from . import content, seam, values
from .output import flush

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "image/svg+xml"),
)


def progress(message=None, done=None, total=None):
    """Tells whoever watches how far the script is: a message, and `done` of `total`. Raises TypeError if these are no numbers."""
    told = {"message": None if message is None else str(message), "done": _steps(done, "done"), "total": _steps(total, "total")}
    flush()
    seam.emit(seam.PROGRESS, values.encode({key: value for key, value in told.items() if value is not None}))


def _steps(value, name):
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"progress(message, done, total): {name} is a number, not {type(value).__name__}")
    return float(value)


def image(data, media_type=None):
    """Hands out an image: bytes, a path, base64 text, a data URL, or what a tool answered.

    An answer may be one MCP image block or anything that holds some; each image in
    it is handed out. The media type is recognised if it is not given. Raises
    ValueError if there is no image.
    """
    if isinstance(data, os.PathLike):
        with open(data, "rb") as file:
            data = file.read()
    if isinstance(data, (dict, list, tuple)):
        blocks = list(_blocks(data)) or list(_blocks(content.beside(data)))
        if not blocks:
            raise ValueError("there is no image in this answer")
        for block in blocks:
            named = media_type or block.get("mimeType") or block.get("media_type") or block.get("mime_type")
            image(block["data"], named)
        return
    if isinstance(data, str):
        if data.startswith("data:"):
            head, _, data = data.partition(",")
            media_type = media_type or head[5:].partition(";")[0]
        data = base64.b64decode(data, validate=True)
    elif not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"image() takes bytes, text, a path or a tool's answer, not {type(data).__name__}")
    data = bytes(data)
    media_type = media_type or _recognised(data)
    _artifact("image", media_type, base64.b64encode(data).decode())


def text(content, media_type="text/plain"):
    """Hands out a text as a document of its own, beside what the script prints."""
    _artifact("text", media_type, str(content))


def artifact(path, media_type=None, name=None):
    """Hands out a file: of a mount, of the home or of `/tmp`.

    Its media type is that of its name, if none is given; `name` is what it is called outside, instead of its own name.
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        data = file.read()
    name = os.path.basename(os.fsdecode(path)) if name is None else str(name)
    media_type = media_type or _by_name(name)
    if media_type.startswith("text/") or media_type == "application/json":
        try:
            _artifact("text", media_type, data.decode(), name)
            return
        except UnicodeDecodeError:
            pass  # bytes, whatever they are called
    kind = "image" if media_type.startswith("image/") else "file"
    _artifact(kind, media_type, base64.b64encode(data).decode(), name)


# Media types that `mimetypes` does not have, or has by a name that few know.
_TYPES = {
    ".geojson": "application/geo+json",
    ".ics": "text/calendar",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".sqlite": "application/vnd.sqlite3",
    ".toml": "application/toml",
    ".wav": "audio/wav",
}
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def _by_name(name):
    import mimetypes

    known = _TYPES.get(os.path.splitext(name)[1].lower())
    if known is not None:
        return known

    if not mimetypes.inited:
        mimetypes.init(())  # there are no lists of the system's to be read
    media_type, encoding = mimetypes.guess_file_type(name)
    if encoding is not None:
        media_type = _PACKED.get(encoding)
    return media_type or "application/octet-stream"


def _artifact(kind, media_type, data, name=None):
    flush()
    handed = {"kind": kind, "media_type": media_type, "data": data}
    if name is not None:
        handed["name"] = name
    seam.emit(seam.ARTIFACT, seam.encode(handed))


def _blocks(answer):
    if isinstance(answer, dict):
        if isinstance(answer.get("data"), str) and (answer.get("type") == "image" or "mimeType" in answer):
            yield answer
        else:
            yield from _blocks(list(answer.values()))
    elif isinstance(answer, (list, tuple)):
        for part in answer:
            yield from _blocks(part)


def _recognised(data):
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError("the media type of this image is not known: name it with media_type=..")
