"""What a user is told of an exception: CPython's own text, without frames of ours.

The standard library's `traceback` is taught to pass over the adapter's frames
and what lies below the script, so that `traceback.print_exc()`, `logging` and
`print_stack()` inside a script show what they show under plain CPython.
"""

from . import kept as __builtins__

import os
import sys
import traceback

from . import seam, values

_FOLDER = os.path.dirname(__file__)
_FILES = {f"{_FOLDER}/{name}" for name in sorted(os.listdir(_FOLDER))} | {os.path.dirname(_FOLDER) + "/app.py"}

_TracebackException = traceback.TracebackException
_positions = traceback._get_code_position
_main_code = None


def hidden(code) -> bool:
    """Whether frames that run this code are the adapter's."""
    return code.co_filename in _FILES


def hide(*functions):
    """Counts the files of these functions among the adapter's."""
    _FILES.update(function.__code__.co_filename for function in functions)


def began(code):
    """Notes the code object of the script that now begins."""
    global _main_code
    _main_code = code


def install():
    """Teaches the `traceback` module which frames are not the script's."""

    def walk_stack(f):
        if f is None:
            f = sys._getframe().f_back

        def walk_stack_generator(frame):
            while frame is not None:
                if not hidden(frame.f_code):
                    yield frame, frame.f_lineno
                if frame.f_code is _main_code:
                    return
                frame = frame.f_back

        return walk_stack_generator(f)

    def walk_tb(tb):
        while tb is not None:
            if not hidden(tb.tb_frame.f_code):
                yield tb.tb_frame, tb.tb_lineno
            tb = tb.tb_next

    def walk_tb_with_full_positions(tb):
        while tb is not None:
            code = tb.tb_frame.f_code
            if not hidden(code):
                positions = _positions(code, tb.tb_lasti)
                if positions[0] is None:
                    yield tb.tb_frame, (tb.tb_lineno,) + positions[1:]
                else:
                    yield tb.tb_frame, positions
            tb = tb.tb_next

    walk_stack.__doc__ = traceback.walk_stack.__doc__
    walk_tb.__doc__ = traceback.walk_tb.__doc__
    traceback.walk_stack = walk_stack
    traceback.walk_tb = walk_tb
    traceback._walk_tb_with_full_positions = walk_tb_with_full_positions
    sys.unraisablehook = sys.__unraisablehook__ = _unraisable


def _unraisable(unraisable, /):
    """Prints what CPython prints, which looks for source lines in files only."""
    if unraisable.object is not None:
        head = f"{unraisable.err_msg or 'Exception ignored in'}: {values.shown(unraisable.object)}"
    else:
        head = f"{unraisable.err_msg or 'Exception ignored'}:"
    told = _TracebackException(unraisable.exc_type, unraisable.exc_value, None)
    lines = [head + "\n"]
    if unraisable.exc_traceback is not None:
        stack = traceback.StackSummary.extract(traceback.walk_tb(unraisable.exc_traceback))
        lines += ["Traceback (most recent call last):\n", *stack.format()]
    print("".join(lines + list(told.format_exception_only())), file=sys.stderr, end="")


def raised(error, name: str) -> bytes:
    """The payload of `raised` for what ended the script `name`."""
    _begin_at_script(error)
    kind = type(error).__name__
    try:
        _hint(error)
        told = _TracebackException(type(error), error, error.__traceback__, compact=True)
        kind, message, text = told.exc_type_str, str(told), "".join(told.format())
    except Exception:  # out of memory, or the script took the library apart
        message, text = "", _plain_traceback(error, kind)
    told = {"type": kind, "message": _cut(message), "traceback": _cut(text), "line": _line(error, name)}
    return seam.encode(told)


def _cut(text, kept=100_000):
    """A text short enough for one message to the host: its beginning and its end."""
    if len(text) <= kept:
        return text
    return f"{text[: kept // 2]}\n[{len(text) - kept} characters left out]\n{text[-kept // 2 :]}"


def _plain_traceback(error, kind):
    lines = ["Traceback (most recent call last):\n"]
    at = error.__traceback__
    while at is not None and len(lines) < 100:
        code = at.tb_frame.f_code
        if not hidden(code):
            lines.append(f'  File "{code.co_filename}", line {at.tb_lineno}, in {code.co_name}\n')
        at = at.tb_next
    try:
        message = str(error)
    except Exception:
        message = ""
    lines.append(f"{kind}: {message}\n" if message else f"{kind}\n")
    return "".join(lines)


def hooked(error):
    """Calls the script's own `sys.excepthook`, if it set one."""
    _begin_at_script(error)
    hook = sys.excepthook
    if hook is sys.__excepthook__ or hook is None:
        return
    try:
        hook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as second:
        _begin_at_script(second)
        print("Error in sys.excepthook:", file=sys.stderr)
        print("".join(_TracebackException.from_exception(second).format()), file=sys.stderr, end="")


def place_of_caller():
    """Where the adapter was called, for `line_of` and `forgotten`."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename in _FILES and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def line_of(place):
    """The line number of a place."""
    return _positions(*place)[0]


def forgotten(error, place) -> bytes:
    """The payload of `raised` for an error that belongs to a line where nothing was raised."""
    code, line = place[0], line_of(place)
    stack = traceback.StackSummary.from_list([traceback.FrameSummary(code.co_filename, line, code.co_name)])
    kind, message = type(error).__name__, str(error)
    text = "".join(["Traceback (most recent call last):\n", *stack.format(), f"{kind}: {message}\n"])
    return seam.encode({"type": kind, "message": message, "traceback": text, "line": line})


def _begin_at_script(error):
    """Cuts the frames below the script off; all of them, if the script itself did not compile."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code is not _main_code:
        at = at.tb_next
    error.__traceback__ = at


def _line(error, name):
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == name else None
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    return line


_NETWORK = {"requests", "httpx", "aiohttp", "urllib3", "websockets", "boto3", "openai", "anthropic"}
_NO_PROCESSES = {"WNOHANG", "fork", "kill", "pipe", "popen", "posix_spawn", "system", "waitpid"}


def _hint(error):
    """Says at the end of a run, and only there, what the sandbox lacks and what to do about it."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = _missing_module(error.name.partition(".")[0])
    elif isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        hint = "the sandbox has no threads; use asyncio, or a ThreadPoolExecutor, which works in place"
    elif isinstance(error, AttributeError) and error.obj is os and error.name in _NO_PROCESSES:
        hint = "the sandbox has no processes"
    elif type(error).__name__ in ("gaierror", "URLError"):
        hint = "the sandbox has no network; look for a tool with tools.search(..)"
    else:
        return
    if hint:
        error.add_note("note: " + hint)


def _missing_module(top):
    if top in sys.modules:
        return None
    if top in _NETWORK:
        return f"the sandbox has no network and no `{top}`; look for a tool with tools.search(..)"
    if top in sys.stdlib_module_names:
        return f"`{top}` needs what the sandbox does not have"
    return f"the sandbox has Python's standard library only, there is no `{top}`"
