"""Message texts of the synthetic store: a small pool per kind of span, in the semconv shape."""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import Any

PRODUCTS = ["Trail 45 backpack", "Aero kettle", "Nordic wool throw", "Pebble desk lamp", "Mesa office chair"]
ISSUES = [
    "arrived with a broken zip",
    "has not arrived after nine days",
    "is the wrong colour",
    "stopped working on the second day",
    "was charged twice",
]
QUESTIONS = [
    "How many days of parental leave do we offer?",
    "Who approves travel above 2,000 euros?",
    "What is the on-call rota for the payments team?",
    "How do I request access to the data warehouse?",
    "Which insurance covers working from abroad?",
]
TASKS = [
    "Make the retry in client.py honour Retry-After",
    "Add a test for the empty cart",
    "Speed up the nightly export",
    "Rename the flag without breaking the API",
]
SYSTEM = {
    "chat": "You are a careful assistant of a shop. Answer from what the tools return; say so when you do not know.",
}


def _part(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def _message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def _chat() -> list[dict[str, Any]]:
    pool = []
    for number, (product, issue) in enumerate(itertools.product(PRODUCTS, ISSUES)):
        ask = f"My {product} {issue}. Order A-{1000 + number}. What can you do?"
        answer = (
            f"I am sorry about your {product}. I have found order A-{1000 + number}: a replacement ships tomorrow and "
            "a return label is in your mail. You need not send photos."
        )
        call = {
            "type": "tool_call",
            "id": f"call_{number}",
            "name": "find_order",
            "arguments": {"order": f"A-{1000 + number}"},
        }
        result = {
            "type": "tool_call_response",
            "id": f"call_{number}",
            "response": {"status": "delivered", "item": product},
        }
        inputs = [_message("user", _part(ask)), _message("assistant", call), _message("tool", result)]
        pool.append(
            {
                "input_preview": ask,
                "output_preview": answer,
                "input_messages": json.dumps(inputs),
                "output_messages": json.dumps([{**_message("assistant", _part(answer)), "finish_reason": "stop"}]),
                "system_instructions": json.dumps([_part(SYSTEM["chat"])]),
                "tool_definitions": json.dumps(
                    [{"type": "function", "name": "find_order", "description": "Look an order up"}]
                ),
            }
        )
    return pool


def _retrieval() -> list[dict[str, Any]]:
    pool = []
    for question in QUESTIONS:
        documents = [
            {
                "id": f"handbook-{rank}",
                "score": round(0.91 - rank * 0.07, 2),
                "content": f"Section {rank + 3}. {question} See the table below.",
            }
            for rank in range(4)
        ]
        pool.append(
            {
                "input_preview": question,
                "output_preview": documents[0]["content"],
                "retrieval_query": question,
                "retrieval_documents": json.dumps(documents),
            }
        )
    return pool


def _tool(name: str) -> list[dict[str, Any]]:
    arguments = {"order": "A-1042"} if name == "find_order" else {"path": "src/client.py"}
    return [
        {
            "input_preview": json.dumps(arguments),
            "output_preview": json.dumps({"ok": True, "ms": cost}),
            "tool_arguments": json.dumps(arguments),
            "tool_result": json.dumps({"ok": True, "ms": cost}),
        }
        for cost in (12, 48, 150)
    ]


@cache
def pool(operation: str | None, name: str) -> list[dict[str, Any]]:
    """Payloads and previews to draw from for a span of ``operation``."""
    if operation == "chat":
        return _chat()
    if operation == "retrieval":
        return _retrieval()
    if operation == "execute_tool":
        return _tool(name.split()[-1])
    texts = TASKS if operation == "invoke_agent" else QUESTIONS
    if operation == "embeddings":
        return [{"input_preview": item, "output_preview": None} for item in QUESTIONS]
    return [{"input_preview": item, "output_preview": f"Done: {item}"} for item in texts]


def attributes(operation: str | None, name: str) -> str:
    """Raw span attributes as JSON."""
    if operation is None:
        return json.dumps({"http.request.method": "POST", "url.path": "/ask", "http.response.status_code": 200})
    return json.dumps({"gen_ai.operation.name": operation, "gen_ai.request.temperature": 0.2, "app.span": name})


def resource(service: str) -> str:
    """Resource attributes as JSON."""
    return json.dumps({"service.name": service, "service.version": "1.4.2", "telemetry.sdk.language": "python"})
