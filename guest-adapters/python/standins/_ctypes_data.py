"""Data of C in Python's memory, for `_ctypes`: simple types, arrays, structures, unions and pointers."""

import struct
import sys

_POINTER_SIZE = 4
_WIDE = 4
# What `_ctypes_arrays` adds.
shapes = {}

_INTEGERS = "bBhHiIlLqQ"
_SIZES = {"c": 1, "?": 1, "v": 2, "u": _WIDE, "g": 8, "O": 4, "P": 4, "z": 4, "Z": 4} | {
    code: struct.calcsize("=" + code) for code in _INTEGERS + "fd"
}


class Kind(type):
    """The type of types of C."""

    def __mul__(cls, length):
        if not isinstance(length, int):
            raise TypeError(f"can't multiply sequence by non-int of type '{type(length).__name__}'")
        if length < 0:
            raise ValueError(f"Array length must be >= 0, not {length}")
        known = cls.__dict__.get("_arrays")
        if known is None:
            known = {}
            type.__setattr__(cls, "_arrays", known)
        if length not in known:
            namespace = {"_type_": cls, "_length_": length, "__module__": cls.__module__}
            known[length] = ArrayKind(f"{cls.__name__}_Array_{length}", (shapes["array"],), namespace)
        return known[length]

    __rmul__ = __mul__

    @property
    def __pointer_type__(cls):
        try:
            return cls.__dict__["_pointers"]
        except KeyError:
            raise AttributeError(f"type {cls.__name__!r} has no attribute '__pointer_type__'") from None

    @__pointer_type__.setter
    def __pointer_type__(cls, kind):
        type.__setattr__(cls, "_pointers", kind)


class ArrayKind(Kind):
    """The type of types of arrays."""

    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        if "_type_" in namespace:
            kind, length = cls._type_, cls._length_
            cls._size, cls._alignment = kind._size * length, kind._alignment


class PointerKind(Kind):
    """The type of types of pointers."""

    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        if namespace.get("_type_") is not None:
            cls._type_.__pointer_type__ = cls

    def set_type(cls, kind):
        """What pointers of a type that was incomplete point to."""
        cls._type_ = kind


class FieldsKind(Kind):
    """The type of structures and unions."""

    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        if "_fields_" in namespace:
            cls._fields_ = namespace["_fields_"]

    def __setattr__(cls, name, value):
        if name == "_fields_":
            _lay_out(cls, value)
        super().__setattr__(name, value)


def _lay_out(cls, fields):
    from ctypes._layout import get_layout

    base = next((one for one in cls.__mro__[1:] if "_layout" in one.__dict__), None)
    layout = get_layout(cls, fields, issubclass(cls, Structure), base)
    for field in layout.fields:
        type.__setattr__(cls, field.name, field)
    for name in getattr(cls, "_anonymous_", ()):
        outer = cls.__dict__[name]
        for inner in outer.type._names():
            if inner not in cls.__dict__:
                type.__setattr__(cls, inner, property(*_through(name, inner)))
    type.__setattr__(cls, "_layout", [field.name for field in layout.fields])
    type.__setattr__(cls, "_size", layout.size)
    type.__setattr__(cls, "_alignment", layout.align)


def _through(outer, inner):
    def put(self, value):
        setattr(getattr(self, outer), inner, value)

    return (lambda self: getattr(getattr(self, outer), inner)), put


class Data(metaclass=Kind):
    """Something of C: its memory, and what that points to."""

    __module__ = "_ctypes"
    _size, _alignment, _format = 0, 1, "B"
    _b_base_ = None
    _b_needsfree_ = True

    def __init__(self, *args):
        self._memory = memoryview(bytearray(self._size))
        self._kept = {}

    @classmethod
    def _at(cls, memory, base=None):
        """An instance in memory that is there."""
        self = cls.__new__(cls)
        self._memory, self._kept, self._b_base_ = memory, {}, base
        if base is not None:
            self._kept = base._kept
        return self

    @classmethod
    def from_buffer(cls, source, offset=0, /):
        """An instance in the memory of a writable object."""
        view = source._memory if isinstance(source, Data) else memoryview(source).cast("B")
        if view.readonly:
            raise TypeError("underlying buffer is not writable")
        made = cls._at(cls._part(view, offset))
        if isinstance(source, Data):
            made._kept = source._kept
        return made

    @classmethod
    def from_buffer_copy(cls, source, offset=0, /):
        """An instance with a copy of the bytes of an object."""
        view = source._memory if isinstance(source, Data) else memoryview(source).cast("B")
        return cls._at(memoryview(bytearray(cls._part(view, offset))))

    @classmethod
    def _part(cls, view, offset):
        if offset < 0:
            raise ValueError("offset cannot be negative")
        if len(view) - offset < cls._size:
            raise ValueError(f"Buffer size too small ({len(view)} instead of at least {cls._size + offset} bytes)")
        return view[offset : offset + cls._size]

    @classmethod
    def from_address(cls, address, /):
        """Refuses: addresses mean nothing here."""
        raise NotImplementedError("there is nothing at an address: the sandbox loads no libraries of C")

    @classmethod
    def in_dll(cls, library, name, /):
        """Refuses: there are no libraries."""
        raise ValueError(f"undefined symbol: {name}: the sandbox loads no libraries of C")

    @classmethod
    def from_param(cls, value, /):
        """The value as an argument of that type."""
        return value if isinstance(value, cls) else cls(value)

    def __buffer__(self, flags):
        return self._memory

    def __reduce_ex__(self, protocol):
        if _points(self._kept):
            raise ValueError("ctypes objects containing pointers cannot be pickled")
        return _restore, (type(self), bytes(self._memory))


def _points(kept):
    return "target" in kept or any(_points(inner) for inner in kept.values())


def _restore(kind, memory):
    return kind.from_buffer_copy(memory)


def memory_of(target, writable=False):
    """The memory that a pointer, an array, bytes or another object stands for."""
    if isinstance(target, shapes["pointer"]):
        return target._pointed()
    if isinstance(target, SimpleData) and target._type_ in "zZP":
        target = target._kept.get("target")
        if target is None:
            raise ValueError("NULL pointer access")
        return memory_of(target, writable)
    if isinstance(target, Data):
        return target._memory
    if hasattr(target, "_obj"):
        return target._obj._memory
    if isinstance(target, int):
        raise NotImplementedError("there is nothing at an address: the sandbox loads no libraries of C")
    view = memoryview(target).cast("B")
    if writable and view.readonly:
        raise TypeError("these bytes are not writable")
    return view


class SimpleData(Data):
    """A number, a character, a truth value or a pointer without a type."""

    _type_ = None
    _swapped = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        code = cls.__dict__.get("_type_")
        if code is None:
            return
        if not isinstance(code, str) or len(code) != 1 or code not in _SIZES:
            raise AttributeError("class must define a '_type_' attribute which must be a single character string of a type")
        cls._size = cls._alignment = _SIZES[code]
        if code in _INTEGERS + "fd" and not cls._swapped:
            native, other = ("__ctype_le__", "__ctype_be__") if sys.byteorder == "little" else ("__ctype_be__", "__ctype_le__")
            swapped = type(cls)(cls.__name__, (SimpleData,), {"_type_": code, "_swapped": True})
            for one in (cls, swapped):
                type.__setattr__(one, native, cls)
                type.__setattr__(one, other, swapped)

    def __init__(self, value=None):
        super().__init__()
        if value is not None:
            self.value = value

    @property
    def value(self):
        """The value, as Python has it."""
        return _get(type(self), self._memory, self._kept)

    @value.setter
    def value(self, value):
        _put(type(self), self._memory, self._kept, value)

    def __bool__(self):
        return any(self._memory)

    def __repr__(self):
        if type(self).__mro__[1] is SimpleData:
            return f"{type(self).__name__}({self.value!r})"
        return object.__repr__(self)


def _order(kind):
    return (">" if sys.byteorder == "little" else "<") if kind._swapped else "="


def _get(kind, memory, kept):
    code = kind._type_
    if code in _INTEGERS or code in "fd":
        return struct.unpack(_order(kind) + code, memory)[0]
    if code == "c":
        return bytes(memory)
    if code in "?v":
        return any(memory)
    if code == "u":
        return chr(int.from_bytes(memory, sys.byteorder))
    if code == "g":
        return struct.unpack("=d", memory)[0]
    if not any(memory):
        if code == "O":
            raise ValueError("PyObject is NULL")
        return None
    target = kept.get("target")
    if code == "P":
        return int.from_bytes(memory, sys.byteorder)
    if code in "zZ" and target is not None:
        if isinstance(target, (bytes, str)):
            return target.partition(b"\0" if code == "z" else "\0")[0]
        found = bytes(memory_of(target))
        return found.partition(b"\0")[0] if code == "z" else found.decode("utf-32-le").partition("\0")[0]
    return target


def _put(kind, memory, kept, value):
    code = kind._type_
    if code in _INTEGERS:
        if isinstance(value, float) or not hasattr(value, "__index__"):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
        number = value.__index__() & ((1 << 8 * kind._size) - 1)
        memory[:] = number.to_bytes(kind._size, "big" if (sys.byteorder == "big") != kind._swapped else "little")
    elif code in "fdg":
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise TypeError(f"must be real number, not {type(value).__name__}")
        memory[:] = struct.pack(_order(kind) + ("d" if code == "g" else code), float(value))
    elif code == "c":
        if isinstance(value, int) and 0 <= value < 256:
            value = bytes((value,))
        if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
            raise TypeError("one character bytes, bytearray, or an integer in range(256) expected")
        memory[:] = value
    elif code == "?":
        memory[0] = bool(value)
    elif code == "v":
        memory[:] = b"\xff\xff" if value else b"\0\0"
    elif code == "u":
        if not isinstance(value, str):
            raise TypeError(f"a unicode character expected, not instance of {type(value).__name__}")
        if len(value) != 1:
            raise TypeError("a unicode character expected, not a string of length " + str(len(value)))
        memory[:] = ord(value).to_bytes(_WIDE, sys.byteorder)
    else:
        _point(code, memory, kept, value)


def _point(code, memory, kept, value):
    wanted = {"z": bytes, "Z": str}.get(code)
    if code in "zZ" and value is not None and not isinstance(value, (wanted, int)):
        what = "bytes" if code == "z" else "unicode string"
        raise TypeError(f"{what} or integer address expected instead of {type(value).__name__} instance")
    if code == "P" and value is not None and not isinstance(value, (int, Data)):
        raise TypeError("cannot be converted to pointer")
    kept["target"] = value
    address = 0 if value is None else value if isinstance(value, int) and code != "O" else id(value)
    memory[:] = (address & 0xFFFFFFFF).to_bytes(_POINTER_SIZE, sys.byteorder)


def _is_plain(kind):
    """Whether a field of that type is read as a value of Python."""
    return issubclass(kind, SimpleData) and kind.__mro__[1] is SimpleData


def _read(kind, owner, start):
    memory = owner._memory[start : start + kind._size]
    if _is_plain(kind):
        return _get(kind, memory, owner._kept.setdefault(start, {}) if kind._type_ in "zZPO" else owner._kept)
    made = kind._at(memory, owner)
    made._kept = owner._kept.setdefault(start, {})
    return made


def _write(kind, owner, start, value):
    memory = owner._memory[start : start + kind._size]
    if isinstance(value, kind):
        memory[:] = value._memory
        owner._kept[start] = value._kept
    elif issubclass(kind, SimpleData):
        _put(kind, memory, owner._kept.setdefault(start, {}) if kind._type_ in "zZPO" else owner._kept, value)
    elif issubclass(kind, shapes["array"]) and kind._type_._type_ in ("c", "u"):
        made = kind._at(memory, owner)
        made.value = value
    elif isinstance(value, tuple) and issubclass(kind, (shapes["array"], Structure, Union)):
        made = kind(*value)
        memory[:] = made._memory
        owner._kept[start] = made._kept
    elif value is None and issubclass(kind, shapes["pointer"]):
        memory[:] = bytes(kind._size)
        owner._kept.pop(start, None)
    elif issubclass(kind, shapes["pointer"]) and isinstance(value, shapes["array"]) and issubclass(value._type_, kind._type_):
        _write(kind, owner, start, shapes["cast"](value, kind))
    else:
        raise TypeError(f"incompatible types, {type(value).__name__} instance instead of {kind.__name__} instance")


class CField:
    """A field of a structure or union."""

    __module__ = "_ctypes"

    def __init__(self, *, name, type, byte_size, byte_offset, index, _internal_use, bit_size=None, bit_offset=None):
        if not isinstance(name, str):
            raise TypeError("name must be a string")
        if not isinstance(type, Kind):
            raise TypeError("second item in _fields_ tuple must be a C type")
        self.name, self.type, self.byte_size, self.byte_offset = name, type, byte_size, byte_offset
        self.offset = byte_offset
        self.is_bitfield = bit_size is not None
        self.bit_size = byte_size * 8 if bit_size is None else bit_size
        self.bit_offset = bit_offset or 0
        self.size = byte_size if bit_size is None else bit_size << 16 | self.bit_offset
        self.is_anonymous = False

    def _unit(self, owner):
        memory = owner._memory[self.offset : self.offset + self.byte_size]
        order = "big" if (sys.byteorder == "big") != self.type._swapped else "little"
        return memory, order, int.from_bytes(memory, order)

    def __get__(self, owner, cls=None):
        if owner is None:
            return self
        if not self.is_bitfield:
            found = _read(self.type, owner, self.offset)
            is_text = isinstance(found, shapes["array"]) and self.type._type_.__dict__.get("_type_") in ("c", "u")
            return found.value if is_text else found
        memory, order, unit = self._unit(owner)
        value = unit >> self.bit_offset & ((1 << self.bit_size) - 1)
        if self.type._type_ in "bhilq" and value >> (self.bit_size - 1):
            value -= 1 << self.bit_size
        return bool(value) if self.type._type_ == "?" else value

    def __set__(self, owner, value):
        if not self.is_bitfield:
            _write(self.type, owner, self.offset, value)
            return
        memory, order, unit = self._unit(owner)
        mask = (1 << self.bit_size) - 1
        unit = unit & ~(mask << self.bit_offset) | (value.__index__() & mask) << self.bit_offset
        memory[:] = unit.to_bytes(self.byte_size, order)

    def __repr__(self):
        bits = f", bits={self.bit_size}" if self.is_bitfield else ""
        return f"<ctypes.CField {self.name!r} type={self.type.__name__}, ofs={self.offset}, size={self.byte_size}{bits}>"


def buffer_info(kind):
    """Format, number of dimensions and shape of a type, for the layout."""
    shape = []
    while issubclass(kind, shapes["array"]):
        shape.append(kind._length_)
        kind = kind._type_
    return "<" + getattr(kind, "_type_", "B") if issubclass(kind, SimpleData) else "B", len(shape), tuple(shape)


class _Fields(Data, metaclass=FieldsKind):
    def __init__(self, *args, **named):
        super().__init__()
        names = self._names()
        if len(args) > len(names):
            raise TypeError("too many initializers")
        for name, value in zip(names, args):
            if name in named:
                raise TypeError(f"duplicate values for field {name!r}")
            setattr(self, name, value)
        for name, value in named.items():
            setattr(self, name, value)

    @classmethod
    def _names(cls):
        return [name for one in reversed(cls.__mro__) for name in one.__dict__.get("_layout", ())]


class Structure(_Fields):
    """Structure base class."""


class Union(_Fields):
    """Union base class."""
