"""The groups of the sandbox: one for each of its two users."""

import pwd as _pwd


class struct_group(tuple):
    """grp.struct_group: Results from getgr*() routines."""

    __slots__ = ()
    __module__ = "grp"
    n_fields = n_sequence_fields = 4
    _names = "gr_name gr_passwd gr_gid gr_mem".split()

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, self))
        return f"grp.struct_group({told})"


for _at, _name in enumerate(struct_group._names):
    setattr(struct_group, _name, property(lambda self, at=_at: self[at]))


def getgrall():
    """All groups."""
    return [struct_group((user.pw_name, "x", user.pw_gid, [])) for user in _pwd.getpwall()]


def getgrgid(id):
    """The group of that number."""
    if not isinstance(id, int):
        raise TypeError(f"gid should be integer, not {type(id).__name__}")
    for group in getgrall():
        if group.gr_gid == id:
            return group
    raise KeyError(f"getgrgid(): gid not found: {id}")


def getgrnam(name):
    """The group of that name."""
    if not isinstance(name, str):
        raise TypeError(f"getgrnam() argument must be str, not {type(name).__name__}")
    for group in getgrall():
        if group.gr_name == name:
            return group
    raise KeyError(f"getgrnam(): name not found: {name!r}")
