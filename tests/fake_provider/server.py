"""The HTTP side: keep-alive, chunked streams, dropped connections, slow answers."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections import deque
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .cases import find_case
from .ledger import Bill, Ledger
from .providers import load_routes
from .wire import EventStream, Reply, Request


class FakeServer(ThreadingHTTPServer):
    """All providers on one port of 127.0.0.1. ``ledger`` holds what was billed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, ledger: Ledger) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ledger = ledger
        self.routes = load_routes()
        self.numbers = itertools.count(1)
        self.cached: set[str] = set()
        self.replies: deque[str] = deque()
        """Texts to answer with, one per request, before any is invented."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for the head and the body

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the ledger is the log."""

    def do_GET(self) -> None:
        self._send_json(200, {"status": "ok"}, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        handler = next((handler for pattern, handler in self.server.routes if pattern.match(path)), None)
        if handler is None:
            self._send_json(404, {"error": {"message": f"no route {path}", "type": "not_found"}}, {})
            return
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            self._send_json(400, {"error": {"message": "body is not JSON", "type": "invalid_request_error"}}, {})
            return
        case = find_case(headers, body)
        if self.server.replies and case.reply is None:
            case = replace(case, reply=self.server.replies.popleft())
        number = next(self.server.numbers)
        request = Request(path, headers, body, case, self.server.ledger, number, self.server.cached, query)
        if case.drop:
            self._drop(Bill(path, "", str(body.get("model", "")), status=0, completed=False))
            return
        time.sleep(60 if case.hang else case.slow)
        answer = handler(request)
        if isinstance(answer, Reply):
            self.server.ledger.write(answer.bill)
            self._send_json(answer.status, answer.body, answer.headers)
        else:
            self._send_stream(request, answer)

    def _drop(self, bill: Bill) -> None:
        self.server.ledger.write(bill)
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send_json(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _send_stream(self, request: Request, answer: EventStream) -> None:
        frames = list(answer.chunks)
        self.send_response(200)
        self.send_header("content-type", answer.content_type)
        self.send_header("transfer-encoding", "chunked")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        try:
            for index, frame in enumerate(frames):
                if request.case.drop_midstream and index == len(frames) // 2:
                    answer.bill.completed = False
                    self._drop(answer.bill)
                    return
                if index == len(frames) - 1:
                    self.server.ledger.write(answer.bill)
                self.wfile.write(b"%x\r\n%b\r\n" % (len(frame), frame))
                self.wfile.flush()
                if request.case.gap:
                    time.sleep(request.case.gap)
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        except OSError:
            # The client left early; a provider bills what it generated.
            if answer.bill not in self.server.ledger.bills:
                answer.bill.completed = False
                self.server.ledger.write(answer.bill)
            self.close_connection = True
