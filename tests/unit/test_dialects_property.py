"""Whatever an emitter sends: no dialect raises, no count is negative, the raw attributes stay as they were."""

import copy
import json
import math
from typing import get_type_hints

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spanloft_collector.dialects import (
    DIALECTS,
    anthropic_sdk,
    find_dialect,
    langfuse,
    langsmith,
    litellm,
    logfire,
    mistralai,
    mlflow,
    openinference,
    openlit,
    openllmetry,
    otel_genai,
    promptflow,
    vercel_ai,
    weave,
)
from spanloft_collector.dialects.otel_genai import map_event
from spanloft_collector.model import Canonical, RawSpan
from spanloft_collector.pricing import Pricer, normalise_usage

MODULES = (
    *(anthropic_sdk, langfuse, langsmith, litellm, logfire, mistralai, mlflow, openinference, openllmetry, openlit),
    *(otel_genai, promptflow, vercel_ai, weave),
)
RAW_KEYS = """
    ai.operationId ai.response.text ai.response.toolCalls ai.response.reasoning ai.prompt.tools ai.values
    ai.value ai.response.providerMetadata ai.usage.inputTokenDetails.noCacheTokens ai.telemetry.functionId
    ai.response.object all_messages_events events request_data response_data final_result model_name
    gen_ai.usage.raw logfire.span_type gen_ai.prompt gen_ai.completion gen_ai.usage.input_token_details
    gen_ai.usage.output_token_details langfuse.observation.input langfuse.observation.output
    langfuse.observation.type langfuse.observation.level langfuse.observation.usage_details
    langfuse.observation.cost_details langfuse.observation.model.parameters
    langfuse.observation.completion_start_time langfuse.observation.metadata.ls_provider langsmith.span.kind
    langsmith.metadata.usage_metadata mlflow.spanType mlflow.spanInputs mlflow.spanOutputs
    mlflow.chat.tokenUsage mlflow.chat.tools mlflow.llm.cost mlflow.linkedPrompts mlflow.message.format model
    framework span_type function inputs output llm.generated_message embedding.embeddings retrieval.documents
    retrieval.query llm.usage.x input.value output.value tool.parameters llm.invocation_parameters
    embedding.invocation_parameters llm.system llm.input_messages.0.message.role
    llm.input_messages.0.message.content llm.input_messages.0 llm.input_messages.x
    llm.input_messages.1.message.contents.0.message_content.type
    llm.output_messages.0.message.tool_calls.0.tool_call
    llm.output_messages.0.message.tool_calls.0.tool_call.function.name llm.tools.0.tool.json_schema
    llm.input_messages.1.message.contents.0.message_content.image.image.url llm.prompts.0.prompt.text
    retrieval.documents.0.document.content retrieval.documents.0.document.metadata
    retrieval.documents.0.document embedding.embeddings.0.embedding.text gen_ai.prompt.0.role
    gen_ai.prompt.0.content gen_ai.prompt.0.tool_calls.0.name gen_ai.completion.0.function_call.name
    gen_ai.completion.0.tool_calls.0.arguments llm.request.functions.0.parameters traceloop.span.kind
    traceloop.entity.name traceloop.entity.input traceloop.entity.output litellm.call_id litellm.provider.model
    hidden_params metadata.usage_object mcp.method.name http.url http.response.status_code telemetry.sdk.name
    anthropic.usage.cache_creation.ephemeral_5m_input_tokens openinference.span.kind
    """.split()  # noqa: SIM905 - a page of words reads better than a page of quotes
KEYS = sorted({*(key for module in MODULES for key in module.RULES), *RAW_KEYS})
WORDS = """
    role content parts type text user assistant system tool tool_calls function name arguments id message
    messages choices generations kwargs lc data finish_reason stop_reason image_url url source media_type input
    output args functionCall functionResponse inlineData toolUse toolResult reasoning thinking summary
    tool_call_id response result usage prompt_tokens completion_tokens input_tokens output_tokens
    prompt_tokens_details cached_tokens cache_creation reasoning_tokens ephemeral_1h_input_tokens
    input_cache_read model service_tier documents metadata score page_content query tools parameters
    input_schema event.name gen_ai.choice AIMessage chat LLM generation TOOL llm error_type function_call
    function_call_output file input_audio format additional_kwargs response_metadata openai cost total file_data
    content_filter refusal audio tool-call toolCallId toolName doGenerate ai.generateText.doGenerate
    """.split()  # noqa: SIM905 - a page of words reads better than a page of quotes

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 5),
    st.sampled_from([2**63, -(2**63), 10**400, 10**4000]),
    st.floats(),
    st.binary(max_size=20),
    st.text(max_size=20),
    st.sampled_from(WORDS),
    st.sampled_from(
        ["", "[", "{", "[]", "{}", "[[[[", '"', "null", "NaN", "data:", "data:,", "1e400", "-1", "12", "١٢"]
    ),
    st.sampled_from(["{'audio': 0}", "(" * 300, "2026-11-24T08:34:28Z", '"2026-11-24T08:34:28"', "https://[", "a:b:c"]),
)
names = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    max_leaves=25,
)


def as_text(value):
    return json.dumps(value, default=str)


values = st.one_of(trees, trees.map(as_text), trees.map(as_text).map(as_text))
attributes = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=10)), values, max_size=12)
EVENTS = """
    exception gen_ai.user.message gen_ai.assistant.message gen_ai.choice gen_ai.tool.message
    ai.stream.firstChunk gen_ai.content.prompt gen_ai.content.completion gen_ai.content.completion.chunk
    gen_ai.system.message gen_ai.client.inference.operation.details
    """.split()  # noqa: SIM905 - a page of words reads better than a page of quotes
EVENT_KEYS = [
    "exception.type",
    "content",
    "role",
    "body",
    "message",
    "tool_calls",
    "gen_ai.prompt",
    "gen_ai.completion",
]
events = st.fixed_dictionaries(
    {"name": st.one_of(st.sampled_from(EVENTS), scalars)},
    optional={
        "time_ns": st.one_of(st.integers(), scalars),
        "attributes": st.one_of(
            st.dictionaries(st.one_of(st.sampled_from(EVENT_KEYS), st.sampled_from(KEYS)), values, max_size=4), scalars
        ),
    },
)
SCOPES = ["", "ai", "litellm", "openinference.x", "logfire.openai", "pydantic-ai", "langfuse-sdk", "weave.x"]
spans = st.builds(
    RawSpan,
    name=st.one_of(st.text(max_size=10), st.sampled_from(["raw_gen_ai_request", "tools/call x", "OpenAI-generation"])),
    scope_name=st.one_of(st.sampled_from(SCOPES), st.text(max_size=10)),
    scope_version=st.just(""),
    attributes=attributes,
    events=st.lists(events, max_size=3),
    start_ns=st.one_of(st.just(0), st.integers(0, 2**64)),
    end_ns=st.integers(0, 2**64),
    status_code=st.integers(0, 3),
)

HINTS = get_type_hints(Canonical)


def check_fields(fields):
    for field, value in fields.items():
        kind = HINTS[field]
        if kind is int:
            assert type(value) is int, field
            assert 0 <= value < 2**63, field
        elif kind is float:
            assert type(value) is float, field
            assert math.isfinite(value), field
            assert field == "temperature" or value >= 0, field
        elif kind in (str, bool):
            assert type(value) is kind, field
            assert value != "", field
        else:
            assert value is not None, field
    for message in (*fields.get("input_messages", ()), *fields.get("output_messages", ())):
        assert type(message["role"]) is str
        assert all(type(part["type"]) is str for part in message["parts"])
    assert all(isinstance(part["type"], str) for part in fields.get("system_instructions", ()))
    assert all(isinstance(row, dict) for row in fields.get("retrieval_documents", ()))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spans)
def test_any_span_in_any_dialect(span):
    before = repr((span.attributes, span.events))
    find_dialect(span.scope_name, span.attributes)
    for dialect in DIALECTS:
        dialect.matches(span.scope_name, span.attributes)
        fields = dialect.map(span)
        check_fields(fields)
        usage = normalise_usage(span.scope_name, fields.get("provider"), fields)
        price = Pricer().price_call(
            provider=fields.get("provider"),
            response_model=fields.get("response_model"),
            request_model=fields.get("request_model"),
            server_address=fields.get("server_address"),
            usage=usage,
            service_tier=fields.get("service_tier"),
            start_time=span.start_ns,
            reported_cost_usd=fields.get("reported_cost_usd"),
        )
        assert price.cost_usd is None or price.cost_usd >= 0
    assert repr((span.attributes, span.events)) == before


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(EVENT_KEYS), values, max_size=5), values)
def test_any_log_event(name, found, body):
    check_fields(map_event(name, copy.deepcopy(found), body))
