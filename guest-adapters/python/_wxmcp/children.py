"""`asyncio.create_subprocess_exec` and `_shell`: what `subprocess` does, for an event loop."""

from . import kept as __builtins__

import asyncio
import subprocess


class _Pipe:
    """The parent's end of one stream of a child."""

    def __init__(self, process, stream):
        self._process = process
        self._stream = stream

    def write(self, data):
        """Adds to what the child reads."""
        self._process.popen.stdin.write(data)

    def writelines(self, parts):
        """Adds to what the child reads."""
        self.write(b"".join(parts))

    def close(self):
        """The child has all that it is to read, and begins."""
        if self._stream == 0:
            self._process.end_input()

    write_eof = close

    def can_write_eof(self):
        """Whether `write_eof` does something."""
        return True

    def is_closing(self):
        """Whether nothing can be written any more."""
        return self._stream == 0 and self._process.popen.stdin.closed

    def get_extra_info(self, name, default=None):
        """There is nothing else to know."""
        return default

    pause_reading = resume_reading = abort = lambda self: None


class _Child(asyncio.SubprocessTransport):
    """A child, as asyncio knows processes."""

    def __init__(self, loop, protocol, popen):
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self.popen = popen
        self._watch = None
        self._waiters = []
        self._pipes = {
            stream: _Pipe(self, stream)
            for stream, file in enumerate((popen.stdin, popen.stdout, popen.stderr))
            if file is not None
        }
        protocol.connection_made(self)
        if popen.stdin is None:
            self._watch_it()

    def end_input(self):
        """Lets the child begin with what was written."""
        if self.popen.stdin is not None and not self.popen.stdin.closed:
            self.popen.stdin.close()
            self._watch_it()

    def _watch_it(self):
        self._watch = self._loop.create_task(self._ended())

    async def _ended(self):
        while self.popen.poll() is None:
            await self.popen.ended(self._loop)
        for stream, file in ((1, self.popen.stdout), (2, self.popen.stderr)):
            if file is not None:
                data = file.read()
                if data:
                    self._protocol.pipe_data_received(stream, data)
                self._protocol.pipe_connection_lost(stream, None)
        if self.popen.stdin is not None:
            self._protocol.pipe_connection_lost(0, None)
        self._protocol.process_exited()
        self._protocol.connection_lost(None)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(self.popen.returncode)

    async def _wait(self):
        """How the child ended, for `Process.wait`."""
        if self.popen.returncode is not None:
            return self.popen.returncode
        self.end_input()
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        return await waiter

    def get_pid(self):
        """The number of the child."""
        return self.popen.pid

    def get_returncode(self):
        """How it ended; None before."""
        return self.popen.returncode

    def get_pipe_transport(self, fd):
        """The end of a stream that is the parent's."""
        return self._pipes.get(fd)

    def send_signal(self, signal):
        """Ends the child."""
        if self.popen.returncode is not None:
            raise ProcessLookupError
        self.popen.send_signal(signal)

    def terminate(self):
        """Ends the child."""
        self.send_signal(15)

    def kill(self):
        """Ends the child."""
        self.send_signal(9)

    def close(self):
        """Ends the child, unless it has ended."""
        if self.popen.returncode is None:
            self.popen.kill()

    def is_closing(self):
        """Whether it has ended."""
        return self.popen.returncode is not None


async def start(loop, protocol_factory, args, is_shell, options):
    """(transport, protocol) of a child that begins."""
    for name in ("universal_newlines", "bufsize", "text", "encoding", "errors"):
        options.pop(name, None)
    popen = subprocess.Popen(args, shell=is_shell, **options)
    protocol = protocol_factory()
    return _Child(loop, protocol, popen), protocol
