"""What the transport fallback adds to HTTP requests that are no LLM calls, and to those that are.

    python bench/fallback.py [--requests 2000] [--rounds 7]

The client is httpx2 (which openai brings) with a transport that answers from memory, so that the added microseconds
are not lost in the network's. Blocks with and without the fallback take turns in one process; the figure is the median
of the rounds' differences of the median CPU time per request, with the range.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import httpx2
from opentelemetry.sdk.trace import TracerProvider
from spanloft.fallback import Fallback

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How do I get a refund? " * 40}]}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Within 30 days. " * 20}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 250, "completion_tokens": 80},
}
CASES = {
    "GET, unrelated": ("GET", "http://shop.test/v1/orders/17", None),
    "POST, unrelated": ("POST", "http://shop.test/v1/orders", BODY),
    "POST, LLM call (a span)": ("POST", "http://llm.test/v1/chat/completions", BODY),
}


def block(client: Any, method: str, url: str, body: Any, requests: int) -> float:
    """Median CPU microseconds of a request."""
    times = []
    for _ in range(requests):
        start = time.thread_time_ns()
        client.request(method, url, json=body)
        times.append(time.thread_time_ns() - start)
    return statistics.median(times) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    data = json.dumps(ANSWER).encode()
    head = {"content-type": "application/json"}
    client = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=data, headers=head)))
    provider = TracerProvider()
    print(f"{'us of CPU per request':28} {'bare':>8} {'added':>8} {'range':>20}")
    for name, (method, url, body) in CASES.items():
        block(client, method, url, body, 200)
        bare, added = [], []
        for _ in range(options.rounds):
            bare.append(block(client, method, url, body, options.requests // options.rounds))
            fallback = Fallback(provider, content=True)
            fallback.start()
            added.append(block(client, method, url, body, options.requests // options.rounds) - bare[-1])
            fallback.stop()
        spread = f"[{min(added):.1f}..{max(added):.1f}]"
        print(f"{name:28} {statistics.median(bare):8.1f} {statistics.median(added):8.1f} {spread:>20}")


if __name__ == "__main__":
    main()
