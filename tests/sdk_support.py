"""Fixtures and comparisons of the SDK's tests: the fake provider, captured spans, a span against its bill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import spanloft.testing
from fake_provider import FakeProvider
from opentelemetry.sdk.trace import ReadableSpan
from spanloft.testing import CapturedSpans

ORDER_TOOL = {
    "name": "get_order",
    "description": "Looks up an order.",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}
USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    with FakeProvider(tmp_path_factory.mktemp("fake") / "ledger.jsonl") as fake:
        yield fake


@pytest.fixture
def seen(provider: FakeProvider) -> int:
    """How many bills there were before the test."""
    return len(provider.bills())


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with spanloft.testing.capture() as captured:
        yield captured


def only(captured: CapturedSpans) -> Mapping[str, Any]:
    """The attributes of the one LLM span there must be."""
    calls = captured.calls
    assert len(calls) == 1, [span.name for span in captured]
    assert len(captured) == 1, [span.name for span in captured]
    return attributes_of(calls[0])


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def assert_billed(attributes: Mapping[str, Any], bill: Mapping[str, Any], usage: bool = True) -> None:
    """The span says what the provider's ledger says: models, id, tokens, text, tools."""
    assert attributes["gen_ai.request.model"] == bill["request_model"]
    assert attributes["gen_ai.response.model"] == bill["model"]
    assert attributes["gen_ai.response.id"] == bill["response_id"]
    for column, key in USAGE.items():
        expected = bill[column] if usage else 0
        assert attributes.get(key, 0) == expected, key
    assert attributes.get("gen_ai.request.stream", False) == bill["stream"]
    parts = [part for message in messages(attributes, "output") for part in message["parts"]]
    assert "".join(part["content"] for part in parts if part["type"] == "text") == bill["text"]
    assert [part["name"] for part in parts if part["type"] == "tool_call"] == bill["tool_calls"]


def messages(attributes: Mapping[str, Any], direction: str) -> list[dict[str, Any]]:
    """The decoded ``gen_ai.input.messages`` or ``gen_ai.output.messages``."""
    return list(json.loads(attributes[f"gen_ai.{direction}.messages"]))


@dataclass
class Ran:
    """A finished process: what it printed, its exit code and the seconds from its last line to its end."""

    stdout: str
    stderr: str
    code: int
    exit_seconds: float


def run_python(code: str, environment: Mapping[str, str], *command: str, cwd: Path | None = None) -> Ran:
    """Runs code (or ``command``) in a fresh interpreter; the code may print ``END <time>`` as its last line."""
    arguments = command or (sys.executable, "-c", code)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "SPANLOFT_", "ANTHROPIC_"))}
    process = subprocess.run(
        arguments, env={**kept, **environment}, capture_output=True, text=True, timeout=60, cwd=cwd, check=False
    )
    ended = time.time()
    last = [line for line in process.stdout.splitlines() if line.startswith("END ")]
    seconds = ended - float(last[-1].split()[1]) if last else -1.0
    return Ran(process.stdout, process.stderr, process.returncode, seconds)
