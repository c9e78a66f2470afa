"""A store filled in this process from the sample traces, through journal, pipeline and jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spanloft_collector.commands import sender
from spanloft_collector.loader import load_files
from spanloft_collector.scheduling import create_runner
from spanloft_collector.settings import Settings, load_settings
from spanloft_collector.store.parquet import ParquetStore

SAMPLES = Path(__file__).parents[1] / "sample_traces"


def sample_requests() -> list[Path]:
    """OTLP files of all sample traces."""
    return sorted(SAMPLES.glob("*/*/request.json"))


def settings_for(root: Path, **more: Any) -> Settings:
    """Settings for a store in a test: decoding in this process, no waiting, no embeddings unless asked for."""
    return load_settings(**{"store": root, "workers": 0, "embedding_model": "off", **more})


def fill(root: Path, files: list[Path], *, jobs: bool = True, **more: Any) -> ParquetStore:
    """Load OTLP files into a store and run the jobs."""
    settings = settings_for(root, **more)
    store = ParquetStore(root)
    with sender(settings, store) as send:
        report = load_files(files, send, store.reader())
    assert report.errors == []
    assert report.rejected == 0
    if jobs:
        run_jobs(settings)
    return store


def run_jobs(settings: Settings) -> None:
    """Run all jobs until nothing is left."""
    runner = create_runner(settings)
    for name in runner.jobs:
        runner.run_until_idle(name)


def rows(store: ParquetStore, statement: str) -> list[dict[str, Any]]:
    """Rows of a query."""
    found: list[dict[str, Any]] = store.reader().sql(statement).to_pylist()
    return found


def one(store: ParquetStore, statement: str) -> Any:
    """The only value of a query."""
    (row,) = rows(store, statement)
    (value,) = row.values()
    return value
