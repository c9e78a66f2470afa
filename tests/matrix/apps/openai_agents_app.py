# ruff: noqa: E402
import spanloft

spanloft.instrument()

import openai
from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, function_tool
from agents.models.openai_responses import OpenAIResponsesModel
from support import FAILING, QUESTION, SYSTEM, URL, case, case_async, drain_async, get_order

QUIET = RunConfig(tracing_disabled=False, workflow_name="matrix")
order = function_tool(get_order)


def agent(chat: bool = False, tools: bool = False) -> Agent:
    client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
    kind = OpenAIChatCompletionsModel if chat else OpenAIResponsesModel
    model = kind(model="gpt-4o", openai_client=client)
    return Agent(name="guide", instructions=SYSTEM, model=model, tools=[order] if tools else [])


def run(question: str = QUESTION, **options: bool) -> object:
    return Runner.run_sync(agent(**options), question, run_config=QUIET)


async def stream(**options: bool) -> None:
    await drain_async(Runner.run_streamed(agent(**options), QUESTION, run_config=QUIET).stream_events())


case("chat", run)
case("chat_completions", lambda: run(chat=True))
case("tool", lambda: run(tools=True), tools=["get_order"])
case("tool_completions", lambda: run(chat=True, tools=True), tools=["get_order"])
case_async("stream", stream)
case_async("stream_tool", lambda: stream(tools=True), tools=["get_order"])
case("error", lambda: run(FAILING))
case_async("async", lambda: Runner.run(agent(), QUESTION, run_config=QUIET))
