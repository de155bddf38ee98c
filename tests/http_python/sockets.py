"""Sockets themselves: what they carry, and what they refuse. Arguments: the folder of the packages, the server's port."""

import select
import socket
import sys

PORT = int(sys.argv[2])


def connected():
    return socket.create_connection(("localhost", PORT), timeout=30)


def say(data, read=0):
    with connected() as sock:
        sock.sendall(data)
        return sock.recv(read) if read else None


def smtp():
    import smtplib

    smtplib.SMTP("localhost", PORT)


def attempt(what, act):
    try:
        print(what, "->", act())
    except Exception as error:
        print(what, "->", f"{type(error).__name__}: {error}".replace(str(PORT), "PORT"))


GET = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
with connected() as sock:
    # Several requests over one connection, the second written before the first is answered.
    print(select.select([sock], [sock], [], 0)[1] == [sock], select.select([sock], [], [], 0)[0])
    sock.sendall(GET + GET[:10])
    sock.sendall(GET[10:])
    data = b""
    while data.count(b"hello") < 2:
        data += sock.recv(100)
    print(data.count(b"HTTP/1.1 200 OK\r\n"), sock.getpeername()[1] == PORT, sock.fileno() > 2)
    sock.setblocking(False)
    sock.send(b"GET /meet/1/socket HTTP/1.1\r\n\r\n")
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    print([event for _, event in poll.poll(30_000)] == [select.POLLIN], sock.recv(1000)[-3:])
    attempt("nothing is there", lambda: sock.recv(1))
    sock.setblocking(True)
    attempt("nothing will come", lambda: sock.recv(1))
with connected() as sock:
    sock.sendall(b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    print(sock.recv(100))
    sock.sendall(b"abc")
    print(b'"body": "abc"' in sock.recv(10_000))
    sock.settimeout(0.2)
    sock.sendall(b"GET /never HTTP/1.1\r\n\r\n")
    attempt("a timeout", lambda: sock.recv(1))
attempt("closed", lambda: sock.recv(1))
attempt("not connected", lambda: socket.socket().recv(1))
attempt("the server speaks first", smtp)
attempt("another protocol", lambda: say(b"EHLO me\r\n"))
attempt("a database", lambda: say(b"\0\0\0\x08\x04\xd2\x16\x2f"))
attempt("TLS of one's own", lambda: say(b"\x16\x03\x01\0\x05hello"))
attempt("HTTP/2", lambda: say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
attempt("a proxy", lambda: say(b"CONNECT api.test:443 HTTP/1.1\r\n\r\n"))
attempt("a proxy", lambda: say(b"GET http://api.test/ HTTP/1.1\r\n\r\n"))
attempt("a WebSocket", lambda: say(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"))
attempt("half a request", lambda: say(b"GET /hello HTTP/1.1\r\n", 10))
attempt("another port", lambda: socket.create_connection(("localhost", 1)))
attempt("UDP", lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("localhost", PORT)))
attempt("a server", lambda: socket.create_server(("localhost", 0)))
attempt("a name", lambda: socket.getaddrinfo("api.test", 443))
attempt("an address of a name", lambda: socket.gethostbyname("api.test"))
