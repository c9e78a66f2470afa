"""Ray's tasks and actors, by the real Ray: ``pytest -m slow tests/matrix/test_ray.py``; needs a registry."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from otlp_sink import otlp_sink

from matrix.catalog import Library
from matrix.environments import prepare

APP = Path(__file__).parent / "apps" / "ray_app.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_tasks_and_actors_deliver_into_the_callers_trace(tmp_path: Path) -> None:
    python = prepare(Library("ray", ("ray",)))
    with otlp_sink() as sink:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "SPANLOFT_SPOOL": str(tmp_path)}
        subprocess.run([python, APP], env=environment, check=True, timeout=180)
        (root,) = (span for span in sink.spans if span.name == "root")
        inside = [span for span in sink.spans if span is not root]
    assert sorted(span.name for span in inside) == ["actor", *(f"task {number}" for number in range(4))]
    for span in inside:
        assert (span.trace_id, span.parent_span_id) == (root.trace_id, root.span_id)
        assert [pair.value.string_value for pair in span.attributes if pair.key == "user.id"] == ["u-1"]
