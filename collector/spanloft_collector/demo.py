"""Sample data for a first look: the recorded sample traces, spread over two weeks with two incidents in them.

Four and a half days ago OpenAI's gpt-4o is slow for six hours and answers some calls with 429; two days ago a release
of the support service makes its prompt longer, and the bill jumps; since then, too, customers ask about a recalled
stove, which nobody asked about before. Every span carries the environment ``sample``.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanloft_collector import demo_texts
from spanloft_collector.errors import SpanloftError
from spanloft_collector.journal import Kind
from spanloft_collector.loader import iterate, send_over_http
from spanloft_collector.receivers.encoding import parse_json

ENVIRONMENT = "sample"
DAYS = 14
TRACES = 4_000
SPANS_PER_REQUEST = 400
SLOW_DAYS_AGO = (4.6, 4.35)
RELEASE_DAYS_AGO = 2.0

_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_DIALECTS = ("otel_genai", "openinference")
_SUPPORT = "harbour-lane-support"
_SERVICES = {"embeddings": "harbour-lane-search", "cached": "harbour-lane-search", "responses": "harbour-lane-search"}
_COPILOT = "harbour-lane-copilot"
_OLD_RULE = "hand over to a person when the customer asks for one."
_NEW_RULES = (
    "hand over to a person when the customer asks for one. Before you answer, list for yourself every order, parcel "
    "and refund of the customer and check each against the handbook. Name the rule of the handbook that you apply. "
    "Never answer from memory."
)
# Cases that the support service makes often, rarely (errors), or that belong to other services.
_WEIGHTS = {
    "support_agent": 14.0,
    "failing_agent": 2.0,
    "poisoned_agent": 0.4,
    "chat": 8.0,
    "chat_stream_usage": 8.0,
    "rate_limited": 1.0,
}
_IDENTIFIERS = re.compile(
    r"A-\d{5}\b|customer-\d{4}\b|chat-[0-9a-f]{4}\b|\b(?:chatcmpl-|resp_|msg_|call_|toolu_|req_|fc_|rs_)[0-9A-Za-z]{8,}"
)
_INPUT_KEYS = re.compile(r"(input_tokens|prompt_tokens|token_count\.prompt)")
_OUTPUT_KEYS = re.compile(r"(output_tokens|completion_tokens|token_count\.completion)")
_SECONDS_KEYS = frozenset({"gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"})


class Template(NamedTuple):
    """A recorded case."""

    case: str
    request: ExportTraceServiceRequest
    weight: float


def sample_traces() -> Path:
    """The folder of the sample traces: inside an installed package, or at the root of a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "sample_traces", here.parents[1] / "sample_traces"):
        if folder.is_dir():
            return folder
    raise SpanloftError("the sample traces are missing from this installation; start without --demo")


def templates() -> list[Template]:
    """All recorded cases of the two dialects that the demo shows."""
    found = []
    for dialect in _DIALECTS:
        for path in sorted((sample_traces() / dialect).glob("*/request.json")):
            request = ExportTraceServiceRequest()
            parse_json(path.read_bytes(), request)
            share = 1.0 if dialect == "otel_genai" else 0.25
            found.append(Template(path.parent.name, request, _WEIGHTS.get(path.parent.name, 3.0) * share))
    return found


def send(base_url: str, *, api_key: str | None, now_ns: int, traces: int = TRACES) -> int:
    """Send the sample data to a collector; returns the number of spans.

    Args:
        base_url: of the collector, such as ``http://127.0.0.1:4318``.
        api_key: its key, if it wants one.
        now_ns: end of the two weeks, Unix nanoseconds.
        traces: how many traces.
    """
    deliver = send_over_http(base_url, api_key)
    sent = 0
    for request in requests(now_ns, traces):
        sent += sum(1 for _ in iterate(request))
        deliver(Kind.TRACES, request)
    return sent


def requests(now_ns: int, traces: int, seed: int = 7) -> Iterator[ExportTraceServiceRequest]:
    """Yield requests with ``traces`` traces in all, oldest first; the same arguments give the same data."""
    chance = random.Random(seed)
    cases = templates()
    weights = [case.weight for case in cases]
    request, spans = ExportTraceServiceRequest(), 0
    for age_ns in sorted((trace_age(chance) for _ in range(traces)), reverse=True):
        days_ago = age_ns / _DAY_NS
        slow = SLOW_DAYS_AGO[1] < days_ago < SLOW_DAYS_AGO[0]
        template = chance.choices(cases, weights)[0]
        if slow and template.case in ("chat", "support_agent") and chance.random() < 0.2:
            template = next(case for case in cases if case.case == "rate_limited")
        copy = Retold(template, chance, now_ns - age_ns, days_ago, slow=slow).request()
        request.MergeFrom(copy)
        spans += sum(1 for _ in iterate(copy))
        if spans >= SPANS_PER_REQUEST:
            yield request
            request, spans = ExportTraceServiceRequest(), 0
    if spans:
        yield request


def trace_age(chance: random.Random) -> int:
    """Age of a trace in nanoseconds: quiet at night (twelve hours ago, and every day so), a little more every day."""
    while True:
        days_ago = DAYS * chance.random()
        daytime = 0.3 + 0.7 * math.cos(math.pi * days_ago) ** 2
        if chance.random() < daytime * (1 - 0.4 * days_ago / DAYS):
            return int(days_ago * _DAY_NS)


class Retold:
    """One recorded trace told again: at another time, by another user, somewhat longer or slower."""

    def __init__(
        self, template: Template, chance: random.Random, start_ns: int, days_ago: float, *, slow: bool
    ) -> None:
        self.template = template
        self.chance = chance
        self.start_ns = start_ns
        self.released = days_ago < RELEASE_DAYS_AGO
        self.slow = slow
        self.rewritten = False
        self.pace = chance.lognormvariate(0, 0.35)
        self.input_factor = chance.lognormvariate(1.6, 0.5)
        self.output_factor = chance.lognormvariate(0.8, 0.5)
        self._names: dict[str, str] = {}
        # A source of chance of its own: what else is retold stays as it is.
        asked = random.Random(start_ns)
        self.told = demo_texts.retold(asked, recalled=self.released)

    def request(self) -> ExportTraceServiceRequest:
        """The trace, retold."""
        request = ExportTraceServiceRequest()
        request.CopyFrom(self.template.request)
        first = min(span.start_time_unix_nano for span in iterate(request))
        trace_ids: dict[bytes, bytes] = {}
        span_ids: dict[bytes, bytes] = {b"": b""}
        for resource_spans in request.resource_spans:
            service = self._resource(resource_spans.resource.attributes)
            self.rewritten = service == _SUPPORT and self.released
            if self.rewritten:
                self.input_factor *= 2.6
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    span.trace_id = trace_ids.setdefault(span.trace_id, self.chance.randbytes(16))
                    span.span_id = span_ids.setdefault(span.span_id, self.chance.randbytes(8))
                    span.parent_span_id = span_ids.setdefault(span.parent_span_id, self.chance.randbytes(8))
                    pace = self._pace(span)
                    span.start_time_unix_nano = self._moment(span.start_time_unix_nano, first, pace)
                    span.end_time_unix_nano = self._moment(span.end_time_unix_nano, first, pace)
                    for event in span.events:
                        event.time_unix_nano = self._moment(event.time_unix_nano, first, pace)
                    for pair in span.attributes:
                        self._attribute(pair.key, pair.value, pace)
        return request

    def _pace(self, span: Any) -> float:
        models = [
            pair.value.string_value for pair in span.attributes if pair.key.endswith(("request.model", "model_name"))
        ]
        hit = self.slow and (not models or any(model.startswith("gpt-4o") for model in models))
        return self.pace * (3.4 if hit else 1.0)

    def _moment(self, recorded: int, first: int, pace: float) -> int:
        return self.start_ns + int((recorded - first) * pace)

    def _resource(self, attributes: Any) -> str:
        service = ""
        for pair in attributes:
            if pair.key == "service.name":
                service = pair.value.string_value = self._service()
            elif pair.key in ("deployment.environment.name", "deployment.environment"):
                pair.value.string_value = ENVIRONMENT
        version = attributes.add(key="service.version").value
        version.string_value = "1.9.0" if self.released else "1.8.3"
        return service

    def _service(self) -> str:
        """The recordings come from one app; the demo has three, so that there is something to compare."""
        case = self.template.case
        if case.startswith("messages"):
            return _COPILOT
        return _SERVICES.get(case.partition("_")[0], _SUPPORT)

    def _attribute(self, key: str, value: AnyValue, pace: float) -> None:
        kind = value.WhichOneof("value")
        if kind == "string_value":
            told = value.string_value
            for recorded, words in self.told.items():
                told = told.replace(recorded, words)
            value.string_value = _IDENTIFIERS.sub(self._rename, told)
            if self.rewritten:
                value.string_value = value.string_value.replace(_OLD_RULE, _NEW_RULES)
        elif kind == "int_value" and _OUTPUT_KEYS.search(key):
            value.int_value = int(value.int_value * self.output_factor)
        elif kind == "int_value" and _INPUT_KEYS.search(key):
            value.int_value = int(value.int_value * self.input_factor)
        elif kind == "double_value" and key in _SECONDS_KEYS:
            value.double_value *= pace

    def _rename(self, match: re.Match[str]) -> str:
        """A new identifier of the same kind; the same one throughout the trace."""
        old = match.group()
        if old not in self._names:
            if old.startswith("customer-"):
                self._names[old] = f"customer-{int(self.chance.paretovariate(0.9)) % 240 + 1000}"
            elif old.startswith("chat-"):
                self._names[old] = f"chat-{self.chance.getrandbits(16):04x}"
            elif old.startswith("A-"):
                self._names[old] = f"A-{self.chance.randrange(10_000, 99_999)}"
            else:
                prefix = re.match(r"[a-z]+[-_]", old)
                head = prefix.group() if prefix else ""
                self._names[old] = f"{head}{self.chance.getrandbits(96):024x}"
        return self._names[old]
