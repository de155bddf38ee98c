"""Local time: the zone that `TZ` names, which the C library here does not know.

Functions of `time` are replaced, and the classes of `datetime` whose methods mean local
time, while `TZ` names another zone than UTC.
"""

from . import kept as __builtins__

import datetime
import io
import os
import struct
import sys
import time

_UTC = ("", "UTC", "UTC0", "GMT", "GMT0", "Etc/UTC", "Etc/GMT", "Z", "Zulu", "Etc/Zulu", "Universal", "UCT")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_Time, _Date, _Delta, _fixed = datetime.datetime, datetime.date, datetime.timedelta, datetime.timezone
_names = ("localtime", "mktime", "strftime", "ctime", "asctime", "tzname", "timezone", "altzone", "daylight")
_real = {name: getattr(time, name) for name in _names}

# The zone in use; None is UTC.
_zone = None


def begin(environment: dict):
    """Takes the zone of a run's environment, and says if there is none of that name."""
    if _zone is None and "TZ" not in environment:
        return
    name = environment.get("TZ", "")
    if not _use(name):
        print(f"note: there is no time zone `{name[:100]}` here: local time is UTC", file=sys.stderr)


def tzset():
    """`time.tzset`: takes the zone that `TZ` names now; UTC if there is none of that name."""
    _use(os.environ.get("TZ", ""))


def _use(name):
    global _zone
    name = name.removeprefix(":")
    known = name in _UTC
    _zone = None if known else _found(name)
    is_utc = _zone is None
    vars(time).update(_real if is_utc else _replaced())
    datetime.datetime, datetime.date = (_Time, _Date) if is_utc else (_LocalTime, _LocalDate)
    # It has taken the function when the guest was built.
    import logging

    logging.Formatter.converter = time.localtime
    return known or not is_utc


def _found(name):
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    # Rules of POSIX, `CET-1CEST,M3.5.0,M10.5.0/3`, are the end of a file of a zone.
    if len(name) > 100 or not name.isascii() or not any(map(str.isdigit, name)):
        return None
    head = b"TZif2" + bytes(15)
    local = struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    block = head + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + local
    file = io.BytesIO(block + block + b"\n" + name.encode() + b"\n")
    try:
        return zoneinfo.ZoneInfo.from_file(file, key=name)
    except (ValueError, OSError):
        return None


def _replaced():
    year = _Time.fromtimestamp(time.time(), _zone).year
    times = [_Time(year, month, 1, tzinfo=_zone) for month in range(1, 13)]
    summer = [one for one in times if one.dst()]
    standard = next((one for one in times if not one.dst()), times[0])
    other = summer[0] if summer else standard
    west = [-int(one.utcoffset().total_seconds()) for one in (standard, other)]
    return {
        **_FUNCTIONS,
        "tzname": (standard.tzname(), other.tzname()),
        "timezone": west[0],
        "altzone": west[1],
        "daylight": int(bool(summer)),
    }


def localtime(seconds=None, /):
    if seconds is None:
        seconds = time.time()
    try:
        there = _Time.fromtimestamp(seconds, _zone)
    except ValueError as error:
        raise OverflowError("timestamp out of range for platform time_t") from error
    parts = there.timetuple()
    return time.struct_time((*parts, there.tzname(), int(there.utcoffset().total_seconds())))


def mktime(parts, /):
    if len(parts) < 9:
        raise TypeError("mktime(): illegal time tuple argument")
    year, month, day, hour, minute, second, _, _, summer = parts[:9]
    years, month = divmod(month - 1, 12)
    start = _Time(year + years, month + 1, 1)
    local = start + _Delta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    first, later = (local.replace(tzinfo=_zone, fold=fold) for fold in (0, 1))
    wanted = later if summer == 0 and first.dst() and not later.dst() else first
    return (wanted - _EPOCH).total_seconds()


def strftime(format, parts=None, /):
    return _real["strftime"](format, localtime() if parts is None else parts)


def asctime(parts=None, /):
    return _real["asctime"](localtime() if parts is None else parts)


def ctime(seconds=None, /):
    return asctime(localtime(seconds))


class _Function:
    """A function that, as those of C, does not become a method where a class has it."""

    __module__ = "time"

    def __init__(self, function):
        self.__name__ = self.__qualname__ = function.__name__
        self._call = function

    def __call__(self, *values):
        return self._call(*values)

    def __repr__(self):
        return f"<built-in function {self.__name__}>"


_FUNCTIONS = {one.__name__: _Function(one) for one in (localtime, mktime, strftime, ctime, asctime)}


class _Kind(type):
    """Objects that C code makes are of the class, too."""

    def __instancecheck__(cls, value):
        return isinstance(value, cls.__base__) if cls in (_LocalTime, _LocalDate) else type.__instancecheck__(cls, value)

    def __subclasscheck__(cls, other):
        return issubclass(other, cls.__base__) if cls in (_LocalTime, _LocalDate) else type.__subclasscheck__(cls, other)


class _LocalDate(_Date, metaclass=_Kind):
    __module__ = "datetime"
    __qualname__ = "date"

    @classmethod
    def today(cls):
        return cls.fromtimestamp(time.time())

    @classmethod
    def fromtimestamp(cls, seconds, /):
        there = _Time.fromtimestamp(seconds, _zone)
        return cls(there.year, there.month, there.day)

    def __repr__(self):
        return f"datetime.{_Date.__repr__(self)}" if type(self) is _LocalDate else _Date.__repr__(self)


class _LocalTime(_Time, metaclass=_Kind):
    __module__ = "datetime"
    __qualname__ = "datetime"

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def today(cls):
        return cls.now()

    @classmethod
    def fromtimestamp(cls, timestamp, tz=None):
        there = super().fromtimestamp(timestamp, _zone if tz is None else tz)
        return there.replace(tzinfo=None) if tz is None else there

    def timestamp(self):
        return _Time.timestamp(self if self.tzinfo is not None else self.replace(tzinfo=_zone))

    def astimezone(self, tz=None):
        there = self if self.utcoffset() is not None else self.replace(tzinfo=_zone)
        if tz is None:
            local = _Time.astimezone(there, _zone)
            tz = _fixed(local.utcoffset(), local.tzname())
        return _Time.astimezone(there, tz)

    def __repr__(self):
        return f"datetime.{_Time.__repr__(self)}" if type(self) is _LocalTime else _Time.__repr__(self)


_LocalDate.__name__, _LocalTime.__name__ = "date", "datetime"
time.tzset = tzset
