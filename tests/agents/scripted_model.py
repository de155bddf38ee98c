"""A model API on loopback whose model follows a script. It keeps every request that it gets."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conversation import next_turn


class ScriptedModel:
    """Serves one API (a module with PATH, offer, results and reply) while it is a context."""

    def __init__(self, api):
        self.api = api
        self.requests = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path.partition("?")[0] != api.PATH:
                    self.send_error(404)
                    return
                request = json.loads(body)
                model.requests.append(request)
                self.send_events(model.answer(request))

            def do_GET(self):
                self.send_error(404)

            def do_HEAD(self):
                self.send_response(200)
                self.end_headers()

            def send_events(self, events):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for event in events:
                    self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

            def log_message(self, *_):
                pass

        # Port 0: the system chooses a free one.
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        """Where the API is, without its path."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request):
        """The events of the model's reply. It depends on the request alone, so that a repeated one does no harm."""
        tool = self.api.offer(request)
        # Agents also ask for titles and the like, without offering tools.
        turn = "Pears" if tool is None else next_turn(self.api.results(request))
        return self.api.reply(turn, tool)
