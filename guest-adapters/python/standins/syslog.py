"""The system's log, which nobody reads here: messages go where those of a container without one go."""

import sys as _sys

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)
LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH, LOG_SYSLOG, LOG_LPR, LOG_NEWS = range(0, 64, 8)
LOG_UUCP, LOG_CRON, LOG_AUTHPRIV, LOG_FTP = range(64, 96, 8)
LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 = range(128, 192, 8)
LOG_PID, LOG_CONS, LOG_ODELAY, LOG_NDELAY, LOG_NOWAIT, LOG_PERROR = 1, 2, 4, 8, 16, 32

_state = {"ident": None, "options": 0, "mask": 0xFF}


def openlog(ident=None, logoption=0, facility=LOG_USER):
    """Set logging options of subsequent syslog() calls."""
    _state.update(ident=ident, options=logoption)


def closelog():
    """Reset the syslog module values."""
    _state.update(ident=None, options=0)


def syslog(priority, message=None, /):
    """Send the string message to the system logger: to standard error too, with LOG_PERROR."""
    if message is None:
        priority, message = LOG_INFO, priority
    if not isinstance(message, str):
        raise TypeError(f"syslog() argument must be str, not {type(message).__name__}")
    if _state["options"] & LOG_PERROR and _state["mask"] & LOG_MASK(priority & 7):
        print(f"{_state['ident'] or _sys.argv[0]}: {message}", file=_sys.stderr)


def setlogmask(maskpri, /):
    """Set the priority mask to maskpri and return the previous mask value."""
    before = _state["mask"]
    if maskpri:
        _state["mask"] = maskpri
    return before


def LOG_MASK(pri, /):
    """Calculates the mask for the individual priority pri."""
    return 1 << pri


def LOG_UPTO(pri, /):
    """Calculates the mask for all priorities up to and including pri."""
    return (1 << (pri + 1)) - 1
