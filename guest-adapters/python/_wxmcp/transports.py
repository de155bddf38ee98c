"""Connections of asyncio: transports over lines, so that requests overlap (see `lines`)."""

from . import kept as __builtins__

import asyncio
import asyncio.base_events
import asyncio.sslproto
import asyncio.trsock
import errno
import socket
from functools import partial

from . import connected, reached, sockets

# Bytes that a protocol gets at a time.
_PART = 256 * 1024


class Transport(asyncio.Transport):
    """Bytes of a line to a protocol and back."""

    _start_tls_compatible = True

    def __init__(self, loop, sock, protocol, waiter=None, extra=None):
        super().__init__(extra)
        self._loop, self._sock, self._protocol = loop, sock, protocol
        self._line = sockets.state_of(sock).line
        if self._line is None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        self._extra |= {
            "socket": asyncio.trsock.TransportSocket(sock), "sockname": sock.getsockname(), "peername": sock.getpeername(),
        }  # fmt: skip
        self._is_closing = self._is_paused = self._is_due = self._has_told_end = self._is_lost = False
        self._line.on_change = self._changed
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._changed)
        if waiter is not None:
            loop.call_soon(_set_result, waiter)

    def _changed(self):
        if not self._is_due and not self._is_lost:
            self._is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self):
        """Hands over what has come."""
        self._is_due = False
        line = self._line
        if self._is_lost or self._is_paused:
            return
        try:
            while line.is_readable() and not self._is_paused and not self._is_closing:
                data = line.read(_PART)
                if not data:
                    self._tell_end()
                    return
                self._hand_over(data)
        except OSError as error:
            self._lose(error)

    def _hand_over(self, data):
        protocol = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)
            return
        view = memoryview(data)
        while view:
            buffer = memoryview(protocol.get_buffer(len(view))).cast("B")
            size = min(len(buffer), len(view))
            buffer[:size] = view[:size]
            protocol.buffer_updated(size)
            view = view[size:]

    def _tell_end(self):
        if not self._has_told_end:
            self._has_told_end = True
            if not self._protocol.eof_received():
                self.close()

    def _lose(self, error):
        if self._is_lost:
            return
        self._is_lost = self._is_closing = True
        self._line.on_change = None
        self._loop.call_soon(self._end, error)

    def _end(self, error):
        self._sock.close()
        self._protocol.connection_lost(error)

    def write(self, data):
        """Sends bytes; errors come by `connection_lost`."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._is_lost or not data:
            return
        try:
            self._line.feed(data)
        except OSError as error:
            self._lose(error)
            return
        self._changed()

    def writelines(self, list_of_data):
        """Sends bytes, one after the other."""
        self.write(b"".join(list_of_data))

    def write_eof(self):
        """Has no effect: requests say where they end."""

    def can_write_eof(self):
        """Whether `write_eof` may be called."""
        return True

    def is_closing(self):
        """Whether it is closed, or is about to be."""
        return self._is_closing

    def close(self):
        """Closes the connection: what is under way is given up."""
        self._is_closing = True
        self._lose(None)

    def abort(self):
        """The same at once."""
        self.close()

    def _force_close(self, error):
        self._lose(error)

    def is_reading(self):
        """Whether the protocol gets what comes."""
        return not self._is_paused and not self._is_closing

    def pause_reading(self):
        """Keeps what comes."""
        self._is_paused = True

    def resume_reading(self):
        """Hands over what comes."""
        if self._is_paused:
            self._is_paused = False
            self._changed()

    def set_protocol(self, protocol):
        """Gives another protocol what comes."""
        self._protocol = protocol

    def get_protocol(self):
        """The protocol that gets what comes."""
        return self._protocol

    def set_write_buffer_limits(self, high=None, low=None):
        """Has no effect: all that is written is taken."""

    def get_write_buffer_limits(self):
        """Between which sizes writing goes on."""
        return 0, 0

    def get_write_buffer_size(self):
        """Nothing waits to be taken."""
        return 0


def _set_result(waiter):
    if not waiter.done():
        waiter.set_result(None)


class Loop:
    """What an event loop has of sockets."""

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        """The addresses behind a name; see `socket.getaddrinfo`."""
        return await sockets.getaddrinfo_in(self, host, port, family, type, proto, flags)

    async def sock_connect(self, sock, address):
        """Connects a socket."""
        state, place = connected.check(sock, address)
        if place[0] not in ("", None) and not isinstance(place[0], reached.Local) and _is_name(place[0]):
            place = (await self.getaddrinfo(*place, type=socket.SOCK_STREAM))[0][4][:2]
        state.line = await reached.connect_in(self, place)
        state.peer = address

    async def sock_recv(self, sock, n):
        """Receives up to so many bytes."""
        await self._readable(sock)
        return sock.recv(n)

    async def sock_recv_into(self, sock, buf):
        """The same, into a buffer."""
        await self._readable(sock)
        return sock.recv_into(buf)

    async def sock_sendall(self, sock, data):
        """Sends all of the data."""
        sock.sendall(data)

    async def _readable(self, sock):
        line = sockets.state_of(sock).line
        while line is not None and line.asked is not None and not line.is_readable():
            ready = self.create_future()
            line.asked.then = line.on_change = partial(_set_result, ready)
            await ready

    def _make_socket_transport(self, sock, protocol, waiter=None, *, extra=None, server=None):
        return Transport(self, sock, protocol, waiter, extra)

    def _make_ssl_transport(
        self, rawsock, protocol, sslcontext, waiter=None, *, server_side=False, server_hostname=None, extra=None,
        server=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    ):  # fmt: skip
        _have_ssl()
        secured = asyncio.sslproto.SSLProtocol(
            self, protocol, sslcontext, waiter, server_side, server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
        )  # fmt: skip
        Transport(self, rawsock, secured, extra=extra)
        return secured._app_transport


    async def start_tls(self, transport, protocol, sslcontext, **options):
        """Upgrades a connection to TLS."""
        _have_ssl()
        return await super().start_tls(transport, protocol, sslcontext, **options)


def _have_ssl():
    """Gives asyncio `ssl`, which was not there when it was imported."""
    import ssl

    if asyncio.sslproto.ssl is None:
        asyncio.sslproto.ssl = asyncio.base_events.ssl = ssl
        asyncio.sslproto.SSLAgainErrors = (ssl.SSLWantReadError, ssl.SSLSyscallError)


def _is_name(host):
    return ":" not in host and not host.replace(".", "").isdecimal()
