# ruff: noqa: E402
import spanloft

spanloft.instrument()

import anthropic
from support import DESCRIPTION, FAILING, PARAMETERS, QUESTION, SYSTEM, URL, case, case_async, drain

client = anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0)
TOOL = {"name": "get_order", "description": DESCRIPTION, "input_schema": PARAMETERS}
ASK = {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": QUESTION}]}
FAIL = {**ASK, "messages": [{"role": "user", "content": FAILING}]}
LONG = "The agreement may be ended with notice. " * 60


def cached(ttl: str) -> list[dict[str, object]]:
    return [{"type": "text", "text": f"{ttl}: {LONG}", "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def stream_manager() -> None:
    with client.messages.stream(**ASK) as stream:
        drain(stream)


def asynchronous() -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=URL, api_key="none", max_retries=0)


async def create_async() -> None:
    async with asynchronous() as remote:
        await remote.messages.create(**ASK)


async def stream_async() -> None:
    async with asynchronous() as remote, remote.messages.stream(**ASK) as stream:
        async for _ in stream:
            pass


create = client.messages.create
plain = [{"role": "user", "content": QUESTION.partition(" [[")[0]}]
cached_call = {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": plain}
case("chat", lambda: create(**ASK, system=SYSTEM))
case("cache_write_5m", lambda: create(**cached_call, system=cached("5m")))
case("cache_write_1h", lambda: create(**cached_call, system=cached("1h")))
case("cache_read", lambda: create(**cached_call, system=cached("1h")))
case("thinking", lambda: create(**{**ASK, "max_tokens": 3000}, thinking={"type": "enabled", "budget_tokens": 1024}))
case("stream", lambda: drain(create(**ASK, stream=True)))
case("stream_manager", stream_manager)
case("tool", lambda: create(**ASK, tools=[TOOL]))
case("stream_tool", lambda: drain(create(**ASK, tools=[TOOL], stream=True)))
case("beta", lambda: client.beta.messages.create(**ASK))
case("count_tokens", lambda: client.messages.count_tokens(model="claude-haiku-4-5", messages=ASK["messages"]))
case("error", lambda: create(**FAIL))
case_async("async", create_async)
case_async("async_stream", stream_async)
