"""Every spelling that is or was in use ends in the same field."""

import json

import pytest
from spanloft_collector.dialects import find_dialect
from spanloft_collector.dialects.names import finish_reason, operation_name, provider_name, service_tier
from spanloft_collector.dialects.otel_genai import map_event
from spanloft_collector.model import RawSpan


def mapped(attributes, scope="", *, name="span", events=(), status=0, start_ns=1_000_000_000):
    span = RawSpan(
        name=name,
        scope_name=scope,
        scope_version="",
        attributes=attributes,
        events=list(events),
        start_ns=start_ns,
        end_ns=start_ns + 10**9,
        status_code=status,
    )
    dialect = find_dialect(scope, attributes)
    return dialect.name if dialect else None, dialect.map(span) if dialect else None


def genai(**more):
    found = {"gen_ai.operation.name": "chat", **{key.replace("__", "."): value for key, value in more.items()}}
    return mapped(found)[1]


@pytest.mark.parametrize(
    ("key", "field"),
    [
        *(
            (f"gen_ai.usage.{key}", "cache_read_tokens")
            for key in (
                *("cache_read.input_tokens", "cache_read_input_tokens", "cache_read_tokens"),
                *("prompt_tokens_details.cache_read", "prompt_tokens_details.cached_tokens"),
                *("input_tokens_details.cached_tokens", "details.cache_read_tokens", "details.cached_tokens"),
            )
        ),
        *(
            (f"gen_ai.usage.{key}", "cache_write_tokens")
            for key in (
                *("cache_write.input_tokens", "cache_creation.input_tokens", "cache_creation_input_tokens"),
                "details.cache_write_tokens",
            )
        ),
        *(
            (f"gen_ai.usage.{key}", "reasoning_tokens")
            for key in ("reasoning.output_tokens", "reasoning_tokens", "details.reasoning_tokens")
        ),
        ("gen_ai.usage.prompt_tokens", "input_tokens"),
        ("gen_ai.usage.completion_tokens", "output_tokens"),
        ("gen_ai.usage.audio.input_tokens", "input_audio_tokens"),
        ("gen_ai.usage.image.output_tokens", "output_image_tokens"),
        ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
    ],
)
@pytest.mark.parametrize("value", [7, 7.0, "7"])
def test_tokens(key, field, value):
    found = mapped({"gen_ai.operation.name": "chat", key: value})[1]
    assert found[field] == 7
    assert type(found[field]) is int


@pytest.mark.parametrize("value", [-1, "x", True, None, float("nan"), float("inf"), 1.5, 2**63, [], {}, b"\xff", ""])
def test_counts_that_are_none_are_absent(value):
    assert "input_tokens" not in genai(gen_ai__usage__input_tokens=value)


def test_the_newer_spelling_wins():
    found = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2}
    assert mapped({"gen_ai.operation.name": "chat", **found})[1]["input_tokens"] == 2
    assert mapped({"gen_ai.operation.name": "chat", **dict(reversed(found.items()))})[1]["input_tokens"] == 2


def test_what_is_not_stated_is_absent():
    assert genai() == {"operation": "chat"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("stop", "stop"), ("STOP", "stop"), ("FinishReason.STOP", "stop"), ("end_turn", "stop")),
        *(
            ("stop_sequence", "stop"),
            ("tool_calls", "tool_call"),
            ("tool_use", "tool_call"),
            ("tool-calls", "tool_call"),
        ),
        *(("function_call", "tool_call"), ("max_tokens", "length")),
        *(("MAX_TOKENS", "length"), ("length", "length")),
        *(("content_filter", "content_filter"), ("SAFETY", "content_filter"), ("refusal", "content_filter")),
        *(("error", "error"), ("Mystery", "mystery"), (["tool_calls"], "tool_call"), (("stop", "length"), "stop")),
        *(('["end_turn"]', "stop"), ([], None), ("", None), (None, None), ([None, "stop"], "stop"), (3, "3")),
    ],
)
def test_finish_reasons(written, meant):
    assert finish_reason(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("gemini", "gcp.gemini"), ("vertex_ai", "gcp.vertex_ai"), ("az.ai.openai", "azure.ai.openai")),
        *(("bedrock", "aws.bedrock"), ("xai", "x_ai"), ("azure", "azure.ai.openai"), ("OpenAI", "openai")),
        *(("mistral", "mistral_ai"), ("ollama", "ollama"), ("Somebody New", "somebody new"), ("", None)),
    ],
)
def test_providers(written, meant):
    assert provider_name(written) == meant


def test_operations_and_tiers():
    assert [operation_name(text) for text in ("chat", "embedding", "Completion", "odd")] == [
        *("chat", "embeddings", "text_completion", "odd"),
    ]
    assert [service_tier(text) for text in ("default", "standard", "flex", "auto", "BATCH")] == [
        *("standard", "standard", "flex", None, "batch"),
    ]


def test_time_to_first_token_is_milliseconds_whatever_the_unit():
    assert genai(gen_ai__response__time_to_first_chunk=0.25)["ttft_ms"] == 250
    assert (
        mapped({"ai.operationId": "ai.streamText.doStream", "ai.response.msToFirstChunk": 31.5})[1]["ttft_ms"] == 31.5
    )
    event = {"name": "First Token Stream Event", "time_ns": 1_040_000_000, "attributes": {}}
    assert mapped({"openinference.span.kind": "LLM"}, events=[event])[1]["ttft_ms"] == 40
    chunks = [{"name": "gen_ai.content.completion.chunk", "time_ns": 1_000_000_000 + n * 10**6} for n in (9, 3, 7)]
    assert mapped({"traceloop.span.kind": "x", "llm.request.type": "chat"}, events=chunks)[1]["ttft_ms"] == 3
    unstreamed = genai(gen_ai__server__time_to_first_token=3, gen_ai__request__stream=False)
    assert "ttft_ms" not in unstreamed


def test_error_types():
    event = {"name": "exception", "attributes": {"exception.type": "openai._exceptions.RateLimitError"}}
    key = {"gen_ai.operation.name": "chat"}
    assert mapped(key, events=[event], status=2)[1]["error_type"] == "openai.RateLimitError"
    assert mapped({**key, "error.type": "429"}, events=[event], status=2)[1]["error_type"] == "429"
    assert mapped(key, status=2)[1]["error_type"] == "error"
    # An exception that was recorded and handled is no failure of the span.
    assert "error_type" not in mapped(key, events=[event])[1]
    builtin = {"name": "exception", "attributes": {"exception.type": "builtins.ValueError"}}
    assert mapped(key, events=[builtin], status=2)[1]["error_type"] == "ValueError"


def test_messages_as_text_and_as_structure_are_the_same():
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert genai(gen_ai__input__messages=messages) == genai(gen_ai__input__messages=json.dumps(messages))


def test_structured_messages_are_not_changed_in_place():
    messages = [
        {"role": "assistant", "finish_reason": "end_turn", "parts": [{"type": "tool_call_response", "result": 1}]}
    ]
    before = json.dumps(messages)
    found = genai(gen_ai__output__messages=messages)
    assert found["output_messages"][0]["parts"][0] == {"type": "tool_call_response", "response": 1}
    assert json.dumps(messages) == before


def test_events_per_message_of_the_old_conventions():
    events = [
        {"name": "gen_ai.system.message", "attributes": {"content": "Be terse.", "gen_ai.system": "openai"}},
        {"name": "gen_ai.user.message", "attributes": {"content": "hi", "role": "user"}},
        {
            "name": "gen_ai.choice",
            "attributes": {"finish_reason": "tool_calls", "message": '{"role": "assistant", "content": "yes"}'},
        },
    ]
    found = mapped({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}, events=events)[1]
    assert [message["role"] for message in found["input_messages"]] == ["system", "user"]
    assert found["output_messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "yes"}], "finish_reason": "tool_call"}
    ]
    assert found["finish_reason"] == "tool_call"


def test_log_events_map_to_the_same_fields():
    details = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
    }
    found = map_event("gen_ai.client.inference.operation.details", details)
    assert (found["operation"], found["input_tokens"]) == ("chat", 5)
    assert found["input_messages"][0]["parts"][0]["content"] == "hi"
    old = map_event("gen_ai.user.message", {"gen_ai.system": "openai"}, {"content": "hi"})
    assert old["input_messages"] == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]


def test_openllmetry_numbered_prompts():
    found = mapped(
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": json.dumps(
                [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
            ),
            "gen_ai.prompt.10.role": "user",
            "gen_ai.prompt.10.content": "last",
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.id": "c1",
            "gen_ai.prompt.2.tool_calls.0.name": "f",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"a": 1}',
            "gen_ai.prompt.3.role": "tool",
            "gen_ai.prompt.3.tool_call_id": "c1",
            "gen_ai.prompt.3.content": "42",
            "gen_ai.completion.0.content": "ok",
            "gen_ai.completion.0.finish_reason": "stop",
            "llm.usage.total_tokens": 9,
            "gen_ai.usage.prompt_tokens": 5,
            "traceloop.association.properties.session_id": "s",
        }
    )
    assert found[0] == "openllmetry"
    fields = found[1]
    assert [message["role"] for message in fields["input_messages"]] == ["user", "assistant", "tool", "user"]
    assert fields["input_messages"][0]["parts"][1] == {"type": "uri", "modality": "image", "uri": "https://x/y.png"}
    assert fields["input_messages"][1]["parts"] == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
    ]
    assert fields["input_messages"][2]["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "42"}]
    assert (fields["operation"], fields["provider"], fields["input_tokens"]) == ("chat", "openai", 5)
    assert (fields["finish_reason"], fields["session_id"]) == ("stop", "s")


def test_openlit_prompts_of_older_versions():
    fields = mapped(
        {
            "telemetry.sdk.name": "openlit",
            "gen_ai.operation.name": "chat",
            "gen_ai.prompt": "system: Be terse.\nAlways.\nuser: hi",
            "gen_ai.completion": "ho",
            "gen_ai.usage.cost": 0,
            "gen_ai.request.max_tokens": -1,
        },
        "openlit.otel.tracing",
    )[1]
    assert [message["parts"][0]["content"] for message in fields["input_messages"]] == ["Be terse.\nAlways.", "hi"]
    assert fields["output_messages"][0]["parts"] == [{"type": "text", "content": "ho"}]
    assert "reported_cost_usd" not in fields
    assert "max_tokens" not in fields


def test_vercel_versions_end_on_one_footing():
    old = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "anthropic.messages",
        "ai.usage.promptTokens": 36,
        "ai.usage.cachedInputTokens": 14,
        "ai.response.providerMetadata": '{"anthropic": {"cacheCreationInputTokens": 50}}',
    }
    new = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "anthropic.messages",
        "ai.usage.inputTokens": 100,
        "ai.usage.inputTokenDetails.cacheReadTokens": 14,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 50,
    }
    for attributes in (old, new):
        fields = mapped(attributes, "ai")[1]
        assert (fields["input_tokens"], fields["cache_read_tokens"], fields["cache_write_tokens"]) == (100, 14, 50)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("openai.chat", "openai"), ("google.generative-ai", "gcp.gemini"), ("google.vertex.chat", "gcp.vertex_ai")),
        *(("amazon-bedrock", "aws.bedrock"), ("azure-openai.chat", "azure.ai.openai"), ("xai.chat", "x_ai")),
    ],
)
def test_vercel_providers(written, meant):
    attributes = {"ai.operationId": "ai.streamText.doStream", "ai.model.provider": written}
    assert mapped(attributes, "ai")[1]["provider"] == meant


@pytest.mark.parametrize(
    ("name", "streams"),
    [
        ("stream_generate_content", True),
        ("bedrock.converse_stream", True),
        ("AsyncStream.upstream", None),
        ("generate_content", None),
    ],
)
def test_openinference_tells_streams_by_their_names(name, streams):
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
    assert mapped(attributes, "openinference.instrumentation.vertexai", name=name)[1].get("is_stream") is streams


def test_outer_spans_are_never_billable():
    for operation in ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.embedMany"):
        attributes = {"ai.operationId": operation, "ai.usage.inputTokens": 9}
        assert mapped(attributes, "ai")[1]["operation"] in ("invoke_agent", "invoke_workflow")
    for kind in ("AGENT", "CHAIN"):
        attributes = {"openinference.span.kind": kind, "llm.token_count.prompt": 9}
        assert mapped(attributes)[1]["operation"] in ("invoke_agent", "invoke_workflow")


def test_pydantic_ai_format_1_events():
    events = [
        {"event.name": "gen_ai.system.message", "content": "Be terse.", "role": "system"},
        {"event.name": "gen_ai.user.message", "content": "hi", "role": "user"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "ho"}},
    ]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "events": json.dumps(events)}
    fields = mapped(attributes, "pydantic-ai")[1]
    assert [message["role"] for message in fields["input_messages"]] == ["system", "user"]
    assert fields["output_messages"][0]["parts"] == [{"type": "text", "content": "ho"}]


def test_older_logfire_bodies():
    attributes = {
        "logfire.msg_template": "Chat Completion with {request_data[model]!r}",
        "request_data": json.dumps(
            {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": False}
        ),
        "response_data": json.dumps(
            {
                "message": {"role": "assistant", "content": "ho"},
                "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            }
        ),
    }
    name, fields = mapped(attributes, "logfire.openai")
    assert name == "logfire"
    assert (fields["operation"], fields["request_model"]) == ("chat", "gpt-4o")
    assert (fields["input_tokens"], fields["output_tokens"], fields["cache_read_tokens"]) == (9, 2, 4)
    assert fields["output_messages"][0]["parts"][0]["content"] == "ho"


def test_langsmith_details_as_a_python_repr():
    attributes = {
        "langsmith.span.kind": "llm",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.input_token_details": "{'audio': 0, 'cache_read': 64}",
        "gen_ai.usage.output_token_details": "{'reasoning': 8}",
    }
    fields = mapped(attributes, "langsmith")[1]
    assert (fields["input_tokens"], fields["cache_read_tokens"], fields["reasoning_tokens"]) == (100, 64, 8)


def test_litellm_calls_without_an_id_of_the_provider():
    attributes = {"litellm.call_id": "x", "gen_ai.response.id": "x", "gen_ai.request.model": "gpt-4o"}
    assert "response_id" not in mapped(attributes, "litellm")[1]


def test_any_app_by_hand_is_read_by_its_keys():
    name, fields = mapped({"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 3})
    assert (name, fields["operation"]) == ("otel_genai", "chat")


def test_other_spans_are_nobodys():
    assert mapped({"http.method": "GET", "db.system": "postgresql"}, "opentelemetry.instrumentation.httpx")[0] is None
    assert mapped({"logfire.msg_template": "hello {name}"}, "logfire")[0] is None
    assert mapped({}, "")[0] is None


@pytest.mark.parametrize(
    ("scope", "dialect"),
    [
        ("opentelemetry.instrumentation.genai.openai", "otel_genai"),
        ("opentelemetry.instrumentation.openai_v2", "otel_genai"),
        ("opentelemetry.instrumentation.openai.v1", "openllmetry"),
        ("opentelemetry.instrumentation.langchain", "openllmetry"),
        ("openinference.instrumentation.openai", "openinference"),
        ("com.anthropic.sdk.python", "anthropic"),
        ("mistralai_sdk_tracer", "mistralai"),
        ("mcp-python-sdk", "mcp"),
        ("pydantic-ai", "logfire"),
    ],
)
def test_the_scope_alone_decides(scope, dialect):
    assert find_dialect(scope, {}).name == dialect


def test_made_up_scopes_do_not_fill_the_memory():
    from spanloft_collector.dialects import registry

    for number in range(10_000):
        find_dialect(f"scope-{number}", {})
    assert len(registry._scope_cache) <= 4096
