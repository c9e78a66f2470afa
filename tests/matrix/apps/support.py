"""What the apps share: where the provider is, what to ask it, and telling the runner when a case began and ended."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

URL = os.environ.get("FAKE_URL", "http://127.0.0.1:1")
"""The fake provider."""
QUESTION = "What does clause 7 of the contract with Orlando say about notice? [[fake: cached=8, reasoning=4]]"
FAILING = "What does clause 7 of the contract with Orlando say about notice? [[fake: 429]]"
SYSTEM = "You are terse."
DESCRIPTION = "Looks up an order."
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"order_id": {"type": "string", "description": "Number of the order"}},
    "required": ["order_id"],
}
_loop = asyncio.Runner()
"""One loop for all cases: frameworks keep their clients' connections for the next call."""
OPENAI_TOOL = {
    "type": "function",
    "function": {"name": "get_order", "description": DESCRIPTION, "parameters": PARAMETERS},
}


def get_order(order_id: str) -> str:
    """Looks up an order.

    Args:
        order_id: Number of the order.
    """
    return f"Order {order_id} was shipped on Monday."


def user(text: str = QUESTION) -> list[dict[str, Any]]:
    """Messages in OpenAI's shape."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def case(name: str, call: Callable[[], Any], tools: Sequence[str] = ()) -> None:
    """Runs a case; what it raises is part of the report. Cases lie apart in time, which is how calls are assigned.

    Args:
        name: says which columns of the table it decides: stream, tool, error, async, embeddings.
        call: makes the calls.
        tools: tools that run on this side, each once.
    """
    time.sleep(0.08)
    started, error = time.time(), None
    try:
        call()
    except Exception as raised:
        error = f"{type(raised).__name__}: {str(raised)[:300]}"
    time.sleep(0.08)
    line = {"case": name, "start": started, "end": time.time(), "error": error, "tools": list(tools)}
    print("\nCASE " + json.dumps(line), flush=True)


def case_async(name: str, call: Callable[[], Coroutine[Any, Any, Any]], tools: Sequence[str] = ()) -> None:
    """A case that is a coroutine function."""

    async def run() -> Any:
        return await call()

    case(name, lambda: _loop.run(run()), tools)


def drain(stream: Any) -> None:
    """Reads a stream to its end."""
    for _ in stream:
        pass


async def drain_async(stream: Any) -> None:
    """Reads an asynchronous stream to its end."""
    async for _ in stream:
        pass
