"""Arrays and pointers of C, for `_ctypes`."""

import sys

from _ctypes_data import _POINTER_SIZE, ArrayKind, Data, PointerKind, SimpleData, _is_plain, _read, _write, memory_of, shapes


class Array(Data, metaclass=ArrayKind):
    """Abstract base class for arrays."""

    _type_, _length_ = SimpleData, 0

    def __init__(self, *values):
        super().__init__()
        if len(values) > self._length_:
            raise IndexError("invalid index")
        for at, value in enumerate(values):
            self[at] = value

    def __len__(self):
        return self._length_

    def _index(self, at):
        at = at.__index__()
        if at < 0:
            at += self._length_
        if not 0 <= at < self._length_:
            raise IndexError("invalid index")
        return at * self._type_._size

    def __getitem__(self, key):
        if not isinstance(key, slice):
            return _read(self._type_, self, self._index(key))
        found = [self[at] for at in range(*key.indices(self._length_))]
        code = self._type_._type_ if _is_plain(self._type_) else None
        return b"".join(found) if code == "c" else "".join(found) if code == "u" else found

    def __setitem__(self, key, value):
        if not isinstance(key, slice):
            _write(self._type_, self, self._index(key), value)
            return
        places = range(*key.indices(self._length_))
        if len(places) != len(value):
            raise ValueError("Can only assign sequence of same size")
        for at, one in zip(places, value):
            self[at] = one

    def __iter__(self):
        return (self[at] for at in range(self._length_))

    def _characters(self):
        code = self._type_._type_ if issubclass(self._type_, SimpleData) else None
        if code not in ("c", "u"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute 'value'")
        return code

    @property
    def value(self):
        """The characters, up to the first that is 0."""
        if self._characters() == "c":
            return bytes(self._memory).partition(b"\0")[0]
        return bytes(self._memory).decode("utf-32-le", "surrogatepass").partition("\0")[0]

    @value.setter
    def value(self, value):
        code = self._characters()
        wanted = bytes if code == "c" else str
        if not isinstance(value, wanted):
            raise TypeError(f"{wanted.__name__} expected instead of {type(value).__name__} instance")
        if len(value) > self._length_:
            raise ValueError("byte string too long" if code == "c" else "string too long")
        raw = value if code == "c" else value.encode("utf-32-le", "surrogatepass")
        if len(value) < self._length_:
            raw += bytes(self._type_._size)
        self._memory[: len(raw)] = raw

    @property
    def raw(self):
        """All characters."""
        if self._characters() != "c":
            raise AttributeError(f"'{type(self).__name__}' object has no attribute 'raw'")
        return bytes(self._memory)

    @raw.setter
    def raw(self, value):
        with memoryview(value) as view:
            if view.nbytes > self._size:
                raise ValueError("byte string too long")
            self._memory[: view.nbytes] = view


class Pointer(Data, metaclass=PointerKind):
    """A pointer to something of C."""

    _size = _alignment = _POINTER_SIZE
    _format = "P"
    _type_ = None

    def __init__(self, target=None):
        super().__init__()
        if self._type_ is None:
            raise TypeError("Cannot create instance: has no _type_")
        if target is not None:
            self.contents = target

    def _pointed(self):
        target = self._kept.get("target")
        if target is None:
            raise ValueError("NULL pointer access")
        return memory_of(target)

    @property
    def contents(self):
        """What it points to."""
        target = self._kept.get("target")
        if isinstance(target, self._type_):
            return target
        return self._type_._at(self._type_._part(self._pointed(), 0))

    @contents.setter
    def contents(self, target):
        if not isinstance(target, self._type_):
            raise TypeError(f"expected {self._type_.__name__} instead of {type(target).__name__}")
        self._aim(target)

    def _aim(self, target):
        self._kept["target"] = target
        self._memory[:] = (id(target) & 0xFFFFFFFF).to_bytes(_POINTER_SIZE, sys.byteorder)

    def __bool__(self):
        return self._kept.get("target") is not None

    def _element(self, at):
        size = self._type_._size
        memory = self._pointed()
        if at < 0 or (at + 1) * size > len(memory):
            raise IndexError("a pointer reaches no further than what it points to")
        return memory, at * size

    def __getitem__(self, key):
        if isinstance(key, slice):
            if key.stop is None:
                raise ValueError("slice stop is required")
            found = [self[at] for at in range(key.start or 0, key.stop, key.step or 1)]
            code = self._type_._type_ if _is_plain(self._type_) else None
            return b"".join(found) if code == "c" else "".join(found) if code == "u" else found
        memory, start = self._element(key)
        owner = Data._at(memory)
        target = self._kept.get("target")
        owner._kept = target._kept if isinstance(target, Data) else {}
        if start == 0 and isinstance(target, self._type_):
            return target.value if _is_plain(self._type_) else target
        return _read(self._type_, owner, start)

    def __setitem__(self, key, value):
        memory, start = self._element(key)
        owner = Data._at(memory)
        _write(self._type_, owner, start, value)


shapes.update(array=Array, pointer=Pointer)


def cast(obj, kind):
    """`obj` as another type of pointer."""
    if not (issubclass(kind, Pointer) or (issubclass(kind, SimpleData) and kind._type_ in "zZP")):
        raise TypeError(f"cast() argument 2 must be a pointer, not {kind.__name__}")
    made = kind()
    if isinstance(obj, (Pointer, SimpleData)) and not (isinstance(obj, SimpleData) and obj._type_ not in "zZP"):
        target = obj._kept.get("target")
    else:
        target = getattr(obj, "_obj", obj)
    if target is None or target == 0:
        return made
    made._kept["target"] = target
    made._memory[:] = (id(target) & 0xFFFFFFFF).to_bytes(_POINTER_SIZE, sys.byteorder)
    return made


shapes["cast"] = cast
