"""Redaction end to end: neither the wire nor the spool ever holds what was to be taken out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import spanloft.testing
from fake_provider import FakeProvider
from otlp_sink import Sink, otlp_sink
from sdk_support import messages, only, provider, run_python

__all__ = ["provider"]
SECRET = "sk-proj-abcDEF1234567890abcDEF1234567890"
APP = f"""
import os, openai, spanloft
{{instrument}}
client = openai.OpenAI(base_url=os.environ["FAKE_URL"] + "/v1", api_key="x")
asked = [{{{{"role": "user", "content": "refund to jane@example.com, card 4111 1111 1111 1111, key\\n{SECRET}"}}}}]
with spanloft.context(user="jane@example.com"):
    client.chat.completions.create(model="gpt-4o", messages=asked)
"""
PRIVATE = (b"jane@example.com", b"4111", SECRET.encode())


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as running:
        yield running


def sent(sink: Sink) -> bytes:
    return b"".join(request.SerializeToString() for request in sink.requests)


def test_by_the_environment(provider: FakeProvider, sink: Sink, tmp_path: Path) -> None:
    environment = {
        "FAKE_URL": provider.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "SPANLOFT_SPOOL": str(tmp_path),
        "SPANLOFT_REDACT": "true",
        "SPANLOFT_REDACT_FIELDS": "gen_ai.output.*",
    }
    ran = run_python(APP.format(instrument="spanloft.instrument()"), environment)
    assert ran.code == 0, ran.stderr
    assert len(sink.spans) == 1
    assert not [text for text in PRIVATE if text in sent(sink)]
    for text in (b"[EMAIL]", b"[CARD]", b"[SECRET]", b"[REDACTED]"):
        assert text in sent(sink)


@pytest.mark.parametrize(
    "function",
    [
        "lambda key, text: text.replace('jane@example.com', 'J').replace('4111 1111 1111 1111', 'C').replace('"
        + SECRET
        + "', 'S')",
        "lambda key, text: 1 / 0",
    ],
    ids=["works", "fails"],
)
def test_by_a_function_into_the_spool(provider: FakeProvider, tmp_path: Path, function: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = {
        "FAKE_URL": provider.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "SPANLOFT_SPOOL": str(tmp_path),
    }
    ran = run_python(APP.format(instrument=f"spanloft.instrument(redact={function})"), environment)
    assert (ran.code, ran.stderr) == (0, "")
    (file,) = tmp_path.rglob("*.otlp")
    assert not [text for text in PRIVATE if text in file.read_bytes()]


def test_the_fallback_is_redacted_too(provider: FakeProvider) -> None:
    client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="x")
    body: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "I am jane@example.com"}]}
    with spanloft.testing.capture(redact="email") as captured:
        client.post("/chat/completions", body=body, cast_to=dict)
    assert messages(only(captured), "input")[0]["parts"][0]["content"] == "I am [EMAIL]"
