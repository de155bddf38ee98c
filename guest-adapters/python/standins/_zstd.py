"""What `compression.zstd` is made of, over the library zstd."""

import array

import _wxmcp_native as _native
from _wxmcp_streams import Decompressor, Plain

zstd_version, ZSTD_CLEVEL_DEFAULT, ZSTD_DStreamOutSize, _LEVEL_MAX = _native.zstd_about()
zstd_version_number = sum(int(part) * 100**i for i, part in enumerate(reversed(zstd_version.split("."))))

_COMPRESSION = {
    "ZSTD_c_compressionLevel": (100, "compression_level"),
    "ZSTD_c_windowLog": (101, "window_log"),
    "ZSTD_c_hashLog": (102, "hash_log"),
    "ZSTD_c_chainLog": (103, "chain_log"),
    "ZSTD_c_searchLog": (104, "search_log"),
    "ZSTD_c_minMatch": (105, "min_match"),
    "ZSTD_c_targetLength": (106, "target_length"),
    "ZSTD_c_strategy": (107, "strategy"),
    "ZSTD_c_enableLongDistanceMatching": (160, "enable_long_distance_matching"),
    "ZSTD_c_ldmHashLog": (161, "ldm_hash_log"),
    "ZSTD_c_ldmMinMatch": (162, "ldm_min_match"),
    "ZSTD_c_ldmBucketSizeLog": (163, "ldm_bucket_size_log"),
    "ZSTD_c_ldmHashRateLog": (164, "ldm_hash_rate_log"),
    "ZSTD_c_contentSizeFlag": (200, "content_size_flag"),
    "ZSTD_c_checksumFlag": (201, "checksum_flag"),
    "ZSTD_c_dictIDFlag": (202, "dict_id_flag"),
    "ZSTD_c_nbWorkers": (400, "nb_workers"),
    "ZSTD_c_jobSize": (401, "job_size"),
    "ZSTD_c_overlapLog": (402, "overlap_log"),
}
_DECOMPRESSION = {"ZSTD_d_windowLogMax": (100, "window_log_max")}
globals().update({name: number for name, (number, _) in (_COMPRESSION | _DECOMPRESSION).items()})

ZSTD_fast, ZSTD_dfast, ZSTD_greedy, ZSTD_lazy, ZSTD_lazy2 = range(1, 6)
ZSTD_btlazy2, ZSTD_btopt, ZSTD_btultra, ZSTD_btultra2 = range(6, 10)

_CONTINUE, _FLUSH_BLOCK, _FLUSH_FRAME = range(3)
_DIGESTED, _UNDIGESTED, _PREFIX = range(3)
_parameters = {True: type(None), False: type(None)}


class ZstdError(Exception):
    """An error occurred in the zstd library."""

    __module__ = "compression.zstd"


def _fail(text, code):
    raise ZstdError(f"{text}: {_native.zstd_text(code)}")


def set_parameter_types(c_parameter_type, d_parameter_type):
    """Set CompressionParameter and DecompressionParameter types for validity check."""
    if not isinstance(c_parameter_type, type) or not isinstance(d_parameter_type, type):
        raise ValueError("The two arguments should be CompressionParameter and DecompressionParameter types.")
    _parameters[True], _parameters[False] = c_parameter_type, d_parameter_type


def get_param_bounds(parameter, is_compress):
    """Get CompressionParameter/DecompressionParameter bounds."""
    bounds = _native.zstd_bounds(parameter, bool(is_compress))
    if isinstance(bounds, int):
        kind = "compression" if is_compress else "decompression"
        _fail(f"Unable to get zstd {kind} parameter bounds", bounds)
    return bounds


def get_frame_size(frame_buffer):
    """Get the size of a Zstandard frame, including the header and optional checksum."""
    size = _native.zstd_frame(frame_buffer)[0]
    if size < 0:
        raise ZstdError(
            "Error when finding the compressed size of a Zstandard frame. Ensure the frame_buffer argument starts from the "
            "beginning of a frame, and its length is not less than this complete frame. "
            f"Zstd error message: {_native.zstd_text(size)}."
        )
    return size


def get_frame_info(frame_buffer):
    """Get Zstandard frame infomation from a frame header."""
    size, content, dictionary = _native.zstd_frame(frame_buffer)
    if content == -2:
        raise ZstdError(
            "Error when getting information from the header of a Zstandard frame. Ensure the frame_buffer argument starts "
            "from the beginning of a frame, and its length is not less than the frame header (6~18 bytes)."
        )
    return None if content == -1 else content, dictionary


def _sizes(samples_bytes, samples_sizes, dict_size):
    if dict_size <= 0:
        raise ValueError("dict_size argument should be positive number.")
    try:
        sizes = array.array("L", samples_sizes)
    except OverflowError:
        raise ValueError(
            "Items in samples_sizes should be an int object, with a value between 0 and 4294967295."
        ) from None
    if sum(sizes) != len(samples_bytes):
        raise ValueError("The samples size tuple doesn't match the concatenation's size.")
    return sizes


def train_dict(samples_bytes, samples_sizes, dict_size, /):
    """Train a Zstandard dictionary on sample data."""
    made = _native.zstd_train(samples_bytes, _sizes(samples_bytes, samples_sizes, dict_size), dict_size, b"", 0)
    if isinstance(made, int):
        _fail("Unable to train the Zstandard dictionary", made)
    return made


def finalize_dict(custom_dict_bytes, samples_bytes, samples_sizes, dict_size, compression_level, /):
    """Finalize a Zstandard dictionary."""
    sizes = _sizes(samples_bytes, samples_sizes, dict_size)
    made = _native.zstd_train(samples_bytes, sizes, dict_size, custom_dict_bytes, compression_level)
    if isinstance(made, int):
        _fail("Unable to finalize the Zstandard dictionary", made)
    return made


class ZstdDict(Plain):
    """Represents a Zstandard dictionary, which compressors and decompressors can share.

    If *is_raw* is true, no checks are performed on *dict_content*.
    """

    __slots__ = ("_digested", "dict_content", "dict_id")
    __module__ = "compression.zstd"

    def __init__(self, dict_content, /, *, is_raw=False):
        with memoryview(dict_content) as view:
            self.dict_content = bytes(view)
        if len(self.dict_content) < 8:
            raise ValueError("Zstandard dictionary content too short (must have at least eight bytes)")
        self.dict_id = _native.zstd_dictionary(self.dict_content)
        if not is_raw and self.dict_id == 0:
            raise ValueError("invalid Zstandard dictionary")
        self._digested = {}

    def __len__(self):
        return len(self.dict_content)

    def __repr__(self):
        return f"<ZstdDict dict_id={self.dict_id} dict_size={len(self)}>"

    as_digested_dict = property(lambda self: (self, _DIGESTED), doc="Load as a digested dictionary to compressor.")
    as_undigested_dict = property(lambda self: (self, _UNDIGESTED), doc="Load as an undigested dictionary to compressor.")
    as_prefix = property(lambda self: (self, _PREFIX), doc="Load as a prefix to compressor/decompressor.")

    def _digest(self, compresses, level):
        """The digested dictionary for compressors of this level, or for decompressors."""
        key = level if compresses else None
        if key not in self._digested:
            made = _native.zstd_digest(self.dict_content, compresses, level)
            if made is None:
                kind = "CDict" if compresses else "DDict"
                raise ZstdError(f"Failed to create a ZSTD_{kind} instance from Zstandard dictionary content.")
            self._digested[key] = made
        return self._digested[key]


def _load(stream, zstd_dict, compresses, level):
    """Gives a stream its dictionary; returns what has to live as long as the stream."""
    if isinstance(zstd_dict, ZstdDict):
        kind = _UNDIGESTED if compresses else _DIGESTED
    elif type(zstd_dict) is tuple and len(zstd_dict) == 2 and isinstance(zstd_dict[0], ZstdDict):
        zstd_dict, kind = zstd_dict
    else:
        kind = None
    if kind not in (_DIGESTED, _UNDIGESTED, _PREFIX):
        raise TypeError("zstd_dict argument should be a ZstdDict object.")
    if kind == _DIGESTED:
        held = zstd_dict._digest(compresses, level)
        code = _native.zstd_use(stream, held)
    else:
        held = zstd_dict.dict_content
        code = _native.zstd_load(stream, held, kind)
    if code:
        _fail(f"Unable to load Zstandard dictionary or prefix for {'' if compresses else 'de'}compression", code)
    return zstd_dict, held


def _int32(value):
    return isinstance(value, int) and -(1 << 31) <= value < 1 << 31


def _set(stream, options, compresses):
    kind, known = ("compression", _COMPRESSION) if compresses else ("decompression", _DECOMPRESSION)
    for key, value in options.items():
        if type(key) is _parameters[not compresses]:
            other = "DecompressionParameter" if compresses else "CompressionParameter"
            text = "compression options dictionary" if compresses else "decompression options dictionary"
            raise TypeError(f"{text} key must not be a {other} attribute")
        for what, number in ("key", key), ("value", value):
            if not isinstance(number, int):
                raise TypeError(f"{kind} options dictionary {what} must be an int")
        if not _int32(key) or not _int32(value):
            raise ValueError(f"dictionary {'value' if _int32(key) else 'key'} must be less than 2147483648")
        if _native.zstd_set(stream, key, value):
            _refuse(kind, known, compresses, key, value)


def _refuse(kind, known, compresses, key, value):
    name = {number: name for number, name in known.values()}.get(int(key), f"unknown parameter (key {int(key)})")
    bounds = _native.zstd_bounds(key, compresses)
    if isinstance(bounds, int):
        raise ValueError(f"invalid {kind} parameter '{name}'")
    low, high = bounds
    raise ValueError(f"{kind} parameter '{name}' received an illegal value {int(value)}; the valid range is [{low}, {high}]")


class ZstdCompressor(Plain):
    """Create a compressor object for compressing data incrementally.

    *level* is the compression level, *options* a dict of advanced parameters,
    *zstd_dict* a ZstdDict. For one-shot compression, use the compress() function.
    """

    __slots__ = ("_held", "last_mode")
    __module__ = "compression.zstd"

    CONTINUE, FLUSH_BLOCK, FLUSH_FRAME = _CONTINUE, _FLUSH_BLOCK, _FLUSH_FRAME

    def __init__(self, level=None, options=None, zstd_dict=None):
        if level is not None and options is not None:
            raise TypeError("Only one of level or options should be used.")
        self._stream = _native.zstd(True)
        self.last_mode = _FLUSH_FRAME
        chosen = ZSTD_CLEVEL_DEFAULT
        if level is not None:
            chosen = self._set_level(level)
        if options is not None:
            if not isinstance(options, dict):
                raise TypeError(f"options should be dict, not {type(options).__name__}")
            _set(self._stream, options, True)
            chosen = int(options.get(100, chosen))
        self._held = None if zstd_dict is None else _load(self._stream, zstd_dict, True, chosen)

    def _set_level(self, level):
        if not isinstance(level, int):
            raise TypeError("invalid type for level, expected int")
        low, high = _native.zstd_bounds(100, True)
        if not low <= level <= high:
            raise ValueError(f"illegal compression level {level}; the valid range is [{low}, {high}]")
        _native.zstd_set(self._stream, 100, level)
        return level

    def _run(self, data, mode):
        output, left, code, room = _native.run(self._stream, data, 0, -1, mode)
        if code < 0:
            self.last_mode = _FLUSH_FRAME
            _native.zstd_reset(self._stream)
            _fail("Unable to compress Zstandard data", code)
        self.last_mode = mode
        return output

    def compress(self, data, mode=_CONTINUE):
        """Provide data to the compressor object: a chunk of compressed data if possible, or b'' otherwise."""
        if mode not in (_CONTINUE, _FLUSH_BLOCK, _FLUSH_FRAME):
            raise ValueError(
                "mode argument wrong value, it should be one of ZstdCompressor.CONTINUE, "
                "ZstdCompressor.FLUSH_BLOCK, ZstdCompressor.FLUSH_FRAME."
            )
        return self._run(data, mode)

    def flush(self, mode=_FLUSH_FRAME):
        """Finish the compression process: the data left in internal buffers. The object can still be used."""
        if mode not in (_FLUSH_FRAME, _FLUSH_BLOCK):
            raise ValueError(
                "mode argument wrong value, it should be ZstdCompressor.FLUSH_FRAME or ZstdCompressor.FLUSH_BLOCK."
            )
        return self._run(b"", mode)

    def set_pledged_input_size(self, size, /):
        """Set the uncompressed content size to be written into the frame header; None for one that is not known."""
        if size is not None and not 0 <= size < (1 << 64) - 2:
            raise ValueError("size argument should be a positive int less than 18446744073709551614")
        if self.last_mode != _FLUSH_FRAME:
            raise ValueError("set_pledged_input_size() method must be called when last_mode == FLUSH_FRAME")
        code = _native.zstd_pledge(self._stream, -1 if size is None else size)
        if code:
            _fail("Unable to set pledged uncompressed content size", code)


class ZstdDecompressor(Decompressor):
    """Create a decompressor object for decompressing data incrementally: of one frame.

    *zstd_dict* is a ZstdDict, *options* a dict of advanced parameters. For one-shot
    decompression, use the decompress() function.
    """

    __slots__ = ("_held",)
    __module__ = "compression.zstd"

    def __init__(self, zstd_dict=None, options=None):
        super().__init__(_native.zstd(False))
        self._held = None if zstd_dict is None else _load(self._stream, zstd_dict, False, 0)
        if options is not None:
            if not isinstance(options, dict):
                raise TypeError(f"options should be dict, not {type(options).__name__}")
            _set(self._stream, options, False)

    def decompress(self, data, max_length=-1):
        """Decompress *data*, returning uncompressed bytes: at most *max_length* if that is not negative."""
        if self.eof:
            raise EOFError("Already at the end of a Zstandard frame.")
        output, code, left, room = self._feed(data, max_length)
        if code:
            self._begin()
            _native.zstd_reset(self._stream)
            _fail("Unable to decompress Zstandard data", code)
        self.needs_input = not (self.eof or left or len(output) == max_length)
        return output
