# ruff: noqa: E402
import spanloft

spanloft.instrument()

import json

import boto3
from botocore.config import Config
from support import DESCRIPTION, FAILING, PARAMETERS, QUESTION, SYSTEM, URL, case, drain

client = boto3.client(
    "bedrock-runtime",
    endpoint_url=URL,
    region_name="us-east-1",
    aws_access_key_id="none",
    aws_secret_access_key="none",
    config=Config(retries={"max_attempts": 0}),
)
CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"
ASK = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
FAIL = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": FAILING}]}]}
TOOL = {"toolSpec": {"name": "get_order", "description": DESCRIPTION, "inputSchema": {"json": PARAMETERS}}}
TOOLS = {"toolConfig": {"tools": [TOOL]}}
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200}
BODY["messages"] = [{"role": "user", "content": QUESTION}]
INVOKE = {"modelId": CLAUDE, "body": json.dumps(BODY)}


def stream(**more: object) -> None:
    drain(client.converse_stream(**ASK, **more)["stream"])


case("chat", lambda: client.converse(**ASK, system=[{"text": SYSTEM}]))
case("chat_nova", lambda: client.converse(**{**ASK, "modelId": NOVA}))
case("stream", stream)
case("tool", lambda: client.converse(**ASK, **TOOLS))
case("stream_tool", lambda: stream(**TOOLS))
case("invoke", lambda: client.invoke_model(**INVOKE)["body"].read())
case("stream_invoke", lambda: drain(client.invoke_model_with_response_stream(**INVOKE)["body"]))
case("error", lambda: client.converse(**FAIL))
case(
    "embeddings",
    lambda: client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "one"}))[
        "body"
    ].read(),
)
