"""The real OTLP/JSON exporter, in an environment of its own: it pins other versions than ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from collecting import CollectorProcess

APP = """
import sys
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "json"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1] + "/v1/traces")))
with provider.get_tracer("t").start_as_current_span("outer") as span:
    span.set_attribute("big", 2**60)
    span.set_attribute("list", ["a", "b"])
    span.add_event("happened", {"n": 1})
    print(f"{span.get_span_context().trace_id:032x}")
provider.shutdown()
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_json_exporter(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--pre", "opentelemetry-exporter-otlp-json-http"]
    subprocess.run(install, check=True, timeout=300)
    with CollectorProcess(tmp_path / "store") as collector:
        command = [str(python), "-c", APP, collector.http]
        sent = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert "error" not in sent.stderr.lower(), sent.stderr
        collector.wait_for(1)
        (row,) = collector.rows(
            "SELECT s.trace_id, s.service_name, p.attributes->>'big', p.attributes->>'list', "
            "json_array_length(p.events) FROM spans s JOIN payloads p USING (trace_id, span_id)"
        )
        assert row == (sent.stdout.strip(), "json", str(2**60), '["a","b"]', 1)
