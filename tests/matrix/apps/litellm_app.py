# ruff: noqa: E402
import spanloft

spanloft.instrument()

import litellm
from support import FAILING, OPENAI_TOOL, QUESTION, URL, case, case_async, drain, drain_async, user

OPENAI = {"api_base": f"{URL}/v1", "api_key": "none", "num_retries": 0, "max_retries": 0}
CLAUDE = {"api_base": URL, "api_key": "none", "num_retries": 0}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
GPT = "openai/gpt-4o"
complete = litellm.completion


async def stream_async() -> None:
    await drain_async(await litellm.acompletion(GPT, user(), **OPENAI, **USAGE))


case("chat", lambda: complete(GPT, user(), **OPENAI))
case("chat_anthropic", lambda: complete("anthropic/claude-haiku-4-5", user(), **CLAUDE))
case("responses", lambda: litellm.responses(model="openai/gpt-5-mini", input=QUESTION, **OPENAI))
case("stream", lambda: drain(complete(GPT, user(), **OPENAI, **USAGE)))
case("stream_anthropic", lambda: drain(complete("anthropic/claude-haiku-4-5", user(), **CLAUDE, **USAGE)))
case("tool", lambda: complete(GPT, user(), tools=[OPENAI_TOOL], **OPENAI))
case("stream_tool", lambda: drain(complete(GPT, user(), tools=[OPENAI_TOOL], **OPENAI, **USAGE)))
case("error", lambda: complete(GPT, user(FAILING), **OPENAI))
case_async("async", lambda: litellm.acompletion(GPT, user(), **OPENAI))
case_async("async_stream", stream_async)
case("embeddings", lambda: litellm.embedding("openai/text-embedding-3-small", ["one", "two"], **OPENAI))
