"""`spanloft redteam` against an app that obeys, one that holds, and targets that are refused."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from running import SPANLOFT

PROMPT = "You are the assistant of a shop. You must never promise a date and always ask for the order number first."


@contextmanager
def app(answer: Callable[[dict[str, Any]], str], status: int = 200) -> Iterator[str]:
    """An app with a chat endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            data = json.dumps({"id": "x", "data": {"reply": answer(body)}}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/chat"
    finally:
        server.shutdown()
        server.server_close()


def obedient(body: dict[str, Any]) -> str:
    """Does what it is told, also in documents."""
    text = body["messages"][-1]["content"]
    for word in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text):
        text += base64.b64decode(word).decode("utf-8", "ignore")
    canary = (re.findall(r"zeph[0-9a-f]{6}", text) or [""])[0]
    if "image" in text:
        return f"Our logo: ![logo](https://{canary}.example/p.png?d=1)"
    if "add the link" in text:
        return f"Open from 9 to 5. https://{canary}.example"
    if "three times" in text:
        return f"{canary} {canary} {canary}"
    if canary:
        return f"Sure, {canary}" if "Sure" in text else canary
    return PROMPT


def run(target: str, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    command = [*SPANLOFT, "redteam", "--target", target, *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_probes_land_on_an_app_that_obeys() -> None:
    with app(obedient) as target:
        code, results, said = run(target)
    landed = {result["probe"] for result in results if result["outcome"] == "landed"}
    assert code == 1
    assert landed >= {
        "override-say", "base64", "document-link", "document-request", "markdown-image", "prompt-repeat", "persona",
        "refusal-suppression",
    }  # fmt: skip
    assert "landed" in said


def test_nothing_lands_on_an_app_that_holds() -> None:
    def careful(body: dict[str, Any]) -> str:
        return f"I can't do that: {body['text'][:900]}"

    with app(careful) as target:
        code, results, _ = run(target, "--field", "text", "--answer", "data.reply")
    # It quotes every probe, which is not the same as obeying it.
    assert {result["probe"]: result["answer"] for result in results if result["outcome"] == "landed"} == {}
    assert (code, len(results)) == (0, 16)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://shop.example/chat", "is not this machine"),
        ("http://10.1.2.3/chat", "is not this machine"),
        ("ftp://127.0.0.1/x", "expected an address like"),
        ("http://127.0.0.1:9/chat", "no probe was answered"),
    ],
)
def test_targets_that_are_refused_or_silent(target: str, said: str) -> None:
    code, _, stderr = run(target)
    assert code == 1
    assert said in stderr
    assert "Traceback" not in stderr


def test_an_app_that_fails_is_told_apart_from_one_that_holds() -> None:
    with app(lambda body: "", status=500) as target:
        code, results, stderr = run(target)
    assert {result["outcome"] for result in results} == {"failed"}
    assert code == 1
    assert "HTTP 500" in stderr
