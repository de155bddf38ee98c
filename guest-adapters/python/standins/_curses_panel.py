"""What `curses.panel` is made of, without a terminal."""

from _curses import error

version = __version__ = "2.1"


class panel:
    """A panel, of which there is none."""

    __module__ = "_curses_panel"


def _refuse(*args):
    raise error("must call initscr() first")


bottom_panel = new_panel = top_panel = update_panels = _refuse
