"""What the decompressors of `_bz2`, `_lzma` and `_zstd` have in common."""

import _wxmcp_native as _native

END = 1


class Plain:
    """An object around a stream of the native module, which cannot be copied."""

    __slots__ = ("_stream",)

    def __reduce_ex__(self, protocol):
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


class Decompressor(Plain):
    """Input that waits for room, and what is found behind the end."""

    __slots__ = ("_at", "_waiting", "eof", "needs_input", "unused_data")

    def __init__(self, stream):
        self._stream = stream
        self._begin()

    def _begin(self):
        self._waiting = self.unused_data = b""
        self._at = 0
        self.eof = False
        self.needs_input = True

    def _feed(self, data, limit):
        """Output, an error or 0, whether input is left, and whether there was room for more output."""
        start = 0
        waiting = self._waiting
        if waiting:
            with memoryview(data) as more:
                if more.nbytes:
                    waiting = waiting[self._at :] + bytes(more)
                    self._at = 0
            data, start = waiting, self._at
        self._waiting = b""
        output, left, code, room = _native.run(self._stream, data, start, limit, 0)
        if left and not waiting:
            with memoryview(data) as whole:
                waiting = bytes(whole.cast("B")[-left:])
        if code == END:
            self.eof = True
            self.unused_data = waiting[len(waiting) - left :]
        elif left:
            self._waiting, self._at = waiting, len(waiting) - left
        return output, 0 if code == END else code, left > 0, room
