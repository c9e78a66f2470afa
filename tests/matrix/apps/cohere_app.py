# ruff: noqa: E402
import spanloft

spanloft.instrument()

import cohere
from support import FAILING, OPENAI_TOOL, URL, case, case_async, drain, user

client = cohere.ClientV2(api_key="none", base_url=f"{URL}/cohere")
MODEL = "command-a-03-2025"
ONCE = {"max_retries": 0}


def asynchronous() -> cohere.AsyncClientV2:
    return cohere.AsyncClientV2(api_key="none", base_url=f"{URL}/cohere")


async def chat_async() -> None:
    await asynchronous().chat(model=MODEL, messages=user())


async def stream_async() -> None:
    async for _ in asynchronous().chat_stream(model=MODEL, messages=user()):
        pass


case("chat", lambda: client.chat(model=MODEL, messages=user()))
case("stream", lambda: drain(client.chat_stream(model=MODEL, messages=user())))
case("tool", lambda: client.chat(model=MODEL, messages=user(), tools=[OPENAI_TOOL]))
case("stream_tool", lambda: drain(client.chat_stream(model=MODEL, messages=user(), tools=[OPENAI_TOOL])))
case("error", lambda: client.chat(model=MODEL, messages=user(FAILING), request_options=ONCE))
case_async("async", chat_async)
case_async("async_stream", stream_async)
case(
    "embeddings",
    lambda: client.embed(
        model="embed-v4.0", texts=["one", "two"], input_type="search_document", embedding_types=["float"]
    ),
)
