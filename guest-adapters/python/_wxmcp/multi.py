"""Processes of `multiprocessing` and of `ProcessPoolExecutor`: threads of this interpreter, with copies of what they get.

There is one interpreter, so they see the module's globals, as children that were forked do, and what they change there
others see, which no real process would. Nothing of this runs before a script imports `multiprocessing`.
"""

from . import kept as __builtins__

import copy
import os
import sys

from . import copies, processes, threads, twins

# By the identifier of its thread, the process that runs in it.
_running = {}
# Generators of processes that were ended from outside: what they would do at their end is not done.
_abandoned = []


class _Exited(BaseException):
    """`os._exit` of a process."""


def current():
    """The process of the thread that runs; None of the script's own."""
    return _running.get(threads.current.ident)


def install():
    """Puts in place what asks who runs. Runs in the build only."""
    copies.register()
    # Whether what it calls waits aside is not known before: it begins when somebody waits.
    twins.begins_late(_worked.__code__)
    plain_exit, plain_pid = os._exit, os.getpid

    def _exit(status):
        if _running and threads.current.ident in _running:
            raise _Exited(int(status) & 0xFF)
        plain_exit(status)

    def getpid():
        if _running:
            process = current()
            if process is not None:
                return process._popen.pid
        return plain_pid()

    for function, plain in ((_exit, plain_exit), (getpid, plain_pid)):
        function.__doc__ = plain.__doc__
        function.__module__ = "posix"
        function.__qualname__ = function.__name__
        setattr(os, function.__name__, function)
        setattr(sys.modules["posix"], function.__name__, function)


class Sentinel:
    """What `multiprocessing.connection.wait` waits for: the end of a process."""

    def __init__(self, popen):
        self._popen = popen

    def is_ready(self):
        """Whether the process has ended."""
        return self._popen.returncode is not None

    def empty(self):
        """Whether it has not."""
        return self._popen.returncode is None


class Started:
    """A process that has been started, as `multiprocessing` knows one."""

    method = "fork"

    def __init__(self, process):
        processes._count()
        self.pid = processes._pids[0]
        self.returncode = None
        self.sentinel = Sentinel(self)
        self._connections = []
        child = copy.copy(process)
        child._popen = self
        self._hand_over(child)
        self._fiber = threads.start(self._life(child), child._name, bool(process.daemon), None)
        _running[self._fiber.ident] = child
        threads.begin(self._fiber, _may_begin(child))

    def _hand_over(self, child):
        noted, copies.note_connection[0] = copies.note_connection[0], self._connections.append
        try:
            child._args = tuple(map(_copied, child._args))
            child._kwargs = {name: _copied(value) for name, value in child._kwargs.items()}
        finally:
            copies.note_connection[0] = noted

    def _life(self, child):
        code = 1
        try:
            try:
                if _is_plain(child):
                    if child._target:
                        yield from twins.generator_of(child._target, child._args, child._kwargs)
                else:
                    yield from twins.generator_of(child.run, (), {})
                code = 0
            except SystemExit as error:
                code = _code_of(error)
            except _Exited as error:
                code = error.args[0]
            except BaseException:
                _tell(child)
        finally:
            self._end(code)

    def _end(self, code):
        if self.returncode is None:
            self.returncode = code
        for connection in self._connections:
            connection.close()
        _running.pop(self._fiber.ident, None)

    def poll(self, flag=0):
        """How it ended; None before."""
        if self.returncode is None:
            threads.asked()
        return self.returncode

    def wait(self, timeout=None):
        """Waits for its end."""
        copies.wait_for(self.sentinel.is_ready, "the end of a process", timeout)
        return self.returncode

    def terminate(self):
        """Ends it."""
        self._stop(15)

    def kill(self):
        """Ends it."""
        self._stop(9)

    def interrupt(self):
        """Ends it."""
        self._stop(2)

    def _stop(self, signal):
        if self.returncode is not None:
            return
        fiber = self._fiber
        if fiber not in threads.aside:
            raise RuntimeError("the sandbox cannot end this process: it is a thread that waits below the code which runs")
        threads.aside.remove(fiber)
        _abandoned.append(fiber.generator)
        threads.end(fiber)
        self._end(-signal)

    def close(self):
        """There is nothing to release."""

    def duplicate_for_child(self, fd):
        """Descriptors are those of all."""
        return fd


# The library's modules that are needed here: a script may have imported others of them only.
_library = {}


def _is_plain(process):
    return type(process).run is _library["process"].BaseProcess.run


def _may_begin(process):
    function = process._target if _is_plain(process) else process.run
    return function is None or twins.may_begin(function)


def _copied(value):
    """A copy; what cannot be pickled is shared, as it is with a process that is forked."""
    try:
        return copies.copied(value)
    except Exception:
        return value


def _code_of(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def _tell(process):
    import traceback

    sys.stderr.write(f"Process {process._name}:\n")
    traceback.print_exc()


def _put_under_process(module):
    _library["process"] = module
    main = module._current_process

    def find():
        return current() or main

    def find_parent():
        process = current()
        return process and module._ParentProcess(process._parent_name, process._parent_pid, None)

    module._process_of_thread, module._parent_of_thread = find, find_parent
    # Others have the functions by now, so they get other code.
    module.current_process.__code__ = _current_process.__code__
    module.parent_process.__code__ = _parent_process.__code__


def _current_process():
    return _process_of_thread()  # noqa: F821, of the module that gets this code


def _parent_process():
    return _parent_of_thread()  # noqa: F821


def _put_under_context(module):
    for kind in (module.Process, module.ForkProcess, module.SpawnProcess, module.ForkServerProcess):
        kind._Popen = staticmethod(Started)


def _put_under_connection(module):
    module.Pipe, module.wait, module.Connection = copies.pipe, copies.wait, copies.Connection


def _put_under_queues(module):
    for kind in (copies.SimpleQueue, copies.Queue, copies.JoinableQueue):
        kind.__module__ = "multiprocessing.queues"
        setattr(module, kind.__name__, kind)


def _put_under_synchronize(module):
    copies.shared += (module.SemLock, module.Condition, module.Event)


def _put_under_sharedctypes(module):
    copies.shared += (module.SynchronizedBase,)

    def _new_value(type_):
        value = type_()
        copies.single[id(value)] = value
        return value

    def _raw_value(typecode_or_type, *args):
        value = _new_value(module.typecode_to_type.get(typecode_or_type, typecode_or_type))
        value.__init__(*args)
        return value

    def _raw_array(typecode_or_type, size_or_initializer):
        kind = module.typecode_to_type.get(typecode_or_type, typecode_or_type)
        if isinstance(size_or_initializer, int):
            return _new_value(kind * size_or_initializer)
        value = _new_value(kind * len(size_or_initializer))
        value.__init__(*size_or_initializer)
        return value

    module._new_value, module.RawValue, module.RawArray = _new_value, _raw_value, _raw_array


def _put_under_managers(module):
    def refuse(self, *args, **kwargs):
        raise OSError(58, "The sandbox has no server for objects of your own: multiprocessing.Manager() has those of Python")

    module.BaseManager.start = module.BaseManager.connect = module.BaseManager.get_server = refuse
    module.SyncManager = copies.Manager
    for kind in (copies.DictProxy, copies.ListProxy, copies.ArrayProxy, copies.NamespaceProxy, copies.ValueProxy, copies.Manager):
        kind.__module__ = "multiprocessing.managers"


def _put_under_pool(module):
    pool = module.Pool

    def _setup_queues(self):
        self._inqueue, self._outqueue = copies.SimpleQueue(), copies.SimpleQueue()
        self._quick_put, self._quick_get = self._inqueue.put, self._outqueue.get

    def _help_stuff_finish(inqueue, task_handler, size):
        inqueue._items.clear()
        for _ in range(size):
            inqueue.put(None)

    pool._setup_queues = _setup_queues
    pool._help_stuff_finish = staticmethod(_help_stuff_finish)


def _worked(crossing):
    """What a worker of a `ProcessPoolExecutor` does."""
    function, args, kwargs = copies.loaded(crossing)
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        failed = error
    else:
        return copies.copied(result)
    with_text = _library["executor"]._ExceptionWithTraceback
    raise copies.copied(with_text(failed, _of_script(failed.__traceback__)))


def _of_script(trace):
    """A traceback without the frames of ours that are first."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__ and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _put_under_executor(module):
    _library["executor"] = module

    def __init__(self, max_workers=None, mp_context=None, initializer=None, initargs=(), *, max_tasks_per_child=None):
        from concurrent.futures import thread

        if max_workers is None:
            max_workers = os.process_cpu_count() or 1
        elif max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if max_tasks_per_child is not None:
            if not isinstance(max_tasks_per_child, int):
                raise TypeError("max_tasks_per_child must be an integer")
            if max_tasks_per_child <= 0:
                raise ValueError("max_tasks_per_child must be >= 1")
        self._max_workers, self._mp_context = max_workers, mp_context
        self._processes = {}
        self._threads = thread.ThreadPoolExecutor(max_workers, "ForkProcess", initializer, initargs)
        self._threads.BROKEN = module.BrokenProcessPool

    def submit(self, fn, /, *args, **kwargs):
        try:
            crossing = copies.dumped((fn, args, kwargs))
        except Exception as error:
            future = module._base.Future()
            future.set_running_or_notify_cancel()
            future.set_exception(error)
            return future
        return self._threads.submit(_worked, crossing)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._threads.shutdown(wait, cancel_futures=cancel_futures)

    def terminate_workers(self):
        self._threads.shutdown(False, cancel_futures=True)

    executor = module.ProcessPoolExecutor
    for function in (__init__, submit, shutdown, terminate_workers):
        function.__doc__ = getattr(executor, function.__name__).__doc__
        function.__qualname__ = f"ProcessPoolExecutor.{function.__name__}"
        setattr(executor, function.__name__, function)
    executor.kill_workers = terminate_workers


PATCHES = {
    "concurrent.futures.process": _put_under_executor,
    "multiprocessing.connection": _put_under_connection,
    "multiprocessing.context": _put_under_context,
    "multiprocessing.managers": _put_under_managers,
    "multiprocessing.pool": _put_under_pool,
    "multiprocessing.process": _put_under_process,
    "multiprocessing.queues": _put_under_queues,
    "multiprocessing.reduction": copies.put_into_reduction,
    "multiprocessing.sharedctypes": _put_under_sharedctypes,
    "multiprocessing.synchronize": _put_under_synchronize,
}
