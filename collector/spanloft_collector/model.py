"""The canonical model: what every dialect ends in and what every store holds.

One list of columns per dataset is the single source of truth. Arrow schemas, empty files, views and the
catalog comments that ``DESCRIBE`` and the docs show are all derived from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from spanloft_collector.columns import IDENTITY, Column, WorkedOut
from spanloft_collector.derived import DERIVED
from spanloft_collector.derived_drift import DATASETS as DRIFT

SCHEMA_VERSION = 2
"""Version of the datasets below. A store with a higher number is refused; one with a lower number is used as it is:
files of version 1 lack the ``WORKED_OUT`` columns, which its views work out for every row."""

PREVIEW_CHARS = 200
"""Length of ``input_preview`` and ``output_preview``: enough for a list row, cheap enough to scan."""

BILLABLE_OPERATIONS = frozenset({"chat", "generate_content", "text_completion", "embeddings"})
"""Operations that a provider bills. Agent, workflow and tool spans may repeat the usage of their children."""


@dataclass(slots=True)
class RawSpan:
    """One OTLP span as it arrived, before any dialect looked at it.

    ``attributes`` and ``resource`` hold plain Python values (str, bool, int, float, bytes, list, dict).
    ``events`` are dicts with ``name``, ``time_ns`` and ``attributes``. Times are Unix nanoseconds (UTC).
    """

    name: str
    scope_name: str
    scope_version: str
    attributes: dict[str, Any]
    resource: Mapping[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    start_ns: int = 0
    end_ns: int = 0
    kind: int = 0
    status_code: int = 0
    status_message: str = ""
    parent_span_id: str | None = None


class Part(TypedDict, total=False):
    """One part of a message in the semconv shape; unknown ``type`` values and keys are kept as they came."""

    type: str
    content: Any
    id: str | None
    name: str
    arguments: Any
    response: Any
    mime_type: str
    modality: str
    uri: str
    file_id: str


class Message(TypedDict, total=False):
    """A chat message: ``role`` (system, user, assistant, tool), ``parts``, and ``finish_reason`` on outputs."""

    role: str
    parts: list[Part]
    name: str
    finish_reason: str


class Canonical(TypedDict, total=False):
    """What a dialect returns. Absent means unknown: a dialect never writes 0 or "" for something it did not see.

    Token counts are the emitter's own figures; whether ``input_tokens`` includes cached tokens is settled
    afterwards, in ``pricing.usage``. Durations are milliseconds, costs are US dollars.
    """

    operation: str
    provider: str
    request_model: str
    response_model: str
    response_id: str
    finish_reason: str
    is_stream: bool
    max_tokens: int
    temperature: float
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    input_image_tokens: int
    output_image_tokens: int
    reported_cost_usd: float
    service_tier: str
    ttft_ms: float
    user_id: str
    session_id: str
    tags: list[str]
    prompt_name: str
    prompt_version: str
    prompt_template: str
    tool_name: str
    tool_call_id: str
    agent_name: str
    error_type: str
    server_address: str
    input_messages: list[Message]
    output_messages: list[Message]
    system_instructions: list[Part]
    tool_definitions: list[Any]
    tool_arguments: Any
    tool_result: Any
    retrieval_query: str
    retrieval_documents: list[dict[str, Any]]


SPANS = (
    *IDENTITY,
    Column("parent_span_id", "VARCHAR", "Span id of the parent; NULL for a root span"),
    Column("name", "VARCHAR", "Span name as emitted"),
    Column("kind", "VARCHAR", "OTel span kind: internal, server, client, producer, consumer"),
    Column("start_time", "TIMESTAMP", "Start of the span, UTC, microseconds"),
    Column("duration_ms", "DOUBLE", "Duration in milliseconds"),
    Column("status_code", "VARCHAR", "OTel status: unset, ok, error"),
    Column("status_message", "VARCHAR", "Status description of a failed span"),
    Column("service_name", "VARCHAR", "Resource attribute service.name"),
    Column("service_version", "VARCHAR", "Resource attribute service.version"),
    Column("environment", "VARCHAR", "Resource attribute deployment.environment.name"),
    Column("project", "VARCHAR", "Project of the API key that sent the span; 'default' without keys"),
    Column("scope_name", "VARCHAR", "Instrumentation scope that emitted the span"),
    Column("scope_version", "VARCHAR", "Version of the instrumentation scope"),
    Column("dialect", "VARCHAR", "Dialect that mapped the span; NULL when none claimed it"),
    Column("operation", "VARCHAR", "GenAI operation: chat, embeddings, execute_tool, invoke_agent, retrieval, ..."),
    Column("provider", "VARCHAR", "Provider, semconv spelling: openai, anthropic, aws.bedrock, gcp.gemini, ..."),
    Column("request_model", "VARCHAR", "Model that was asked for"),
    Column("response_model", "VARCHAR", "Model that answered"),
    Column("response_id", "VARCHAR", "Provider's id of the response"),
    Column("finish_reason", "VARCHAR", "Why generation stopped: stop, length, tool_call, content_filter, error"),
    Column("is_stream", "BOOLEAN", "Whether the response was streamed"),
    Column("max_tokens", "BIGINT", "Requested limit of output tokens"),
    Column("temperature", "DOUBLE", "Requested sampling temperature"),
    Column("input_tokens", "BIGINT", "Input tokens including cache reads and writes; NULL when unknown"),
    Column("output_tokens", "BIGINT", "Output tokens including reasoning; NULL when unknown"),
    Column("cache_read_tokens", "BIGINT", "Input tokens served from the provider's cache"),
    Column("cache_write_tokens", "BIGINT", "Input tokens written to the provider's cache (5 minutes and 1 hour)"),
    Column("cache_write_1h_tokens", "BIGINT", "Of the cache writes, those with a lifetime of 1 hour"),
    Column("reasoning_tokens", "BIGINT", "Of the output tokens, those spent on reasoning"),
    Column("input_audio_tokens", "BIGINT", "Of the input tokens, audio"),
    Column("output_audio_tokens", "BIGINT", "Of the output tokens, audio"),
    Column("input_image_tokens", "BIGINT", "Of the input tokens, images"),
    Column("output_image_tokens", "BIGINT", "Of the output tokens, images"),
    Column("input_tokens_raw", "BIGINT", "Input tokens exactly as the emitter reported them"),
    Column("token_semantics", "VARCHAR", "Whether the raw figure was inclusive or exclusive of cached tokens"),
    Column("usage_source", "VARCHAR", "Where token counts came from: reported, estimated, missing"),
    Column("cost_usd", "DOUBLE", "Cost of the call in US dollars; NULL when unknown, never 0 for unknown"),
    Column("price_source", "VARCHAR", "How the price was found: exact, pattern, override, reported, none"),
    Column("price_version", "VARCHAR", "Version of the price list that priced the call"),
    Column("reported_cost_usd", "DOUBLE", "Cost as the client reported it, for comparison"),
    Column("service_tier", "VARCHAR", "Provider's service tier: standard, flex, priority, batch"),
    Column("ttft_ms", "DOUBLE", "Time to first token in milliseconds; NULL when not streamed or not reported"),
    Column("user_id", "VARCHAR", "End user the call was made for"),
    Column("session_id", "VARCHAR", "Session or conversation id"),
    Column("tags", "VARCHAR[]", "Tags set by the app"),
    Column("prompt_name", "VARCHAR", "Name of the prompt template"),
    Column("prompt_version", "VARCHAR", "Version of the prompt template"),
    Column("tool_name", "VARCHAR", "Tool that an execute_tool span ran"),
    Column("tool_call_id", "VARCHAR", "Provider's id of the tool call"),
    Column("agent_name", "VARCHAR", "Agent that ran"),
    Column("error_type", "VARCHAR", "Class of the error; NULL when the span succeeded"),
    Column("server_address", "VARCHAR", "Host the client spoke to"),
    Column("input_preview", "VARCHAR", f"First {PREVIEW_CHARS} characters of the last input message"),
    Column("output_preview", "VARCHAR", f"First {PREVIEW_CHARS} characters of the output"),
    Column("duplicate_of", "VARCHAR", "Span id of the span that already counts this call; NULL when this one counts"),
    Column("duplicate_rule", "VARCHAR", "Rule that found the duplicate: response_id, parent, aggregate"),
    Column("ingest_time", "TIMESTAMP", "When the span was published to the store, UTC; rises with every publish"),
)

PAYLOADS = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the span, UTC; join on it too to prune by time"),
    Column("input_messages", "JSON", "Input messages, semconv shape [{role, parts}]"),
    Column("output_messages", "JSON", "Output messages, semconv shape [{role, parts, finish_reason}]"),
    Column("system_instructions", "JSON", "System instructions as parts"),
    Column("tool_definitions", "JSON", "Tools offered to the model"),
    Column("tool_arguments", "JSON", "Arguments of the tool that ran"),
    Column("tool_result", "JSON", "Result of the tool that ran"),
    Column("retrieval_query", "VARCHAR", "Query of a retrieval span"),
    Column("retrieval_documents", "JSON", "Retrieved documents [{id, score, content, metadata}]"),
    Column("prompt_template", "VARCHAR", "Prompt template before its variables were filled in"),
    Column("attributes", "JSON", "Span attributes, untouched"),
    Column("resource", "JSON", "Resource attributes, untouched"),
    Column("events", "JSON", "Span events [{name, time, attributes}]"),
    Column("links", "JSON", "Span links [{trace_id, span_id, attributes}]"),
    Column("attributes_moved", "BIGINT", "Stored form only: bit set of MOVABLE attributes kept in their own column"),
)

MOVABLE = (
    ("gen_ai.input.messages", "input_messages"),
    ("gen_ai.output.messages", "output_messages"),
    ("gen_ai.system_instructions", "system_instructions"),
    ("gen_ai.tool.definitions", "tool_definitions"),
    ("gen_ai.tool.call.arguments", "tool_arguments"),
    ("gen_ai.tool.call.result", "tool_result"),
    ("gen_ai.retrieval.documents", "retrieval_documents"),
)
"""(attribute, payload column): where the attribute is JSON text that says what the column says, the text is stored
once, in the column, and the view ``payloads`` puts it back into ``attributes``. Half of a store is message text.
"""

STORED_ONLY = frozenset({"attributes_moved"})
"""Columns of the files that views do not show."""

WORKED_OUT: dict[str, tuple[WorkedOut, ...]] = {
    "spans": (
        WorkedOut(
            Column("model", "VARCHAR", "Response model, else request model"), ("response_model", "request_model")
        ),
    )
}
"""Columns that views show and files hold, but no row in memory: the first of some others that is not NULL.

Most queries group calls by their model; working it out for each row was a fifth of what they took.
"""

LOGS = (
    Column("time", "TIMESTAMP", "When the event happened, else when it was observed, UTC"),
    Column("trace_id", "VARCHAR", "Trace the record belongs to, 32 hex digits; NULL when it names none"),
    Column("span_id", "VARCHAR", "Span the record belongs to, 16 hex digits; NULL when it names none"),
    Column("event_name", "VARCHAR", "Name of the event, such as gen_ai.client.inference.operation.details"),
    Column("severity", "VARCHAR", "Severity text, else the name of the severity number"),
    Column("body", "JSON", "Body of the record"),
    Column("attributes", "JSON", "Attributes, untouched"),
    Column("resource", "JSON", "Resource attributes, untouched"),
    Column("service_name", "VARCHAR", "Resource attribute service.name"),
    Column("scope_name", "VARCHAR", "Instrumentation scope"),
    Column("project", "VARCHAR", "Project of the API key that sent the record"),
    Column("ingest_time", "TIMESTAMP", "When the record was published to the store, UTC"),
)

METRICS = (
    Column("time", "TIMESTAMP", "Time of the data point, UTC"),
    Column("start_time", "TIMESTAMP", "Start of the interval of a sum or histogram, UTC"),
    Column("name", "VARCHAR", "Name of the metric"),
    Column("unit", "VARCHAR", "Unit, UCUM"),
    Column("type", "VARCHAR", "gauge, sum, histogram, exponential_histogram, summary"),
    Column("value", "DOUBLE", "Value of a gauge or sum"),
    Column("count", "BIGINT", "Number of observations of a histogram or summary"),
    Column("sum", "DOUBLE", "Sum of the observations"),
    Column("point", "JSON", "The whole data point as OTLP/JSON: buckets, quantiles, exemplars"),
    Column("attributes", "JSON", "Attributes of the data point"),
    Column("resource", "JSON", "Resource attributes, untouched"),
    Column("service_name", "VARCHAR", "Resource attribute service.name"),
    Column("scope_name", "VARCHAR", "Instrumentation scope"),
    Column("project", "VARCHAR", "Project of the API key that sent the point"),
    Column("ingest_time", "TIMESTAMP", "When the point was published to the store, UTC"),
)

INGEST_HEALTH = (
    Column("minute", "TIMESTAMP", "Minute in which this happened, UTC"),
    Column("project", "VARCHAR", "Project of the API key"),
    Column("service_name", "VARCHAR", "Service; NULL where it is not known (refused and repeated spans)"),
    Column("scope_name", "VARCHAR", "Instrumentation scope; NULL where it is not known"),
    Column("dialect", "VARCHAR", "Dialect that mapped the spans; NULL when none claimed them"),
    Column("outcome", "VARCHAR", "stored, repeated (sent again and dropped), or refused"),
    Column("reason", "VARCHAR", "Why spans were refused"),
    Column("spans", "BIGINT", "Number of spans"),
    Column("late", "BIGINT", "Of the stored, those that started more than 10 minutes before they arrived"),
    Column("duplicate_calls", "BIGINT", "Of the stored, calls that another span already counts"),
)

DATASETS: dict[str, tuple[Column, ...]] = {
    "spans": SPANS,
    "payloads": PAYLOADS,
    "logs": LOGS,
    "metrics": METRICS,
    "ingest_health": INGEST_HEALTH,
    **DERIVED,
    **DRIFT,
}
"""Datasets of the store; each is a folder of immutable Parquet files and a view of the same name."""


def shown_columns(dataset: str) -> tuple[Column, ...]:
    """Columns of the view of a dataset, in order."""
    stored = (column for column in DATASETS[dataset] if column.name not in STORED_ONLY)
    return (*stored, *(column for column, _ in WORKED_OUT.get(dataset, ())))
