"""What `ctypes` is made of, over Python's own memory: data of C is laid out, read and written exactly.

There are no libraries to load and no functions of C to call: that refuses in words.
"""

from _ctypes_arrays import Array, Pointer as _Pointer, cast as _cast
from _ctypes_data import CField, Data as _Data, SimpleData as _SimpleCData, Structure, Union
from _ctypes_data import buffer_info, memory_of as _memory_of

__version__ = "1.1.0"

FUNCFLAG_CDECL, FUNCFLAG_PYTHONAPI, FUNCFLAG_USE_ERRNO, FUNCFLAG_USE_LASTERROR = 1, 4, 8, 16
RTLD_LOCAL, RTLD_GLOBAL = 0, 256
SIZEOF_TIME_T = 8
CTYPES_MAX_ARGCOUNT = 1024

_WORDS = "the sandbox loads no libraries of C"


class ArgumentError(Exception):
    """A function was called with a wrong argument."""

    __module__ = "ctypes"


def sizeof(obj, /):
    """The size of a type of C, or of an instance of one, in bytes."""
    if isinstance(obj, _Data):
        return obj._memory.nbytes
    return _kind(obj)._size


def alignment(obj, /):
    """The alignment of a type of C, or of an instance of one, in bytes."""
    return _kind(type(obj) if isinstance(obj, _Data) else obj)._alignment


def _kind(cls):
    if isinstance(cls, type) and issubclass(cls, _Data):
        return cls
    raise TypeError("this type has no size")


class _Reference:
    """What `byref` returns: an argument for a function of C."""

    __module__ = "_ctypes"
    __name__ = "CArgObject"

    def __init__(self, obj):
        self._obj = obj


def byref(obj, offset=0, /):
    """A pointer to an instance of a type of C, for a call."""
    if not isinstance(obj, _Data):
        raise TypeError(f"byref() argument must be a ctypes instance, not '{type(obj).__name__}'")
    return _Reference(obj)


def addressof(obj, /):
    """Refuses: memory here has no address that a function of C could take."""
    if not isinstance(obj, _Data):
        raise TypeError("invalid type")
    raise NotImplementedError(f"there is no address: {_WORDS}")


def resize(obj, size, /):
    """Gives an instance more memory."""
    if size < type(obj)._size:
        raise ValueError(f"minimum size is {type(obj)._size}")
    kept = bytes(obj._memory)
    obj._memory = memoryview(bytearray(kept[:size].ljust(size, b"\0")))


_errno = {"now": 0}


def get_errno():
    """The copy of errno that belongs to `ctypes`."""
    return _errno["now"]


def set_errno(value, /):
    """Sets that copy; returns what it was."""
    before, _errno["now"] = _errno["now"], value
    return before


def dlopen(name, flag=RTLD_LOCAL, /):
    """Refuses to load a library; the program itself is none that could be looked into."""
    if name is None:
        return 0
    raise OSError(f"{name}: cannot open shared object file: {_WORDS}")


def dlsym(handle, name, /):
    """Refuses."""
    raise OSError(f"undefined symbol: {name}: {_WORDS}")


def dlclose(handle, /):
    """Closes nothing."""


class CFuncPtr(_Data):
    """A function of C, which is one of Python here."""

    _size = _alignment = 4
    _format = "P"
    _argtypes_, _restype_, _flags_ = (), None, FUNCFLAG_CDECL

    def __init__(self, target=None, *rest):
        super().__init__()
        if isinstance(target, tuple):
            name, library = target
            raise AttributeError(f"{library._name or 'python'}: undefined symbol: {name}: {_WORDS}")
        if target is not None and not callable(target):
            raise NotImplementedError(f"an address cannot be called: {_WORDS}")
        self._target = target
        self.argtypes, self.restype, self.errcheck = self._argtypes_, self._restype_, None

    def __bool__(self):
        return self._target is not None

    def __call__(self, *args):
        if self._target is None:
            raise ValueError("NULL function pointer")
        if self._flags_ & FUNCFLAG_PYTHONAPI or self._target in _OWN:
            return self._target(*args)
        args = [kind(arg).value if _is_plain(kind) and not isinstance(arg, kind) else arg for kind, arg in zip(self.argtypes, args)]
        found = self._target(*args)
        return None if self.restype is None else self.restype(found).value if _is_plain(self.restype) else found


def _is_plain(kind):
    return isinstance(kind, type) and issubclass(kind, _SimpleCData)


def _memmove_addr(dst, src, count):
    into = _memory_of(dst, writable=True)
    into[:count] = bytes(_memory_of(src)[:count])
    return dst


def _memset_addr(dst, value, count):
    _memory_of(dst, writable=True)[:count] = bytes((value & 0xFF,)) * count
    return dst


def _string_at_addr(ptr, size=-1):
    found = bytes(_memory_of(ptr))
    if size >= 0:
        return found[:size]
    return found.partition(b"\0")[0]


def _wstring_at_addr(ptr, size=-1):
    found = bytes(_memory_of(ptr))
    text = found[: len(found) // 4 * 4].decode("utf-32-le", "surrogatepass")
    return text[:size] if size >= 0 else text.partition("\0")[0]


def _memoryview_at_addr(ptr, size, readonly):
    view = _memory_of(ptr, writable=not readonly)[:size]
    return view.toreadonly() if readonly else view


def _cast_addr(obj, keep, kind):
    return _cast(obj, kind)


_OWN = {_memmove_addr, _memset_addr, _string_at_addr, _wstring_at_addr, _memoryview_at_addr, _cast_addr}


def PyObj_FromPtr(address, /):
    """Refuses: addresses are none of objects."""
    raise NotImplementedError(f"there is no address: {_WORDS}")


def POINTER(cls, /):
    """The type of pointers to a type."""
    import ctypes

    return ctypes.POINTER(cls)


def pointer(obj, /):
    """A pointer to an instance."""
    return POINTER(type(obj))(obj)
