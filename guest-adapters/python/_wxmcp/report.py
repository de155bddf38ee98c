"""What a user is told of an exception: CPython's own text, without frames of ours.

The standard library's `traceback` is taught to pass over the adapter's frames
and what lies below the script, so that `traceback.print_exc()`, `logging` and
`print_stack()` inside a script show what they show under plain CPython.
"""

from . import kept as __builtins__

import os
import sys
import traceback

from . import hints, seam, stdlib, values

# File and line that CPython gives a warning for which there is no frame.
NOWHERE = "<sys>", 0

_LIBRARY = "/python/"
# What coroutines of ours name as their file: they are in the `repr` of tasks.
_NAMELESS = "<wxmcp>"

_FOLDER = os.path.dirname(__file__)
FILES = {f"{_FOLDER}/{name}" for name in sorted(os.listdir(_FOLDER))}
FILES |= {os.path.dirname(_FOLDER) + "/app.py", _NAMELESS}

_TracebackException = traceback.TracebackException
_positions = traceback._get_code_position
_main_code = None


def nameless(function):
    """Makes a coroutine function of ours one whose coroutines name no file."""
    function.__code__ = function.__code__.replace(co_filename=_NAMELESS)
    return function


def hidden(code) -> bool:
    """Whether frames that run this code are the adapter's."""
    return code.co_filename in FILES


def is_main(code) -> bool:
    """Whether frames that run this code are those of the script's top level."""
    return code is _main_code


def hide(*functions):
    """Counts the files of these functions among the adapter's."""
    FILES.update(function.__code__.co_filename for function in functions)


def began(code):
    """Notes the code object of the script that now begins."""
    global _main_code
    _main_code = code


# Packages that componentize-py makes of the WIT: the adapter calls the host through them.
_GENERATED = ("componentize_py_", "wit_world")


def install():
    """Teaches the `traceback` module which frames are not the script's."""
    global FILES
    generated = [module for name, module in sys.modules.items() if name.startswith(_GENERATED)]
    FILES |= {module.__file__ for module in generated if getattr(module, "__file__", None)}
    stdlib.patches["traceback"] = _pass_over
    _pass_over(traceback)
    sys.unraisablehook = sys.__unraisablehook__ = _unraisable


def _pass_over(module):

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

    walk_stack.__doc__ = module.walk_stack.__doc__
    walk_tb.__doc__ = module.walk_tb.__doc__
    module.walk_stack = walk_stack
    module.walk_tb = walk_tb
    module._walk_tb_with_full_positions = walk_tb_with_full_positions


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


class Placed(Exception):
    """An error that belongs to a line where nothing was raised."""

    def __init__(self, error, place):
        super().__init__(error)
        self.error = error
        self.place = place


def is_placed(error) -> bool:
    """Whether the traceback of an error names a line of the script."""
    return _first_of_script(error.__traceback__) is not None


def raised(error, name: str, place=None) -> bytes:
    """The payload of `raised` for what ended the script `name`, at a place if its traceback has none."""
    _begin_at_script(error)
    kind = type(error).__name__
    try:
        hints.add(error)
        told = _TracebackException(type(error), error, error.__traceback__, compact=True)
        if place is not None:
            told.stack = _stack_of(place)
        kind, message, text = told.exc_type_str, str(told), "".join(told.format())
    except Exception:  # out of memory, or the script took the library apart
        message, text = "", _plain_traceback(error, kind)
    line = _line(error, name) if place is None else line_of(place)
    return seam.encode({"type": kind, "message": _cut(message), "traceback": _cut(text), "line": line})


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
    while frame.f_code.co_filename in FILES and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def line_of(place):
    """The line number of a place."""
    return _positions(*place)[0] or place[0].co_firstlineno


def _stack_of(place):
    summary = traceback.FrameSummary(place[0].co_filename, line_of(place), place[0].co_name)
    return traceback.StackSummary.from_list([summary])


def forgotten(error, place) -> bytes:
    """The payload of `raised` for an error that belongs to a line where nothing was raised."""
    kind, message = type(error).__name__, str(error)
    text = "".join(["Traceback (most recent call last):\n", *_stack_of(place).format(), f"{kind}: {message}\n"])
    return seam.encode({"type": kind, "message": message, "traceback": text, "line": line_of(place)})


def _begin_at_script(error):
    """Cuts the frames below the script off; all of them, if the script itself did not compile.

    What was awaited in the script's value has no frame of the script's top level.
    """
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code is not _main_code:
        at = at.tb_next
    error.__traceback__ = at or _first_of_script(error.__traceback__)


def _first_of_script(at):
    while at is not None and (hidden(at.tb_frame.f_code) or at.tb_frame.f_code.co_filename.startswith(_LIBRARY)):
        at = at.tb_next
    return at


def _line(error, name):
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == name else None
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    return line
