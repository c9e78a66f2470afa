"""The compiled decoder gives what protobuf's own objects give, and never crashes on what is no request."""

import contextlib
import random
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from spanloft_collector import wire
from spanloft_collector.receivers.encoding import parse_json
from spanloft_collector.wire import fallback

_otlp = pytest.importorskip("spanloft_collector.wire._otlp", reason="installed without a C compiler")
_check = pytest.importorskip("spanloft_collector.wire._check", reason="installed without a C compiler")

SCALARS = st.one_of(
    st.builds(AnyValue),
    st.builds(AnyValue, string_value=st.text(max_size=80)),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats(allow_nan=False)),
    st.builds(AnyValue, bytes_value=st.binary(max_size=40)),
)
KEYS = st.one_of(st.sampled_from(["gen_ai.operation.name", "a", ""]), st.text(max_size=90))


def nest(values):
    pairs = st.lists(st.builds(KeyValue, key=KEYS, value=values), max_size=4)
    return st.one_of(
        st.builds(lambda items: AnyValue(array_value=ArrayValue(values=items)), st.lists(values, max_size=4)),
        st.builds(lambda items: AnyValue(kvlist_value=KeyValueList(values=items)), pairs),
    )


ATTRIBUTES = st.lists(
    st.builds(KeyValue, key=KEYS, value=st.recursive(SCALARS, nest, max_leaves=8)) | st.builds(KeyValue, key=KEYS),
    max_size=6,
)
IDS = st.binary(max_size=40) | st.binary(min_size=16, max_size=16) | st.just(bytes(16)) | st.just(bytes(8))
TIMES = st.integers(0, 2**64 - 1)


@st.composite
def requests(draw):
    request = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.extend(draw(ATTRIBUTES))
        for _ in range(draw(st.integers(0, 2))):
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name, scope_spans.scope.version = draw(st.text(max_size=9)), draw(st.text(max_size=9))
            for _ in range(draw(st.integers(0, 3))):
                span = scope_spans.spans.add(
                    trace_id=draw(IDS), span_id=draw(IDS), parent_span_id=draw(IDS), name=draw(st.text(max_size=9)),
                    kind=draw(st.integers(-(2**31), 2**31 - 1)), start_time_unix_nano=draw(TIMES),
                    end_time_unix_nano=draw(TIMES), attributes=draw(ATTRIBUTES), trace_state="x", flags=257,
                )  # fmt: skip
                span.status.code, span.status.message = draw(st.integers(0, 9)), draw(st.text(max_size=9))
                if draw(st.booleans()):
                    span.events.add(time_unix_nano=draw(TIMES), name="exception", attributes=draw(ATTRIBUTES))
                    span.links.add(trace_id=draw(IDS), span_id=draw(IDS), attributes=draw(ATTRIBUTES), flags=3)
    return request


@given(requests())
@settings(max_examples=100, deadline=None)
def test_any_request_is_read_as_protobuf_reads_it(request):
    payload = request.SerializeToString()
    assert _otlp.decode(payload) == fallback.decode(payload)
    assert _check.check(payload) == fallback.check(payload)


def test_true_and_one_stay_different():
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for key, value in (("b", AnyValue(bool_value=True)), ("i", AnyValue(int_value=1)), ("d", AnyValue(double_value=1))):
        span.attributes.append(KeyValue(key=key, value=value))
    attributes = _otlp.decode(request.SerializeToString())[0][1][0][5]
    assert [type(value) for value in attributes.values()] == [bool, int, float]


def test_recorded_traffic_of_every_client_is_read_the_same():
    payloads = [
        parse_json(path.read_bytes(), ExportTraceServiceRequest()).SerializeToString()
        for path in sorted((Path(__file__).parents[2] / "sample_traces").glob("*/*/request.json"))
    ]
    assert len(payloads) > 20
    for payload in payloads:
        assert _otlp.decode(payload) == fallback.decode(payload)
        assert _check.check(payload) == fallback.check(payload)


def test_fields_in_any_order_and_messages_that_come_twice():
    span = ExportTraceServiceRequest()
    span.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="late scope")
    scope = ExportTraceServiceRequest()
    scope.resource_spans.add().scope_spans.add().scope.name = "after its spans"
    inner = span.resource_spans[0].scope_spans[0].SerializeToString()
    inner += scope.resource_spans[0].scope_spans[0].SerializeToString()
    resource_spans = b"\x12" + bytes([len(inner)]) + inner
    payload = b"\x0a" + bytes([len(resource_spans)]) + resource_spans
    assert _otlp.decode(payload) == fallback.decode(payload)
    assert _otlp.decode(payload)[0][1][0][3] == "after its spans"

    # A value in two halves is merged by protobuf; the compiled code hands such a request over.
    half = b"\x0a\x01k\x12\x04\x2a\x02\x0a\x00\x12\x04\x2a\x02\x0a\x00"
    twice = b"\x0a" + bytes([len(half) + 4]) + b"\x0a" + bytes([len(half) + 2]) + b"\x0a" + bytes([len(half)]) + half
    with pytest.raises(ValueError, match="twice"):
        _otlp.decode(twice)
    assert wire.decode(twice) == fallback.decode(twice) == [({"k": [None, None]}, [])]


def damage(request: ExportTraceServiceRequest, chance: random.Random) -> bytes:
    payload = bytearray(request.SerializeToString())
    for _ in range(chance.randint(1, 4)):
        if payload:
            payload[chance.randrange(len(payload))] = chance.randrange(256)
    return bytes(payload[: chance.randint(0, len(payload))] if chance.random() < 0.3 else payload)


@given(requests(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_what_the_check_takes_protobuf_takes_too(request, chance: random.Random):
    damaged = damage(request, chance)
    with contextlib.suppress(ValueError):
        # A DecodeError here is no ValueError and fails the test.
        assert _check.check(damaged) == fallback.check(damaged)
    try:
        expected = fallback.check(damaged)
    except DecodeError:
        with pytest.raises(DecodeError):
            wire.check(damaged)
    else:
        assert wire.check(damaged) == expected


@pytest.mark.parametrize(
    "text",
    ["plain", "ü", "\u0800", "\uffff", "\U00010000", "\U0010ffff", *("x" * n + "é" + "y" * (9 - n) for n in range(10))],
)
def test_texts_are_checked_as_protobuf_checks_them(text: str):
    request = ExportTraceServiceRequest()
    request.resource_spans.add().schema_url = text
    payload = request.SerializeToString()
    assert _check.check(payload) == ([], [])
    start = payload.index(text.encode())
    for at in range(start, len(payload)):
        for byte in (0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF):
            changed = payload[:at] + bytes([byte]) + payload[at + 1 :]
            try:
                fallback.check(changed)
            except DecodeError:
                with pytest.raises(ValueError, match="UTF-8"):
                    _check.check(changed)
            else:
                assert _check.check(changed) == ([], [])


@given(requests(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_damaged_bytes_end_in_an_error_or_in_what_protobuf_says(request, chance: random.Random):
    damaged = damage(request, chance)
    try:
        expected = fallback.decode(damaged)
    except DecodeError:
        # Protobuf also checks what is not read here, such as the trace state's text; receivers ask it first.
        with contextlib.suppress(DecodeError):
            wire.decode(damaged)
        return
    assert repr(wire.decode(damaged)) == repr(expected)


def test_several_texts_that_are_none():
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "AAAA", "BBBB"
    scope_spans.spans.add(name="CCCC").status.message = "DDDD"
    for texts in ((b"AAAA", b"BBBB"), (b"CCCC", b"DDDD")):
        payload = request.SerializeToString()
        for text in texts:
            payload = payload.replace(text, b"\xff\xff\xff\xff")
        with pytest.raises(DecodeError):
            wire.decode(payload)


def test_deep_nesting_is_refused_before_the_stack_ends():
    value = b"\x0a\x01x"
    for _ in range(5_000):
        value = b"\x0a" + _varint(len(value)) + value
        value = b"\x2a" + _varint(len(value)) + value
    pair = b"\x12" + _varint(len(value)) + value
    span = b"\x4a" + _varint(len(pair)) + pair
    scope = b"\x12" + _varint(len(span)) + span
    resource = b"\x12" + _varint(len(scope)) + scope
    with pytest.raises(ValueError, match="deep"):
        _otlp.decode(b"\x0a" + _varint(len(resource)) + resource)
    with pytest.raises(ValueError, match="deep"):
        _check.check(b"\x0a" + _varint(len(resource)) + resource)


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_json_and_binary_say_the_same():
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="chat")
    span.attributes.append(KeyValue(key="k", value=AnyValue(int_value=7)))
    assert "resourceSpans" in json_format.MessageToDict(request)
    assert wire.decode(request.SerializeToString())[0][1][0][5] == {"k": 7}
