"""Keeps the adapter's frames from what a script watches the interpreter with.

Trace and profile functions, callbacks of `sys.monitoring`, audit hooks, warnings and `tracemalloc`
see what they see under plain CPython, where `print` and a tool call have no frames.
"""

from . import kept as __builtins__

import sys
import tracemalloc
import warnings

from . import report, stdlib


def install():
    """Puts itself between the script and what it watches with."""
    _install_hooks("settrace", "gettrace")
    _install_hooks("setprofile", "getprofile")
    _install_callbacks(sys.monitoring)
    _install_audit()
    for module, change in ((warnings, _name_the_script), (tracemalloc, _leave_out)):
        stdlib.patches[module.__name__] = change
        change(module)


def _install_hooks(put_name, get_name):
    put, get = getattr(sys, put_name), getattr(sys, get_name)

    def put_hook(function, /):
        put(None if function is None else _of_frames(function))

    def get_hook():
        return _plain(get())

    for name, old, new in ((put_name, put, put_hook), (get_name, get, get_hook)):
        new.__name__ = new.__qualname__ = name
        new.__doc__ = old.__doc__
        setattr(sys, name, new)


def _of_frames(function):
    """Is called as a trace or profile function is, and passes on what is not ours."""

    def watch(frame, event, argument):
        if not report.hidden(frame.f_code):
            return function(frame, event, argument)

    watch.passes_to = function
    return watch


def _of_code(function):
    """The same for callbacks of `sys.monitoring`."""

    def watch(code, *arguments):
        if not report.hidden(code):
            return function(code, *arguments)

    watch.passes_to = function
    return watch


def _plain(function):
    return getattr(function, "passes_to", function)


def _install_callbacks(monitoring):
    register = monitoring.register_callback

    def register_callback(tool_id, event, func, /):
        # The debugger looks at the frame that called it, which has to be the script's.
        is_passed = func is None or getattr(func, "__module__", None) == "bdb"
        return _plain(register(tool_id, event, func if is_passed else _of_code(func)))

    register_callback.__doc__ = register.__doc__
    monitoring.register_callback = register_callback


_is_apart = False


class Apart:
    """What happens inside is not the script's, whatever code does it: no audit hook hears of it."""

    def __enter__(self):
        global _is_apart
        _is_apart = True

    def __exit__(self, *_):
        global _is_apart
        _is_apart = False


def _install_audit():
    add = sys.addaudithook
    frame_of = sys._getframe

    def addaudithook(hook):
        is_looking = False

        def watch(event, arguments):
            nonlocal is_looking
            if is_looking or _is_apart:
                return
            is_looking = True  # which is an event itself
            try:
                ours = report.hidden(frame_of(1).f_code)
            finally:
                is_looking = False
            if not ours:
                hook(event, arguments)

        add(watch)

    addaudithook.__doc__ = add.__doc__
    sys.addaudithook = addaudithook


def _name_the_script(module):
    show = module._showwarnmsg

    def _showwarnmsg(message):
        if message.filename in report.FILES:
            message.filename, message.lineno = _place(message)
        show(message)

    module._showwarnmsg = _showwarnmsg


def _place(message):
    """Where the script called the frame of ours that a warning is of, or nowhere if it did not."""
    frame, is_ours, is_below = sys._getframe(2), False, False
    while frame is not None:
        code = frame.f_code
        if is_ours and not report.hidden(code):
            return code.co_filename, frame.f_lineno
        if (code.co_filename, frame.f_lineno) == (message.filename, message.lineno):
            is_ours = True
        is_below = is_below or report.is_main(code)
        if is_ours and is_below:
            break
        frame = frame.f_back
    return report.NOWHERE


def _leave_out(module):
    """Objects are shown as allocated by the frames of the script alone."""
    get_object_traceback, get_traces = module._get_object_traceback, module._get_traces

    def _get_object_traceback(obj, /):
        return _shown(get_object_traceback(obj))

    def _get_traces():
        shown = ((trace, _shown(trace[2])) for trace in get_traces())
        return [(*trace[:2], frames, *trace[3:]) for trace, frames in shown if frames]

    module._get_object_traceback = _get_object_traceback
    module._get_traces = _get_traces


def _shown(frames):
    return frames and tuple(frame for frame in frames if frame[0] not in report.FILES) or None
