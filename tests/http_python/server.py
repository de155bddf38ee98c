"""A server of HTTP/1.1 on loopback, for the tests of client libraries. Prints its port, and ends with its standard input.

With a certificate and its key, both PEM, it speaks TLS.
"""

import gzip
import http.server
import json
import os
import ssl
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    met = {}
    one_more = threading.Condition()
    hidden = "host", "connection", "transfer-encoding", "content-length", "user-agent"

    def log_message(self, *args):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def send(self, status, data=b"", *headers, length=True):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def serve(self):
        body, path = self.body(), self.path.partition("?")[0]
        if path == "/hello":
            self.send(200, b"hello", ("Content-Type", "text/plain"))
        elif path == "/kib":
            self.send(200, b"x" * 1024)
        elif path == "/echo":
            headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in self.hidden}
            told = {"method": self.command, "path": self.path, "headers": dict(sorted(headers.items()))}
            told["body"] = body.decode("latin-1")
            self.send(200, json.dumps(told).encode(), ("Content-Type", "application/json"))
        elif path == "/gzip":
            self.send(200, gzip.compress(b"zipped " * 100, 0, mtime=0), ("Content-Encoding", "gzip"))
        elif path == "/chunked":
            parts = b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n"
            self.send(200, parts, ("Transfer-Encoding", "chunked"), length=False)
        elif path == "/close":
            self.send(200, b"until the end", ("Connection", "close"), length=False)
        elif path == "/cookies":
            self.send(200, b"set", ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/"))
        elif path.startswith("/status/"):
            status = int(path[8:])
            self.send(status, b"" if status in (204, 304) else b"told", length=status not in (204, 304))
        elif path in ("/redirect", "/keep"):
            self.send(302 if path == "/redirect" else 307, b"", ("Location", "/echo"))
        elif path == "/auth":
            if self.headers.get("Authorization") == "Basic dTpw":
                self.send(200, b"in")
            else:
                self.send(401, b"", ("WWW-Authenticate", 'Basic realm="x"'))
        elif path == "/flaky":
            with self.one_more:
                count = self.met[path] = self.met.get(path, 0) + 1
            self.send(200 if count % 3 == 0 else 503, b"%d" % (count % 3))
        elif path == "/never":
            threading.Event().wait()
        elif path.startswith("/meet/"):
            self.meet(path, int(path.split("/")[2]))
            self.send(200, b"met")
        elif path == "/big":
            self.send(200, bytes(range(256)) * 4096)
        else:
            self.send(404, b"no")

    def meet(self, path, together):
        """Waits until so many requests for a path wait for each other."""
        with self.one_more:
            count = self.met[path] = self.met.get(path, 0) + 1
            enough = (count + together - 1) // together * together
            self.one_more.notify_all()
            self.one_more.wait_for(lambda: self.met[path] >= enough)

    do_GET = do_POST = do_PUT = do_HEAD = serve


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # clients that give up are part of the tests


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
