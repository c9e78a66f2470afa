"""What the ``spanloft`` commands do beyond starting a part: load, jobs run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spanloft_collector.app import open_journal, recent_spans
from spanloft_collector.durable import exclusive
from spanloft_collector.errors import SpanloftError
from spanloft_collector.ingest import run_pipeline
from spanloft_collector.journal import Kind
from spanloft_collector.loader import LoadReport, Send, load_files, running_collector, send_over_http
from spanloft_collector.location import INGEST_LOCK, LOCK_FILE, LakeAddress
from spanloft_collector.preparation import published
from spanloft_collector.receivers.accept import Acceptor
from spanloft_collector.receivers.files import find_files
from spanloft_collector.settings import Settings
from spanloft_collector.store.lake_catalog import MARGIN_US
from spanloft_collector.store.opening import AnyStore, open_store


def load(settings: Settings, paths: list[Path]) -> int:
    """Load OTLP files into the store; 0 when all could be read, 1 when something was left out."""
    files = find_files(paths)
    store = open_store(settings)
    console = Console(stderr=True)
    total = sum(path.stat().st_size for path in files)
    with (
        Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
        ) as bar,
        sender(settings, store) as send,
    ):
        task = bar.add_task(f"Loading {len(files)} file{'s' * (len(files) != 1)}", total=total)
        report = load_files(files, send, store.reader(), lambda size: bar.advance(task, size))
        bar.update(task, completed=total)
    return summarise(report, console)


def summarise(report: LoadReport, console: Console) -> int:
    """Say what came of a load."""
    for error in report.errors:
        console.print(error, style="red", markup=False, highlight=False, soft_wrap=True)
    parts = [f"{report.spans} spans loaded"]
    if report.records:
        parts.append(f"{report.records} log and metric requests loaded")
    if report.already_stored:
        parts.append(f"{report.already_stored} were already in the store")
    if report.rejected:
        parts.append(f"{report.rejected} rejected for invalid ids")
    if report.errors:
        parts.append(f"{len(report.errors)} left out, see above")
    console.print(", ".join(parts), markup=False, highlight=False)
    return 1 if report.errors or report.rejected else 0


@contextmanager
def sender(settings: Settings, store: AnyStore) -> Iterator[Send]:
    """Hand requests to the collector if one runs on the store; else journal and publish them here."""
    url = running_collector(store.root)
    if url is not None:
        keys = settings.api_key.get_secret_value() if settings.api_key else ""
        yield send_over_http(url, keys.split(",")[0].rpartition(":")[2] or None)
        return
    with exclusive(store.root / LOCK_FILE, wait=False):
        with exclusive(store.root / INGEST_LOCK, wait=True):
            known = published(store)
        journal = open_journal(known, 1 << 62)
        acceptor = Acceptor(journal, recent_spans(known))

        def send(kind: Kind, message: Message) -> int:
            receipt = acceptor.accept_message(kind, message, message.SerializeToString(), transport="file")
            if receipt.durable is not None:
                receipt.durable.result()
            return receipt.rejected

        try:
            yield send
        finally:
            journal.close()
            # A load is short: starting workers would take longer than decoding here.
            run_pipeline(settings.model_copy(update={"workers": 0}), lambda: True)


def run_job(settings: Settings, name: str, *, recompute: bool) -> None:
    """Run a job, or all of them, until nothing is left, with a progress bar."""
    # Here: a load, which is short, would take a tenth longer to load all jobs.
    from spanloft_collector.scheduling import create_runner
    from spanloft_collector.signals.embedding.choice import why_not

    if isinstance(settings.store, LakeAddress):
        # What was stored a moment ago counts as complete after the margin; whoever runs a job by hand means it, too.
        time.sleep(MARGIN_US / 1e6)
    runner = create_runner(settings)
    if name in ("embeddings", "drift", "similar") and name not in runner.jobs:
        raise SpanloftError(why_not(settings.embedding_model, settings.cache.expanduser()))
    names = list(runner.jobs) if name == "all" else [runner.job(name).name]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        for job in names:
            task = bar.add_task(job, total=None)

            def advance(_: str, done: int, total: int, task: Any = task) -> None:
                bar.update(task, completed=done, total=total)

            runner.run_until_idle(job, recompute=recompute, progress=advance)
