"""Functions as threads execute them: generators that can be kept aside at each call they make.

The twin of a function is compiled from the same text, with the same names and places. `f(x)` in it is
`yield from f's twin (x)` where `f` has one, or is one of those that wait (a lock, a call of the host,
`sleep`); anything else is called as it is. Tracebacks, closures and defaults are those of the function.
No script gets hold of a twin: functions that a twin makes are those that the function would make.

Without twins are generators, coroutines, comprehensions, classes, what has no source, and the library but for
what waits in it. Where such code waits, it does where it stands (see `threads`).
"""

from . import kept as __builtins__

import sys
from contextvars import Context
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodType

from . import threads, twincode, twintree

# Modules of the library whose functions have twins, by the path of their file, and files of the adapter.
LIBRARY = """
    threading queue concurrent.futures._base concurrent.futures.thread multiprocessing.pool multiprocessing.dummy
    urllib.request http.client asyncio.base_events asyncio.runners subprocess concurrent.futures.process
    multiprocessing.synchronize _multiprocessing
""".split()
ADAPTER = "calls tool tooltree capabilities web network lines reached connected sockets loop processes threaded copies multi pipes".split()

_GENERATOR = 0x20  # inspect.CO_GENERATOR
_NO_TWIN = 0x20 | 0x80 | 0x200  # generators, coroutines, asynchronous generators

class _Known:
    """What is known of the functions of one code."""

    __slots__ = ("code", "generator", "twin", "starter", "namespace", "calls", "waits", "is_leaf", "is_plain")

    def __init__(self, code):
        self.code = code  # kept, so that no other object gets its `id`
        self.generator = None  # a generator function of ours that takes its place
        self.twin = None  # the code of its twin
        self.starter = None  # what makes a `_Pending` of a call, for functions without closure and defaults
        self.namespace = None  # the globals and the name of the function that it was made for
        self.calls = 0
        self.waits = False  # whether it has called what may wait
        self.is_leaf = False  # it calls nothing that could wait
        self.is_plain = False  # whether it is to be called as it is


# How often a function must have called nothing that may wait before it is called as it is, which is much faster.
_TRUSTED = 50

_known = {}  # by the `id` of the code: to hash a code takes its whole text
_callers = {}  # by the `id` of the twin's code


def waits_aside(function, generator):
    """Makes twins use a generator function of ours where a function of ours would block."""
    known = _known[id(function.__code__)] = _Known(function.__code__)
    known.generator = generator


def begins_late(code):
    """Notes that a thread of a function begins when somebody waits, whatever is known of it."""
    twincode.late.add((code.co_filename, code.co_name, code.co_firstlineno))


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
    twin = twincode.twin_of(code, function.__globals__)
    if twin is twincode.LEAF:
        known.is_leaf = True
    elif twin is not None:
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
        is_bare = not function.__closure__ and not function.__defaults__ and not function.__kwdefaults__
        if is_bare and known.starter is not None and known.namespace == (id(function.__globals__), function.__qualname__):
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

    if known.generator is not None:
        known.starter = starter
    elif is_bare:
        known.starter = starter
        known.namespace = id(function.__globals__), function.__qualname__
    return starter


def _note_caller():
    """Notes that the twin which calls this module may wait."""
    frame = _frame(3)
    known = _callers.get(id(frame.f_code))
    if known is not None:
        known.waits = True


_frame = sys._getframe


def _distrust(frame):
    """Notes that functions wait which are called as they are: the next time they wait aside."""
    while frame is not None:
        known = _known.get(id(frame.f_code)) or _callers.get(id(frame.f_code))
        if known is not None and known.twin is not None:
            known.waits, known.is_plain = True, False
        frame = frame.f_back


threads.on_block = _distrust


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


def _outcome(generator):
    """What a generator of a twin comes to: what it answers, or the error it ends with."""
    try:
        return (yield from generator), None
    except BaseException as error:
        return None, error


def _in_place(generator):
    """Goes on with a generator of a twin where the code stands."""
    generator, answer = _outcome(generator), None
    while True:
        try:
            wait = generator.send(answer)
        except StopIteration as ended:
            value, error = ended.value
            if error is not None:
                raise error
            return value
        if wait is threads.TURN:
            threads.turn()
        answer = threads.block(wait)


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
    return (code.co_filename, code.co_name, code.co_firstlineno) not in twincode.late


@twincode.stops
def _run_in(context, function, /, *arguments, **keywords):
    """`Context.run`, each step of it in the context."""
    generator = _outcome(context.run(generator_of, function, arguments, keywords))
    answer = None
    while True:
        try:
            wait = context.run(generator.send, answer)
        except StopIteration as ended:
            value, error = ended.value
            break
        answer = yield wait
    if error is not None:
        raise error
    return value


def _one(one):
    return (one,)


def _pair_of(row):
    a, b = row
    return a, b


def _three_of(row):
    a, b, c = row
    return a, b, c


def _four_of(row):
    a, b, c, d = row
    return a, b, c, d


# How a row is taken apart into so many variables, with CPython's own errors.
_TAKEN_APART = [_one, None, _pair_of, _three_of, _four_of]


@twincode.stops
def _gathered(kind, iterator, count, element, tests):
    """A comprehension, whose parts are functions."""
    apart, found = _TAKEN_APART[count], {"{}": set, "{:}": dict}.get(kind, list)()
    add = getattr(found, "append", None) or getattr(found, "add", None)
    iterator = iter(iterator)
    try:
        for one in iterator:
            row = (None, *apart(one))
            for test in tests:
                if not (yield from _part(test, row)):
                    break
            else:
                value = yield from _part(element, row)
                if add is None:
                    found[value[0]] = value[1]
                else:
                    add(value)
                    if kind[0] not in "[{" and not _is_simple(kind, value, found):
                        return chain(found, _rest(iterator, apart, element, tests))
    except StopIteration as error:
        if kind[0] in "[{":
            raise
        raise RuntimeError("generator raised StopIteration") from error
    return found


def _rest(iterator, apart, element, tests):
    """The rest of a generator whose values are taken one by one."""
    for one in iterator:
        row = (None, *apart(one))
        if all(_in_place(_part(test, row)) for test in tests):
            yield _in_place(_part(element, row))


_NUMBERS = frozenset([int, float, bool])
_HASHED = _NUMBERS | {str, bytes, complex, type(None)}


def _is_simple(kind, value, found):
    """Whether it cannot be told from outside whether values are taken one by one, or all at the end."""
    if kind in ("list", "tuple", "sorted", "join"):
        return True
    if kind == "dict":
        return type(value) in (tuple, list) and len(value) == 2 and type(value[0]) in _HASHED
    if kind in ("set", "frozenset"):
        return type(value) in _HASHED
    if type(value) in _NUMBERS:
        return kind == "sum" or type(found[0]) in _NUMBERS
    return kind != "sum" and type(value) is str is type(found[0])


@twincode.stops
def _mapped(kind, function, *iterables):
    """What `map` would give, as a list, or as what goes on with it."""
    found, iterators = [], [iter(one) for one in iterables]
    for row in zip(*iterators):
        try:
            value = yield from generator_of(function, row, {})
        except StopIteration:
            break
        found.append(value)
        if not _is_simple(kind, value, found):
            return chain(found, map(function, *iterators))
    return found


@twincode.stops
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

    @twincode.stops
    def _later(self, args, kwargs):
        yield threads.TURN
        return (yield from generator_of(self._function, args, kwargs))


def _pending_in(context, /, *args, **kwargs):
    return _Pending(_run_in(context, *args, **kwargs))


class _Repeated:
    """`iter(function, sentinel)` of a `for` in a twin."""

    __slots__ = ("_function", "_sentinel", "_iterator", "value")

    def __init__(self, maker, function, sentinel):
        self._function, self._sentinel = function, sentinel
        self._iterator = None if maker is iter and callable(function) else iter(maker(function, sentinel))

    def advanced(self):
        """Whether there is one more value."""
        if self._iterator is not None:
            for self.value in self._iterator:
                return True
            return False
        try:
            value = self.value = yield from generator_of(self._function, (), {})
        except StopIteration:
            return False
        return not (self._sentinel is value or self._sentinel == value)


class _Entered:
    """A context manager that was entered already."""

    __slots__ = ("_leave", "_value")

    def __init__(self, leave, value):
        self._leave, self._value = leave, value

    def __enter__(self):
        return self._value

    def __exit__(self, kind, error, trace):
        return self._leave(kind, error, trace)


@twincode.stops
def _entered(generator, leave):
    return _Entered(leave, (yield from generator))


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
        kind = type(manager)
        enter, leave = getattr(kind, "__enter__", None), getattr(kind, "__exit__", None)
        if type(enter) is not FunctionType or type(leave) is not FunctionType:
            return _Done(manager)
        starter = _starter(enter)
        return _Done(manager) if starter is None else _entered(starter(manager).generator, MethodType(leave, manager))


for _name in (*twintree.TAKERS, "map"):
    setattr(_Helper, f"builtin_{_name}", __builtins__[_name])

twincode.helper = _Helper()
