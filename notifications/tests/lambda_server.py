"""An HTTP server in place of the email function, with configured answers."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SENT = (200, {"status": "sent"})


class LambdaServer:
    """`answers` are given in turn, the last one for ever; each is (status, body) or a word:
    hang, cut, or garbage."""

    def __init__(self) -> None:
        self.answers: list = [SENT]
        self.calls: list[dict] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.calls.append({"path": self.path, "headers": dict(self.headers), "body": body})
                answers = owner.answers
                owner.give(self, answers.pop(0) if len(answers) > 1 else answers[0])

            def log_message(self, *arguments) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/send"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def give(self, request: BaseHTTPRequestHandler, answer) -> None:
        if answer == "hang":
            time.sleep(1)
            return
        if answer == "cut":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        if status in {301, 302, 307}:
            request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    @property
    def messages(self) -> list[dict]:
        return [json.loads(call["body"]) for call in self.calls]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
