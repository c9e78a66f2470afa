"""A store with the sample data, through the real pipeline and jobs: ``python scripts/sample_store.py STORE``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from spanloft_collector.demo import TRACES, requests
from spanloft_collector.ingest import run_pipeline
from spanloft_collector.journal import Journal, Kind
from spanloft_collector.scheduling import create_runner
from spanloft_collector.settings import Settings
from spanloft_collector.store.parquet import ParquetStore


def build(root: Path, traces: int = TRACES) -> None:
    """Fill a new store at ``root`` with ``traces`` traces that end now."""
    settings = Settings(store=root, workers=0)
    ParquetStore(root)
    journal = Journal(root / "journal")
    for request in requests(time.time_ns(), traces):
        journal.append(Kind.TRACES, request.SerializeToString()).result()
    journal.close()
    run_pipeline(settings, lambda: True)
    runner = create_runner(settings)
    for name in runner.jobs:
        runner.run_until_idle(name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a store with the sample data.")
    parser.add_argument("store", type=Path)
    arguments = parser.parse_args()
    if arguments.store.exists():
        raise SystemExit(f"{arguments.store} exists; remove it first")
    build(arguments.store)


if __name__ == "__main__":
    main()
