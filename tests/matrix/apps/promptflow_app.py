# ruff: noqa: E402
import spanloft

spanloft.instrument()

import os

os.environ["PF_DISABLE_TRACING"] = "false"
import openai
from promptflow.tracing import start_trace, trace
from support import FAILING, OPENAI_TOOL, URL, case, case_async, drain, user

start_trace()
client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
chat = client.chat.completions.create
USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@trace
def flow() -> object:
    return chat(model="gpt-4o", messages=user())


@trace
async def flow_async() -> object:
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0) as remote:
        return await remote.chat.completions.create(model="gpt-4o", messages=user())


case("chat", flow)
case("chat_bare", lambda: chat(model="gpt-4o", messages=user()))
case("stream", lambda: drain(chat(model="gpt-4o", messages=user(), **USAGE)))
case("tool", lambda: chat(model="gpt-4o", messages=user(), tools=[OPENAI_TOOL]))
case("error", lambda: chat(model="gpt-4o", messages=user(FAILING)))
case_async("async", flow_async)
case("embeddings", lambda: client.embeddings.create(model="text-embedding-3-small", input=["one", "two"]))
