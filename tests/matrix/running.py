"""Runs the apps against the fake provider and a real collector, and compares what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collecting import CollectorProcess
from fake_provider import FakeProvider

from . import environments
from .catalog import Library
from .compare import PROMPT, Outcome, compare
from .environments import InstallError
from .prices import OVERRIDES

APPS = Path(__file__).resolve().parent / "apps"
_CALLS = """
    SELECT c.*, epoch_us(c.start_time) / 1e6 AS start, p.input_messages, p.output_messages
    FROM llm_calls c LEFT JOIN payloads p USING (trace_id, span_id, start_time)
    WHERE c.service_name = ?
"""
_TOOLS = "SELECT *, epoch_us(start_time) / 1e6 AS start FROM tool_calls WHERE service_name = ?"
_LEAKS = """
    SELECT s.name, s.scope_name FROM spans s JOIN payloads p USING (trace_id, span_id, start_time)
    WHERE s.service_name = $1 AND (concat(p.attributes, p.events, s.status_message) LIKE '%' || $2 || '%')
"""
"""Spans that hold the prompt anywhere, in a run without content."""
_NO_TEXT = ("the prompt is not in input_messages",)
_SCRUBBED = ("OTEL_", "SPANLOFT_", "ANTHROPIC_", "OPENAI_", "AWS_", "GOOGLE_", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass
class Result:
    """A row of the table. ``problem`` is set when the library could not be installed or its app not run."""

    library: Library
    versions: dict[str, str] = field(default_factory=dict)
    traced_by: str = ""
    problem: str | None = None
    cases: list[dict[str, Any]] = field(default_factory=list)
    bills: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def passed(self) -> bool:
        """Whether the library ran, and every call is counted once and right."""
        return self.problem is None and self.outcome.passed


def run(
    libraries: Iterable[Library],
    folder: Path,
    *,
    fresh: bool = False,
    content: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Runs the libraries one after the other.

    Args:
        libraries: rows of the catalog.
        folder: an empty directory for the store, the ledgers and the apps' output.
        fresh: make the environments anew, with today's versions.
        content: record texts; without, no span may hold any, and all else must be as right.
        tell: is told what happens.
    """
    prices = folder / "prices.yaml"
    prices.write_text(OVERRIDES)
    results = []
    with CollectorProcess(folder / "store", SPANLOFT_PRICES=str(prices)) as collector:
        for library in libraries:
            tell(f"{library.name} ...")
            results.append(_run_app(library, collector.http, folder, fresh, content))
        if collector.stop() != 0:
            raise RuntimeError("the collector failed")
        for result in results:
            if result.cases:
                _compare(result, collector)
                if not content:
                    _look_for_texts(result, collector)
    return results


def _run_app(library: Library, endpoint: str, folder: Path, fresh: bool, content: bool) -> Result:
    result = Result(library)
    started = time.monotonic()
    try:
        python = environments.prepare(library, fresh=fresh)
        result.versions = environments.versions(python, library)
        result.traced_by = _traced_by(library, environments.choices(python))
    except InstallError as error:
        result.problem = f"not installed: {error}"
        return result
    with FakeProvider(folder / f"{library.name}.jsonl") as provider:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_SCRUBBED)}
        environment = kept | {
            "FAKE_URL": provider.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": library.name,
            "SPANLOFT_SPOOL": str(folder / "spool"),
            "SPANLOFT_CAPTURE_CONTENT": str(content).lower(),
        }
        command = [str(python), str(APPS / library.app_file)]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=240, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired as error:
            result.problem = f"the app did not end: {error}"
            return result
        result.bills = provider.bills()
    (folder / f"{library.name}.out").write_text(done.stdout + "\n--- stderr ---\n" + done.stderr)
    result.cases = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("CASE ")]
    if done.returncode:
        result.problem = f"the app ended with {done.returncode}: {done.stderr.strip()[-600:]}"
    result.seconds = time.monotonic() - started
    return result


def _traced_by(library: Library, choices: list[tuple[str, str | None, str | None, str]]) -> str:
    found = next((choice for choice in choices if choice[0] == library.name), None)
    if found is None:
        return "not in the table of choices"
    _, instrumentor, version, reason = found
    return f"{instrumentor} {version}" if instrumentor else reason


def _compare(result: Result, collector: CollectorProcess) -> None:
    name = result.library.name
    result.outcome = compare(result.cases, result.bills, _rows(collector, _CALLS, name), _rows(collector, _TOOLS, name))


def _look_for_texts(result: Result, collector: CollectorProcess) -> None:
    """In a run without content: nothing of the prompt anywhere, and no complaint that it is missing."""
    outcome = result.outcome
    outcome.findings = [
        text for text in outcome.findings if not text.endswith(_NO_TEXT) and "tool calls []" not in text
    ]
    leaks = _rows(collector, _LEAKS, result.library.name, PROMPT)
    outcome.cells["content"] = not leaks
    outcome.findings += sorted({f"{leak['name']} ({leak['scope_name']}): holds the prompt" for leak in leaks})


def _rows(collector: CollectorProcess, sql: str, *parameters: str) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect(str(collector.store / "spanloft.duckdb"), read_only=True) as connection:
        found = connection.execute(sql, list(parameters))
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
