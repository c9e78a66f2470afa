# ruff: noqa: E402
import spanloft

spanloft.instrument()

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from support import FAILING, QUESTION, SYSTEM, URL, case, case_async, drain, drain_async, get_order

OPENAI = {"base_url": f"{URL}/v1", "api_key": "none", "max_retries": 0}
model = ChatOpenAI(model="gpt-4o", **OPENAI)
usage = ChatOpenAI(model="gpt-4o", stream_usage=True, **OPENAI)
claude = ChatAnthropic(model="claude-haiku-4-5", base_url=URL, api_key="none", max_retries=0, max_tokens=200)
embedder = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False, **OPENAI)
order = tool(get_order)
bound = model.bind_tools([order])
chain = ChatPromptTemplate.from_messages([("system", SYSTEM), ("user", "{question}")]) | model
agent = create_agent(model, tools=[order], system_prompt=SYSTEM)
asked = {"messages": [{"role": "user", "content": QUESTION}]}

case("chat", lambda: model.invoke(QUESTION))
case("chat_chain", lambda: chain.invoke({"question": QUESTION}))
case("chat_anthropic", lambda: claude.invoke(QUESTION))
case("stream", lambda: drain(usage.stream(QUESTION)))
case("stream_anthropic", lambda: drain(claude.stream(QUESTION)))
case("tool", lambda: bound.invoke(QUESTION))
case("tool_agent", lambda: agent.invoke(asked), tools=["get_order"])
case("stream_tool_agent", lambda: drain(agent.stream(asked, stream_mode="messages")), tools=["get_order"])
case("batch", lambda: model.batch([QUESTION, QUESTION]))
case("error", lambda: model.invoke(FAILING))
case_async("async", lambda: model.ainvoke(QUESTION))
case_async("async_anthropic", lambda: claude.ainvoke(QUESTION))
case_async("async_stream", lambda: drain_async(usage.astream(QUESTION)))
case_async("async_tool_agent", lambda: agent.ainvoke(asked), tools=["get_order"])
case("embeddings", lambda: embedder.embed_documents(["one", "two"]))
