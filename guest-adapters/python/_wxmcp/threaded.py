"""Puts our threads and locks under `_thread`, `threading`, `queue` and `time.sleep`."""

from . import kept as __builtins__

import _thread
import concurrent.futures
import concurrent.futures._base as futures
import concurrent.futures.thread as pools
import queue
import sys
import threading
import types

from . import calls, locks, stdlib, threads, twins


def install():
    """Puts them in their place, once, when the guest is built."""
    # Imports take locks of their own, which are held by no thread of ours while another runs.
    real = {name: getattr(_thread, name) for name in ("RLock", "allocate_lock", "get_ident")}
    sys.modules["importlib._bootstrap"]._thread = types.SimpleNamespace(**real)
    _replace_locks()
    locks.register()
    twins.waits_aside(calls.block, threads.call_aside)
    twins.waits_aside(_wait_for_any, _wait_for_any_aside)
    for module, change in (
        (_thread, _put_under_thread),
        (threading, _put_under_threading),
        (queue, _put_under_queue),
        (futures, _put_under_futures),
        (pools, _put_under_pools),
    ):
        stdlib.patches[module.__name__] = change
        change(module)
    # asyncio asks the package for it when it first needs a thread; by then a script may have imported it anew.
    concurrent.futures.ThreadPoolExecutor  # noqa: B018
    # Nobody has imported it yet, and nobody shall see that it was.
    before = stdlib.patches.get("multiprocessing.pool")

    def change(module):
        if before is not None:
            before(module)
        _put_under_thread_pool(module)

    stdlib.patches["multiprocessing.pool"] = change
    module = stdlib.hidden.get("multiprocessing.pool")
    if module is not None:
        _put_under_thread_pool(module)


def _replace_locks():
    """Replaces the locks that modules have made in the build: a thread that is kept aside may hold one."""
    for module in [*sys.modules.values(), *stdlib.hidden.values()]:
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if type(value) is _thread.LockType:
                setattr(module, name, locks.lock())


def _put_under_thread(module):
    module.lock = module.LockType = module.allocate_lock = module.allocate = locks.lock
    module.RLock = locks.RLock
    module.get_ident = threads.get_ident
    module._ThreadHandle = locks.Handle
    module._make_thread_handle = _handle_of
    module.start_joinable_thread = start_joinable_thread
    module.start_new_thread = module.start_new = start_new_thread
    module._count = lambda: len(threads.alive)
    module._shutdown = lambda: threads.finish(False)
    module._local = _local()


def _local():
    import _threading_local

    return _threading_local.local


def _put_under_threading(module):
    module._start_joinable_thread = start_joinable_thread
    module._allocate_lock = module.Lock = locks.lock
    module._LockType = locks.lock
    module._CRLock = locks.RLock
    module._thread_shutdown = _thread._shutdown
    module._make_thread_handle = _handle_of
    module._ThreadHandle = locks.Handle
    module.get_ident = threads.get_ident
    module.local = _thread._local
    handle = module._main_thread._os_thread_handle = locks.Handle()
    handle.fiber = threads.main


    _ask_in_turn(module.Event, "is_set")


def _put_under_queue(module):
    module.SimpleQueue = module._PySimpleQueue
    for name in ("empty", "qsize", "full"):
        _ask_in_turn(module.Queue, name)


def _ask_in_turn(kind, name):
    """Lets the others go on whenever somebody asks, perhaps again and again, how something stands."""
    plain = getattr(kind, name)

    def ask(self):
        if threads.alive:
            threads.asked()
        return plain(self)

    def ask_aside(self):
        if threads.is_asked_again():
            yield threads.TURN
        return plain(self)

    # A code of its own, since `twins` knows functions by theirs.
    ask.__code__ = ask.__code__.replace(co_name=name, co_qualname=plain.__qualname__)
    ask.__name__ = name
    ask.__qualname__ = plain.__qualname__
    ask.__doc__ = plain.__doc__
    setattr(kind, name, ask)
    twins.waits_aside(ask, ask_aside)


def _put_under_futures(module):
    for name in ("done", "running"):
        _ask_in_turn(module.Future, name)


def _put_under_pools(module):
    """A worker begins when whoever submits work has released the locks of the pool."""
    plain = module.ThreadPoolExecutor.submit

    def submit(self, fn, /, *args, **kwargs):
        future = plain(self, fn, *args, **kwargs)
        if twins.may_begin(fn):
            threads.begin_last()
        return future

    submit.__doc__ = plain.__doc__
    module.ThreadPoolExecutor.submit = submit


class _Notes(queue._PySimpleQueue):
    """What a `ThreadPool` tells its own threads by."""

    _reader = property(lambda self: self)


class _Context:
    """What a `ThreadPool` has in place of a context for processes."""

    SimpleQueue = _Notes


def _put_under_thread_pool(module):
    def __init__(self, processes=None, initializer=None, initargs=()):
        module.Pool.__init__(self, processes, initializer, initargs, context=_Context)

    module.ThreadPool.__init__ = __init__
    module.wait = _wait_for_any
    for name, function in (("mapstar", _mapped), ("starmapstar", _star_mapped)):
        setattr(module, name, function)
        # A pool of processes pickles them, by these names.
        function.__module__, function.__name__, function.__qualname__ = module.__name__, name, name


def _mapped(args):
    function, rows = args[0], zip(*args[1:])
    return [function(*row) for row in rows]


def _star_mapped(args):
    function = args[0]
    return [function(*row) for row in args[1]]


def _wait_for_any(notes, timeout=None):
    threads.block(_any(notes, timeout))


def _wait_for_any_aside(notes, timeout=None):
    yield _any(notes, timeout)


def _any(notes, timeout):
    return threads.Wait(lambda: not all(one.empty() for one in notes), "work", timeout)


def _handle_of(ident):
    handle = locks.Handle()
    handle.fiber = threads.main if ident == threads.main.ident else threads.alive.get(ident)
    return handle


def start_joinable_thread(function, handle=None, daemon=True):
    """Starts a thread; `threading.Thread` gives its own `_bootstrap`."""
    if handle is None:
        handle = locks.Handle()
    if handle.fiber is not None:
        raise RuntimeError("thread already started")
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread) and getattr(function, "__name__", "") == "_bootstrap":
        begins = _may_begin(thread)
        handle.fiber = threads.start(_life(thread), thread._name, daemon, thread._context)
        thread._ident = handle.fiber.ident
        thread._started.set()
    else:
        begins = twins.may_begin(function)
        handle.fiber = threads.start(_bare_life(function, (), {}), "?", daemon, None)
    threads.begin(handle.fiber, begins)
    return handle


def _may_begin(thread):
    """Whether a thread begins at once; work that waits where it stands begins when somebody else waits."""
    if type(thread).run is not threading.Thread.run:
        return twins.may_begin(thread.run)
    if thread._target is pools._worker:
        return False
    return thread._target is None or twins.may_begin(thread._target)


def _life(thread):
    """What a thread does, from its beginning to its end, as `Thread._bootstrap_inner` has it."""
    try:
        threading._active[thread._ident] = thread
        threading._limbo.pop(thread, None)
        if threading._trace_hook:
            sys.settrace(threading._trace_hook)
        if threading._profile_hook:
            sys.setprofile(threading._profile_hook)
        try:
            yield from twins.generator_of(thread.run, (), {})
        except BaseException:
            thread._invoke_excepthook(thread)
    finally:
        threading._active.pop(thread._ident, None)


def start_new_thread(function, args, kwargs=None, /):
    """Starts a thread that calls a function; answers its identifier."""
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")
    fiber = threads.start(_bare_life(function, args, kwargs or {}), getattr(function, "__name__", "?"), True, None)
    threads.begin(fiber, twins.may_begin(function))
    return fiber.ident


def _bare_life(function, args, kwargs):
    try:
        yield from twins.generator_of(function, args, kwargs)
    except SystemExit:
        pass
    except BaseException as error:
        told = f"Exception ignored in thread started by {function!r}"
        sys.unraisablehook(types.SimpleNamespace(
            exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, err_msg=told, object=None
        ))
    threading._active.pop(threads.current.ident, None)  # a dummy, if it asked who it is
