"""Prepares the image that every run starts from. Runs in the build only.

A page of memory that a run writes costs it a copy. Two things keep runs from
writing all over the image: objects that are there from the start get reference
counts that never change, and new objects find no room between them.
"""

import array
import gc
import sys
import types

from . import twins

_kept = []
_plugs = []


def collect(objects_path: str, types_path: str) -> int:
    """Writes the addresses of all objects, and of their types, for a patch of the linked module.

    Both files are arrays of 32-bit addresses in the guest's memory. A patch sets the
    reference count of each object immortal, if the word after it is the address of
    one of the types. The objects are kept alive for ever. Returns their number.
    """
    seen = set()
    todo = gc.get_objects()
    own = {id(todo), id(seen), id(_plugs)}
    while todo:
        found = todo.pop()
        address = id(found)
        if address in seen or address in own or isinstance(found, types.FrameType):
            continue
        seen.add(address)
        _kept.append(found)
        todo += _referents(found)
    _write(objects_path, map(id, _kept))
    _write(types_path, {id(type(found)) for found in _kept})
    return len(_kept)


def _referents(found):
    """What an object refers to, including what it hides from the collector."""
    if isinstance(found, types.CodeType):
        return (
            found.co_consts,
            found.co_names,
            found.co_filename,
            found.co_name,
            found.co_qualname,
            found.co_linetable,
            found.co_exceptiontable,
            *found.co_varnames,
            *found.co_freevars,
            *found.co_cellvars,
        )
    if type(found) is dict:
        return (*found.keys(), *found.values())
    referents = gc.get_referents(found)
    if isinstance(found, type):
        names = type.__dict__
        referents += [
            names["__name__"].__get__(found),
            names["__qualname__"].__get__(found),
            *found.__dict__.keys(),
        ]
    return referents


def _write(path, addresses):
    with open(path, "wb") as file:
        array.array("I", addresses).tofile(file)


def move_together(codes: list):
    """Gives the functions that run these code objects copies of them, side by side.

    Running code writes into it (the counters of adaptive instructions), so code that
    every run executes should share few pages.
    """
    hot = set(codes)
    for found in gc.get_objects():
        if isinstance(found, types.FunctionType) and found.__code__ in hot:
            before, found.__code__ = found.__code__, _copied(found.__code__)
            twins.moved(before, found)


def _copied(code):
    consts = tuple(_copied(const) if isinstance(const, types.CodeType) else const for const in code.co_consts)
    return code.replace(co_consts=consts)


# Large to small, so that a large hole is not left in crumbs. Made once, for good: what
# `plug` itself freed would be the next holes.
_SIZES = [size for power in range(21, 9, -1) for size in (1 << power, (3 << power) // 4)]
_SIZES += range(1024, 15, -8)
_LENGTHS = [max(size - sys.getsizeof(b"") - 8, 1) for size in _SIZES]


def plug():
    """Fills every free hole of the C heap, so that later memory comes from its top, in one piece.

    The fillers are zeroed, which also erases the garbage of the build.
    """
    gc.collect()
    used = len(_plugs)
    _plugs.extend([None] * 150_000)
    beyond = bytes(3 << 20)  # too large for any hole: where the top begins
    top = id(beyond)
    del beyond
    outside = [None] * 3
    for length in _LENGTHS:
        missed = 0
        while missed < 3:
            filler = bytes(length)
            if id(filler) < top:
                _plugs[used] = filler
                used += 1
            else:
                outside[missed] = filler
                missed += 1
        filler = outside[0] = outside[1] = outside[2] = None
    filler = object()  # the only thing smaller than the smallest bytes
    while id(filler) < top:
        _plugs[used] = filler
        used += 1
        filler = object()
    del _plugs[used:]


_drained = []


def drain():
    """Takes what the interpreter keeps of freed objects, to give it to the next ones: it lies all over the image.

    The last thing that the build does, after `plug`: then a run gets its objects from the top, too.
    """
    for number in range(1_000, 1_032):
        _drained.append([number, number + 0.5, {}, [], slice(number), range(number)])
        _drained.append((iter([]), iter(()), iter(range(number)), drain.__get__(number), _drained.append, {"a": number}))
    for length in range(1, 20):
        for _ in range(8):
            _drained.append(tuple([None] * length))


def unplug():
    """Frees what `plug` filled holes with, so that what does not have to lie together may use them."""
    _plugs.clear()
