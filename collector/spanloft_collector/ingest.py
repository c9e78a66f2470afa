"""Puts the pipeline together. Apart from ``app``, so that its processes load no servers they never use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from spanloft_collector.durable import exclusive
from spanloft_collector.errors import SpanloftError
from spanloft_collector.journal import Record
from spanloft_collector.location import INGEST_LOCK
from spanloft_collector.pipeline.batch import Chunk, transform
from spanloft_collector.pipeline.decoders import InlineDecoders, ProcessDecoders, Transform
from spanloft_collector.pipeline.process import Pipeline
from spanloft_collector.pricing import catalog
from spanloft_collector.pricing.overrides import NO_OVERRIDES, OverridesError, load_overrides
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.settings import Settings
from spanloft_collector.store.background import Background
from spanloft_collector.store.maintenance import Maintenance
from spanloft_collector.store.opening import AnyStore, open_store
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import parse_retention


def create_pricer(prices: Path | None) -> Pricer:
    """The pricer, with the user's overrides if there is a file.

    Raises:
        SpanloftError: the file is wrong; says which entry, which field and what was expected.
    """
    if prices is None:
        return Pricer(NO_OVERRIDES)
    try:
        return Pricer(load_overrides(prices))
    except OverridesError as error:
        raise SpanloftError(str(error)) from None


def create_transform(prices: Path | None, redact_stored: Literal["off", "secrets", "all"]) -> Transform:
    """What the pipeline does with records: decode, map and price them, after taking out what must not be stored."""
    pricer = create_pricer(prices)
    catalog.load()
    if redact_stored == "off":
        return partial(transform, pricer=pricer)
    # Loaded only here: the detectors cost memory in every worker.
    from spanloft_collector.redaction import redactor

    return partial(_redacted, partial(transform, pricer=pricer), redactor(redact_stored))


def _redacted(then: Transform, redact: Callable[[Record], Record], records: Sequence[Record]) -> Chunk:
    return then([redact(record) for record in records])


def run_pipeline(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Run the pipeline in this process until ``stopping()`` and the journal is empty.

    Only one pipeline may publish: the lock waits for a predecessor that is still dying.
    """
    create = partial(create_transform, settings.prices, settings.redact_stored)
    # Before anything else: on Linux the workers share what is loaded by now, and no thread has begun yet.
    decoders = ProcessDecoders(create, settings.workers) if settings.workers else InlineDecoders(create)
    store = open_store(settings)
    with exclusive(store.root / INGEST_LOCK, wait=True):
        pipeline = Pipeline(
            store,
            store.root / "journal",
            decoders,
            publish_interval_s=settings.publish_interval_s,
            publish_rows=settings.publish_rows,
        )
        with _upkeep(store, settings, lambda: pipeline.pressed):
            pipeline.run(stopping)


def _upkeep(store: AnyStore, settings: Settings, pressed: Callable[[], bool]) -> Background:
    retention = parse_retention(settings.retention_days, settings.retention_bytes)
    if isinstance(store, ParquetStore):
        return Maintenance(
            store,
            interval_s=settings.compact_interval_s,
            grace_s=settings.grace_s,
            retention=retention,
            pressed=pressed,
        )
    from spanloft_collector.store.lake_maintenance import LakeMaintenance

    return LakeMaintenance(store, interval_s=settings.compact_interval_s, grace_s=settings.grace_s, retention=retention)
