"""Functions as threads execute them: generators that can be kept aside at each call they make.

The twin of a function is compiled from the same text, with the same names and places. `f(x)` in it is
`yield from f's twin (x)` where `f` has one, or is one of those that wait (a lock, a call of the host,
`sleep`); anything else is called as it is. Tracebacks, closures and defaults are those of the function.

Without twins are generators, coroutines, comprehensions, classes, what has no source, and the library but for
what waits in it. Where such code waits, it does where it stands (see `threads`).
"""

from . import kept as __builtins__

import ast
import linecache
import sys
import warnings
from contextvars import Context
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType

from . import report, source, threads, twintree

# Modules of the library whose functions have twins, by the path of their file, and files of the adapter.
LIBRARY = """
    threading queue concurrent.futures._base concurrent.futures.thread multiprocessing.pool multiprocessing.dummy
    urllib.request http.client asyncio.base_events asyncio.runners subprocess concurrent.futures.process
    multiprocessing.synchronize _multiprocessing
""".split()
ADAPTER = "calls tool tooltree capabilities web network loop processes threaded copies multi pipes".split()

_GENERATOR = 0x20  # inspect.CO_GENERATOR
_NO_TWIN = 0x20 | 0x80 | 0x200  # generators, coroutines, asynchronous generators

class _Known:
    """What is known of the functions of one code."""

    __slots__ = ("code", "generator", "twin", "starter", "calls", "waits", "is_leaf", "is_plain")

    def __init__(self, code):
        self.code = code  # kept, so that no other object gets its `id`
        self.generator = None  # a generator function of ours that takes its place
        self.twin = None  # the code of its twin
        self.starter = None  # what makes a `_Pending` of a call, where all functions of the code are the same
        self.calls = 0
        self.waits = False  # whether it has called what may wait
        self.is_leaf = False  # it calls nothing that could wait
        self.is_plain = False  # whether it is to be called as it is


# How often a function must have called nothing that may wait before it is called as it is, which is much faster.
_TRUSTED = 50

_known = {}  # by the `id` of the code: to hash a code takes its whole text
_callers = {}  # by the `id` of the twin's code
_late = set()  # (path, name, line) of functions that may wait in generators
_files = {}  # path -> {(qualified name, line): code}; the build fills it for the library and the adapter


def waits_aside(function, generator):
    """Makes twins use a generator function of ours where a function of ours would block."""
    known = _known[id(function.__code__)] = _Known(function.__code__)
    known.generator = generator


def begins_late(code):
    """Notes that a thread of a function begins when somebody waits, whatever is known of it."""
    _late.add((code.co_filename, code.co_name, code.co_firstlineno))


def moved(before, function):
    """Notes that a function which had the code `before` has another one."""
    known = _known.get(id(before))
    if known is not None and known.generator is not None:
        waits_aside(function, known.generator)


def _known_of(function):
    code = function.__code__
    known = _known.get(id(code))
    if known is None:
        known = _known[id(code)] = _Known(code)
        _find_twin(known, function)
        known.is_plain = known.twin is None
    return known


def _find_twin(known, function):
    code = known.code
    if code.co_flags & _NO_TWIN:
        return
    path = code.co_filename
    codes = _files.get(path)
    if codes is None:
        codes = _files[path] = _Text(path, function.__globals__)
    twin = codes.get((code.co_qualname, code.co_firstlineno))
    if twin is None or twin.co_freevars != code.co_freevars:
        return
    if not twin.co_flags & _GENERATOR:
        known.is_leaf = True
        return
    known.twin = twin
    _callers[id(twin)] = known


def _starter(function):
    """What makes a `_Pending` of a call of a function; None if it is to be called as it is."""
    known = _known_of(function)
    generator = known.generator
    if generator is None:
        if known.is_plain:
            return None
        if not known.waits:
            known.calls += 1
            if known.calls > _TRUSTED:
                known.is_plain = True
                return None
        else:
            _note_caller()
        if known.starter is not None:
            return known.starter
        generator = FunctionType(
            known.twin, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        generator.__kwdefaults__ = function.__kwdefaults__
        generator.__qualname__ = function.__qualname__
    else:
        _note_caller()
        if known.starter is not None:
            return known.starter

    def starter(*args, **kwargs):
        return _Pending(generator(*args, **kwargs))

    if known.generator is not None or not function.__closure__ and not function.__defaults__:
        known.starter = starter
    return starter


def _note_caller():
    """Notes that the twin which calls this module may wait."""
    frame = _frame(3)
    known = _callers.get(id(frame.f_code))
    if known is not None:
        known.waits = True


_frame = sys._getframe


class _Text:
    """The twins of one file, each statement of its top level made when one of its functions is first called."""

    def __init__(self, path, namespace):
        self._path = path
        self._body = []
        self._codes = {}
        if path.startswith("/python/") or path in report.FILES:
            return
        try:
            self._body = source.tree("".join(linecache.getlines(path, namespace)), path).body
        except (SyntaxError, ValueError, RecursionError):
            pass

    def get(self, key):
        """The code of the twin of a function, by qualified name and line."""
        line = key[1]
        for at, node in enumerate(self._body):
            decorators = getattr(node, "decorator_list", None)
            first = decorators[0].lineno if decorators else node.lineno
            if first <= line <= node.end_lineno:
                del self._body[at]
                self._codes |= _compiled(ast.Module([node], []), self._path)
                break
        return self._codes.get(key)


def bake(text, path):
    """Makes the twins of a module. Runs in the build only."""
    _files[path] = _compiled(source.tree(text, path), path)


def _compiled(tree, path):
    visitor = twintree.Twins()
    visitor.visit(tree)
    _late.update((path, *key) for key in visitor.late if key)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = compile(ast.fix_missing_locations(tree), path, "exec", source.FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found = {}
    _collect(_with_helper(module), found)
    return found


def _with_helper(code):
    constants = tuple(
        _helper if one == twintree.STAND_IN else _with_helper(one) if type(one) is CodeType else one for one in code.co_consts
    )
    if code.co_varnames[:1] == (twintree.HIDDEN,):
        return code.replace(co_consts=constants, co_filename=__file__)
    return code.replace(co_consts=constants)


def _collect(code, found):
    for one in code.co_consts:
        if type(one) is CodeType:
            key = one.co_qualname, one.co_firstlineno
            found[key] = None if key in found else one  # two lambdas of one line: who knows which
            _collect(one, found)


class _Pending:
    """A call that a twin goes on with."""

    __slots__ = ("generator",)

    def __init__(self, generator):
        self.generator = generator


class _Done:
    """What a call has answered already, as `yield from` takes it."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration(self.value)


def generator_of(function, arguments, keywords):
    """A generator that calls a function as a twin would."""
    result = _Helper.pick(function)(*arguments, **keywords)
    return result.generator if type(result) is _Pending else _Done(result)


def may_begin(function):
    """Whether a thread of a function can begin at once: it does not wait, or can be kept aside where it does."""
    if isinstance(function, partial):
        return may_begin(function.func)
    inner = getattr(function, "__func__", function)
    if type(inner) is not FunctionType:
        return isinstance(function, BuiltinFunctionType) or _Helper.pick(function) is not function
    known, code = _known_of(inner), inner.__code__
    if known.generator is None and known.twin is None and not known.is_leaf:
        return False
    return (code.co_filename, code.co_name, code.co_firstlineno) not in _late


def _run_in(context, function, /, *arguments, **keywords):
    """`Context.run`, each step of it in the context."""
    generator = context.run(generator_of, function, arguments, keywords)
    answer = None
    while True:
        try:
            if answer is None or type(generator) is _Done:
                wait = context.run(next, generator)
            else:
                wait = context.run(generator.send, answer)
        except StopIteration as ended:
            return ended.value
        answer = yield wait


_KINDS = {"list": list, "set": set, "dict": dict}


def _gathered(kind, iterator, is_row, element, tests):
    """A comprehension, whose parts are functions."""
    found = []
    for one in iterator:
        row = (None, *one) if is_row else (None, one)
        for test in tests:
            if not (yield from _part(test, row)):
                break
        else:
            found.append((yield from _part(element, row)))
    return _KINDS[kind](found)


def _mapped(function, *iterables):
    """What `map` would give, as a list."""
    found = []
    for row in zip(*iterables):
        found.append((yield from generator_of(function, row, {})))
    return found


def _part(function, row):
    value = function(*row)
    return (yield from value) if function.__code__.co_flags & _GENERATOR else value


class _Turned:
    """Calls a function after those who wait below have had their turn."""

    __slots__ = ("_function",)

    def __init__(self, function):
        self._function = function

    def __call__(self, /, *args, **kwargs):
        return _Pending(self._later(args, kwargs))

    def _later(self, args, kwargs):
        yield threads.TURN
        return (yield from generator_of(self._function, args, kwargs))


def _pending_in(context, /, *args, **kwargs):
    return _Pending(_run_in(context, *args, **kwargs))


class _Repeated:
    """`iter(function, sentinel)` of a `for` in a twin."""

    __slots__ = ("_function", "_sentinel", "value")

    def __init__(self, function, sentinel):
        self._function, self._sentinel = function, sentinel

    def advanced(self):
        """Whether there is one more value."""
        self.value = yield from generator_of(self._function, (), {})
        return self.value != self._sentinel


class _Entered:
    """A context manager that was entered already."""

    __slots__ = ("_manager", "_value")

    def __init__(self, manager, value):
        self._manager, self._value = manager, value

    def __enter__(self):
        return self._value

    def __exit__(self, kind, error, trace):
        return type(self._manager).__exit__(self._manager, kind, error, trace)


def _entered(generator, manager):
    return _Entered(manager, (yield from generator))


class _Helper:
    """What the code of a twin calls."""

    Repeated = _Repeated
    gathered = staticmethod(_gathered)
    mapped = staticmethod(_mapped)

    Pending = _Pending

    @staticmethod
    def pick(function):
        """What to call for a function: itself, or what makes a `_Pending` of its twin."""
        kind = type(function)
        if threads.has_blocked():
            return _Turned(function)
        if kind is FunctionType:
            known = _known.get(id(function.__code__))
            if known is not None and known.is_plain:
                return function
            return _starter(function) or function
        if kind is MethodType:
            inner = function.__func__
            if type(inner) is not FunctionType:
                return function
            known = _known.get(id(inner.__code__))
            if known is not None and known.is_plain:
                return function
            starter = _starter(inner)
            return function if starter is None else partial(starter, function.__self__)
        if kind is BuiltinFunctionType:
            if function.__name__ == "run" and type(function.__self__) is Context:
                return partial(_pending_in, function.__self__)
            return function
        if kind is partial:
            inner = _Helper.pick(function.func)
            return function if inner is function.func else partial(inner, *function.args, **function.keywords)
        if isinstance(function, type):
            return function
        inner = getattr(kind, "__call__", None)
        starter = _starter(inner) if type(inner) is FunctionType else None
        return function if starter is None else partial(starter, function)

    @staticmethod
    def wrap(result):
        """What `yield from` goes on with for the result of a call."""
        return result.generator if type(result) is _Pending else _Done(result)

    @staticmethod
    def entering(manager):
        """The same for a context manager, whose `__enter__` may wait."""
        enter = getattr(type(manager), "__enter__", None)
        starter = _starter(enter) if type(enter) is FunctionType else None
        return _Done(manager) if starter is None else _entered(starter(manager).generator, manager)


_helper = _Helper()
