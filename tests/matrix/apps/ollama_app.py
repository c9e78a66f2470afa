# ruff: noqa: E402
import spanloft

spanloft.instrument()

import ollama
from support import FAILING, OPENAI_TOOL, QUESTION, URL, case, case_async, drain, user

client = ollama.Client(host=URL)
MODEL = "llama3.2"


async def chat_async() -> None:
    await ollama.AsyncClient(host=URL).chat(model=MODEL, messages=user())


async def stream_async() -> None:
    async for _ in await ollama.AsyncClient(host=URL).chat(model=MODEL, messages=user(), stream=True):
        pass


case("chat", lambda: client.chat(model=MODEL, messages=user()))
case("generate", lambda: client.generate(model=MODEL, prompt=QUESTION))
case("stream", lambda: drain(client.chat(model=MODEL, messages=user(), stream=True)))
case("stream_generate", lambda: drain(client.generate(model=MODEL, prompt=QUESTION, stream=True)))
case("tool", lambda: client.chat(model=MODEL, messages=user(), tools=[OPENAI_TOOL]))
case("error", lambda: client.chat(model=MODEL, messages=user(FAILING)))
case_async("async", chat_async)
case_async("async_stream", stream_async)
case("embeddings", lambda: client.embed(model="nomic-embed-text", input=["one", "two"]))
