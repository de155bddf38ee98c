"""Operations that the host works on, and what waits for their completions.

Outside a running event loop a call blocks and returns its value. Inside one it
has begun when it returns, and its value is awaited: so calls overlap whether they
are gathered or awaited one after the other.
"""

from . import kept as __builtins__

import gc
import types
from asyncio import Future, get_running_loop
from asyncio.events import _get_running_loop
from weakref import ref

from . import content, output, report, seam, source
from .unanswered import Unanswered


_await = Future.__await__
_scan = seam.scan
_CALL = seam.CALL


class ToolError(Exception):
    """A tool refused or failed. `str()` is the tool's own message.

    `kind` says which rule or party refused, `data` is whatever else the tool
    answered, `tool` is the name that was called.
    """

    def __init__(self, message="", kind="tool", data=None, tool=None):
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.data = data
        self.tool = tool

    def __reduce__(self):
        return type(self), (self.message, self.kind, self.data, self.tool)


ToolError.__module__ = "builtins"  # that is where scripts find it

# Calls made inside an event loop: weakly all that are to be answered, the ones somebody
# awaits, and the numbers of the ones that nobody has awaited yet.
_answerable = {}
_awaited = {}
_unawaited = set()

# (tool, place) of calls that were dropped, or still held by somebody when their loop ended.
_forgotten = {}

# The tool that last answered a call which blocked.
_blocked = None

# What `block` is while there are threads: others go on meanwhile.
block_aside = None


def expect(number, receiver):
    """Has a completion delivered to somebody who is no `ToolCall`."""
    _answerable[number] = lambda: receiver


def deliver(packed: bytes):
    """Hands completions to the calls that wait for them; the rest were cancelled or dropped."""
    for number, ok, payload in seam.completions(packed):
        receiver = _answerable.pop(number, None)
        _awaited.pop(number, None)
        call = receiver and receiver()
        if call is not None:
            call._arrived(ok, payload)


def pending() -> bool:
    """Whether any completion is still to come."""
    return bool(_answerable)


def block(operation: int, payload: bytes, tool=None):
    """Submits, waits for the end whatever else ends meanwhile, and returns the value."""
    # Every call of plain code comes through here: no function of ours is called
    # that can be written out.
    global _blocked
    if block_aside is not None:
        return block_aside(operation, payload, tool)
    try:
        output.stdout.flush()
    except ValueError:
        pass  # the script closed it
    answer = seam.call(operation, payload).decode()
    try:
        value = _scan(answer, 1)[0]
    except StopIteration:  # white space
        value = seam.decode(answer[1:].encode())
    if answer[0] == "\1":
        _blocked = tool
        return value
    if answer[0] == "\2":
        _blocked = tool
        return content.keep(value)
    raise _failure(value, tool)


def unexpect(number):
    """Forgets that somebody expects it."""
    _answerable.pop(number, None)


def answered(ok, payload, tool):
    """The value of a completion that somebody blocked for."""
    global _blocked
    value = seam.decode(payload)
    if not ok:
        raise _failure(value, tool)
    _blocked = tool
    return content.keep(value) if ok == seam.WITH_CONTENT else value


def last_blocked():
    """The tool that last answered in place; None if none did in this run."""
    return _blocked


class ReplayStopped(BaseException):
    """A replay ends here: it differs from its recording, or was to stop. Nothing that a script catches."""


ReplayStopped.__module__ = "builtins"


_stopped = None


def take_stopped():
    """The first `ReplayStopped` of this run, which is forgotten; None if there was none."""
    global _stopped
    stopped = _stopped
    if stopped is not None:
        _stopped = None
    return stopped


def _failure(value, tool):
    if value.get("kind") == "diverged":
        global _stopped
        error = ReplayStopped(value.get("message", ""))
        _stopped = _stopped or error
        return error
    return ToolError(value.get("message", ""), value.get("kind", "tool"), value.get("data"), tool)


class ToolCall(Unanswered, Future):
    """A tool call that has begun: awaitable, and usable wherever asyncio takes a future.

    Cancelling it, or the task that awaits it, gives up on the call. One that is
    never awaited fails the script.
    """

    _operation = _CALL

    def __init__(self, payload: bytes, tool: str, loop):
        super().__init__(loop=loop)
        output.flush()
        self.tool = tool
        self.place = report.place_of_caller()
        self._number = number = seam.submit(self._operation, payload)
        _answerable[number] = ref(self)
        _unawaited.add(number)

    def _arrived(self, ok, payload):
        if self.done() or self.get_loop().is_closed():
            return
        try:
            value = seam.decode(payload)
            if ok == seam.WITH_CONTENT:
                value = content.keep(value)
            elif ok:
                value = self._value(value)
        except Exception as error:
            self.set_exception(error)
            return
        if ok:
            self.set_result(value)
        else:
            self.set_exception(_failure(value, self.tool))

    @staticmethod
    def _value(value):
        return value

    def described(self):
        """Which call this is, for messages."""
        return f"call of {self.tool} at line {report.line_of(self.place)}"

    def is_unawaited(self):
        """Whether nobody has awaited it, or asked for its answer, yet."""
        return self._number in _unawaited or self._number in _forgotten

    def _used(self):
        number = self._number
        if number in _unawaited:
            _unawaited.remove(number)
        elif _forgotten.pop(number, None) is None:
            return
        if number in _answerable:
            _awaited[number] = self

    def __await__(self):
        self._used()
        return _await(self)

    def add_done_callback(self, callback, *, context=None):
        self._used()
        super().add_done_callback(callback, context=context)

    def result(self):
        self._used()
        return super().result()

    def exception(self):
        self._used()
        return super().exception()

    def cancel(self, msg=None):
        self._used()
        if not super().cancel(msg):
            return False
        _awaited.pop(self._number, None)
        if _answerable.pop(self._number, None) is not None:
            seam.cancel(self._number)
        return True

    def __del__(self):
        if self._number in _unawaited:
            _unawaited.remove(self._number)
            _forgotten[self._number] = self.tool, self.place
            if self.done() and not self.cancelled():
                super().exception()  # the script fails for more than this
        super().__del__()


def held(value):
    """The calls inside a value that nobody has awaited yet."""
    if not _unawaited:
        return []
    return [call for call in reachable([value], ToolCall) if call._number in _unawaited]


@report.nameless
async def arrive(waiting):
    """Waits until calls have ended, which does not count as awaiting their answers."""
    for call in waiting:
        if not call.done():
            ended = get_running_loop().create_future()
            Future.add_done_callback(call, lambda _, ended=ended: ended.done() or ended.set_result(None))
            await ended


def settle(namespace, value):
    """Decides, when a loop's main task has ended, which calls nobody will await.

    Those are the ones that a global leads to, the value of the task, or that of the
    script. The rest wait in suspended tasks, which end with their loop.
    """
    if not _unawaited:
        return
    for call in reachable([*namespace.values(), value, source.left()], ToolCall):
        if call._number in _unawaited:
            _forgotten[call._number] = call.tool, call.place
    _unawaited.clear()


# Objects that are looked at, and kinds of objects that are not.
_MOST = 100_000
_ELSEWHERE = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.FrameType,
    types.TracebackType,
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
    Future,
)


def reachable(roots, kinds):
    """The objects of some kinds that others lead to, but for what belongs to everybody or to suspended tasks."""
    found, seen, todo = [], set(), roots
    while todo and len(seen) < _MOST:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, kinds):
            found.append(one)
        elif not isinstance(one, _ELSEWHERE):
            todo += gc.get_referents(one)
    return found


def never_awaited():
    """(tool, place) of each call whose answer nobody took, in the order of the calls."""
    return [_forgotten[number] for number in sorted(_forgotten)]


def forget():
    """Starts anew: nothing is pending, nothing was dropped."""
    global _blocked
    # Each run begins and ends here: what is empty is not written to, so that its page is not copied.
    if _blocked is not None:
        _blocked = None
    for some in (_answerable, _awaited, _unawaited, _forgotten):
        if some:
            some.clear()


def give_up(loop):
    """Cancels what still waits for a loop that closes."""
    for number, receiver in list(_answerable.items()):
        call = receiver()
        if call is None or call.get_loop() is loop:
            del _answerable[number]
            _awaited.pop(number, None)
            seam.cancel(number)


def value_of(request: str, tool: str):
    """By the rule of this module: a tool's answer, or inside a running loop an awaitable of it."""
    try:
        payload = request.encode()
    except UnicodeEncodeError:
        payload = seam.to_bytes(request)
    loop = _get_running_loop()
    if loop is None:
        return block(_CALL, payload, tool)
    return ToolCall(payload, tool, loop)
