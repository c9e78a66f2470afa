# ruff: noqa: E402
import spanloft

spanloft.instrument()

import openai
from support import FAILING, OPENAI_TOOL, QUESTION, URL, case, case_async, drain, drain_async, user

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
chat, respond = client.chat.completions.create, client.responses.create
RESPONSES_TOOL = {"type": "function", **OPENAI_TOOL["function"]}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def asynchronous() -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)


async def chat_async() -> None:
    async with asynchronous() as remote:
        await remote.chat.completions.create(model="gpt-4o", messages=user())


async def stream_async() -> None:
    async with asynchronous() as remote:
        await drain_async(await remote.chat.completions.create(model="gpt-4o", messages=user(), **USAGE))


async def respond_async() -> None:
    async with asynchronous() as remote:
        await remote.responses.create(model="gpt-5-mini", input=QUESTION)


case("chat", lambda: chat(model="gpt-4o", messages=user()))
case("chat_reasoning", lambda: chat(model="gpt-5-mini", messages=user()))
case("stream", lambda: drain(chat(model="gpt-4o", messages=user(), **USAGE)))
case("stream_without_usage", lambda: drain(chat(model="gpt-4o", messages=user(), stream=True)))
case("tool", lambda: chat(model="gpt-4o", messages=user(), tools=[OPENAI_TOOL]))
case("stream_tool", lambda: drain(chat(model="gpt-4o", messages=user(), tools=[OPENAI_TOOL], **USAGE)))
case("raw", lambda: client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user()).parse())
case("responses", lambda: respond(model="gpt-5-mini", input=QUESTION))
case("stream_responses", lambda: drain(respond(model="gpt-5-mini", input=QUESTION, stream=True)))
case("tool_responses", lambda: respond(model="gpt-4o", input=QUESTION, tools=[RESPONSES_TOOL]))
case("error", lambda: chat(model="gpt-4o", messages=user(FAILING)))
case("error_responses", lambda: respond(model="gpt-4o", input=FAILING))
case_async("async", chat_async)
case_async("async_stream", stream_async)
case_async("async_responses", respond_async)
case("embeddings", lambda: client.embeddings.create(model="text-embedding-3-small", input=["one", "two"]))
