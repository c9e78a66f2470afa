"""Runs jobs: watermark, lease, retry, backfill in steps. Output and watermark are published together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.jobs.base import Job, Output
from spanloft_collector.store.base import Reader, Store

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the store's timestamps are naive UTC
WINDOW_SPANS = 200_000
"""Spans that one run of a job takes at the most: bounds memory and what a crash repeats. A job that is slow for each
span says fewer in its own ``window_spans``."""

Progress = Callable[[str, int, int], None]
"""Called with (job, spans done, spans in all)."""


class JobRunner:
    """Runs a set of jobs against a store."""

    def __init__(self, store: Store, jobs: Sequence[Job]) -> None:
        """Prepare.

        Args:
            store: where jobs read and write.
            jobs: the jobs. One runner at a time holds the lease of a job, across processes.
        """
        self.store = store
        self.reader: Reader = store.reader()
        self.jobs = {job.name: job for job in jobs}

    def run_until_idle(
        self,
        name: str,
        *,
        recompute: bool = False,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> int:
        """Run one job until nothing is left; returns the number of windows.

        Args:
            name: the job.
            recompute: drop the results and compute everything again, instead of going on from the watermark.
            progress: called after every window.
            stop: ends the run after the window it is in; a backfill may be hours long.

        Raises:
            SpanloftError: there is no such job, or another process is running it.
        """
        job = self.job(name)
        try:
            with self.store.lease(name, wait=False):
                return self._drain(job, recompute, progress, stop or threading.Event())
        except BlockingIOError:
            raise SpanloftError(f"job {name} is running in another process; stop it or wait") from None

    def run_forever(self, stop: threading.Event) -> None:
        """Run every job when it is due, until ``stop`` is set. A failing job is tried again, slower each time."""
        due = dict.fromkeys(self.jobs, 0.0)
        failures = dict.fromkeys(self.jobs, 0)
        while not stop.is_set():
            name = min(due, key=lambda job: due[job])
            if stop.wait(max(0.0, due[name] - time.monotonic())):
                return
            job = self.jobs[name]
            try:
                self.run_until_idle(name, stop=stop)
                failures[name] = 0
            except Exception as error:
                failures[name] += 1
                expected = isinstance(error, SpanloftError)
                logger.log(logging.WARNING, "job %s failed, will try again: %s", name, error, exc_info=not expected)
            due[name] = time.monotonic() + job.every_s * min(2 ** failures[name], 64)

    def job(self, name: str) -> Job:
        """The job of that name.

        Raises:
            SpanloftError: there is none; names those there are.
        """
        try:
            return self.jobs[name]
        except KeyError:
            raise SpanloftError(f"there is no job {name!r}; there are: {', '.join(sorted(self.jobs))}") from None

    def _drain(self, job: Job, recompute: bool, progress: Progress | None, stop: threading.Event) -> int:
        writer = f"job-{job.name}"
        watermark = self.store.watermark(writer)
        done = EPOCH + timedelta(microseconds=int(watermark.get("until_us", 0)))
        if watermark and (recompute or watermark.get("version") != job.version):
            logger.info("job %s: computing everything again", job.name)
            self.store.drop(writer)
            done = EPOCH
        newest = self._newest(job)
        windows, spans_done, total = 0, 0, 0
        if progress is not None:
            total = self.reader.query("job_pending", {"since": done, "newest": newest}).column("spans")[0].as_py()
            progress(job.name, 0, total)
        while done < newest and not stop.is_set():
            bounds = {"since": done, "newest": newest, "rows": getattr(job, "window_spans", WINDOW_SPANS)}
            until = self.reader.query("job_window_end", bounds, timeout_s=600).column("until")[0].as_py() or newest
            output = job.run(self.reader, done, until)
            self._publish(writer, job, output, until)
            windows += 1
            if progress is not None:
                window = {"since": done, "newest": until}
                spans_done += self.reader.query("job_pending", window).column("spans")[0].as_py()
                progress(job.name, spans_done, total)
            done = until
        return windows

    def _newest(self, job: Job) -> datetime:
        """Up to when a job can go: what is ingested, and what the jobs did that its ``after`` names."""
        done = [self.store.complete_until_us()]
        done += [int(self.store.watermark(f"job-{name}").get("until_us", 0)) for name in getattr(job, "after", ())]
        return EPOCH + timedelta(microseconds=min(done))

    def _publish(self, writer: str, job: Job, output: Output, until: datetime) -> None:
        unknown = set(output.tables) - set(job.writes)
        if unknown:
            raise StoreError(f"job {job.name} wrote {', '.join(sorted(unknown))}, which it does not declare")
        until_us = (until - EPOCH) // timedelta(microseconds=1)
        watermark = {"until_us": until_us, "version": job.version}
        self.store.publish(writer, output.tables, watermark, output.replace_days)
