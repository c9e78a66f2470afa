"""Handmade traces with fixed ids: one rich, one hostile, one unpriced, one very long."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

RICH_TRACE = "a1" * 16
RICH_CHAT_SPAN = "a1" * 7 + "03"
RICH_ANSWER = "Your Pebble desk lamp ships tomorrow; the refund of 12.50 EUR is on its way."
HOSTILE_TRACE = "b2" * 16
HOSTILE_SPAN = "b2" * 7 + "01"
FOREIGN_HOST = "evil.example.net"
HOSTILE_TEXT = (
    "<script>document.title='owned'</script>"
    f"<img src='http://{FOREIGN_HOST}/a.png' onerror=\"document.title='owned'\"> "
    f"![pixel](http://{FOREIGN_HOST}/b.png) [click](javascript:alert(1)) \x1b[31mred\x1b[0m \u202eevil\u202c "
    "$\\LaTeX$ :material/home: <style>body{display:none}</style>"
)
UNPRICED_TRACE = "c3" * 16
LONG_TRACE = "d4" * 16
LONG_STEPS, LONG_INNER = 40, 28
LONG_SPANS = 1 + LONG_STEPS * (1 + LONG_INNER)


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


class _Rows:
    """Collects rows and turns them into column lists."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, **values: Any) -> None:
        self.rows.append(values)

    def columns(self) -> dict[str, list[Any]]:
        names = sorted({name for row in self.rows for name in row})
        return {name: [row.get(name) for row in self.rows] for name in names}


def handmade(until: dt.datetime, *, hostile: bool = True) -> dict[str, dict[str, list[Any]]]:
    """Column lists of spans, payloads and costs; the traces ended a few minutes before ``until``."""
    end = until.astimezone(dt.UTC).replace(tzinfo=None)
    spans, payloads, costs = _Rows(), _Rows(), _Rows()
    _rich(end - dt.timedelta(minutes=4), spans, payloads, costs)
    if hostile:
        _hostile(end - dt.timedelta(minutes=3), spans, payloads)
    _unpriced(end - dt.timedelta(minutes=6), spans, payloads, costs)
    _long(end - dt.timedelta(minutes=9), spans, payloads)
    for row in spans.rows:
        row.setdefault("ingest_time", row["start_time"] + dt.timedelta(seconds=1))
        row.setdefault("status_code", "unset")
        row.setdefault("environment", "production")
    return {"spans": spans.columns(), "payloads": payloads.columns(), "costs": costs.columns()}


def _rich(start: dt.datetime, spans: _Rows, payloads: _Rows, costs: _Rows) -> None:
    """An agent: retrieval, a tool that fails and works, a streamed answer with reasoning, image and cache reads."""
    base = {"trace_id": RICH_TRACE, "service_name": "support-bot", "user_id": "user-007", "session_id": "s-rich"}

    def span(number: int, parent: int | None, at_ms: int, duration_ms: float, **values: Any) -> str:
        span_id = "a1" * 7 + f"{number:02x}"
        spans.add(
            **base,
            span_id=span_id,
            parent_span_id=None if parent is None else "a1" * 7 + f"{parent:02x}",
            start_time=start + dt.timedelta(milliseconds=at_ms),
            duration_ms=duration_ms,
            **values,
        )
        return span_id

    def payload(number: int, at_ms: int, **values: Any) -> None:
        payloads.add(
            trace_id=RICH_TRACE,
            span_id="a1" * 7 + f"{number:02x}",
            start_time=start + dt.timedelta(milliseconds=at_ms),
            attributes=json.dumps({"gen_ai.request.temperature": 0.2, "app.tenant": "north"}),
            resource=json.dumps({"service.name": "support-bot"}),
            events="[]",
            links="[]",
            **{key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()},
        )

    span(
        0,
        None,
        0,
        6240.0,
        name="invoke_agent support",
        operation="invoke_agent",
        agent_name="support",
        input_preview="Where is my lamp?",
        output_preview=RICH_ANSWER,
    )
    payload(0, 0)
    span(1, 0, 20, 180.0, name="retrieval policies", operation="retrieval", input_preview="refund late delivery")
    payload(
        1,
        20,
        retrieval_query="refund late delivery",
        retrieval_documents=[
            {
                "id": "policy-12",
                "score": 0.88,
                "content": "Late deliveries are refunded by 10 % of the price.",
                "metadata": {"page": 3},
            },
            {"id": "policy-3", "score": 0.71, "content": "Refunds are paid within five days."},
        ],
    )
    span(
        2,
        0,
        220,
        900.0,
        name="execute_tool find_order",
        operation="execute_tool",
        tool_name="find_order",
        status_code="error",
        error_type="TimeoutError",
        status_message="order service did not answer in 900 ms",
    )
    payload(2, 220, tool_arguments={"order": "A-77"})
    span(
        3,
        0,
        1200,
        4980.0,
        name="chat gpt-5",
        operation="chat",
        provider="openai",
        request_model="gpt-5",
        response_model="gpt-5",
        response_id="resp_rich",
        finish_reason="stop",
        is_stream=True,
        input_tokens=2400,
        output_tokens=380,
        cache_read_tokens=1800,
        reasoning_tokens=190,
        usage_source="reported",
        cost_usd=0.004775,
        price_source="exact",
        price_version="synthetic",
        ttft_ms=1320.0,
        temperature=0.2,
        input_preview="Where is my lamp?",
        output_preview=RICH_ANSWER,
    )
    payload(
        3,
        1200,
        system_instructions=[_text("You help customers of a lamp shop. Never promise dates you have not looked up.")],
        input_messages=[
            {
                "role": "user",
                "parts": [
                    _text("Where is my lamp? Here is the label."),
                    {
                        "type": "uri",
                        "modality": "image",
                        "mime_type": "image/png",
                        "uri": f"https://{FOREIGN_HOST}/label.png",
                    },
                ],
            },
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "tool_call",
                        "id": "call_1",
                        "name": "find_order",
                        "arguments": {"order": "A-77", "fields": ["status", "carrier"]},
                    }
                ],
            },
            {
                "role": "tool",
                "parts": [
                    {
                        "type": "tool_call_response",
                        "id": "call_1",
                        "response": {"status": "in transit", "carrier": "Post", "late_days": 4},
                    }
                ],
            },
        ],
        output_messages=[
            {
                "role": "assistant",
                "finish_reason": "stop",
                "parts": [
                    {"type": "reasoning", "content": "Four days late: the policy grants 10 %."},
                    _text(RICH_ANSWER),
                ],
            }
        ],
        tool_definitions=[{"type": "function", "name": "find_order", "description": "Look an order up"}],
    )
    costs.add(
        trace_id=RICH_TRACE,
        span_id=RICH_CHAT_SPAN,
        start_time=start + dt.timedelta(milliseconds=1200),
        provider="openai",
        model="gpt-5",
        price_model="gpt-5",
        price_provider="openai",
        uncached_input_tokens=600,
        cache_read_tokens=1800,
        cache_write_tokens=0,
        output_tokens=380,
        input_cost_usd=0.00075,
        cache_read_cost_usd=0.000225,
        cache_write_cost_usd=0.0,
        output_cost_usd=0.0038,
        other_cost_usd=0.0,
        cost_usd=0.004775,
        usage_source="reported",
        price_source="exact",
        price_version="synthetic",
        price_date=dt.date(2025, 8, 7),
        priced_at=start,
    )


def _hostile(start: dt.datetime, spans: _Rows, payloads: _Rows) -> None:
    name = f"chat ![x](http://{FOREIGN_HOST}/name.png)<img src=http://{FOREIGN_HOST}/n.png>"
    spans.add(
        trace_id=HOSTILE_TRACE,
        span_id=HOSTILE_SPAN,
        start_time=start,
        duration_ms=640.0,
        name=name,
        operation="chat",
        service_name=f"![svc](http://{FOREIGN_HOST}/svc.png)",
        provider="openai",
        status_code="error",
        request_model=f"![m](http://{FOREIGN_HOST}/m.png)",
        error_type=f"<b>E</b>![e](http://{FOREIGN_HOST}/e.png)",
        status_message=HOSTILE_TEXT,
        price_source="none",
        usage_source="missing",
        input_preview=HOSTILE_TEXT[:200],
        output_preview=HOSTILE_TEXT[:200],
        user_id=f"![u](http://{FOREIGN_HOST}/u.png)",
    )
    long_line = "x" * 1_000_000
    payloads.add(
        trace_id=HOSTILE_TRACE,
        span_id=HOSTILE_SPAN,
        start_time=start,
        input_messages=json.dumps(
            [
                {"role": f"<i>user</i>![r](http://{FOREIGN_HOST}/r.png)", "parts": [_text(HOSTILE_TEXT)]},
                {"role": "user", "parts": "not a list"},
                "not a message",
                None,
            ]
        ),
        output_messages=json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        _text(HOSTILE_TEXT),
                        {"type": "unheard-of", "data": HOSTILE_TEXT},
                        _text(long_line),
                        {"type": "tool_call", "name": HOSTILE_TEXT, "arguments": HOSTILE_TEXT},
                    ],
                }
            ]
        ),
        attributes=json.dumps({"<img src=x>": HOSTILE_TEXT}),
        resource="{}",
        events="[]",
        links="[]",
    )


def _unpriced(start: dt.datetime, spans: _Rows, payloads: _Rows, costs: _Rows) -> None:
    span_id = "c3" * 7 + "01"
    spans.add(
        trace_id=UNPRICED_TRACE,
        span_id=span_id,
        start_time=start,
        duration_ms=410.0,
        name="chat house-model-7b",
        operation="chat",
        service_name="ticket-triage",
        provider="vllm",
        request_model="house-model-7b",
        response_model="house-model-7b",
        input_tokens=500,
        output_tokens=40,
        usage_source="reported",
        price_source="none",
        price_version="synthetic",
    )
    payloads.add(
        trace_id=UNPRICED_TRACE,
        span_id=span_id,
        start_time=start,
        attributes="{}",
        resource="{}",
        events="[]",
        links="[]",
    )
    costs.add(
        trace_id=UNPRICED_TRACE,
        span_id=span_id,
        start_time=start,
        provider="vllm",
        model="house-model-7b",
        uncached_input_tokens=500,
        output_tokens=40,
        usage_source="reported",
        price_source="none",
        price_note="no price for provider vllm, model house-model-7b",
        price_version="synthetic",
        priced_at=start,
    )


def _long(start: dt.datetime, spans: _Rows, payloads: _Rows) -> None:
    """A loop of an agent: one root, 40 steps, the rest below the steps."""

    def add(number: int, parent: int | None, at_ms: float, duration_ms: float, name: str, operation: str) -> None:
        spans.add(
            trace_id=LONG_TRACE,
            span_id="d4" * 5 + f"{number:06x}",
            parent_span_id=None if parent is None else "d4" * 5 + f"{parent:06x}",
            name=name,
            operation=operation,
            start_time=start + dt.timedelta(milliseconds=at_ms),
            duration_ms=duration_ms,
            service_name="coding-agent",
        )

    add(0, None, 0, LONG_STEPS * 1000, "invoke_agent marathon", "invoke_agent")
    number = 1
    for step in range(LONG_STEPS):
        head = number
        add(head, 0, step * 1000, 990, f"step {step + 1}", "invoke_agent")
        number += 1
        for inner in range(LONG_INNER):
            add(number, head, step * 1000 + inner * 30, 25, "execute_tool read_file", "execute_tool")
            number += 1
