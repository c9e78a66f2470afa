# ruff: noqa: E402
import spanloft

spanloft.instrument()

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from support import FAILING, QUESTION, SYSTEM, URL, case, case_async, drain, drain_async, get_order

OPTIONS = {"api_base": f"{URL}/v1", "api_key": "none", "max_retries": 0}
model = OpenAI(model="gpt-4o", **OPTIONS)
usage = OpenAI(model="gpt-4o", additional_kwargs={"stream_options": {"include_usage": True}}, **OPTIONS)
embedder = OpenAIEmbedding(model="text-embedding-3-small", **OPTIONS)
order = FunctionTool.from_defaults(get_order)
messages = [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=QUESTION)]


async def stream_async() -> None:
    await drain_async(await usage.astream_chat(messages))


async def run_agent() -> None:
    await FunctionAgent(tools=[order], llm=model, system_prompt=SYSTEM, streaming=False).run(QUESTION)


case("chat", lambda: model.chat(messages))
case("complete", lambda: model.complete(QUESTION))
case("stream", lambda: drain(usage.stream_chat(messages)))
case("tool", lambda: model.chat_with_tools([order], user_msg=QUESTION))
case("error", lambda: model.chat([ChatMessage(role="user", content=FAILING)]))
case_async("async", lambda: model.achat(messages))
case_async("async_stream", stream_async)
case_async("async_tool_agent", run_agent, tools=["get_order"])
case("embeddings", lambda: embedder.get_text_embedding_batch(["one", "two"]))
case("embeddings_query", lambda: embedder.get_query_embedding("three"))
