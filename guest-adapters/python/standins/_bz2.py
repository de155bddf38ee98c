"""What `bz2` is made of, over the library bzip2."""

import _wxmcp_native as _native
from _wxmcp_streams import Decompressor, Plain

_RUN, _FINISH = 0, 2
_ERRORS = {
    -1: (RuntimeError, "Invalid sequence of commands"),
    -2: (ValueError, "Internal error - invalid parameters passed to libbzip2"),
    -3: (MemoryError, None),
    -4: (OSError, "Invalid data stream"),
    -5: (OSError, "Invalid data stream"),
    -6: (OSError, "Unknown I/O error"),
    -7: (EOFError, "Compressed file ended before the logical end-of-stream was detected"),
    -8: (RuntimeError, "Invalid sequence of commands"),
    -9: (RuntimeError, "Internal error in libbzip2"),
}


def _check(code):
    if code < 0:
        error, text = _ERRORS.get(code, (OSError, f"Unrecognized error from libbzip2: {code}"))
        raise error(text) if text else error()


class BZ2Compressor(Plain):
    """Create a compressor object for compressing data incrementally.

    compresslevel: Compression level, as a number between 1 and 9.

    For one-shot compression, use the compress() function instead.
    """

    __slots__ = ("_flushed",)
    __module__ = "_bz2"

    def __init__(self, compresslevel=9, /):
        if not 1 <= compresslevel <= 9:
            raise ValueError("compresslevel must be between 1 and 9")
        self._stream = _native.bzip2(compresslevel)
        self._flushed = False

    def _run(self, data, action):
        output, left, code, room = _native.run(self._stream, data, 0, -1, action)
        _check(code)
        return output

    def compress(self, data, /):
        """Provide data to the compressor object: a chunk of compressed data if possible, or b'' otherwise."""
        if self._flushed:
            raise ValueError("Compressor has been flushed")
        return self._run(data, _RUN)

    def flush(self):
        """Finish the compression process: the compressed data left in internal buffers."""
        if self._flushed:
            raise ValueError("Repeated call to flush()")
        self._flushed = True
        return self._run(b"", _FINISH)


class BZ2Decompressor(Decompressor):
    """Create a decompressor object for decompressing data incrementally.

    For one-shot decompression, use the decompress() function instead.
    """

    __slots__ = ()
    __module__ = "_bz2"

    def __init__(self):
        super().__init__(_native.bzip2(0))

    def decompress(self, data, max_length=-1):
        """Decompress *data*, returning uncompressed data as bytes: at most *max_length* if that is not negative."""
        if self.eof:
            raise EOFError("End of stream already reached")
        output, code, left, room = self._feed(data, max_length)
        _check(code)
        self.needs_input = not (self.eof or left)
        return output
