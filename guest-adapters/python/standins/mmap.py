"""Files in memory: each map is a copy, which is written back by `flush`, by `close`, and when it is dropped."""

import errno as _errno
import io as _io
import os as _os

ACCESS_DEFAULT, ACCESS_READ, ACCESS_WRITE, ACCESS_COPY = range(4)
MAP_SHARED, MAP_PRIVATE = 1, 2
MAP_ANON = MAP_ANONYMOUS = 0x20
MAP_DENYWRITE, MAP_EXECUTABLE, MAP_LOCKED, MAP_NORESERVE = 0x800, 0x1000, 0x2000, 0x4000
MAP_POPULATE, MAP_NONBLOCK, MAP_STACK, MAP_HUGETLB = 0x8000, 0x10000, 0x20000, 0x40000
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE = 0, 1, 2, 3, 4, 8
PAGESIZE = ALLOCATIONGRANULARITY = 65536

error = OSError


class mmap:
    """mmap(fileno, length[, flags[, prot[, access[, offset]]]]): the bytes of a file, or anonymous memory for -1."""

    __module__ = "mmap"

    def __init__(
        self,
        fileno,
        length,
        flags=MAP_SHARED,
        prot=PROT_READ | PROT_WRITE,
        access=ACCESS_DEFAULT,
        offset=0,
        *,
        trackfd=True,
    ):
        self._bytes, self._fd, self._views = None, -1, 0
        if length < 0:
            raise OverflowError("memory mapped length must be positive")
        if offset < 0:
            raise OverflowError("memory mapped offset must be positive")
        if offset % ALLOCATIONGRANULARITY:
            raise OSError(_errno.EINVAL, _os.strerror(_errno.EINVAL))
        if access not in range(4):
            raise ValueError("mmap invalid access parameter.")
        if access != ACCESS_DEFAULT and (flags != MAP_SHARED or prot != PROT_READ | PROT_WRITE):
            raise ValueError("mmap can't specify both access and flags, prot.")
        if access == ACCESS_DEFAULT:
            access = ACCESS_READ if not prot & PROT_WRITE else ACCESS_COPY if flags & MAP_PRIVATE else ACCESS_WRITE
        self._access, self._offset, self._position = access, offset, 0
        if fileno == -1:
            if not length:
                raise OSError(_errno.EINVAL, _os.strerror(_errno.EINVAL))
            self._bytes = bytearray(length)
        else:
            self._read(fileno, length, offset)

    def _read(self, fileno, length, offset):
        size = _os.fstat(fileno).st_size
        if not length:
            if not size:
                raise ValueError("cannot mmap an empty file")
            if offset >= size:
                raise ValueError("mmap offset is greater than file size")
            length = size - offset
        elif offset > size or size - offset < length:
            raise ValueError("mmap length is greater than file size")
        here = _os.lseek(fileno, 0, _os.SEEK_CUR)
        found = bytearray(length)
        with _io.FileIO(fileno, "rb", closefd=False) as file:
            file.seek(offset)
            at = 0
            while at < length:
                more = file.readinto(memoryview(found)[at:])
                if not more:
                    break
                at += more
        _os.lseek(fileno, here, _os.SEEK_SET)
        if self._access == ACCESS_WRITE:
            # A descriptor of its own is not to be had: this one has to stay open for what is written back.
            self._fd = fileno
        self._bytes = found

    def _open(self):
        if self._bytes is None:
            raise ValueError("mmap closed or invalid")
        return self._bytes

    def _writable(self):
        found = self._open()
        if self._access == ACCESS_READ:
            raise TypeError("mmap can't modify a readonly memory map.")
        return found

    def _write_back(self, start, stop):
        if self._fd < 0 or self._bytes is None:
            return
        here = _os.lseek(self._fd, 0, _os.SEEK_CUR)
        with _io.FileIO(self._fd, "r+b", closefd=False) as file:
            file.seek(self._offset + start)
            view = memoryview(self._bytes)
            while start < stop:
                start += file.write(view[start:stop])
        _os.lseek(self._fd, here, _os.SEEK_SET)

    def __buffer__(self, flags):
        found = self._open()
        self._views += 1
        view = memoryview(found)
        return view.toreadonly() if self._access == ACCESS_READ else view

    def __release_buffer__(self, view):
        self._views -= 1
        view.release()

    @property
    def closed(self):
        return self._bytes is None

    def close(self):
        """Writes back what is to be, and gives the memory up."""
        if self._bytes is None:
            return
        if self._views:
            raise BufferError("cannot close exported pointers exist")
        self._write_back(0, len(self._bytes))
        self._bytes = None

    def flush(self, offset=0, size=None, *, flags=0):
        """Writes a part, or all, back to the file."""
        length = len(self._open())
        size = length - offset if size is None else size
        if offset < 0 or size < 0 or length - offset < size:
            raise ValueError("flush values out of range")
        self._write_back(offset, offset + size)

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *error):
        self.close()

    def __del__(self):
        try:
            if self._bytes is not None and self._fd >= 0:
                self._write_back(0, len(self._bytes))
        except OSError:
            pass  # its file is closed

    def __len__(self):
        return len(self._open())

    def size(self):
        """The length of the file, or of anonymous memory."""
        return len(self._open()) if self._fd < 0 else _os.fstat(self._fd).st_size

    def __getitem__(self, key):
        found = self._open()
        if isinstance(key, slice):
            return bytes(found[key])
        try:
            return found[key]
        except IndexError:
            raise IndexError("mmap index out of range") from None

    def __setitem__(self, key, value):
        found = self._writable()
        if isinstance(key, slice):
            if len(memoryview(value)) != len(range(*key.indices(len(found)))):
                raise IndexError("mmap slice assignment is wrong size")
            found[key] = value
            return
        if not isinstance(value, int):
            raise TypeError("mmap assignment must be an integer")
        if not 0 <= value < 256:
            raise ValueError("mmap item value must be in range(0, 256)")
        try:
            found[key] = value
        except IndexError:
            raise IndexError("mmap index out of range") from None

    def __iter__(self):
        return (bytes((byte,)) for byte in self._open())

    def __contains__(self, item):
        return any(item == byte for byte in self)

    def _span(self, start, end, default):
        length = len(self._open())
        bounds = []
        for value, usual in ((start, default), (end, length)):
            value = usual if value is None else value + length if value < 0 else value
            bounds.append(min(max(value, 0), length))
        return bounds

    def find(self, sub, start=None, end=None, /):
        """The lowest index at which *sub* is found, or -1."""
        return self._open().find(sub, *self._span(start, end, self._position))

    def rfind(self, sub, start=None, end=None, /):
        """The highest index at which *sub* is found, or -1."""
        return self._open().rfind(sub, *self._span(start, end, self._position))

    def tell(self):
        """The position."""
        self._open()
        return self._position

    def seek(self, pos, whence=0, /):
        """Sets the position."""
        length = len(self._open())
        if whence not in (0, 1, 2):
            raise ValueError("unknown seek type")
        where = pos + (0, self._position, length)[whence]
        if not 0 <= where <= length:
            raise ValueError("seek out of range")
        self._position = where
        return where

    def seekable(self):
        """Always true."""
        return True

    def read(self, n=None, /):
        """The next *n* bytes, or all that are left."""
        found, at = self._open(), self._position
        end = len(found) if n is None or n < 0 else min(at + n, len(found))
        self._position = end
        return bytes(found[at:end])

    def read_byte(self):
        """The next byte, as a number."""
        found = self._open()
        if self._position >= len(found):
            raise ValueError("read byte out of range")
        self._position += 1
        return found[self._position - 1]

    def readline(self):
        """The next line."""
        found = self._open()
        end = found.find(b"\n", self._position) + 1
        return self.read((end or len(found)) - self._position)

    def write(self, data, /):
        """Writes at the position; how many bytes that were."""
        found = self._writable()
        with memoryview(data) as view:
            if self._position + view.nbytes > len(found):
                raise ValueError("data out of range")
            found[self._position : self._position + view.nbytes] = view
            self._position += view.nbytes
            return view.nbytes

    def write_byte(self, byte, /):
        """Writes one byte at the position."""
        found = self._writable()
        if self._position >= len(found):
            raise ValueError("write byte out of range")
        found[self._position] = byte
        self._position += 1

    def move(self, dest, src, count, /):
        """Copies a part to another place."""
        found = self._writable()
        if min(dest, src, count) < 0 or max(dest, src) + count > len(found):
            raise ValueError("source, destination, or count out of range")
        found[dest : dest + count] = found[src : src + count]

    def resize(self, newsize, /):
        """Changes the length, and that of the file."""
        found = self._writable()
        if self._access != ACCESS_WRITE:
            raise TypeError("mmap can't resize a readonly or copy-on-write memory map.")
        if newsize < 0:
            raise ValueError("new size out of range")
        if self._views:
            raise BufferError("mmap can't resize with extant buffers exported.")
        if self._fd >= 0:
            _os.ftruncate(self._fd, self._offset + newsize)
        del found[newsize:]
        found.extend(bytes(newsize - len(found)))

    def madvise(self, option, start=0, length=None, /):
        """Takes no advice."""
        if not 0 <= start < len(self._open()):
            raise ValueError("madvise start out of bounds")

    def __repr__(self):
        if self._bytes is None:
            return "<mmap.mmap closed=True>"
        access = ("ACCESS_DEFAULT", "ACCESS_READ", "ACCESS_WRITE", "ACCESS_COPY")[self._access]
        return (
            f"<mmap.mmap closed=False, access={access}, length={len(self._bytes)}, "
            f"pos={self._position}, offset={self._offset}>"
        )
