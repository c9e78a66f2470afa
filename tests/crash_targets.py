"""What the crash tests kill: a publish, a merge, a run of the jobs. Each is one function of a store's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spanloft_collector.ingest import run_pipeline
from spanloft_collector.pipeline import process
from spanloft_collector.scheduling import create_runner
from spanloft_collector.settings import Settings, load_settings
from spanloft_collector.store import compact, parquet
from spanloft_collector.store.compact import merge, plan, sweep, switch
from spanloft_collector.store.manifest import load_manifest
from spanloft_collector.store.parquet import ParquetStore

SPANS = 5
"""Spans of a request; two requests are published together."""


def warm_up() -> None:
    """Import what the first use imports."""
    import genai_prices.data
    import pandas
    import pyarrow.acero
    import pyarrow.dataset

    assert all((genai_prices.data, pandas, pyarrow.acero, pyarrow.dataset))


def publish(root: Path) -> None:
    """What the pipeline's process does, in small publishes."""
    parquet.PUBLISH_SETTLE_S, process.READ_BYTES = 0.0, 1
    run_pipeline(_settings(root), lambda: True)


def compact_once(root: Path) -> None:
    """A merge of everything that is due, and a sweep."""
    compact.FAN_IN, compact.SETTLE_S = 2, 0.0
    store = ParquetStore(root)
    for inputs in plan(load_manifest(store.manifest_path("ingest")).files):
        switch(store, merge(store, "ingest", inputs))
    sweep(store, 0.0)


def run_all_jobs(root: Path) -> None:
    """All jobs until nothing is left."""
    _run(_settings(root))


def run_jobs(root: Path) -> None:
    """All jobs but those that load a model."""
    _run(_settings(root, embedding_model="off"))


def _run(settings: Settings) -> None:
    parquet.PUBLISH_SETTLE_S, parquet.REPLACE_SETTLE_S = 0.0, 0.0
    runner = create_runner(settings)
    for name in runner.jobs:
        runner.run_until_idle(name)


def _settings(root: Path, **more: Any) -> Settings:
    return load_settings(store=root, workers=0, publish_rows=2 * SPANS, **more)
