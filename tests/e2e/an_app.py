"""An app as a user would write it: two providers, and one line for Spanloft (none when started by `spanloft run`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

if "--no-line" not in sys.argv:
    import spanloft

    spanloft.instrument()

import anthropic
import openai

URL = os.environ["PROVIDER_URL"]
TOOL = {
    "name": "get_order",
    "description": "Looks up an order.",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}


def openai_calls() -> None:
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key="test", max_retries=0)
    ask = [{"role": "user", "content": "Which of the tents is the lightest for two people?"}]
    client.chat.completions.create(model="gpt-4o", messages=ask)
    cached = [{"role": "user", "content": "hello " * 300 + "[[fake: cached=128]]"}]
    client.chat.completions.create(model="gpt-4.1", messages=cached)
    thinking = [{"role": "user", "content": "How many nights fit into a fortnight? [[fake: reasoning=64]]"}]
    client.chat.completions.create(model="gpt-5-mini", messages=thinking)
    with_usage = {"stream": True, "stream_options": {"include_usage": True}}
    for _ in client.chat.completions.create(model="gpt-4o-mini", messages=ask, **with_usage):
        pass
    for _ in client.chat.completions.create(model="gpt-4o-mini", messages=ask, stream=True):
        pass
    order = [{"role": "user", "content": "Where is my order A-20731?"}]
    client.chat.completions.create(model="gpt-4o", messages=order, tools=[{"type": "function", "function": TOOL}])
    client.embeddings.create(model="text-embedding-3-small", input=["warm jackets", "light tents"])
    client.responses.create(model="gpt-4o-mini", input="Name one knot that holds a tarp.")
    for _ in client.responses.create(model="gpt-5-mini", input="And one that slides?", stream=True):
        pass
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "[[fake: 429]]"}])


async def openai_async() -> None:
    client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="test", max_retries=0)
    ask = [{"role": "user", "content": "Say hello to the harbour."}]
    await asyncio.gather(*(client.chat.completions.create(model="gpt-4o-mini", messages=ask) for _ in range(5)))


def anthropic_calls() -> None:
    client = anthropic.Anthropic(base_url=URL, api_key="test", max_retries=0)
    ask = [{"role": "user", "content": "Summarise the packing list in one line."}]
    client.messages.create(model="claude-sonnet-4-5", max_tokens=200, messages=ask)
    cached = [{"type": "text", "text": "manual " * 2000, "cache_control": {"type": "ephemeral"}}]
    for _ in range(2):
        client.messages.create(model="claude-haiku-4-5", max_tokens=200, system=cached, messages=ask)
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=200, messages=ask) as stream:
        stream.until_done()
    tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
    order = [{"role": "user", "content": "Where is my order A-20731?"}]
    client.messages.create(model="claude-sonnet-4-5", max_tokens=200, messages=order, tools=[tool])


openai_calls()
asyncio.run(openai_async())
anthropic_calls()
