# ruff: noqa: E402
import spanloft

spanloft.instrument()

from mistralai.client import Mistral
from support import FAILING, OPENAI_TOOL, URL, case, case_async, drain, user

client = Mistral(api_key="none", server_url=f"{URL}/mistral")
chat, MODEL = client.chat, "mistral-large-2411"


def stream(**more: object) -> None:
    with chat.stream(model=MODEL, messages=user(), **more) as events:
        drain(events)


async def complete_async() -> None:
    async with Mistral(api_key="none", server_url=f"{URL}/mistral") as remote:
        await remote.chat.complete_async(model=MODEL, messages=user())


async def stream_async() -> None:
    remote = Mistral(api_key="none", server_url=f"{URL}/mistral")
    async with await remote.chat.stream_async(model=MODEL, messages=user()) as events:
        async for _ in events:
            pass


case("chat", lambda: chat.complete(model=MODEL, messages=user()))
case("stream", stream)
case("tool", lambda: chat.complete(model=MODEL, messages=user(), tools=[OPENAI_TOOL]))
case("stream_tool", lambda: stream(tools=[OPENAI_TOOL]))
case("error", lambda: chat.complete(model=MODEL, messages=user(FAILING)))
case_async("async", complete_async)
case_async("async_stream", stream_async)
case("embeddings", lambda: client.embeddings.create(model="mistral-embed", inputs=["one", "two"]))
