"""Keeps what jobs derived in step with spans that were changed after the jobs had read them.

A job reads each span once, when it arrives. Whoever changes stored spans therefore brings the jobs' outputs up to
date itself, under the jobs' leases, up to where each job has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.jobs.runner import EPOCH
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import Key, NewFile, Rewrites, keys_of, live_files, rewrite_file, row_groups
from spanloft_collector.store.schema import arrow_schema

COST_WRITER = "job-cost"
LATENCY_WRITER = "job-latency"
USAGE_WRITER = "job-usage"
REFRESHED = frozenset({COST_WRITER, LATENCY_WRITER, USAGE_WRITER})
TIMEOUT_S = 600.0


@contextmanager
def leases(store: ParquetStore, *jobs: str) -> Iterator[None]:
    """Hold the leases of jobs, so that they add nothing while their outputs are replaced."""
    with ExitStack() as stack:
        for job in sorted(jobs):
            stack.enter_context(store.lease(job, wait=True))
        yield


def progress_of(store: ParquetStore, writer: str) -> datetime | None:
    """Up to which time of ingest a job has read (naive UTC); None when it never ran."""
    watermark = store.watermark(writer)
    return EPOCH + timedelta(microseconds=int(watermark.get("until_us", 0))) if watermark else None


def stale_jobs(store: ParquetStore) -> list[str]:
    """Jobs with results that nobody here brings up to date."""
    names = {owned.writer for owned in live_files(store) if owned.writer.startswith("job-")}
    return sorted(name.removeprefix("job-") for name in names - REFRESHED)


def replace_costs(store: ParquetStore, rewrites: Rewrites, day: str, gone: Iterable[Key], rows: pa.Table) -> None:
    """Take the rows of some calls out of a day's ``costs`` and put others in, in one step.

    The caller holds the lease of the cost job. Calls that the job has not read yet must not be among ``rows``: it
    will add them.
    """
    keys = set(gone)
    inputs, outputs = [], []

    def without(table: pa.Table) -> pa.Table:
        return table.filter(pa.array([key not in keys for key in keys_of(table)], pa.bool_()))

    for owned in live_files(store, "costs"):
        if owned.file.day != day or not _holds(store, owned.file, keys):
            continue
        rewritten = rewrite_file(store, owned, without)
        kept = [rewritten] if rewritten else []
        if owned.writer == COST_WRITER:
            inputs.append(owned.file)
            outputs.extend(kept)
        else:
            rewrites.stage(owned.writer, kept, [owned.file])
    if rows.num_rows:
        new = NewFile(store, COST_WRITER, "costs", day)
        new.write(rows.sort_by("start_time"))
        outputs.append(new.finish())
    if inputs or outputs:
        rewrites.stage(COST_WRITER, outputs, inputs)


def _holds(store: ParquetStore, file: object, keys: set[Key]) -> bool:
    columns = ["trace_id", "span_id"]
    return any(not keys.isdisjoint(keys_of(table)) for table in row_groups(store, file, columns))  # type: ignore[arg-type]


def read_by_cost_job(store: ParquetStore, ingest_times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Mask of rows that the cost job has read."""
    until = progress_of(store, COST_WRITER) or EPOCH
    return pc.less_equal(ingest_times, pa.scalar(until, pa.timestamp("us")))


def refresh_daily(store: ParquetStore, days: Sequence[str]) -> None:
    """Sum up days of ``cost_daily`` again, as far as the cost job has come; the caller holds its lease."""
    until = progress_of(store, COST_WRITER)
    if not days or until is None:
        return
    parameters = {"days": [date.fromisoformat(day) for day in days], "until": until}
    schema = arrow_schema("cost_daily")
    daily = store.reader().query("job_cost_daily", parameters, timeout_s=TIMEOUT_S).select(schema.names).cast(schema)
    store.publish(COST_WRITER, {"cost_daily": daily}, None, {"cost_daily": list(days)})


def refresh_usage(store: ParquetStore, days: Sequence[str]) -> None:
    """Sum up days of ``usage_hourly`` again, as far as the usage job has come; the caller holds its lease."""
    until = progress_of(store, USAGE_WRITER)
    if until is None:
        return
    schema = arrow_schema("usage_hourly")
    for day in days:
        first = datetime.fromisoformat(day)
        parameters = {"since": EPOCH, "until": until, "first": first, "last": first + timedelta(days=1)}
        rows = store.reader().query("job_usage_rows", parameters, timeout_s=TIMEOUT_S)
        store.publish(
            USAGE_WRITER, {"usage_hourly": rows.select(schema.names).cast(schema)}, None, {"usage_hourly": [day]}
        )


def refresh_latency(store: ParquetStore, days: Sequence[str]) -> None:
    """Compute days of ``latency_minute`` again; the caller holds the lease of the latency job."""
    until = progress_of(store, LATENCY_WRITER)
    if until is None:
        return
    schema = arrow_schema("latency_minute")
    for day in days:
        first = datetime.fromisoformat(day)
        minutes = [first + timedelta(minutes=number) for number in range(1440)]
        parameters = {
            "minutes": minutes,
            "first": minutes[0],
            "last": minutes[-1],
            "days": [first.date()],
            "until": until,
        }
        rows = store.reader().query("job_latency_rows", parameters, timeout_s=TIMEOUT_S)
        tables = {"latency_minute": rows.select(schema.names).cast(schema)}
        store.publish(LATENCY_WRITER, tables, None, {"latency_minute": [day]})
