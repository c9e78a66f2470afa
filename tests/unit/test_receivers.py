"""Limits of the receivers that need no server: the memory budget, nesting, and files cut into parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from collecting import request_of
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from spanloft_collector.errors import BadRequest, Overloaded
from spanloft_collector.loader import iterate, split
from spanloft_collector.receivers.budget import InflightBudget
from spanloft_collector.receivers.encoding import parse_json
from spanloft_collector.receivers.seen import SeenSpans


def test_a_request_that_is_alone_is_never_refused() -> None:
    budget = InflightBudget(100)
    budget.take(90)
    budget.take(5000, held=90)
    with pytest.raises(Overloaded):
        budget.take(1)
    budget.give(5090)
    budget.take(5000)
    budget.give(5000)
    assert budget.used == 0


def test_requests_together_stay_within_the_limit() -> None:
    budget = InflightBudget(100)
    budget.take(40)
    budget.take(40)
    with pytest.raises(Overloaded):
        budget.take(40, held=40)
    budget.take(20, held=40)
    assert budget.used == 100


def nested(depth: int) -> bytes:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "attributes": [{"key": "k", "value": value}]}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_what_json_may_nest_can_be_read_back_from_the_journal() -> None:
    refused = 0
    for depth in range(0, 120, 1):
        try:
            message = parse_json(nested(depth), ExportTraceServiceRequest())
        except BadRequest:
            refused += 1
            continue
        assert not refused, "a deeper one is taken after one that was not"
        ExportTraceServiceRequest.FromString(message.SerializeToString())
    assert refused > 0
    assert depth - refused > 30


def test_a_large_request_is_cut_into_parts_that_hold_the_same() -> None:
    request = request_of(50, name="one")
    request.MergeFrom(request_of(70, name="two"))
    request.resource_spans[1].scope_spans[0].scope.version = "9"
    whole = [span.SerializeToString() for span in iterate(request)]
    parts = list(split(request, max_bytes=600))
    assert len(parts) > 10
    assert all(part.ByteSize() < 1000 for part in parts)
    assert [span.SerializeToString() for part in parts for span in iterate(part)] == whole
    for part in parts:
        for resource in part.resource_spans:
            name = resource.resource.attributes[0].value.string_value
            assert name in ("one", "two")
            assert resource.scope_spans[0].scope.version == ("9" if name == "two" else "")
    assert list(split(request)) == [request]


def test_seen_spans_forget_the_oldest_and_what_was_not_kept() -> None:
    seen = SeenSpans(capacity=10)
    assert all(seen.add(key) for key in range(10))
    assert not seen.add(3)
    assert all(seen.add(key) for key in range(10, 20))
    assert seen.add(3), "two generations later it is forgotten"
    seen.discard([15, 3])
    assert seen.add(15)
