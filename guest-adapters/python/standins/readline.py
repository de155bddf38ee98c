"""Line editing, which standard input of a run does not have: settings are kept, and nothing asks for them."""

_history = []
_kept = {"completer": None, "delims": " \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?", "length": -1, "auto": True}
backend = "readline"


def parse_and_bind(string, /):
    """Execute the init line provided in the string argument."""


def read_init_file(filename=None, /):
    """Execute a readline initialization file."""
    if filename is not None:
        open(filename).close()


def get_line_buffer():
    """Return the current contents of the line buffer."""
    return ""


def insert_text(string, /):
    """Insert text into the line buffer at the cursor position."""


def redisplay():
    """Change what's displayed on the screen to reflect contents of the line buffer."""


def read_history_file(filename=None, /):
    """Load a readline history file."""
    with open(filename or "~/.history", encoding="utf-8") as file:
        _history.extend(file.read().splitlines())


def write_history_file(filename=None, /):
    """Save a readline history file."""
    lines = _history if _kept["length"] < 0 else _history[-_kept["length"] :] if _kept["length"] else []
    with open(filename or "~/.history", "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def append_history_file(nelements, filename=None, /):
    """Append the last nelements items of the history list to file."""
    with open(filename or "~/.history", "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in _history[len(_history) - nelements :])


def get_history_length():
    """Return the maximum number of lines that will be written to the history file."""
    return _kept["length"]


def set_history_length(length, /):
    """Set the maximal number of lines which will be written to the history file."""
    _kept["length"] = length


def get_current_history_length():
    """Return the current (not the maximum) length of history."""
    return len(_history)


def get_history_item(index, /):
    """Return the current contents of history item at one-based index."""
    return _history[index - 1] if 0 < index <= len(_history) else None


def remove_history_item(pos, /):
    """Remove history item given by its zero-based position."""
    if not 0 <= pos < len(_history):
        raise ValueError(f"No history item at position {pos}")
    del _history[pos]


def replace_history_item(pos, line, /):
    """Replaces history item given by its position with contents of line."""
    if not 0 <= pos < len(_history):
        raise ValueError(f"No history item at position {pos}")
    _history[pos] = line


def add_history(string, /):
    """Add an item to the history buffer."""
    _history.append(string)


def clear_history():
    """Clear the current readline history."""
    _history.clear()


def set_auto_history(enabled, /):
    """Enables or disables automatic history."""
    _kept["auto"] = bool(enabled)


def set_completer(function=None, /):
    """Set or remove the completer function."""
    _kept["completer"] = function


def get_completer():
    """Get the current completer function."""
    return _kept["completer"]


def set_completer_delims(string, /):
    """Set the word delimiters for completion."""
    _kept["delims"] = string


def get_completer_delims():
    """Get the word delimiters for completion."""
    return _kept["delims"]


def get_completion_type():
    """Get the type of completion being attempted."""
    return 0


get_begidx = get_endidx = get_completion_type


def set_startup_hook(function=None, /):
    """Set or remove the function invoked by the rl_startup_hook callback."""


def set_pre_input_hook(function=None, /):
    """Set or remove the function invoked by the rl_pre_input_hook callback."""


def set_completion_display_matches_hook(function=None, /):
    """Set or remove the completion display function."""
