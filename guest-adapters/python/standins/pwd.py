"""The users of the sandbox: the one that scripts run as, and root, whom files belong to."""

import os as _os


class struct_passwd(tuple):
    """pwd.struct_passwd: Results from getpw*() routines."""

    __slots__ = ()
    __module__ = "pwd"
    n_fields = n_sequence_fields = 7
    _names = "pw_name pw_passwd pw_uid pw_gid pw_gecos pw_dir pw_shell".split()

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, self))
        return f"pwd.struct_passwd({told})"


for _at, _name in enumerate(struct_passwd._names):
    setattr(struct_passwd, _name, property(lambda self, at=_at: self[at]))


def getpwall():
    """All users."""
    name, home = _os.environ.get("USER", "agent"), _os.environ.get("HOME", "/home/agent")
    return [
        struct_passwd(("root", "x", 0, 0, "root", "/root", "/bin/sh")),
        struct_passwd((name, "x", _os.getuid(), _os.getgid(), name, home, "/bin/sh")),
    ]


def getpwuid(uid, /):
    """The user of that number."""
    if not isinstance(uid, int):
        raise TypeError(f"uid should be integer, not {type(uid).__name__}")
    for user in getpwall():
        if user.pw_uid == uid:
            return user
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def getpwnam(name, /):
    """The user of that name."""
    if not isinstance(name, str):
        raise TypeError(f"getpwnam() argument must be str, not {type(name).__name__}")
    for user in getpwall():
        if user.pw_name == name:
            return user
    raise KeyError(f"getpwnam(): name not found: {name!r}")
