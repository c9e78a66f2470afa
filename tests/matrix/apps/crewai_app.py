# ruff: noqa: E402
import spanloft

spanloft.instrument()

import os

os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from support import FAILING, QUESTION, URL, case, case_async, get_order, user

os.environ |= {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{URL}/v1", "OPENAI_API_BASE": f"{URL}/v1"}
OPTIONS = {"base_url": f"{URL}/v1", "api_key": "none", "max_retries": 0}
order = tool("get_order")(get_order)


def crew(tools: bool = False) -> Crew:
    agent = Agent(
        role="guide",
        goal="answer",
        backstory="terse",
        llm=LLM("openai/gpt-4o", **OPTIONS),
        tools=[order] if tools else [],
        max_iter=3,
    )
    return Crew(agents=[agent], tasks=[Task(description=QUESTION, expected_output="text", agent=agent)])


case("chat", lambda: LLM("openai/gpt-4o", **OPTIONS).call(user()))
case("stream", lambda: LLM("openai/gpt-4o", stream=True, **OPTIONS).call(user()))
case("crew", lambda: crew().kickoff())
case("tool_crew", lambda: crew(tools=True).kickoff(), tools=["get_order"])
case("error", lambda: LLM("openai/gpt-4o", **OPTIONS).call(user(FAILING)))
case_async("async_crew", lambda: crew().kickoff_async())
