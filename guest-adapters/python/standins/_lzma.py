"""What `lzma` is made of, over the library liblzma."""

import struct

import _wxmcp_native as _native
from _wxmcp_streams import Decompressor, Plain

FORMAT_AUTO, FORMAT_XZ, FORMAT_ALONE, FORMAT_RAW = range(4)
CHECK_NONE, CHECK_CRC32, CHECK_CRC64, CHECK_SHA256 = 0, 1, 4, 10
CHECK_ID_MAX, CHECK_UNKNOWN = 15, 16
FILTER_LZMA1, FILTER_LZMA2, FILTER_DELTA = 0x4000000000000001, 0x21, 0x03
FILTER_X86, FILTER_POWERPC, FILTER_IA64, FILTER_ARM, FILTER_ARMTHUMB, FILTER_SPARC = range(4, 10)
MF_HC3, MF_HC4, MF_BT2, MF_BT3, MF_BT4 = 0x03, 0x04, 0x12, 0x13, 0x14
MODE_FAST, MODE_NORMAL = 1, 2
PRESET_DEFAULT, PRESET_EXTREME = 6, 1 << 31

_RUN, _FINISH = 0, 3
_LZMA = ("dict_size", "lc", "lp", "pb", "mode", "nice_len", "mf", "depth")
_FILTERS_MAX = 4


class LZMAError(Exception):
    """Call to liblzma failed."""

    __module__ = "_lzma"


_ERRORS = {
    3: "Unsupported integrity check",
    6: "Memory usage limit exceeded",
    7: "Input format not supported by decoder",
    8: "Invalid or unsupported options",
    9: "Corrupt input data",
    10: "Insufficient buffer space",
    11: "Internal error",
}


def _error(code):
    return MemoryError() if code == 5 else LZMAError(_ERRORS.get(code, f"Unrecognized error from liblzma: {code}"))


def _checked(result):
    """What a function of the library returned, unless that is an error."""
    if isinstance(result, int):
        raise _error(result)
    return result


def _number(value, bits=32, name="uint32_t"):
    value = value.__index__() if hasattr(value, "__index__") else value
    if not isinstance(value, int):
        raise TypeError(f"an integer is required, not {type(value).__name__}")
    if value < 0:
        raise OverflowError("can't convert negative int to unsigned")
    if value >> bits:
        raise OverflowError(f"Value too large for {name} type")
    return value


def _preset(preset):
    options = _native.xz_preset(preset)
    if options is None:
        raise LZMAError(f"Invalid compression preset: {preset}")
    return options


def _packed(spec):
    """One filter as bytes for the library."""
    if not hasattr(type(spec), "__getitem__") or isinstance(spec, (str, bytes, list, tuple)):
        raise TypeError("Filter specifier must be a dict or dict-like object")
    try:
        kind = spec["id"]
    except KeyError:
        raise ValueError('Filter specifier must have an "id" entry') from None
    kind = _number(kind, 64, "lzma_vli")
    if kind in (FILTER_LZMA1, FILTER_LZMA2):
        names, what = _LZMA, "LZMA"
        options = list(_preset(_number(spec["preset"] if "preset" in spec else PRESET_DEFAULT)))
    elif kind == FILTER_DELTA:
        names, what, options = ("dist",), "delta", [1]
    elif kind in range(FILTER_X86, FILTER_SPARC + 1):
        names, what, options = ("start_offset",), "BCJ", [0]
    else:
        raise ValueError(f"Invalid filter ID: {kind}")
    for name in spec:
        if name in names:
            try:
                options[names.index(name)] = _number(spec[name])
            except (TypeError, OverflowError):
                raise ValueError(f"Invalid filter specifier for {what} filter") from None
        elif name != "id" and not (name == "preset" and names is _LZMA):
            raise ValueError(f"Invalid filter specifier for {what} filter")
    return struct.pack("=Q8I", kind, *options, *[0] * (8 - len(options)))


def _chain(filters):
    if len(filters) > _FILTERS_MAX:
        raise ValueError(f"Too many filters - liblzma supports a maximum of {_FILTERS_MAX}")
    return b"".join([_packed(filters[i]) for i in range(len(filters))])


def _of_preset(kind, preset):
    return struct.pack("=Q8I", kind, *_preset(preset))


class LZMACompressor(Plain):
    """LZMACompressor(format=FORMAT_XZ, check=-1, preset=None, filters=None)

    Create a compressor object for compressing data incrementally.

    For one-shot compression, use the compress() function instead.
    """

    __slots__ = ("_flushed",)
    __module__ = "_lzma"

    def __init__(self, format=FORMAT_XZ, check=-1, preset=None, filters=None):
        if format != FORMAT_XZ and check not in (-1, CHECK_NONE):
            raise ValueError("Integrity checks are only supported by FORMAT_XZ")
        if preset is not None and filters is not None:
            raise ValueError("Cannot specify both preset and filter chain")
        preset = PRESET_DEFAULT if preset is None else _number(preset)
        if format == FORMAT_XZ:
            chain = self._of_xz(preset, filters)
            check = CHECK_CRC64 if check == -1 else check
        elif format == FORMAT_ALONE:
            chain = _of_preset(FILTER_LZMA1, preset) if filters is None else _chain(filters)
            if len(chain) != 40 or int.from_bytes(chain[:8], "little") != FILTER_LZMA1:
                raise ValueError("Invalid filter chain for FORMAT_ALONE - must be a single LZMA1 filter")
        elif format == FORMAT_RAW:
            if filters is None:
                raise ValueError("Must specify filters for FORMAT_RAW")
            chain = _chain(filters)
        else:
            raise ValueError(f"Invalid container format: {format}")
        self._stream = _checked(_native.xz_compressor(format, check, chain))
        self._flushed = False

    @staticmethod
    def _of_xz(preset, filters):
        if filters is not None:
            return _chain(filters)
        try:
            return _of_preset(FILTER_LZMA2, preset)
        except LZMAError:
            raise _error(8) from None

    def _run(self, data, action):
        output, left, code, room = _native.run(self._stream, data, 0, -1, action)
        if code > 1:
            raise _error(code)
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


class LZMADecompressor(Decompressor):
    """Create a decompressor object for decompressing data incrementally.

    For one-shot decompression, use the decompress() function instead.
    """

    __slots__ = ("check",)
    __module__ = "_lzma"

    def __init__(self, format=FORMAT_AUTO, memlimit=None, filters=None):
        limit = (1 << 64) - 1
        if memlimit is not None:
            if format == FORMAT_RAW:
                raise ValueError("Cannot specify memory limit with FORMAT_RAW")
            limit = _number(memlimit, 64, "uint64_t")
        if format == FORMAT_RAW and filters is None:
            raise ValueError("Must specify filters for FORMAT_RAW")
        if format != FORMAT_RAW and filters is not None:
            raise ValueError("Cannot specify filters except with FORMAT_RAW")
        if format not in range(4):
            raise ValueError(f"Invalid container format: {format}")
        chain = b"" if filters is None else _chain(filters)
        super().__init__(_checked(_native.xz_decompressor(format, limit, chain)))
        self.check = CHECK_UNKNOWN if format in (FORMAT_AUTO, FORMAT_XZ) else CHECK_NONE

    def decompress(self, data, max_length=-1):
        """Decompress *data*, returning uncompressed data as bytes: at most *max_length* if that is not negative."""
        if self.eof:
            raise EOFError("Already at end of stream")
        output, code, left, room = self._feed(data, max_length)
        if code:
            raise _error(code)
        check = _native.xz_check(self._stream)
        if check >= 0:
            self.check = check
        self.needs_input = not (self.eof or left) and bool(room)
        return output


def is_check_supported(check_id, /):
    """Test whether the given integrity check is supported: always for CHECK_NONE and CHECK_CRC32."""
    return check_id in (CHECK_NONE, CHECK_CRC32, CHECK_CRC64, CHECK_SHA256)


def _encode_filter_properties(filter, /):
    """The options (properties) of the filter that a dict specifies, as bytes, without its ID."""
    return _checked(_native.xz_encode(_packed(filter)))


def _decode_filter_properties(filter_id, encoded_props, /):
    """The dict of a filter with these options (properties)."""
    options = _checked(_native.xz_decode(_number(filter_id, 64, "lzma_vli"), encoded_props))
    spec = {"id": filter_id}
    if filter_id == FILTER_LZMA1:
        dict_size, lc, lp, pb = options
        spec.update(lc=lc, lp=lp, pb=pb, dict_size=dict_size)
    elif filter_id == FILTER_LZMA2:
        spec["dict_size"] = options[0]
    elif filter_id == FILTER_DELTA:
        spec["dist"] = options[0]
    elif filter_id in range(FILTER_X86, FILTER_SPARC + 1):
        spec["start_offset"] = options[0] if options else 0
    else:
        raise ValueError(f"Invalid filter ID: {filter_id}")
    return spec
