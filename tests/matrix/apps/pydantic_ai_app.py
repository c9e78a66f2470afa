# ruff: noqa: E402
import spanloft

spanloft.instrument()

import openai
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from support import FAILING, QUESTION, SYSTEM, URL, case, case_async, get_order


def agent(kind: type = OpenAIChatModel, tools: bool = False) -> Agent:
    client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
    model = kind("gpt-4o", provider=OpenAIProvider(openai_client=client))
    return Agent(model, name="guide", instructions=SYSTEM, tools=[get_order] if tools else [])


async def stream(tools: bool = False) -> None:
    async with agent(tools=tools).run_stream(QUESTION) as result:
        async for _ in result.stream_text():
            pass


case("chat", lambda: agent().run_sync(QUESTION))
case("chat_responses", lambda: agent(OpenAIResponsesModel).run_sync(QUESTION))
case("tool", lambda: agent(tools=True).run_sync(QUESTION), tools=["get_order"])
case_async("stream", stream)
case_async("stream_tool", lambda: stream(tools=True), tools=["get_order"])
case("error", lambda: agent().run_sync(FAILING))
case_async("async", lambda: agent().run(QUESTION))
