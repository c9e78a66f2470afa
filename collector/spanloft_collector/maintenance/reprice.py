"""Prices history anew: ``spans``, ``costs`` and ``cost_daily`` show the new prices, ``reprices`` keeps old and new.

The prices stand in the span files themselves, so a query pays nothing for the possibility that prices have changed.
Files with a changed price are written anew and replaced; the replaced prices become rows of ``reprices`` in the
same step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.jobs.cost import USAGE_COLUMNS, cost_row, costs_table
from spanloft_collector.maintenance.derived import leases, read_by_cost_job, refresh_daily, refresh_usage, replace_costs
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.model import BILLABLE_OPERATIONS
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.compact import SETTLE_S
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import (
    NewFile,
    Owned,
    Rewrites,
    keys_of,
    live_files,
    maintenance_lock,
    rewrite_file,
    row_groups,
    set_columns,
)
from spanloft_collector.store.schema import arrow_schema

PRICE_COLUMNS = ("cost_usd", "price_source", "price_version")
CALL_COLUMNS = [
    *("trace_id", "span_id", "start_time", "duration_ms", "operation", "provider", "request_model", "response_model"),
    *("server_address", "service_tier", "reported_cost_usd", "service_name", "scope_name", "dialect", "duplicate_of"),
    *USAGE_COLUMNS,
    *PRICE_COLUMNS,
    "ingest_time",
]
"""What a price depends on, and what a selection asks for."""

Progress = Callable[[int, int], None]
"""Called with (spans done, spans in all)."""


@dataclass(slots=True)
class ModelBill:
    """The bill of one model before and after. Amounts are US dollars over the calls that have a price."""

    calls: int = 0
    changed: int = 0
    old_usd: float = 0.0
    new_usd: float = 0.0
    unpriced_before: int = 0
    unpriced_after: int = 0

    def add(self, old: float | None, new: float | None, *, changed: bool) -> None:
        """Count one call."""
        self.calls += 1
        self.changed += changed
        self.old_usd += old or 0.0
        self.new_usd += new or 0.0
        self.unpriced_before += old is None
        self.unpriced_after += new is None


@dataclass(slots=True)
class RepriceReport:
    """What came of a run: the bill by model, the run's name, and days that changed meanwhile and were left."""

    run: str
    models: dict[str, ModelBill] = field(default_factory=dict)
    days: list[str] = field(default_factory=list)
    conflicts: int = 0

    @property
    def changed(self) -> int:
        """Calls whose price changed."""
        return sum(bill.changed for bill in self.models.values())


def reprice(
    store: ParquetStore,
    pricer: Pricer,
    selection: Selection,
    *,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
    settle_s: float = SETTLE_S,
) -> RepriceReport:
    """Price the selected calls with ``pricer``; with ``dry_run``, only tell what would change.

    Safe beside a running collector and running jobs. What is published while this runs is not touched: it is
    priced already.
    """
    now = datetime.now(UTC)
    run = _Run(store, pricer, selection, RepriceReport(now.strftime("%Y%m%dT%H%M%S.%fZ")), now.replace(tzinfo=None))
    if dry_run:
        # The lock keeps files in place that this reads, as long as it may take.
        with maintenance_lock(store.root):
            for _ in run.files(progress):
                pass
        return run.report
    with maintenance_lock(store.root), leases(store, "cost", "usage"), Rewrites(store, settle_s=settle_s) as rewrites:
        for day, files in groupby(run.files(progress), lambda found: found[0].file.day):
            costs = [
                run.stage(rewrites, owned, changes) for owned, changes in files if any(map(pa.Table.__len__, changes))
            ]
            if costs:
                changed = pa.concat_tables(costs)
                rows = changed.filter(read_by_cost_job(store, changed.column("ingest_time")))
                replace_costs(store, rewrites, day, keys_of(rows), rows.select(arrow_schema("costs").names))
                run.report.days.append(day)
        rewrites.finish()
        refresh_daily(store, run.report.days)
        refresh_usage(store, run.report.days)
        run.report.conflicts = rewrites.conflicts
    return run.report


class _Run:
    """One run over the span files."""

    def __init__(
        self, store: ParquetStore, pricer: Pricer, selection: Selection, report: RepriceReport, priced_at: datetime
    ) -> None:
        self.store, self.pricer, self.selection = store, pricer, selection
        self.report, self.priced_at = report, priced_at

    def files(self, progress: Progress) -> Iterator[tuple[Owned, list[pa.Table]]]:
        """Yield every file in the range with its changes: a table (maybe empty) per row group.

        Its columns are those of ``costs``, with the old price beside as ``old_*``.
        """
        files = [owned for owned in live_files(self.store, "spans") if self.selection.covers_day(owned.file.day)]
        total = sum(owned.file.rows for owned in files)
        done = 0
        progress(done, total)
        for owned in files:
            yield owned, [self._price(table) for table in row_groups(self.store, owned.file, CALL_COLUMNS)]
            done += owned.file.rows
            progress(done, total)

    def _price(self, spans: pa.Table) -> pa.Table:
        mask = pc.and_(is_call(spans), self.selection.mask(spans))
        changes: list[dict[str, Any]] = []
        for call in spans.filter(mask).to_pylist():
            call = with_derived(call)
            row = cost_row(call, self.pricer, self.priced_at)
            old = tuple(call[name] for name in PRICE_COLUMNS)
            changed = not same_price(old, tuple(row[name] for name in PRICE_COLUMNS))
            bill = self.report.models.setdefault(call["model"] or "unknown", ModelBill())
            bill.add(call["cost_usd"], row["cost_usd"], changed=changed)
            if changed:
                beside = {f"old_{name}": value for name, value in zip(PRICE_COLUMNS, old, strict=True)}
                changes.append({**row, **beside, "ingest_time": call["ingest_time"]})
        return changes_table(changes)

    def stage(self, rewrites: Rewrites, owned: Owned, changes: list[pa.Table]) -> pa.Table:
        """Replace a file by one with the new prices, and keep the old ones; returns all changes of the file."""
        groups = iter(changes)
        rewritten = rewrite_file(self.store, owned, lambda table: with_prices(table, next(groups)))
        kept = NewFile(self.store, owned.writer, "reprices", owned.file.day)
        together = pa.concat_tables(changes)
        kept.write(reprices_table(together, self.report.run))
        rewrites.stage(owned.writer, [kept.finish(), *([rewritten] if rewritten else [])], [owned.file])
        return together


def changes_table(changes: list[dict[str, Any]]) -> pa.Table:
    """Rows of ``costs`` with the old prices and the time of ingest beside."""
    costs = costs_table(changes)
    for name in PRICE_COLUMNS:
        old = pa.array([row[f"old_{name}"] for row in changes], costs.schema.field(name).type)
        costs = costs.append_column(f"old_{name}", old)
    return costs.append_column("ingest_time", pa.array([row["ingest_time"] for row in changes], pa.timestamp("us")))


def is_call(spans: pa.Table) -> pa.ChunkedArray:
    """Which rows are in ``llm_calls``."""
    billable = pc.is_in(spans.column("operation"), value_set=pa.array(sorted(BILLABLE_OPERATIONS)))
    return pc.and_(billable, pc.is_null(spans.column("duplicate_of")))


def with_derived(call: dict[str, Any]) -> dict[str, Any]:
    """A row of ``spans`` with the columns that ``llm_calls`` adds."""
    tokens = call["input_tokens"]
    if tokens is not None:
        tokens -= (call["cache_read_tokens"] or 0) + (call["cache_write_tokens"] or 0)
    return call | {"model": call["response_model"] or call["request_model"], "uncached_input_tokens": tokens}


def same_price(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    """Whether two (cost, source, version) say the same; sums may differ in the last bit."""
    if old[1:] != new[1:] or (old[0] is None) != (new[0] is None):
        return False
    return old[0] is None or math.isclose(old[0], new[0], rel_tol=1e-12)


def reprices_table(changes: pa.Table, run: str) -> pa.Table:
    """Rows of ``reprices``, in order of time."""
    schema = arrow_schema("reprices")
    named = changes.append_column("run", pa.repeat(pa.scalar(run), changes.num_rows))
    return named.select(schema.names).cast(schema).sort_by("start_time")


def with_prices(table: pa.Table, changes: pa.Table) -> pa.Table:
    """Rows of ``spans`` with the prices of ``changes``."""
    if not changes.num_rows:
        return table
    index = {key: row for row, key in enumerate(keys_of(changes))}
    rows = [index.get(key) for key in keys_of(table)]
    columns: dict[str, list[Any]] = {}
    for name in PRICE_COLUMNS:
        old, new = table.column(name).to_pylist(), changes.column(name).to_pylist()
        columns[name] = [value if row is None else new[row] for value, row in zip(old, rows, strict=True)]
    return set_columns(table, columns)
