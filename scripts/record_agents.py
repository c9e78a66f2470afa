"""Agents and tools for ``record_dialects.py``: pydantic-ai, MCP, Weave's conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recorder import QUESTION, Recorder


def pydantic_agent(recorder: Recorder) -> None:
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(base_url=f"{recorder.url}/v1", api_key="none", max_retries=0)
    for version in (2, 3, 5):
        agent = Agent(
            OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client)),
            name="weather",
            instructions="You are terse.",
        )
        agent.instrument = InstrumentationSettings(tracer_provider=recorder.provider, version=version)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Weather of a city."""
            return f"sunny in {city}"

        recorder.case(f"pydantic_ai_v{version}", lambda agent=agent: agent.run_sync(QUESTION))


def mcp(recorder: Recorder) -> None:
    import asyncio

    from mcp.client import Client
    from mcp.server import MCPServer

    server = MCPServer("weather")

    @server.tool()
    def get_weather(city: str) -> str:
        """Weather of a city."""
        if city == "nowhere":
            raise ValueError("no such city")
        return f"sunny in {city}"

    @server.prompt()
    def greet(name: str) -> str:
        return f"Greet {name}"

    async def use(*calls: Callable[[Any], Any]) -> None:
        async with Client(server) as client:
            for call in calls:
                await call(client)

    recorder.case("tool", lambda: asyncio.run(use(lambda c: c.call_tool("get_weather", {"city": "Paris"}))))
    recorder.case("tool_error", lambda: asyncio.run(use(lambda c: c.call_tool("get_weather", {"city": "nowhere"}))))
    recorder.case("prompt", lambda: asyncio.run(use(lambda c: c.get_prompt("greet", {"name": "Ann"}))))


def weave(recorder: Recorder) -> None:
    from weave.conversation import Message, Usage, start_conversation

    def talk() -> None:
        conversation = start_conversation(agent_name="guide")
        with conversation, conversation.start_turn(user_message=QUESTION) as turn:
            with turn.start_llm(model="gpt-4o", provider_name="openai") as call:
                call.input_messages = [Message(role="user", content=QUESTION)]
                call.output_messages = [Message(role="assistant", content="Paris.")]
                call.usage = Usage(input_tokens=100, output_tokens=20, cache_read_input_tokens=64)
            with turn.start_tool(name="get_weather", arguments='{"city": "Paris"}') as step:
                step.result = "sunny in Paris"

    recorder.case("conversation", talk)
