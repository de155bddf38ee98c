"""Processes: there is no program but this interpreter, which runs in an instance of its own.

What a script asks for otherwise is answered as Linux answers for programs that are not installed.
"""

from . import kept as __builtins__

import base64
import errno
import io
import os
import posix
import signal
import subprocess
import sys

from . import calls, output, seam, shell, stdlib, threads, twins

EXECUTABLE = "/usr/bin/python3"
CODE = "<string>"  # what tracebacks call the code of `-c`
_NOTE = "note: the sandbox has no processes, but for Python's own (`sys.executable`)"
_NO_DIALOGUE = (
    "The child began with what was written to it before its output was read or its end was waited for: "
    "it reads nothing that is written later"
)
_was_told = False


def not_found(name):
    """What Linux says of a program that is not there."""
    error = FileNotFoundError(2, "No such file or directory", name)
    error.is_program = True
    return error


def tell_once():
    """Says that there are no processes, where no exception says it."""
    global _was_told
    if not _was_told:
        _was_told = True
        output.tell(_NOTE)


def forget():
    """Starts anew."""
    global _was_told
    if _was_told:
        _was_told = False


# Children that run, by their numbers, and those that ended with the run that started them.
_running = {}
_LOST = "note: process {} was still running when the run that started it ended, and ended with it"


def settle():
    """Ends the children that still run at the end of a script of a session: none runs between scripts."""
    if _running:
        threads.look()
    for child in list(_running.values()):
        if child._call is None or child._call.ready():
            continue  # it has ended, and can still be asked how
        child._is_lost = True
        child._call = None
        child.returncode, child._answer = -9, []
    _running.clear()


def _tell_lost(self):
    """Says why a child has ended that no script has ended."""
    if self._is_lost:
        self._is_lost = False
        output.tell(_LOST.format(self.pid))


class _Input(io.BytesIO):
    """What a child is to read; it begins when this is closed."""

    def __init__(self, process):
        super().__init__()
        self._process = process
        self.written = b""

    def write(self, data, /):
        """Adds to what the child reads, which is whole when the child begins."""
        process = self._process
        if process._call is not None or process._answer is not None:
            raise OSError(errno.ENOTSUP, _NO_DIALOGUE)
        return super().write(data)

    def close(self):
        if not self.closed:
            self.written = self.getvalue()
            super().close()
            self._process._begin()

    def fileno(self):
        raise io.UnsupportedOperation("fileno")


class _Output(io.RawIOBase):
    """What a child has printed; there is nothing before it has ended."""

    def __init__(self, process, stream):
        self._process = process
        self._stream = stream
        self._bytes = None

    def readable(self):
        return True

    def readinto(self, buffer):
        if self._bytes is None:
            self._process._begin()
            self._process._wait_for(None)
            self._bytes = io.BytesIO(self._process._printed(self._stream))
        return self._bytes.readinto(buffer)


def _until(wait):
    return threads.block(wait)


def _until_aside(wait):
    return (yield wait)


def _init(
    self, args, bufsize=-1, executable=None, stdin=None, stdout=None, stderr=None, preexec_fn=None, close_fds=True,
    shell=False, cwd=None, env=None, universal_newlines=None, startupinfo=None, creationflags=0, restore_signals=True,
    start_new_session=False, pass_fds=(), *, user=None, group=None, extra_groups=None, encoding=None, errors=None,
    text=None, umask=-1, pipesize=-1, process_group=None,
):  # fmt: skip
    if stdout is subprocess.STDOUT:
        raise ValueError("STDOUT can only be used for stderr")
    if text is not None and universal_newlines is not None and bool(universal_newlines) != bool(text):
        raise subprocess.SubprocessError(
            "Cannot disambiguate when both text and universal_newlines are supplied but different. Pass one or the other."
        )
    self.args, self.returncode, self.pid = args, None, None
    self.text_mode = encoding or errors or text or universal_newlines
    self.encoding, self.errors = encoding or ("utf-8" if self.text_mode else None), errors
    self.stdin = self.stdout = self.stderr = None
    self._communication_started = False
    self._input = None
    self._is_lost = False
    self._call = self._number = self._answer = None
    self._targets = stdout, stderr
    self._request = _request(args, executable, shell, cwd, env)
    _count()
    self.pid = _pids[0]
    if stdout == subprocess.PIPE:
        self.stdout = self._reader(1)
    if stderr == subprocess.PIPE:
        self.stderr = self._reader(2)
    self._child_created = True
    if stdin == subprocess.PIPE:
        self._pipe = _Input(self)
        self.stdin = self._pipe
        if self.text_mode:
            self.stdin = io.TextIOWrapper(self._pipe, encoding=self.encoding, errors=errors, write_through=True)
    else:
        self._pipe = None
        self._given = _given(stdin)
        self._begin()


_pids = [1000]


def _count():
    _pids[0] += 1


def _given(stdin):
    """What a child reads that is not written by its parent."""
    if stdin is None or stdin == subprocess.DEVNULL:
        return b""
    if isinstance(stdin, int):
        return os.read(stdin, 1 << 30)
    data = getattr(stdin, "buffer", stdin).read()
    return data.encode() if isinstance(data, str) else data


def _words(args):
    if isinstance(args, (str, bytes, os.PathLike)):
        return [os.fsdecode(args)]
    return [os.fsdecode(word) for word in args]


def _request(args, executable, is_shell, cwd, env):
    """What is to run: a request of the host, or an answer that we have already; else the error of Linux."""
    words = _words(args)
    if not words:
        raise IndexError("list index out of range")
    if cwd is not None:
        cwd = os.fsdecode(cwd)
        if not os.path.isdir(cwd):
            raise FileNotFoundError(2, "No such file or directory", cwd)
    if is_shell:
        own = shell.interpreter_line(words[0])
        if own is None:
            return shell.answer(words[0])
        words = own
    program = os.fsdecode(executable) if executable is not None and not is_shell else words[0]
    if not shell.is_python(program):
        raise not_found(program)
    environment = os.environ if env is None else env
    request = _program(words[1:], cwd)
    request["env"] = {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}
    request["cwd"] = os.path.abspath(cwd or os.getcwd())
    return request


# Options of the interpreter that change nothing here, and those that take a word of their own.
_FLAGS = frozenset("-u -B -E -I -s -S -O -OO -b -bb -q -P -v -x -d".split())


def _program(words, cwd):
    """The script that arguments of the interpreter name: its source if that is not what it reads."""
    at = 0
    while at < len(words) and (words[at] in _FLAGS or words[at] in ("-W", "-X")):
        at += 2 if words[at] in ("-W", "-X") else 1
    if at == len(words):
        return {"name": "<stdin>", "args": []}
    word, rest = words[at], words[at + 1 :]
    if word in ("-V", "--version"):
        version = ".".join(map(str, sys.version_info[:3]))
        return {"name": CODE, "source": f"print('Python {version}')", "args": []}
    if word == "-":
        return {"name": "<stdin>", "args": rest}
    if word.startswith("-c"):
        source, *rest = [word[2:], *rest] if len(word) > 2 else rest or [""]
        return {"name": CODE, "source": source, "args": rest}
    if word.startswith("-m"):
        module, *rest = [word[2:], *rest] if len(word) > 2 else rest or [""]
        source = f"import runpy as _r\n_r.run_module({module!r}, run_name='__main__', alter_sys=True)"
        return {"name": f"<{module}>", "source": source, "args": rest}
    path = os.path.join(cwd or os.getcwd(), word)
    if os.path.isdir(path) and os.path.isfile(path + "/__main__.py"):
        path += "/__main__.py"
    try:
        with open(path, "rb") as file:
            source = file.read().decode("utf-8-sig")
    except OSError as error:
        told = f"{EXECUTABLE}: can't open file {path!r}: [Errno 2] {os.strerror(error.errno)}"
        return {"name": CODE, "source": f"import sys\nprint({told!r}, file=sys.stderr)\nsys.exit(2)", "args": []}
    return {"name": path, "source": source, "args": rest}


def _reader(self, stream):
    reader = io.BufferedReader(_Output(self, stream))
    return io.TextIOWrapper(reader, encoding=self.encoding, errors=self.errors) if self.text_mode else reader


def _begin(self):
    """Begins the child, unless it has begun."""
    if self._call is not None or self._answer is not None:
        return
    data = self._given if self._pipe is None else self._pipe.written or (b"" if self._pipe.closed else self._pipe.getvalue())
    request = self._request
    if type(request) is tuple:
        code, printed, told = request
        if code == 127 and self._targets[1] is None:
            tell_once()
        self._end(code, [(1, printed.encode()), (2, told.encode())])
        return
    if "source" not in request:
        request["source"] = data.decode("utf-8-sig", "replace")
        data = b""
    request["stdin"] = base64.b64encode(data).decode()
    output.flush()
    self._call = threads.Call()
    self._number = seam.submit(seam.RUN, seam.encode(request))
    calls.expect(self._number, self._call)
    _running[self._number] = self


def _end(self, code, printed):
    self.returncode = code
    self._answer = printed
    for target, stream in zip(self._targets, (1, 2)):
        if target == subprocess.PIPE or target == subprocess.DEVNULL:
            continue
        if target == subprocess.STDOUT:
            target = self._targets[0]
            if target == subprocess.PIPE or target == subprocess.DEVNULL:
                continue
        _write(target, stream, b"".join(data for kind, data in printed if kind == stream))


def _write(target, stream, data):
    """Writes what a child printed to where its parent sent it."""
    if not data:
        return
    if target is None:
        output.emit(stream, data)
    elif isinstance(target, int):
        if target in (1, 2):
            output.emit(target, data)
        else:
            os.write(target, data)
    elif target in (output.stdout, output.stderr):
        output.emit(1 if target is output.stdout else 2, data)
    else:
        target.flush()
        os.write(target.fileno(), data)


def _printed(self, stream):
    kinds = (1, 2) if stream == 1 and self._targets[1] == subprocess.STDOUT else (stream,)
    return b"".join(data for kind, data in self._answer or () if kind in kinds)


def _wait_for(self, timeout):
    """Waits for the child, and raises what the host says if it could not run."""
    if self._call is None:
        self._tell_lost()
        return
    if not self._call.ready():
        what = f"the end of process {self.pid}"
        if not _until(threads.Wait(self._call.ready, what, timeout)):
            raise subprocess.TimeoutExpired(self.args, timeout)
    self._take()


def _take(self):
    call, self._call = self._call, None
    _running.pop(self._number, None)
    value = seam.decode(call.payload)
    if not call.ok:
        message = value.get("message", "")
        if value.get("kind") == "invalid-call":  # a host that has no such operation
            raise not_found(_words(self.args)[0])
        raise BlockingIOError(11, f"Resource temporarily unavailable: {message}")
    printed = [(stream, base64.b64decode(data)) for stream, data in value["output"]]
    self._end(value["code"], printed)


def _poll(self):
    if self.returncode is None and self._call is not None:
        threads.turn()
        threads.look()
        if self._call.ready():
            self._take()
    self._tell_lost()
    return self.returncode


async def _ended(self, loop):
    """Waits aside for the child, in an event loop."""
    ended = loop.create_future()
    self._call.then = lambda: ended.done() or ended.set_result(None)
    await ended


def _wait(self, timeout=None):
    if self.returncode is None:
        self._begin()
        self._wait_for(timeout)
    self._tell_lost()
    return self.returncode


def _communicate(self, input=None, timeout=None):
    if self._communication_started and input:
        raise ValueError("Cannot send input after starting communication")
    self._communication_started = True
    if self.stdin is not None and not self.stdin.closed:
        if input:
            self.stdin.write(input)
        self.stdin.close()
    self._begin()
    self._wait_for(timeout)
    found = []
    for stream in (self.stdout, self.stderr):
        found.append(None if stream is None or stream.closed else stream.read())
        if stream is not None:
            stream.close()
    return tuple(found)


def _send_signal(self, sig):
    if self.returncode is not None or sig == 0:
        return
    if self._number is not None:
        seam.cancel(self._number)
        calls.unexpect(self._number)
        _running.pop(self._number, None)
    self._call = None
    self._end(-int(sig), [])


def _exit(self, kind, error, trace):
    for stream in (self.stdout, self.stderr):
        if stream:
            stream.close()
    if self.stdin:
        self.stdin.close()
    self.wait()


def _del(self):
    """Nothing is left of a child that is not waited for."""


def _change_subprocess(module):
    popen = module.Popen
    for function in (_reader, _begin, _end, _printed, _wait_for, _take, _tell_lost):
        setattr(popen, function.__name__, function)
    for name, function in (
        ("__init__", _init), ("poll", _poll), ("wait", _wait), ("communicate", _communicate),
        ("send_signal", _send_signal), ("__exit__", _exit), ("__del__", _del),
    ):  # fmt: skip
        old = getattr(popen, name)
        function.__doc__ = function.__doc__ or old.__doc__
        setattr(popen, name, function)
    popen.ended = _ended
    popen.terminate = lambda self: self.send_signal(signal.SIGTERM)
    popen.kill = lambda self: self.send_signal(9)
    module._can_fork_exec = True


def system(command):
    """Execute the command in a subshell; answers its status as `wait` does."""
    return subprocess.call(os.fsdecode(command), shell=True) << 8


def _exec(file, args, env=None):
    if not shell.is_python(os.fsdecode(file)):
        raise not_found(os.fsdecode(file))
    os._exit(subprocess.call(list(args), env=env))


def fork():
    """There is no second process to go on in."""
    raise BlockingIOError(11, "Resource temporarily unavailable: the sandbox has no processes to fork")


def register_at_fork(*, before=None, after_in_child=None, after_in_parent=None):
    """Nothing is ever forked."""


def _spawn(mode, file, args, env=None):
    try:
        code = subprocess.call(list(args), executable=file, env=env)
    except FileNotFoundError:
        code = 127
    if mode == os.P_WAIT:
        return code
    return _pids[0]


def _change_os(module):
    for place in (module, posix):
        place.system, place.fork = system, fork
        place.execv = lambda path, args, /: _exec(path, args)
        place.execve = lambda path, args, env: _exec(path, args, env)
        place.register_at_fork = register_at_fork
    module.execvp, module.execvpe = module.execv, module.execve
    module.execl = lambda file, *args: module.execv(file, args)
    module.execlp = module.execl
    module.execle = lambda file, *args: module.execve(file, args[:-1], args[-1])
    module.execlpe = module.execle
    module.P_WAIT, module.P_NOWAIT, module.P_NOWAITO = 0, 1, 1
    module.spawnv = module.spawnvp = lambda mode, file, args: _spawn(mode, file, args)
    module.spawnve = module.spawnvpe = lambda mode, file, args, env: _spawn(mode, file, args, env)
    module.spawnl = module.spawnlp = lambda mode, file, *args: _spawn(mode, file, args)
    module.spawnle = module.spawnlpe = lambda mode, file, *args: _spawn(mode, file, args[:-1], args[-1])
    module.WIFEXITED = lambda status: not status & 0x7F
    module.WEXITSTATUS = lambda status: status >> 8 & 0xFF
    module.WIFSIGNALED = lambda status: bool(status & 0x7F)
    module.WTERMSIG = lambda status: status & 0x7F
    module.waitstatus_to_exitcode = lambda status: -(status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


def install():
    """Puts all of it in its place, once, when the guest is built."""
    sys.executable = sys._base_executable = EXECUTABLE
    twins.waits_aside(_until, _until_aside)
    for module, change in ((os, _change_os), (subprocess, _change_subprocess)):
        earlier = stdlib.patches.get(module.__name__)
        stdlib.patches[module.__name__] = change if earlier is None else _both(earlier, change)
        change(module)


def _both(first, second):
    def change(module):
        first(module)
        second(module)

    return change
