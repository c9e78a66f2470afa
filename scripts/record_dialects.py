"""Record sample traces from real emitters against the fake provider.

Each dialect needs an environment of its own (their requirements conflict), so this file imports only what the
dialect at hand needs: ``<venv>/bin/python scripts/record_dialects.py DIALECT --url http://127.0.0.1:PORT``, with
``python -m fake_provider`` (tests/) listening there. It writes ``sample_traces/<dialect>/<case>/request.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from record_agents import mcp, pydantic_agent, weave
from recorder import (
    CACHED,
    QUESTION,
    TOOL,
    Recorder,
    anthropic_client,
    langchain_chain,
    openai_cases,
    openai_client,
    serving,
)


def openllmetry(recorder: Recorder) -> None:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
    OpenAIInstrumentor().instrument(tracer_provider=recorder.provider)
    AnthropicInstrumentor().instrument(tracer_provider=recorder.provider)
    openai_cases(recorder, openai_client(recorder))
    claude = anthropic_client(recorder).messages.create
    user = [{"role": "user", "content": QUESTION}]
    recorder.case(
        "anthropic_chat",
        lambda: claude(
            model="claude-sonnet-4-5", max_tokens=50, system="You are terse.", messages=user, extra_headers=CACHED
        ),
    )
    LangchainInstrumentor().instrument(tracer_provider=recorder.provider)
    recorder.case("langchain", lambda: langchain_chain(recorder))


def openlit(recorder: Recorder) -> None:
    import openlit as sdk

    sdk.init(application_name="sample-app", disable_metrics=True, disable_events=True)
    openai_cases(recorder, openai_client(recorder))
    claude = anthropic_client(recorder).messages.create
    user = [{"role": "user", "content": QUESTION}]
    recorder.case(
        "anthropic_chat",
        lambda: claude(
            model="claude-sonnet-4-5", max_tokens=50, system="You are terse.", messages=user, extra_headers=CACHED
        ),
    )


def langfuse(recorder: Recorder) -> None:
    os.environ |= {"LANGFUSE_PUBLIC_KEY": "pk-x", "LANGFUSE_SECRET_KEY": "sk-x", "LANGFUSE_HOST": recorder.url}
    from langfuse import Langfuse, get_client, observe, propagate_attributes
    from langfuse.langchain import CallbackHandler
    from langfuse.openai import OpenAI

    Langfuse(tracer_provider=recorder.provider, timeout=1)
    openai_cases(recorder, OpenAI(base_url=f"{recorder.url}/v1", api_key="none", max_retries=0))

    def chain() -> None:
        with propagate_attributes(user_id="u-1", session_id="s-1", tags=["a", "b"]):
            langchain_chain(recorder, callbacks=[CallbackHandler()])

    recorder.case("langchain", chain)

    @observe(as_type="tool")
    def get_weather(city: str) -> str:
        return f"sunny in {city}"

    @observe(as_type="agent")
    def agent(question: str) -> str:
        client = get_client()
        with client.start_as_current_observation(
            as_type="generation",
            name="claude",
            model="claude-sonnet-4-5",
            input=[{"role": "user", "content": question}],
            model_parameters={"temperature": 0.5, "max_tokens": 50},
        ) as generation:
            generation.update(
                output="Paris.",
                usage_details={"input": 36, "output": 20, "cache_read_input_tokens": 14},
                cost_details={"total": 0.5},
            )
        return get_weather("Paris")

    recorder.case("manual", lambda: agent(QUESTION))


def langsmith(recorder: Recorder) -> None:
    os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "x"}
    os.environ |= {"LANGSMITH_ENDPOINT": recorder.url, "LANGSMITH_PROJECT": "sample"}
    from langsmith import Client, traceable
    from langsmith.wrappers import wrap_openai

    client = Client(otel_tracer_provider=recorder.provider, tracing_mode="otel")
    extra = {"client": client}

    def flushed(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            try:
                call()
            finally:
                client.flush()

        return run

    case = recorder.case
    recorder.case = lambda name, call: case(name, flushed(call))  # type: ignore[method-assign]
    openai_cases(recorder, wrap_openai(openai_client(recorder), tracing_extra=extra))

    @traceable(run_type="tool", client=client)
    def get_weather(city: str) -> str:
        return f"sunny in {city}"

    @traceable(run_type="retriever", client=client)
    def retrieve(query: str) -> list[dict[str, Any]]:
        return [{"page_content": "Paris is the capital.", "type": "Document", "metadata": {"score": 0.9}}]

    @traceable(run_type="chain", client=client, tags=["a"], metadata={"session_id": "s-1", "user_id": "u-1"})
    def pipeline(question: str) -> str:
        retrieve(question)
        return get_weather("Paris")

    recorder.case("chain", lambda: pipeline(QUESTION))

    def langchain() -> None:
        from langchain_core.tracers.langchain import LangChainTracer

        langchain_chain(recorder, callbacks=[LangChainTracer(client=client)], metadata={"session_id": "s-1"})

    recorder.case("langchain", langchain)


def mlflow(recorder: Recorder) -> None:
    os.environ |= {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": recorder.receive() + "/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "sample-app",
    }
    import mlflow as sdk
    from mlflow.entities import SpanType

    sdk.set_tracking_uri(Path(tempfile.mkdtemp()).as_uri())
    sdk.openai.autolog()
    sdk.anthropic.autolog()
    case = recorder.case

    def flushed(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            try:
                call()
            finally:
                sdk.flush_trace_async_logging()
                time.sleep(1)

        return run

    recorder.case = lambda name, call: case(name, flushed(call))  # type: ignore[method-assign]
    openai_cases(recorder, openai_client(recorder))
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
    claude = anthropic_client(recorder).messages.create
    user = [{"role": "user", "content": QUESTION}]
    recorder.case(
        "anthropic_chat", lambda: claude(model="claude-sonnet-4-5", max_tokens=50, messages=user, extra_headers=CACHED)
    )

    @sdk.trace(span_type=SpanType.TOOL)
    def get_weather(city: str) -> str:
        return f"sunny in {city}"

    @sdk.trace(span_type=SpanType.RETRIEVER)
    def retrieve(query: str) -> Any:
        from mlflow.entities import Document

        return [Document(page_content="Paris is the capital.", metadata={"score": 0.9}, id="d1")]

    @sdk.trace(span_type=SpanType.AGENT)
    def agent(question: str) -> str:
        sdk.update_current_trace(session_id="s-1", user="u-1")
        retrieve(question)
        return get_weather("Paris")

    recorder.case("agent", lambda: agent(QUESTION))


def logfire(recorder: Recorder) -> None:
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
    import logfire as sdk

    sdk.configure(
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        additional_span_processors=[SimpleSpanProcessor(recorder)],
        metrics=False,
    )
    client, claude = openai_client(recorder), anthropic_client(recorder)
    sdk.instrument_openai(client)
    sdk.instrument_anthropic(claude)
    openai_cases(recorder, client)
    user = [{"role": "user", "content": QUESTION}]
    recorder.case(
        "anthropic_chat",
        lambda: claude.messages.create(model="claude-sonnet-4-5", max_tokens=50, messages=user, extra_headers=CACHED),
    )
    pydantic_agent(recorder)


def litellm(recorder: Recorder) -> None:
    import litellm as sdk
    from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig

    sdk.callbacks = [OpenTelemetry(OpenTelemetryConfig(exporter=recorder), tracer_provider=recorder.provider)]
    user = [{"role": "user", "content": QUESTION}]
    base = {"api_base": f"{recorder.url}/v1", "api_key": "none", "num_retries": 0}

    def later(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            try:
                call()
            finally:
                time.sleep(1.5)  # callbacks run on a thread of litellm's

        return run

    recorder.case(
        "chat",
        later(
            lambda: sdk.completion(
                "openai/gpt-4o",
                [{"role": "system", "content": "You are terse."}, *user],
                temperature=0.2,
                max_tokens=50,
                user="u-1",
                metadata={"session_id": "s-1", "tags": ["a"]},
                extra_headers=CACHED,
                **base,
            )
        ),
    )
    recorder.case("tool_call", later(lambda: sdk.completion("openai/gpt-4o", user, tools=[TOOL], **base)))
    recorder.case(
        "stream",
        later(
            lambda: list(
                sdk.completion("openai/gpt-4o", user, stream=True, stream_options={"include_usage": True}, **base)
            )
        ),
    )
    recorder.case("embeddings", later(lambda: sdk.embedding("openai/text-embedding-3-small", ["one", "two"], **base)))
    recorder.case(
        "rate_limit",
        later(lambda: sdk.completion("openai/gpt-4o", user, extra_headers={"x-fake-case": "429"}, **base)),
    )
    recorder.case(
        "anthropic_chat",
        later(
            lambda: sdk.completion(
                "anthropic/claude-sonnet-4-5",
                user,
                max_tokens=50,
                api_base=recorder.url,
                api_key="none",
                extra_headers=CACHED,
            )
        ),
    )


MISTRAL_EMBEDDINGS = {
    "id": "0f8a5e1c",
    "object": "list",
    "model": "mistral-embed",
    "data": [{"object": "embedding", "index": index, "embedding": [0.1, 0.2]} for index in (0, 1)],
    "usage": {"prompt_tokens": 7, "total_tokens": 7, "completion_tokens": 0},
}
"""Shape of Mistral's own answer; the fake provider's is OpenAI's, which has no id."""


def mistralai(recorder: Recorder) -> None:
    os.environ["MISTRAL_SDK_TELEMETRY"] = "global"
    from mistralai.client import Mistral

    client = Mistral(api_key="none", server_url=recorder.url)
    user = [{"role": "user", "content": QUESTION}]
    chat = client.chat.complete
    recorder.case("chat", lambda: chat(model="mistral-large-latest", messages=user, temperature=0.2, max_tokens=50))
    recorder.case("tool_call", lambda: chat(model="mistral-large-latest", messages=user, tools=[TOOL]))
    recorder.case("stream", lambda: list(client.chat.stream(model="mistral-large-latest", messages=user)))
    embedder = Mistral(api_key="none", server_url=serving(lambda _: json.dumps(MISTRAL_EMBEDDINGS).encode()))
    recorder.case("embeddings", lambda: embedder.embeddings.create(model="mistral-embed", inputs=["one", "two"]))
    recorder.case("rate_limit", lambda: chat(model="fake-429", messages=user))


def promptflow(recorder: Recorder) -> None:
    os.environ |= {"PF_TRACING_SKIP_LOCAL_SETUP": "true", "PF_DISABLE_TRACING": "false"}
    from promptflow.tracing import trace as traced
    from promptflow.tracing._integrations._openai_injector import inject_openai_api

    inject_openai_api()
    client = openai_client(recorder)

    @traced
    def flow(question: str) -> Any:
        return client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": question}], temperature=0.2, extra_headers=CACHED
        )

    recorder.case("flow", lambda: flow(QUESTION))
    openai_cases(recorder, client)


RECORDERS: dict[str, Callable[[Recorder], None]] = {
    function.__name__: function
    for function in (
        langfuse,
        langsmith,
        litellm,
        logfire,
        mcp,
        mistralai,
        mlflow,
        openlit,
        openllmetry,
        promptflow,
        weave,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dialect", choices=sorted(RECORDERS))
    parser.add_argument("--url", required=True, help="address of the fake provider")
    options = parser.parse_args()
    recorder = Recorder(options.dialect, options.url)
    recorder.install()
    RECORDERS[options.dialect](recorder)


if __name__ == "__main__":
    main()
