"""What the pipeline's process runs. Apart from ``app``, whose servers would take 15 MB there, and loaded late.

A process that is spawned imports the module of its function. Arrow, DuckDB and the prices take more memory than the
rest of the receiver that names this one.
"""

from __future__ import annotations

from collections.abc import Callable

from spanloft_collector.settings import Settings


def publish(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Publish what is journalled until ``stopping()``."""
    from spanloft_collector.ingest import run_pipeline

    run_pipeline(settings, stopping)
