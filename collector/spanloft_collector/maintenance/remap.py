"""Runs today's dialects over stored spans: better dialects reach old data, because raw attributes are kept.

Days are written anew, spans and payloads together, and only those in which a row changes. Tokens, prices and
duplicates are settled as they would be if the spans arrived today, in the order in which they did arrive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

import pyarrow as pa

from spanloft_collector.jobs.cost import cost_row, costs_table
from spanloft_collector.jobs.runner import EPOCH
from spanloft_collector.maintenance.derived import (
    COST_WRITER,
    leases,
    progress_of,
    refresh_daily,
    refresh_latency,
    refresh_usage,
    replace_costs,
    stale_jobs,
)
from spanloft_collector.maintenance.remap_rows import Pair, Row, call_key, changed_columns, remapped
from spanloft_collector.maintenance.reprice import PRICE_COLUMNS, same_price, with_derived
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.maintenance.slices import DayReader, by_day, stored_events
from spanloft_collector.model import BILLABLE_OPERATIONS
from spanloft_collector.pipeline.duplicates import DuplicateFinder
from spanloft_collector.pipeline.events import Event, Key
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.compact import SETTLE_S
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import NewFile, Owned, Rewrites, maintenance_lock
from spanloft_collector.store.schema import rows_to_table

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class RemapReport:
    """What came of a run.

    ``dialects`` counts changed spans by (dialect before, dialect after), ``columns`` by the column that changed.
    """

    run: str
    looked_at: int = 0
    changed: int = 0
    dialects: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    old_usd: float = 0.0
    new_usd: float = 0.0
    days: list[str] = field(default_factory=list)
    conflicts: int = 0
    stale: list[str] = field(default_factory=list)


def remap(
    store: ParquetStore,
    pricer: Pricer,
    selection: Selection,
    *,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
    settle_s: float = SETTLE_S,
) -> RemapReport:
    """Map the selected spans anew; with ``dry_run``, only tell what would change.

    Safe beside a running collector and running jobs: what is published while this runs is not touched.
    """
    now = datetime.now(UTC)
    report = RemapReport(now.strftime("%Y%m%dT%H%M%S.%fZ"))
    run = _Run(store, pricer, selection, report, now.replace(tzinfo=None))
    if dry_run:
        # The lock keeps files in place that this reads, as long as it may take.
        with maintenance_lock(store.root):
            for day in run.days(progress):
                run.look(day, None)
        return report
    with (
        maintenance_lock(store.root),
        leases(store, "cost", "latency", "usage"),
        Rewrites(store, settle_s=settle_s) as rewrites,
    ):
        for day in run.days(progress):
            run.rewrite(day, rewrites)
        rewrites.finish()
        report.conflicts = rewrites.conflicts
        days = sorted(set(report.days))
        refresh_daily(store, days)
        refresh_usage(store, days)
        refresh_latency(store, days)
        report.stale = stale_jobs(store) if report.changed else []
    return report


@dataclass(slots=True)
class _Day:
    """The files of one writer and day, what changes in them, and how to tell that a slice is done.

    ``read`` are the ids of changed spans that the cost job has read, ``costs`` their new rows, ``reprices`` the prices
    that changed.
    """

    day: str
    writer: str
    spans: list[Owned]
    payloads: list[Owned]
    advance: Callable[[int], None]
    changed: int = 0
    read: list[Key] = field(default_factory=list)
    costs: list[pa.Table] = field(default_factory=list)
    reprices: list[pa.Table] = field(default_factory=list)


class _Run:
    """One run over the store."""

    def __init__(
        self, store: ParquetStore, pricer: Pricer, selection: Selection, report: RemapReport, priced_at: datetime
    ) -> None:
        self.store, self.pricer, self.selection = store, pricer, selection
        self.report, self.priced_at = report, priced_at
        self.finder = DuplicateFinder()
        self.seen: set[int] = set()
        self.events: dict[Key, list[Event]] = {}
        self.cost_job_until = progress_of(store, COST_WRITER)

    def days(self, progress: Progress) -> Iterator[_Day]:
        """The days of the range, oldest first."""
        days = {key: files for key, files in by_day(self.store).items() if self.selection.covers_day(key[0])}
        total = sum(owned.file.rows for spans, _ in days.values() for owned in spans)
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            progress(done, total)

        advance(0)
        for (day, writer), (spans, payloads) in sorted(days.items()):
            if spans:
                yield _Day(day, writer, spans, payloads, advance)

    def rewrite(self, day: _Day, rewrites: Rewrites) -> None:
        """Write a day anew and stage it, if anything in it changes."""
        files = [
            NewFile(self.store, day.writer, name, day.day, like=day.spans[0].file) for name in ("spans", "payloads")
        ]
        try:
            self.look(day, files)
        except BaseException:
            for file in files:
                file.discard()
            raise
        if not day.changed:
            for file in files:
                file.discard()
            return
        outputs = [file.finish() for file in files]
        if day.reprices:
            kept = NewFile(self.store, day.writer, "reprices", day.day)
            kept.write(pa.concat_tables(day.reprices).sort_by("start_time"))
            outputs.append(kept.finish())
        rewrites.stage(day.writer, outputs, [owned.file for owned in (*day.spans, *day.payloads)])
        if day.read:
            replace_costs(self.store, rewrites, day.day, day.read, pa.concat_tables(day.costs))
        self.report.days.append(day.day)

    def look(self, day: _Day, files: list[NewFile] | None) -> None:
        """Map a day's spans and count what changes; with ``files`` (spans, payloads), write all rows to them."""
        self.events = stored_events(self.store, day.day)
        reader = DayReader(self.store, [owned.file for owned in day.spans], [owned.file for owned in day.payloads])
        try:
            for old in reader.slices():
                new = self._map(old)
                changes = [pair for pair in zip(old, new, strict=True) if self._count(*pair)]
                day.changed += len(changes)
                if files is not None:
                    self._derive(day, changes)
                    spans = rows_to_table("spans", [pair.span for pair in new])
                    payloads = rows_to_table("payloads", [pair.payload for pair in new if pair.payload])
                    files[0].write(spans.sort_by("start_time"))
                    files[1].write(payloads.sort_by("start_time"))
                day.advance(len(old))
        finally:
            reader.close()

    def _map(self, old: list[Pair]) -> list[Pair]:
        chosen = [bool(pair.payload) and self._selected(pair.span) for pair in old]
        self.report.looked_at += sum(chosen)
        new = [
            remapped(pair, self.events.get((pair.span["trace_id"], pair.span["span_id"])), self.pricer)
            if is_chosen
            else Pair(dict(pair.span), pair.payload)
            for pair, is_chosen in zip(old, chosen, strict=True)
        ]
        self.seen.update(hash(pair.span["span_id"]) for pair in new)
        marks: list[tuple[str | None, str | None]] = []
        for _, publish in groupby(new, lambda pair: pair.span["ingest_time"]):
            marks += self.finder.mark([call_key(pair) for pair in publish])
        for before, pair, mark, is_chosen in zip(old, new, marks, chosen, strict=True):
            self._settle(before.span, pair.span, mark, is_chosen)
        return new

    def _selected(self, span: Row) -> bool:
        choice, start = self.selection, span["start_time"]
        return (
            (choice.since_us is None or start >= choice.since_us)
            and (choice.until_us is None or start < choice.until_us)
            and all(
                pattern is None
                or (value is None if pattern == "none" else fnmatchcase((value or "").lower(), pattern.lower()))
                for pattern, value in ((choice.dialect, span["dialect"]), (choice.scope, span["scope_name"]))
            )
        )

    def _settle(self, old: Row, new: Row, mark: tuple[str | None, str | None], chosen: bool) -> None:
        """Write the duplicate mark, and the cost that goes with it, into the new row."""
        of, rule = mark
        billable = new["operation"] in BILLABLE_OPERATIONS
        # The span that counts this call may lie outside of the range: then the old mark stands.
        if of is None and billable and old["duplicate_of"] is not None and hash(old["duplicate_of"]) not in self.seen:
            of, rule = old["duplicate_of"], old["duplicate_rule"]
        new["duplicate_of"], new["duplicate_rule"] = of, rule
        if of is not None:
            new.update(dict.fromkeys(PRICE_COLUMNS))
        elif not chosen and billable and old["duplicate_of"] is not None:
            new.update({name: self._cost_row(new)[name] for name in PRICE_COLUMNS})

    def _count(self, old: Pair, new: Pair) -> bool:
        names = changed_columns(old, new)
        if not names:
            return False
        self.report.changed += 1
        self.report.dialects[old.span["dialect"], new.span["dialect"]] += 1
        self.report.columns.update(names)
        self.report.old_usd += old.span["cost_usd"] or 0.0
        self.report.new_usd += new.span["cost_usd"] or 0.0
        return True

    def _cost_row(self, span: Row) -> dict[str, Any]:
        call = with_derived(span) | {"start_time": EPOCH + timedelta(microseconds=span["start_time"])}
        return cost_row(call, self.pricer, self.priced_at)

    def _derive(self, day: _Day, changes: list[tuple[Pair, Pair]]) -> None:
        """Rows of ``reprices`` and ``costs`` for changed spans."""
        rows = []
        for old, new in changes:
            before, after = (tuple(pair.span[name] for name in PRICE_COLUMNS) for pair in (old, new))
            if not same_price(before, after):
                row = with_derived(new.span) | {"run": self.report.run, "priced_at": self.priced_at}
                rows.append(row | {f"old_{name}": value for name, value in zip(PRICE_COLUMNS, before, strict=True)})
        if rows:
            day.reprices.append(rows_to_table("reprices", rows))
        if self.cost_job_until is not None:
            until_us = (self.cost_job_until - EPOCH) // timedelta(microseconds=1)
            read = [new.span for _, new in changes if new.span["ingest_time"] <= until_us]
            calls = [span for span in read if span["operation"] in BILLABLE_OPERATIONS and span["duplicate_of"] is None]
            day.read += [(span["trace_id"], span["span_id"]) for span in read]
            day.costs.append(costs_table([self._cost_row(span) for span in calls]))
