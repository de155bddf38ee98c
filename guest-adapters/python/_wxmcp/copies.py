"""What processes of `multiprocessing` hand each other: copies of objects, by queues, pipes and managers.

These processes are threads of the one interpreter (see `multi`). What crosses between them is pickled, as it is
between real ones, so that nobody sees what another does to an object of his own. What is made to be shared is not
copied: queues, locks, events, values, and what a manager holds.
"""

from . import kept as __builtins__

import io
from collections import deque

from . import locks, threads, twins

# Classes whose instances are shared, not copied, and single objects that are, by `id`.
shared = (locks.lock, locks.RLock)
single = {}

_pickler = None
_loading = []


def _make_pickler():
    """A pickler that leaves out what is shared, made when first used."""
    import pickle
    import threading

    known = shared + (threading.Condition, threading.Event, threading.Semaphore, threading.Barrier)

    class Pickler(pickle.Pickler):
        def reducer_override(self, value):
            if isinstance(value, known) or single.get(id(value)) is value:
                self.left_out.append(value)
                return again, (len(self.left_out) - 1,)
            return NotImplemented

    return Pickler


def again(at):
    """What was left out, where it arrives."""
    value = _loading[-1][at]
    return value.again() if isinstance(value, Connection) else value


again.__module__, again.__qualname__ = "multiprocessing.reduction", "again"


def put_into_reduction(module):
    """Makes the function known by the name that pickles have for it."""
    module.again = again


def dumped(value):
    """An object as it crosses to another process: (bytes, what is shared)."""
    global _pickler
    if _pickler is None:
        _pickler = _make_pickler()
    file = io.BytesIO()
    pickler = _pickler(file)
    pickler.left_out = []
    pickler.dump(value)
    return file.getvalue(), pickler.left_out


def loaded(crossing):
    """The object that has crossed."""
    import pickle

    _loading.append(crossing[1])
    try:
        return pickle.loads(crossing[0])
    finally:
        _loading.pop()


def copied(value):
    """An object as another process would have it."""
    return loaded(dumped(value))


def wait_for(ready, what, timeout=None):
    """Waits until something is so; whether it was in time."""
    return ready() or timeout != 0 and threads.block(threads.Wait(ready, what, timeout))


def _wait_for_aside(ready, what, timeout=None):
    if ready() or timeout == 0:
        return ready()
    return (yield threads.Wait(ready, what, timeout))


class SimpleQueue:
    """A queue between processes."""

    def __init__(self, *, ctx=None):
        self._items = deque()
        self._is_closed = False

    _reader = property(lambda self: self)

    def put(self, obj):
        """Adds a copy of an object."""
        self._items.append(dumped(obj))

    def get(self):
        """Takes the first object, and waits for one."""
        wait_for(self._has_items, "an object of a queue")
        return loaded(self._items.popleft())

    def _has_items(self):
        return bool(self._items)

    def empty(self):
        """Whether there is nothing in it."""
        threads.asked()
        return not self._items

    def poll(self, timeout=0.0):
        """Whether there is an object in it."""
        return not self.empty()

    def close(self):
        """Nothing will be put into it any more."""
        self._is_closed = True

    def __class_getitem__(cls, item):
        import types

        return types.GenericAlias(cls, item)


class Queue(SimpleQueue):
    """A queue between processes, of a bounded length."""

    def __init__(self, maxsize=0, *, ctx=None):
        super().__init__()
        self._maxsize = maxsize
        self._unfinished = 0

    def _has_room(self):
        return self._maxsize <= 0 or len(self._items) < self._maxsize

    def put(self, obj, block=True, timeout=None):
        """Adds a copy of an object, and waits for room."""
        if self._is_closed:
            raise ValueError(f"Queue {self!r} is closed")
        if not wait_for(self._has_room, "room in a queue", timeout if block else 0):
            raise _full()
        self._items.append(dumped(obj))
        self._unfinished += 1

    def get(self, block=True, timeout=None):
        """Takes the first object, and waits for one."""
        if self._is_closed:
            raise ValueError(f"Queue {self!r} is closed")
        if not wait_for(self._has_items, "an object of a queue", timeout if block else 0):
            raise _empty()
        return loaded(self._items.popleft())

    def put_nowait(self, obj):
        """Adds a copy of an object, or raises `queue.Full`."""
        return self.put(obj, False)

    def get_nowait(self):
        """Takes the first object, or raises `queue.Empty`."""
        return self.get(False)

    def qsize(self):
        """How many objects are in it."""
        threads.asked()
        return len(self._items)

    def full(self):
        """Whether there is no room in it."""
        threads.asked()
        return not self._has_room()

    def join_thread(self):
        """There is no thread that feeds it."""

    cancel_join_thread = join_thread


class JoinableQueue(Queue):
    """A queue that knows when all of its objects have been dealt with."""

    def task_done(self):
        """One object has been dealt with."""
        if self._unfinished <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished -= 1

    def join(self):
        """Waits until all objects have been dealt with."""
        wait_for(lambda: not self._unfinished, "the tasks of a queue to be done")


def _full():
    import queue

    return queue.Full()


def _empty():
    import queue

    return queue.Empty()


class _Channel:
    """One direction of a pipe."""

    __slots__ = ("items", "readers", "writers")

    def __init__(self):
        self.items = deque()
        self.readers = self.writers = 0


# Of the process that a connection is handed to, so that its end closes it: called with each.
note_connection = [lambda connection: None]


class Connection:
    """An end of a pipe."""

    def __init__(self, reads, writes):
        self._reads, self._writes, self.closed = reads, writes, False
        if reads is not None:
            reads.readers += 1
        if writes is not None:
            writes.writers += 1

    readable = property(lambda self: self._reads is not None)
    writable = property(lambda self: self._writes is not None)

    def again(self):
        """The same end for another process."""
        made = Connection(self._reads, self._writes)
        note_connection[0](made)
        return made

    def close(self):
        """Closes this end; the other one is at its end when all that have this one have closed it."""
        if not self.closed:
            self.closed = True
            if self._reads is not None:
                self._reads.readers -= 1
            if self._writes is not None:
                self._writes.writers -= 1

    def _check(self, channel, kind):
        if self.closed:
            raise OSError("handle is closed")
        if channel is None:
            raise OSError(f"connection is {kind}-only")

    def _put(self, crossing):
        self._check(self._writes, "read")
        if not self._writes.readers:
            raise BrokenPipeError(32, "Broken pipe")
        self._writes.items.append(crossing)

    def _take(self):
        self._check(self._reads, "write")
        wait_for(self.is_ready, "a message of a connection")
        if not self._reads.items:
            raise EOFError
        return loaded(self._reads.items.popleft())

    def is_ready(self):
        """Whether there is a message, or there will be none."""
        return bool(self._reads.items) or not self._reads.writers

    def send(self, obj):
        """Sends a copy of an object."""
        self._put(dumped(obj))

    def recv(self):
        """Receives an object; EOFError where nobody is left to send one."""
        return self._take()

    def send_bytes(self, buf, offset=0, size=None):
        """Sends bytes as a message."""
        view = memoryview(buf).cast("B")
        self._put(dumped(bytes(view[offset:] if size is None else view[offset : offset + size])))

    def recv_bytes(self, maxlength=None):
        """Receives the bytes of a message."""
        return self._take()

    def poll(self, timeout=0.0):
        """Whether there is a message, within that time."""
        self._check(self._reads, "write")
        threads.asked()
        return bool(wait_for(self.is_ready, "a message of a connection", timeout))

    def fileno(self):
        """There is no file behind it."""
        raise io.UnsupportedOperation("fileno")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


def pipe(duplex=True):
    """Two connections, each of which receives what the other sends."""
    there, back = _Channel(), _Channel()
    if duplex:
        return Connection(there, back), Connection(back, there)
    return Connection(there, None), Connection(None, there)


def wait(object_list, timeout=None):
    """Those of some connections and sentinels that are ready, of which it waits for one."""
    objects = list(object_list)

    def ready():
        return any(one.is_ready() for one in objects)

    wait_for(ready, "one of several connections", None if timeout is None else max(timeout, 0))
    return [one for one in objects if one.is_ready()]


def register():
    """Tells what waits aside when a twin calls it."""
    twins.waits_aside(wait_for, _wait_for_aside)


class Proxy:
    """An object that a manager holds: each process has copies of its parts."""

    def __init__(self, of):
        object.__setattr__(self, "_of", of)

    def _getvalue(self):
        return copied(self._of)

    def __str__(self):
        return repr(self._of)

    def __repr__(self):
        kind = type(self)
        return f"<{kind.__name__} object, typeid {kind._typeid!r} at {id(self):#x}>"

    def __reduce__(self):
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))


def _method(name):
    def method(self, *args, **kwargs):
        args, kwargs = copied((args, kwargs))
        found = getattr(self._of, name)(*args, **kwargs)
        if name in ("__iadd__", "__imul__", "__ior__"):
            return self
        if name in ("__iter__", "__reversed__"):
            return iter(copied(list(found)))
        return copied(list(found) if isinstance(found, _VIEWS) else found)

    method.__name__ = name
    return method


def _proxy(name, typeid, methods):
    return type(name, (Proxy,), {"_typeid": typeid, **{one: _method(one) for one in methods.split()}})


_OF_ALL = "__contains__ __getitem__ __len__ __setitem__ __delitem__ __iter__ __eq__ __ne__ "
DictProxy = _proxy(
    "DictProxy", "dict", _OF_ALL + "clear copy get items keys pop popitem setdefault update values __or__ __ior__"
)
ListProxy = _proxy(
    "ListProxy",
    "list",
    _OF_ALL + "__add__ __mul__ __reversed__ __rmul__ __iadd__ __imul__ __lt__ __gt__ append clear copy count extend index "
    "insert pop remove reverse sort",
)
SetProxy = _proxy(
    "SetProxy", "set", "__contains__ __len__ __iter__ __eq__ __or__ __and__ __sub__ add clear copy discard pop remove update"
)
ArrayProxy = _proxy("ArrayProxy", "Array", "__len__ __getitem__ __setitem__ __iter__")


class NamespaceProxy(Proxy):
    """Attributes that all processes see."""

    _typeid = "Namespace"

    def __getattr__(self, name):
        try:
            return copied(self._of[name])
        except KeyError:
            raise AttributeError(f"'Namespace' object has no attribute {name!r}", name=name) from None

    def __setattr__(self, name, value):
        self._of[name] = copied(value)

    def __delattr__(self, name):
        try:
            del self._of[name]
        except KeyError:
            raise AttributeError(f"'Namespace' object has no attribute {name!r}", name=name) from None

    def __str__(self):
        return f"Namespace({', '.join(f'{name}={value!r}' for name, value in sorted(self._of.items()))})"


class ValueProxy(Proxy):
    """One value that all processes see."""

    _typeid = "Value"

    def get(self):
        """A copy of the value."""
        return copied(self._of[0])

    def set(self, value):
        """Replaces the value."""
        self._of[0] = copied(value)

    value = property(get, set)


class Manager:
    """What `multiprocessing.Manager()` makes: it holds objects that all processes see."""

    def __init__(self, *args, **kwargs):
        pass

    def start(self, initializer=None, initargs=()):
        """There is no process of its own to start."""
        if initializer is not None:
            initializer(*initargs)

    connect = shutdown = join = lambda self, timeout=None: None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return None

    dict = staticmethod(lambda *args, **kwargs: DictProxy(dict(*copied(args), **copied(kwargs))))
    list = staticmethod(lambda *args: ListProxy(list(*copied(args))))
    set = staticmethod(lambda *args: SetProxy(set(*copied(args))))
    Namespace = staticmethod(lambda **kwargs: NamespaceProxy(copied(kwargs)))
    Value = staticmethod(lambda typecode, value, lock=True: ValueProxy([copied(value)]))
    Array = staticmethod(lambda typecode, sequence, lock=True: ArrayProxy(__import__("array").array(typecode, sequence)))
    Queue = staticmethod(lambda maxsize=0: JoinableQueue(maxsize))
    JoinableQueue = Queue

    def __getattr__(self, name):
        if name not in ("Lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore", "Barrier"):
            raise AttributeError(f"'SyncManager' object has no attribute {name!r}", name=name, obj=self)
        import threading

        return getattr(threading, name)


Manager.__name__ = Manager.__qualname__ = "SyncManager"
shared += (SimpleQueue, Connection, Proxy)
