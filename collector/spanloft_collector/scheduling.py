"""Puts the jobs together. Apart from ``app``, so that the collector loads no detectors, and the jobs no servers."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial

from spanloft_collector.ingest import create_pricer
from spanloft_collector.jobs.alerts import AlertsJob
from spanloft_collector.jobs.base import Job
from spanloft_collector.jobs.cost import CostJob
from spanloft_collector.jobs.events import EventsJob
from spanloft_collector.jobs.latency import LatencyJob
from spanloft_collector.jobs.prompts import PromptsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.jobs.savings import SavingsJob
from spanloft_collector.jobs.security import SecurityJob
from spanloft_collector.jobs.spreading import spread
from spanloft_collector.jobs.usage import UsageJob
from spanloft_collector.location import LakeAddress
from spanloft_collector.maintenance.lake_events import join_lake_events
from spanloft_collector.maintenance.late_events import join_events
from spanloft_collector.settings import Settings
from spanloft_collector.signals.embedding.choice import EmbedderOf, why_not
from spanloft_collector.signals.security.choice import create_scanner, require
from spanloft_collector.signals.security.review import load_review_rules
from spanloft_collector.signals.security.scan import Scanner
from spanloft_collector.store.opening import AnyStore, open_store
from spanloft_collector.store.parquet import ParquetStore

logger = logging.getLogger(__name__)


def create_jobs(settings: Settings, store: AnyStore) -> list[Job]:
    """All jobs. ``events`` stands first: the others read the messages that it puts in place."""
    join = partial(join_events, store) if isinstance(store, ParquetStore) else partial(join_lake_events, store)
    canaries = [canary.strip() for canary in (settings.canaries or "").split(",") if canary.strip()]
    return [
        EventsJob(join),
        CostJob(create_pricer(settings.prices)),
        LatencyJob(),
        UsageJob(),
        AlertsJob(),
        PromptsJob(),
        SavingsJob(),
        SecurityJob(canaries, _scanner_of(settings), load_review_rules(settings.review_rules)),
        *create_drift_jobs(settings),
    ]


def _scanner_of(settings: Settings) -> Callable[[], Scanner]:
    """Makes the detectors that the settings ask for; what is missing is said now, not when the first span comes."""
    create = partial(
        create_scanner,
        injection_model=settings.injection_model,
        moderation_model=settings.moderation_model,
        pii_engine=settings.pii_engine,
        redact_stored=settings.redact_stored,
    )
    require(settings.injection_model, settings.moderation_model, settings.pii_engine)
    return create


def create_drift_jobs(settings: Settings) -> list[Job]:
    """Embeddings, drift and similar calls, which need them; none where a library or the weights are missing."""
    cache = settings.cache.expanduser()
    if reason := why_not(settings.embedding_model, cache):
        logger.info("no embeddings and no drift: %s", reason)
        return []
    from spanloft_collector.jobs.drift import DriftJob
    from spanloft_collector.jobs.drift_series import Pinned
    from spanloft_collector.jobs.embeddings import EmbeddingsJob
    from spanloft_collector.jobs.similar import SimilarJob

    # Half of the processor: the collector beside it comes first. Work that is spread takes a thread in each process.
    threads = max(1, (os.cpu_count() or 1) // 2) if settings.jobs_processes == 1 else 1
    where = spread(settings.jobs_processes, scale_out=isinstance(settings.store, LakeAddress))
    pinned = None if settings.drift_baseline is None else Pinned.parse(settings.drift_baseline)
    load = EmbedderOf(settings.embedding_model, cache, threads)
    return [EmbeddingsJob(load, where), DriftJob(pinned, where), SimilarJob()]


def create_runner(settings: Settings) -> JobRunner:
    """A runner of all jobs on the store."""
    store = open_store(settings)
    return JobRunner(store, create_jobs(settings, store))


def run_jobs(settings: Settings) -> None:
    """Run all jobs for ever; returns on SIGINT or SIGTERM."""
    runner = create_runner(settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    runner.run_forever(stop)
