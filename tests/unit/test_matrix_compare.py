"""The judge of the matrix: each way of being wrong is seen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from matrix.compare import PROMPT, Outcome, compare

BILL: dict[str, Any] = {
    "endpoint": "/v1/chat/completions",
    "model": "gpt-4o-2024-08-06",
    "response_id": "r-1",
    "status": 200,
    "stream": False,
    "input_tokens": 50,
    "output_tokens": 20,
    "cached_tokens": 8,
    "cache_write_tokens": 0,
    "cache_write_1h_tokens": 0,
    "reasoning_tokens": 4,
    "usage_sent": True,
    "text": "60 days.",
    "tool_calls": [],
    "started_at": 10.5,
}
CALL: dict[str, Any] = {
    "span_id": "a",
    "start": 10.4,
    "response_id": "r-1",
    "input_tokens": 50,
    "output_tokens": 20,
    "cache_read_tokens": 8,
    "cache_write_tokens": None,
    "reasoning_tokens": 4,
    "usage_source": "reported",
    "cost_usd": (42 * 2.5 + 8 * 1.25 + 20 * 10) / 1e6,
    "error_type": None,
    "provider": "openai",
    "response_model": "gpt-4o-2024-08-06",
    "request_model": "gpt-4o",
    "ttft_ms": None,
    "is_stream": None,
    "input_messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]),
    "output_messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "60 days."}]}]),
}


def judge(calls: list[dict[str, Any]], name: str = "chat", **bill: Any) -> Outcome:
    case = {"case": name, "start": 10.0, "end": 11.0, "error": None}
    return compare([case], [{**BILL, **bill}], calls)


def test_a_right_call_passes():
    outcome = judge([CALL])
    assert outcome.passed
    assert outcome.cells == {"tokens": True, "cost": True, "content": True}
    assert (outcome.billed, outcome.counted, outcome.twice) == (1, 1, 0)


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("tokens", {"input_tokens": 42}),
        ("tokens", {"cache_read_tokens": None}),
        ("tokens", {"reasoning_tokens": None}),
        ("cost", {"cost_usd": None}),
        ("cost", {"cost_usd": 0.0003251}),
        ("content", {"input_messages": None}),
        ("content", {"output_messages": "[]"}),
    ],
)
def test_a_wrong_value_fails_its_column(column: str, wrong: dict[str, Any]):
    outcome = judge([{**CALL, **wrong}])
    assert [name for name, right in outcome.cells.items() if not right] == [column]
    assert not outcome.passed


def test_a_missing_call_fails():
    assert judge([]).cells["tokens"] is False


def test_a_call_counted_twice_is_seen_inside_and_outside_of_its_case():
    assert judge([CALL, {**CALL, "span_id": "b"}]).twice == 1
    assert judge([CALL, {**CALL, "span_id": "b", "start": 20.0}]).twice == 1


def test_a_stream_must_say_so_and_must_be_one():
    streamed = {**CALL, "is_stream": True, "ttft_ms": 3.0}
    assert judge([streamed], "stream", stream=True).passed
    assert judge([CALL], "stream", stream=True).cells["stream"] is False
    assert judge([streamed], "stream", stream=False).cells["stream"] is False


def test_usage_that_nobody_was_told_is_not_zero():
    untold = {**CALL, "input_tokens": None, "output_tokens": None, "cost_usd": None, "usage_source": "missing"}
    assert judge([untold], usage_sent=False).passed
    assert judge([{**untold, "usage_source": "reported"}], usage_sent=False).cells["tokens"] is False


def test_tools_of_the_answer_and_tools_that_ran():
    part = {"type": "tool_call", "name": "get_order", "arguments": {}}
    called = {**CALL, "output_messages": json.dumps([{"role": "assistant", "parts": [part]}])}
    assert judge([called], "tool", text="", tool_calls=["get_order"]).passed
    assert judge([CALL], "tool", tool_calls=["get_order"]).cells["tool"] is False
    case = {"case": "tool", "start": 10.0, "end": 11.0, "error": None, "tools": ["get_order"]}
    ran = {"tool_name": "get_order", "start": 10.5}
    assert compare([case], [], [], [ran]).passed
    assert not compare([case], [], [], []).passed
    assert not compare([case], [], [], [ran, ran]).passed


def test_an_error_has_a_type_and_no_cost():
    failed = {**CALL, "error_type": "RateLimitError", "cost_usd": None}
    assert judge([failed], "error", status=429).cells == {"error": True}
    assert judge([{**failed, "error_type": None}], "error", status=429).cells == {"error": False}
    assert judge([{**failed, "cost_usd": 0.1}], "error", status=429).cells == {"error": False}
    assert judge([], "error", status=429).cells == {"error": False}
