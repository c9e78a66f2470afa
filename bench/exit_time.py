"""How long an app takes to exit, and what becomes of its spans, when the collector is up, down, or hangs.

    python bench/exit_time.py [--spans 2000] [--runs 3] [--stock]

The app is a process of its own that ends with spans still queued; the figure is the seconds from its last line to its
end. ``--stock`` also measures OpenTelemetry's own batch processor and OTLP/HTTP exporter, which takes half a minute.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

OURS = "import spanloft; spanloft.instrument()"
STOCK = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
"""
APP = """
import time
{setup}
from opentelemetry import trace
tracer = trace.get_tracer("bench")
for number in range({spans}):
    tracer.start_span(f"span {{number}}", attributes={{"text": "x" * 2000}}).end()
print(time.time(), flush=True)
"""
STATES = ("up", "refused", "hanging")
LIMIT = 2.0


@contextmanager
def collector(state: str) -> Iterator[tuple[str, list[int]]]:
    """An endpoint in that state, and a list that gets the number of spans it took."""
    from otlp_sink import otlp_sink

    taken: list[int] = []
    if state == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield f"http://127.0.0.1:{port}", taken
        taken.append(0)
        return
    with otlp_sink() as sink:
        sink.hang = 60.0 if state == "hanging" else 0.0
        yield sink.url, taken
        taken.append(len(sink.spans))


def one(setup: str, state: str, spans: int) -> tuple[float, int, int]:
    """Seconds to exit, spans the collector took, bytes left in the spool."""
    with tempfile.TemporaryDirectory() as folder, collector(state) as (url, taken):
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "SPANLOFT_SPOOL": folder}
        code = APP.format(setup=setup, spans=spans)
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        seconds = time.time() - float(run.stdout.split()[-1])
        kept = sum(file.stat().st_size for file in Path(folder).rglob("*.otlp"))
    return seconds, taken[0], kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stock", action="store_true", help="measure OpenTelemetry's own exporter, too")
    options = parser.parse_args()
    print(f"{'':16} {'collector':>10} {'exit, s':>8} {'worst':>6} {'delivered':>10} {'kept on disk':>13}")
    worst_of_ours = 0.0
    for name, setup, runs in (("spanloft", OURS, options.runs), ("OpenTelemetry", STOCK, 1)):
        if name != "spanloft" and not options.stock:
            continue
        for state in STATES:
            results = [one(setup, state, options.spans) for _ in range(runs)]
            seconds = [result[0] for result in results]
            _, delivered, kept = results[-1]
            print(
                f"{name:16} {state:>10} {statistics.median(seconds):8.2f} {max(seconds):6.2f} {delivered:10} {kept:13}"
            )
            if name == "spanloft":
                worst_of_ours = max(worst_of_ours, *seconds)
    print(f"spanloft, worst: {worst_of_ours:.2f} s; limit {LIMIT} s")
    return int(worst_of_ours > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
