#!/usr/bin/env python3
"""Notes which functions a cold start executes, in the order of their first execution: of the program in
start.ld, of the guests in guest-adapters/build/src/first.

It is worth while after a new compiler, new dependencies or new packages that the guests are made of: until
then a cold start touches more pages, and nothing else is different. Needs Linux on x86-64, and `nm`.

    truncate -s 0 guest-adapters/build/src/first/*
    make guests
    WXMCP_NAMES=1 cargo build --workspace --config ship.toml --bin wxmcp
    runtime/cli/start.py target/x86_64-unknown-linux-gnu/debug/wxmcp

A breakpoint lies on each function; the first run into one removes it.
"""

import bisect
import collections
import ctypes
import itertools
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import textwrap

COMMANDS = {
    "python": ["run", "-c", 'print("hello")'],
    "javascript": ["run", "--lang", "js", "-c", 'console.log("hello")'],
}
HERE = pathlib.Path(__file__).resolve().parent
FIRST = HERE.parent.parent / "guest-adapters/build/src/first"
HEAD = """\
/* Functions that a cold start executes, in the order of their first execution, side by side: so it maps a
   quarter of the pages otherwise mapped for code. Written by start.py. Names of functions that are gone do
   no harm; a hash of the compiler's is written only where it tells functions of one name apart. */
SECTIONS {
  .text.start : {
"""
TAIL = """\
  }
}
INSERT BEFORE .text;
"""
HASH = re.compile(r"17h[0-9a-f]{16}E$")
HASHED = len("17h0123456789abcdefE")
SHORT = 40
LARGE, EXPORTS = 32 << 10, 8
TRACEME, CONT, GETREGS, SETREGS, SYSCALL = 0, 7, 12, 13, 24
RIP = 16 * 8

ptrace = ctypes.CDLL(None).ptrace
ptrace.restype = ctypes.c_long
ptrace.argtypes = [ctypes.c_long] * 4


def nm(*arguments):
    text = subprocess.run(["nm", *arguments], capture_output=True, text=True, check=True).stdout
    return [line.rsplit(" ", 2) for line in text.splitlines() if line.count(" ") >= 2]


def executed(program, arguments, functions, guest=None):
    """The addresses of functions that ran, in order. Those of a guest are as in its file."""
    child = os.fork()
    if child == 0:
        ptrace(TRACEME, 0, 0, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(program, [program, *arguments])
    os.waitpid(child, 0)
    base = mapped(child, guest) if guest else 0
    memory = os.open(f"/proc/{child}/mem", os.O_RDWR)
    code = {address: os.pread(memory, 1, base + address) for address in functions}
    for address in functions:
        os.pwrite(memory, b"\xcc", base + address)
    order = []
    registers = ctypes.create_string_buffer(27 * 8)
    signal = 0
    while True:
        ptrace(CONT, child, 0, signal)
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            assert status == 0, f"{arguments} ended with {status}"
            return order
        signal = os.WSTOPSIG(status)
        if signal != 5:
            continue
        signal = 0
        ptrace(GETREGS, child, 0, ctypes.addressof(registers))
        (behind,) = struct.unpack_from("Q", registers, RIP)
        address = behind - 1 - base
        os.pwrite(memory, code[address], base + address)
        order.append(address)
        struct.pack_into("Q", registers, RIP, base + address)
        ptrace(SETREGS, child, 0, ctypes.addressof(registers))


def mapped(child, guest):
    """Where a guest's code is, once it can run: a page behind the start of the file."""
    while True:
        for line in pathlib.Path(f"/proc/{child}/maps").read_text().splitlines():
            if line.endswith(guest) and line.split()[1].startswith("r-x"):
                return int(line.split("-")[0], 16)
        ptrace(SYSCALL, child, 0, 0)
        os.waitpid(child, 0)


def archived():
    """Which file of the C library each function is in: it has one section a file."""
    path = subprocess.run(["cc", "-print-file-name=libc.a"], capture_output=True, text=True).stdout.strip()
    return {
        name: where.split(":")[1]
        for where, kind, name in nm("-A", "--defined-only", path)
        if kind in "tTwWi"
    }


def patterns(names, every):
    """What the linker is to take, as short as it can be."""
    files = archived()
    count = collections.Counter(HASH.sub("", name) for name in every)
    known = sorted(count)
    for name in names:
        short = HASH.sub("", name)
        if name in files:
            yield f"*libc.a:{files[name]}(.text .text.*)"
        elif short == name:
            yield f"*(.text.{name})"
        elif count[short] == 1:
            yield f"*(.text.{beginning(short, known)}*)"
        else:
            yield f"*(.text.{name[:SHORT]}*{name[-HASHED:]})"


def beginning(name, known):
    """So much of a name that no other begins with it."""
    at = bisect.bisect_left(known, name)
    shared = (os.path.commonprefix([name, other]) for other in known[max(at - 1, 0) : at + 2] if other != name)
    return name[: max(SHORT, *(len(it) + 1 for it in shared))]


def order_program(program):
    functions = {}
    for address, kind, name in nm("--defined-only", program):
        if kind in "tTwWi":
            functions.setdefault(int(address, 16), []).append(name)
    order = {}
    for arguments in COMMANDS.values():
        order.update(dict.fromkeys(executed(program, arguments, functions)))
    names = [name for address in order for name in functions[address]]
    every = [name for names in functions.values() for name in names]
    lines = dict.fromkeys(patterns(names, every))
    script = HEAD + "".join(f"    {line}\n" for line in lines) + TAIL
    (HERE / "start.ld").write_text(script)
    print(f"{len(order)} of {len(functions)} functions of the program")


def order_guest(program, guest, cache):
    (native,) = cache.glob(f"{guest}-*.native")
    modules = collections.defaultdict(dict)
    for address, _, name in nm("--defined-only", native):
        if part := re.fullmatch(r"wasm\[(\d+)\]::function\[(\d+)\]", name):
            modules[part[1]][int(address, 16)] = int(part[2])
    functions = max(modules.values(), key=len)
    ran = executed(program, COMMANDS[guest], functions, native.name)
    imported = min(functions.values())
    # The last ones are those of the meter: around each import, and around a few exports.
    own = sorted(functions)[: -imported - EXPORTS]
    size = {address: end - address for address, end in itertools.pairwise(own)}
    # Large ones stay where they are: little of them runs.
    first = [it for it in ran if size.get(it, LARGE) < LARGE]
    numbers = " ".join(str(functions[address] - imported) for address in first)
    (FIRST / f"{guest}.txt").write_text(textwrap.fill(numbers, 110) + "\n")
    print(f"{len(first)} of {len(functions)} functions of {guest}")


def main():
    (program,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["WXMCP_CACHE_DIR"] = cache
        for guest, arguments in COMMANDS.items():
            subprocess.run([program, *arguments], stdout=subprocess.DEVNULL, check=True)  # unpacks the guest
            order_guest(program, guest, pathlib.Path(cache))
        order_program(program)


main()
