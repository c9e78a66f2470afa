# ruff: noqa: E402
import spanloft

spanloft.instrument()

from google import genai
from google.genai import types
from support import DESCRIPTION, FAILING, PARAMETERS, QUESTION, SYSTEM, URL, case, case_async, drain, get_order

client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=URL))
MODEL = "gemini-2.5-flash"
DECLARATION = types.FunctionDeclaration(
    name="get_order",
    description=DESCRIPTION,
    parameters=types.Schema(
        type="OBJECT",
        properties={name: types.Schema(type="STRING") for name in PARAMETERS["properties"]},
        required=PARAMETERS["required"],
    ),
)
TOOLS = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[DECLARATION])])
AUTOMATIC = types.GenerateContentConfig(tools=[get_order])
models = client.models
generate, stream = models.generate_content, models.generate_content_stream


async def generate_async() -> None:
    await client.aio.models.generate_content(model=MODEL, contents=QUESTION)


async def stream_async() -> None:
    async for _ in await client.aio.models.generate_content_stream(model=MODEL, contents=QUESTION):
        pass


case("chat", lambda: generate(model=MODEL, contents=QUESTION, config={"system_instruction": SYSTEM}))
case("stream", lambda: drain(stream(model=MODEL, contents=QUESTION)))
case("tool", lambda: generate(model=MODEL, contents=QUESTION, config=TOOLS))
case("stream_tool", lambda: drain(stream(model=MODEL, contents=QUESTION, config=TOOLS)))
case("tool_automatic", lambda: generate(model=MODEL, contents=QUESTION, config=AUTOMATIC))
case("chat_session", lambda: client.chats.create(model=MODEL).send_message(QUESTION))
case("error", lambda: generate(model=MODEL, contents=FAILING))
case_async("async", generate_async)
case_async("async_stream", stream_async)
case("embeddings", lambda: models.embed_content(model="gemini-embedding-001", contents=["one", "two"]))
