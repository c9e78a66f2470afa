# ruff: noqa: E402
import spanloft

spanloft.instrument()

from smolagents import ChatMessage, OpenAIServerModel, ToolCallingAgent, tool
from support import FAILING, QUESTION, URL, case, drain, get_order

model = OpenAIServerModel("gpt-4o", api_base=f"{URL}/v1", api_key="none", client_kwargs={"max_retries": 0}, retry=False)
order = tool(get_order)


def messages(text: str = QUESTION) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=[{"type": "text", "text": text}])]


case("chat", lambda: model.generate(messages()))
case("stream", lambda: drain(model.generate_stream(messages())))
case("tool", lambda: model.generate(messages(), tools_to_call_from=[order]))
case("tool_agent", lambda: ToolCallingAgent([order], model, max_steps=1).run(QUESTION), tools=["get_order"])
case("error", lambda: model.generate(messages(FAILING)))
