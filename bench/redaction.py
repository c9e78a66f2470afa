"""CPU that `SPANLOFT_REDACT_STORED` costs per 1,000 spans: `python -m bench.redaction [--rounds 7] [--spans 2000]`.

The pipeline's work on the same requests (decode, map, price) with and without redaction, in turns in one process; CPU
seconds, not wall time. Each figure is the median of the rounds, its range in brackets. Spans are those of
``bench/payload.py``, with a secret in one of ten questions; metric points carry four attributes and an exemplar.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from spanloft_collector.ingest import create_transform
from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline.decoders import Transform

from bench.payload import PayloadFactory

SETTINGS = ("off", "secrets", "all")
SECRET = " my key is sk-proj-Ab3dE5gH7jK9mN1pQ3sT5vX7zA9cE2fG4h"
EVERY = 10
SPANS_A_REQUEST = 100


def trace_records(spans: int) -> list[Record]:
    """Requests of ``SPANS_A_REQUEST`` spans each, together ``spans``."""
    factory = PayloadFactory()
    requests = [factory.request(SPANS_A_REQUEST) for _ in range(spans // SPANS_A_REQUEST)]
    for request in requests:
        plant(request)
    return [record(Kind.TRACES, request.SerializeToString()) for request in requests]


def record(kind: Kind, payload: bytes) -> Record:
    """A record as the journal holds it."""
    return Record(kind, time.time_ns(), {}, payload, Position(1, 0))


def plant(request: ExportTraceServiceRequest) -> None:
    """Put a secret behind the retrieval query of one of ``EVERY`` traces."""
    seen = 0
    for span in request.resource_spans[0].scope_spans[0].spans:
        for one in span.attributes:
            if one.key == "gen_ai.retrieval.query.text":
                seen += 1
                if seen % EVERY == 1:
                    one.value.string_value += SECRET


def metric_records(points: int) -> list[Record]:
    """One request of a histogram with ``points`` points."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="gen_ai.client.token.usage")
    for number in range(points):
        point = metric.histogram.data_points.add(count=3, sum=12.5, bucket_counts=[1, 2], explicit_bounds=[4.0])
        for key in ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "server.address"):
            point.attributes.append(pair(key, f"value-{number % 7}"))
        point.exemplars.add(as_double=2.5).filtered_attributes.append(pair("user.id", f"user-{number}"))
    return [record(Kind.METRICS, request.SerializeToString())]


def pair(key: str, value: str) -> KeyValue:
    """An attribute with a text."""
    attribute = KeyValue(key=key)
    attribute.value.string_value = value
    return attribute


def cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def report(name: str, records: Sequence[Record], count: int, transforms: dict[str, Transform], rounds: int) -> None:
    """Print the CPU per 1,000 of ``count`` rows by setting, and the ratio to no redaction."""
    spent: dict[str, list[float]] = {setting: [] for setting in transforms}
    for number in range(rounds + 1):
        for setting, transform in transforms.items():
            each = cpu_ms(lambda transform=transform: transform(records)) * 1000 / count
            # The first round loads and compiles.
            if number:
                spent[setting].append(each)
    base = statistics.median(spent["off"])
    for setting, values in spent.items():
        middle = statistics.median(values)
        print(
            f"{name}, {setting:8} {middle:7.1f} ms CPU [{min(values):.1f}–{max(values):.1f}], "
            f"{middle / base:.2f} times off, {middle - base:+.1f} ms",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--spans", type=int, default=2_000, help="spans, and points of metrics, per round")
    options = parser.parse_args()
    transforms = {setting: create_transform(None, setting) for setting in SETTINGS}
    traces = trace_records(options.spans)
    report("1,000 spans", traces, len(traces) * SPANS_A_REQUEST, transforms, options.rounds)
    report("1,000 points of metrics", metric_records(options.spans), options.spans, transforms, options.rounds)


if __name__ == "__main__":
    main()
