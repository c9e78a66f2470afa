"""Seconds that ``import spanloft; spanloft.instrument()`` take after the LLM SDK's own import.

    python bench/import_time.py [--runs 9]

Each figure is the median of fresh processes, with the range. Beside it: the OpenTelemetry SDK with its OTLP/HTTP
exporter and a provider, which any tracing pays, and what the SDK itself takes to import.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

MEASURE = """
import json, time
{before}
wall, cpu = time.perf_counter(), time.process_time()
{measured}
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""
OTEL = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
"""
OURS = "import spanloft\nspanloft.instrument()\n"
CASES = {
    "import openai": ("", "import openai"),
    "import spanloft, alone": ("", "import spanloft"),
    "spanloft, no LLM library imported": ("", OURS),
    "spanloft after openai": ("import openai", OURS),
    "spanloft after openai and anthropic": ("import openai, anthropic", OURS),
    "OpenTelemetry SDK + exporter after openai": ("import openai", OTEL),
}
LIMIT = 0.6


def measure(before: str, measured: str, runs: int) -> list[tuple[float, float]]:
    """Wall and CPU seconds of ``measured`` in fresh processes; the first, which warms the disk cache, is left out."""
    code = MEASURE.format(before=before, measured=measured)
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "SPANLOFT_SPOOL": "off"}
    times = []
    for _ in range(runs + 1):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        times.append(tuple(json.loads(run.stdout)))
    return times[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    print(f"{'seconds, median of ' + str(options.runs):44} {'wall':>20} {'CPU':>7}")
    worst = 0.0
    for name, (before, measured) in CASES.items():
        times = measure(before, measured, options.runs)
        wall, cpu = (sorted(column) for column in zip(*times, strict=True))
        print(f"{name:44} {statistics.median(wall):6.3f} [{wall[0]:.3f}..{wall[-1]:.3f}] {statistics.median(cpu):7.3f}")
        if name.startswith("spanloft after"):
            worst = max(worst, statistics.median(wall))
    print(f"spanloft after the SDKs: {worst:.3f} s; limit {LIMIT} s")


if __name__ == "__main__":
    main()
