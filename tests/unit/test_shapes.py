"""Spans read a shape at a time give, column by column, what they give one by one; and both what they always gave."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_values import put
from spanloft_collector import wire
from spanloft_collector.dialects.messages import documents, input_messages, output_messages
from spanloft_collector.dialects.otel_genai import RULES
from spanloft_collector.dialects.values import as_json
from spanloft_collector.ingest import create_pricer
from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline import grouping, spans
from spanloft_collector.pipeline.batch import transform
from spanloft_collector.pipeline.contents import Reader, messages_reader, reader
from spanloft_collector.pipeline.grouping import FEW, MAX_KEYS, grouped, told_by_keys
from spanloft_collector.receivers.encoding import parse_json
from spanloft_collector.store.texts import string_array

PRICER = create_pricer(None)
SAMPLES = sorted((Path(__file__).parents[2] / "sample_traces").glob("*/*/request.json"))
DIALECTS = sorted({path.parent.parent.name for path in SAMPLES})
RECEIVED_NS = 1_700_000_000_000_000_000


def record(request: ExportTraceServiceRequest, **metadata: Any) -> Record:
    return Record(Kind.TRACES, RECEIVED_NS, metadata, request.SerializeToString(), Position(1, 100))


def sample(path: Path) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    parse_json(path.read_bytes(), request)
    return request


def by_id(table: pa.Table) -> pa.Table:
    """Rows read by shape stand together; which stands first says nothing."""
    rows = list(zip(table.column("trace_id").to_pylist(), table.column("span_id").to_pylist(), strict=True))
    return table.take(pa.array(sorted(range(len(rows)), key=rows.__getitem__), pa.int64()))


def both(monkeypatch: pytest.MonkeyPatch, records: list[Record]) -> dict[str, pa.Table]:
    """The tables after comparing those of three ways to read: by the same keys, by any keys, and one by one.

    What is read one by one is read without compiled scanners, too.
    """
    together = transform(records, PRICER)
    with monkeypatch.context() as patched:
        patched.setattr(grouping, "FEW", 0)
        exact = transform(records, PRICER)
        patched.setattr(grouping, "FEW", 1 << 30)
        mixed = transform(records, PRICER)
        patched.setattr(spans, "grouped", lambda found: ([], list(range(len(found)))))
        patched.setattr(wire, "_scanner", None)
        alone = transform(records, PRICER)
    for found in (together, exact, mixed):
        for ours, theirs in ((found.spans, alone.spans), (found.payloads, alone.payloads)):
            assert ours.schema == theirs.schema
            ours, theirs = by_id(ours), by_id(theirs)
            for name in ours.column_names:
                assert ours.column(name).to_pylist() == theirs.column(name).to_pylist(), name
    return {"spans": together.spans, "payloads": together.payloads}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_recorded_spans_of_a_dialect(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [sample(path) for path in SAMPLES if path.parent.parent.name == dialect]
    both(monkeypatch, [record(request) for request in requests])


def test_dialects_mixed_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [sample(path) for path in SAMPLES]
    random.Random(3).shuffle(requests)
    tables = both(monkeypatch, [record(request, project=f"p{n % 3}") for n, request in enumerate(requests)])
    ids = [
        span.span_id.hex()
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert sorted(tables["spans"].column("span_id").to_pylist()) == sorted(ids)
    assert tables["spans"].column("span_id") == tables["payloads"].column("span_id")


def test_spans_that_the_receiver_skips_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    request = sample(SAMPLES[-1])
    for resource in sample(SAMPLES[0]).resource_spans:
        request.resource_spans.append(resource)
    in_order = [span[1] for _, found in wire.decode(request.SerializeToString()) for span in found]
    tables = both(monkeypatch, [record(request, skip=[0, len(in_order) - 1])])
    assert sorted(tables["spans"].column("span_id").to_pylist()) == sorted(in_order[1:-1])


def test_the_official_instrumentors_spans_have_shapes() -> None:
    planned = [
        told_by_keys((span[3], *span[5]))
        for path in SAMPLES
        if path.parent.parent.name == "otel_genai"
        for _, found in wire.decode(sample(path).SerializeToString())
        for span in found
        if not span[6]
    ]
    assert planned.count(True) > 0.8 * len(planned)


TEXTS = st.text(max_size=12) | st.sampled_from(
    ["  ", "a  b", 'say "x"', "tab\there", "ünï\u2028", "\\", "😀", "x" * 900, "y" * 199 + " z", "a " * 150]
)
PARTS = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "content": TEXTS}),
    st.fixed_dictionaries({"content": TEXTS, "type": st.sampled_from(["text", "reasoning", "tool_call"])}),
    st.fixed_dictionaries({"type": st.just("text"), "content": st.integers() | st.none(), "more": TEXTS}),
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "tool", "human", "", 1])},
        optional={
            "parts": st.lists(PARTS, max_size=3),
            "finish_reason": st.sampled_from(["stop", "STOP", "tool_calls", "length", "", None]),
            "name": TEXTS,
        },
    ),
    max_size=3,
)


@st.composite
def message_texts(draw: st.DrawFn) -> str:
    """JSON of messages, in the spellings of several encoders, sometimes damaged."""
    text = json.dumps(draw(MESSAGES), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    if draw(st.integers(0, 3)) == 0 and text:
        at = draw(st.integers(0, len(text) - 1))
        text = (
            text[:at] + draw(st.sampled_from(["", "\\", '"', "\x01", "}", ",", "\\ud800", " ", "é"])) + text[at + 1 :]
        )
    return text


@settings(max_examples=150, deadline=None)
@given(text=message_texts(), last=st.booleans())
def test_the_scanner_says_what_reading_the_messages_says(text: str, last: bool) -> None:
    coerce = input_messages if last else output_messages
    same_without_scanner(messages_reader(coerce, last=last), text)


def same_without_scanner(read: Reader, text: str) -> None:
    scanned = read(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wire, "_scanner", None)
        assert scanned == read(text)


NUMBERS = [
    *("0", "-0", "7", "-12", "0.5", "0.50", "0.001", "-0.25", "1.0", "12.500", "1e5", "1E-7", "01", ".5", "5.", "-"),
    *("123456789012345678", "1234567890.12345678", "1e999", "0.10000000000000001", "100000000000000000000"),
]


@st.composite
def json_texts(draw: st.DrawFn, shape: st.SearchStrategy[Any]) -> str:
    """JSON in the spellings of several encoders, with numbers of all spellings, keys that repeat, and damage."""
    text = json.dumps(draw(shape), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    text = text.replace("12345", draw(st.sampled_from(NUMBERS))).replace(
        "other", draw(st.sampled_from(["id", "other"]))
    )
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text) - 1))
        text = text[:at] + draw(st.sampled_from(["", "\\", '"', "\x01", "}", ",", "\\/", "é", "\n"])) + text[at + 1 :]
    return text


ANYTHING = st.recursive(
    TEXTS | st.just(12345) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "other", "x y", "é"]), inner),
    max_leaves=8,
)
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": TEXTS | st.none() | st.just([12345]),
            "other": TEXTS,
            "score": st.just(12345),
            "content": TEXTS,
        },
    )
    | st.fixed_dictionaries({"id": TEXTS, "score": st.just(12345), "content": TEXTS}),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(text=json_texts(ANYTHING))
def test_the_scanner_shows_json_as_it_is_written_compactly(text: str) -> None:
    same_without_scanner(reader("tool_arguments", as_json), text)


@settings(max_examples=150, deadline=None)
@given(text=json_texts(DOCUMENTS))
def test_the_scanner_says_what_reading_the_documents_says(text: str) -> None:
    same_without_scanner(reader("retrieval_documents", documents), text)


@pytest.mark.skipif(not wire.COMPILED, reason="installed without a C compiler")
def test_the_scanner_knows_plain_messages() -> None:
    for escaped in (True, False):
        message = {"role": "user", "parts": [{"type": "text", "content": "é" * 3000}], "finish_reason": "stop"}
        text = json.dumps([message], ensure_ascii=escaped)
        found = wire.plain_messages(text, True)
        assert found is not None
        head, reason, done = found
        assert 800 <= len(head) < 3000
        assert set(head) == {"é"}
        assert (reason, done) == ("stop", False)
    assert wire.plain_messages(json.dumps([{"role": "user", "parts": []}]), True) is None
    assert wire.plain_messages(text + " x", True) is None


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=9),
    st.sampled_from(
        ["chat", "embeddings", "execute_tool", "[]", "{}", '{"a": [1, 2.50]}', "[1", "stop", "NaN", "7", ""]
    ),
    st.booleans(),
    st.integers(-5, 5000) | st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=4),
    st.none(),
    st.lists(st.sampled_from(["stop", "x", "length"]), max_size=2),
    message_texts(),
)
KEYS = [
    "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.cost",
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.request.stream",
    "gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk", "gen_ai.server.ttft", "gen_ai.tool.name",
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.conversation.id",
    "gen_ai.retrieval.query.text", "spanloft.prompt.template", "spanloft.tags", "error.type", "server.address",
    "url.full", "user.id", "enduser.id", "an.app.attribute", "framework", "telemetry.sdk.name",
]  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=9),
    data=st.data(),
    operations=st.lists(
        st.sampled_from(["chat", "embeddings", "retrieval", "execute_tool", "", 3]), min_size=3, max_size=3
    ),
    scope=st.sampled_from(["opentelemetry.instrumentation.genai.openai", "mine", "openlit"]),
    status=st.integers(0, 2),
    alike=st.booleans(),
)
def test_any_spans_read_together(
    keys: list[str], data: st.DataObject, operations: list[Any], scope: str, status: int, alike: bool
) -> None:
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add().scope_spans.add()
    found.scope.name = scope
    for number, operation in enumerate(operations):
        span = found.spans.add(trace_id=b"t" * 16, span_id=bytes([number + 1] * 8), start_time_unix_nano=number)
        span.status.code = status if number else 0
        put(span.attributes.add(key="gen_ai.operation.name").value, operation)
        for key in keys if alike else data.draw(st.lists(st.sampled_from(keys))):
            put(span.attributes.add(key=key).value, data.draw(VALUES))
    with pytest.MonkeyPatch.context() as patched:
        both(patched, [record(request)])


def span_of(*keys: str, events: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    return ("t", "s", "name", "scope", "", dict.fromkeys(("gen_ai.operation.name", *keys), "chat"), events)


def test_few_spans_with_the_same_keys_are_read_with_those_of_other_keys() -> None:
    many = [span_of("gen_ai.request.model")] * FEW
    few = [span_of("gen_ai.system", "mine"), span_of("mine", "gen_ai.system"), span_of()]
    others = [span_of(events=({},)), span_of(*map(str, range(MAX_KEYS))), span_of("framework")]
    groups, alone = grouped([*few, *many, *others])
    (exact, one), (mixed, two) = groups
    assert exact.exact
    assert exact.keys == ("gen_ai.operation.name", "gen_ai.request.model")
    assert one == list(range(3, 3 + FEW))
    assert not mixed.exact
    assert mixed.keys == ("gen_ai.operation.name", "gen_ai.system")
    assert two == [0, 1, 2]
    assert sorted(alone) == [FEW + 3, FEW + 4, FEW + 5]


@pytest.mark.parametrize("alike", [True, False])
def test_a_second_spelling_fills_the_gaps_of_the_first(alike: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add().scope_spans.add()
    for number, first in enumerate(["ann", "", None] * 2):
        span = found.spans.add(trace_id=b"t" * 16, span_id=bytes([number + 1] * 8))
        put(span.attributes.add(key="gen_ai.operation.name").value, "chat")
        for key, value in (("user.id", first), ("gen_ai.system", first), ("enduser.id", "bob")):
            if alike or value is not None:
                put(span.attributes.add(key=key).value, value)
    tables = both(monkeypatch, [record(request)])
    assert sorted(tables["spans"].column("user_id").to_pylist()) == ["ann"] * 2 + ["bob"] * 4


@pytest.mark.parametrize("key", RULES)
def test_a_missing_attribute_says_nothing(key: str) -> None:
    """What is read together relies on it: a span that lacks an attribute has None in its place."""
    field, coerce, _ = RULES[key]
    assert coerce(None) is None, field


def test_recorded_spans_become_what_they_became_before() -> None:
    """``reference/columns.json`` holds a digest per column; prices, which change with the list, are left out."""
    known = json.loads((Path(__file__).parents[1] / "reference" / "columns.json").read_text())
    chunk = transform([record(sample(path)) for path in SAMPLES], PRICER)
    for dataset, unordered in (("spans", chunk.spans), ("payloads", chunk.payloads)):
        table = by_id(unordered)
        found = {
            name: hashlib.sha256(json.dumps(table.column(name).to_pylist(), default=str).encode()).hexdigest()[:16]
            for name in table.column_names
            if name not in ("cost_usd", "price_source", "price_version")
        }
        assert found == known[dataset]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.text(max_size=9) | st.none(), max_size=40), as_tuple=st.booleans())
def test_texts_become_the_array_that_arrow_makes(values: list[str | None], as_tuple: bool) -> None:
    made = string_array(tuple(values) if as_tuple else values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))
    assert made.null_count == values.count(None)


def test_what_is_no_text_is_left_to_arrow() -> None:
    assert string_array([b"bytes"]).to_pylist() == ["bytes"]
    with pytest.raises((pa.ArrowException, TypeError)):
        string_array(["a", 1])
    with pytest.raises((pa.ArrowException, ValueError)):
        string_array(["\ud800"])
