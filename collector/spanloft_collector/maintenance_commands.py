"""What the maintenance commands show: reprice, remap, compact, expire, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from spanloft_collector.errors import SpanloftError
from spanloft_collector.ingest import create_pricer
from spanloft_collector.maintenance.compaction import MergePlan, compact, plan_merges
from spanloft_collector.maintenance.export import FORMATS, check_datasets, export_tables, prepare
from spanloft_collector.maintenance.remap import RemapReport, remap
from spanloft_collector.maintenance.reprice import ModelBill, RepriceReport, reprice
from spanloft_collector.maintenance.selection import Selection, parse_time
from spanloft_collector.maintenance.upkeep import carry_out, expiries, free, otlp_exporter, upkeep
from spanloft_collector.settings import Settings
from spanloft_collector.store import lake_maintenance
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.opening import AnyStore, open_directory, open_store
from spanloft_collector.store.retention import Expiry, parse_retention

Advance = Callable[[int, int | None], None]


@contextmanager
def progress_bar(title: str, total: int | None = None) -> Iterator[Advance]:
    """A bar on stderr; yields a function that takes (done, total), total None where it was known before."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, known: bar.update(task, completed=done, total=known if known is not None else total)


def run_reprice(settings: Settings, *, since: str | None, until: str | None, model: str | None, dry_run: bool) -> int:
    """Price history anew, or show what that would change; 1 when something changed meanwhile and was left."""
    selection = Selection(since_us=parse_time(since, "--since"), until_us=parse_time(until, "--until"), model=model)
    pricer = create_pricer(settings.prices)
    store = open_directory(settings, "spanloft reprice")
    with progress_bar("Pricing spans") as advance:
        report = reprice(store, pricer, selection, dry_run=dry_run, progress=advance)
    console = Console(highlight=False)
    print_bill(console, report)
    if dry_run:
        console.print(f"{report.changed} calls would change; nothing was written.")
        return 0
    if report.changed:
        console.print(
            f"{report.changed} calls on {len(report.days)} days were priced with {pricer.version}. "
            f"Old and new prices: FROM reprices WHERE run = '{report.run}'",
            markup=False,
            soft_wrap=True,
        )
    else:
        console.print(f"All prices are those of {pricer.version} already.")
    return conflicts_left(console, report.conflicts)


def run_remap(
    settings: Settings, *, since: str | None, until: str | None, dialect: str | None, scope: str | None, dry_run: bool
) -> int:
    """Map stored spans anew, or show what that would change; 1 when something changed meanwhile and was left."""
    selection = Selection(
        since_us=parse_time(since, "--since"), until_us=parse_time(until, "--until"), dialect=dialect, scope=scope
    )
    pricer = create_pricer(settings.prices)
    store = open_directory(settings, "spanloft remap")
    with progress_bar("Mapping spans") as advance:
        report = remap(store, pricer, selection, dry_run=dry_run, progress=advance)
    console = Console(highlight=False)
    if report.changed:
        print_changes(console, report)
    done = "would change; nothing was written" if dry_run else "changed"
    console.print(f"{report.changed:,} of {report.looked_at:,} spans {done}.")
    for job in report.stale:
        console.print(f"Job {job} read the old mapping; compute it anew: spanloft jobs run {job} --recompute")
    return conflicts_left(console, report.conflicts)


def print_changes(console: Console, report: RemapReport) -> None:
    """What changed: dialects, columns, and the bill."""
    table = Table(show_edge=False, header_style="bold")
    for name in ("Dialect before", "Dialect now"):
        table.add_column(name)
    table.add_column("Spans", justify="right")
    for (before, after), spans in report.dialects.most_common():
        table.add_row(before or "none", after or "none", f"{spans:,}")
    console.print(table, markup=False)
    columns = ", ".join(f"{name} ({spans:,})" for name, spans in report.columns.most_common())
    console.print(f"Columns: {columns}", markup=False)
    console.print(f"Cost of these spans: {report.old_usd:,.4f} USD before, {report.new_usd:,.4f} USD now")


def run_compact(settings: Settings, *, dry_run: bool) -> int:
    """Merge the files of each day, and delete what the grace period no longer protects."""
    store = open_store(settings)
    if isinstance(store, DuckLakeStore):
        return compact_lake(store, settings, dry_run=dry_run)
    console = Console(highlight=False)
    with nullcontext() if dry_run else upkeep(store):
        plans = plan_merges(store)
        files = sum(len(plan.inputs) for plan in plans)
        done = "would become" if dry_run else "become"
        console.print(f"{files:,} files {done} {len(plans):,}.")
        if dry_run:
            return 0
        left = 0
        if plans:
            total = sum(file.rows for plan in plans for file in plan.inputs)
            with progress_bar("Merging rows", total) as advance:
                done_rows = 0

                def merged(plan: MergePlan) -> None:
                    nonlocal done_rows
                    done_rows += sum(file.rows for file in plan.inputs)
                    advance(done_rows, None)

                left = compact(store, plans, progress=merged)
        tell_freed(store, settings, console)
    return conflicts_left(console, left)


def compact_lake(store: DuckLakeStore, settings: Settings, *, dry_run: bool) -> int:
    """Merge the small files of each writer and day of a DuckLake, and drop spans that are stored twice."""
    console = Console(highlight=False)
    with nullcontext() if dry_run else upkeep(store):
        merges = lake_maintenance.plan_merges(store, 2, lake_maintenance.TIERS[-1:])
        files, done = sum(merge.files for merge in merges), "would become" if dry_run else "become"
        console.print(f"{files:,} files {done} {len(merges):,}.")
        if dry_run:
            return 0
        repeats = lake_maintenance.drop_repeats(store)
        datasets = sorted({merge.dataset for merge in merges})
        with progress_bar("Merging datasets", len(datasets)) as advance:
            for number, dataset in enumerate(datasets, 1):
                lake_maintenance.merge_files(store, dataset, lake_maintenance.TIERS[-1])
                advance(number, None)
        if repeats:
            console.print(f"{repeats:,} spans that were stored twice are now stored once.")
        tell_freed(store, settings, console)
    return 0


def run_expire(settings: Settings, *, dry_run: bool) -> int:
    """Drop what retention no longer keeps, or show what would go."""
    retention = parse_retention(settings.retention_days, settings.retention_bytes)
    if not retention.limited:
        raise SpanloftError(
            "nothing expires: set --days or --bytes, or SPANLOFT_RETENTION_DAYS or SPANLOFT_RETENTION_BYTES"
        )
    store = open_store(settings)
    console = Console(highlight=False)
    with nullcontext() if dry_run else upkeep(store):
        plans = expiries(store, retention)
        print_expiry(console, plans)
        spans, size = sum(plan.rows.get("spans", 0) for plan in plans), sum(plan.bytes for plan in plans)
        done = "would go; nothing was deleted" if dry_run else "expired"
        console.print(f"{spans:,} spans, {decimal(size)} on {len(plans):,} days {done}.")
        if dry_run:
            return 0
        left = 0
        if plans:
            with progress_bar("Expiring days", len(plans)) as advance:
                numbers = iter(range(1, len(plans) + 1))
                left = carry_out(store, plans, lambda plan: advance(next(numbers), None))
        tell_freed(store, settings, console)
    return conflicts_left(console, left)


def print_expiry(console: Console, plans: list[Expiry]) -> None:
    """One line per day that goes."""
    if not plans:
        return
    table = Table(show_edge=False, header_style="bold")
    table.add_column("Day")
    table.add_column("Why", overflow="fold")
    for name in ("Spans", "Other rows", "Size"):
        table.add_column(name, justify="right")
    for plan in plans:
        spans = plan.rows.get("spans", 0)
        others = f"{sum(plan.rows.values()) - spans:,}" if not plan.projects else ""
        table.add_row(plan.day, plan.reason, f"{spans:,}", others, decimal(plan.bytes))
    console.print(table, markup=False)


def run_export(
    settings: Settings,
    output: Path,
    *,
    file_format: str,
    datasets: list[str],
    since: str | None,
    until: str | None,
    service: str | None,
) -> int:
    """Write the store, or a part of it, to files in a folder."""
    if file_format not in FORMATS:
        raise SpanloftError(f"--format {file_format}: expected one of {', '.join(FORMATS)}")
    if file_format == "otlp" and datasets:
        raise SpanloftError("--dataset: OTLP files hold spans, logs and metrics; choose parquet or csv for one dataset")
    chosen = check_datasets(datasets)
    selection = Selection(since_us=parse_time(since, "--since"), until_us=parse_time(until, "--until"), service=service)
    store = open_store(settings)
    prepare(output)
    # It keeps files in place that this reads, as long as it may take.
    with upkeep(store), progress_bar("Exporting rows") as advance:
        if file_format == "otlp":
            written = otlp_exporter(store)(output, selection, advance)
        else:
            written = export_tables(store, output, chosen, file_format, selection, advance)
    console = Console(highlight=False)
    counts = ", ".join(f"{rows:,} {name}" for name, rows in written.items())
    console.print(f"{counts} -> {output}", markup=False, soft_wrap=True)
    if file_format == "otlp":
        console.print(f"To load them: spanloft load --store DIRECTORY {output}", markup=False, soft_wrap=True)
    return 0


def tell_freed(store: AnyStore, settings: Settings, console: Console) -> None:
    """Delete the files that no query can be reading any more, and tell when the rest follows."""
    if waiting := free(store, settings.grace_s):
        console.print(
            f"{waiting:,} replaced files stay for {settings.grace_s:g} s for queries that still read them; the running "
            "collector, or the next compact or expire, deletes them.",
            soft_wrap=True,
        )


def conflicts_left(console: Console, conflicts: int) -> int:
    """Say that something was left; the exit code."""
    if conflicts:
        console.print(f"{conflicts} files changed meanwhile and were left; run the command again.", style="red")
    return 1 if conflicts else 0


def print_bill(console: Console, report: RepriceReport) -> None:
    """The change of the bill by model, the largest first."""
    table = Table(show_edge=False, header_style="bold")
    table.add_column("Model", overflow="fold")
    for name in ("Calls", "Changed", "Old USD", "New USD", "Change", "No price", "now"):
        table.add_column(name, justify="right")
    whole = ModelBill()
    order = sorted(report.models.items(), key=lambda item: (-abs(item[1].new_usd - item[1].old_usd), item[0]))
    for model, bill in order:
        table.add_row(model, *bill_cells(bill))
        for name in ModelBill.__slots__:
            setattr(whole, name, getattr(whole, name) + getattr(bill, name))
    table.add_section()
    table.add_row("Total", *bill_cells(whole))
    console.print(table, markup=False)


def bill_cells(bill: ModelBill) -> tuple[str, ...]:
    """One line of the bill."""
    # Rounded first: a difference in the last bit would show as minus nothing.
    change = round(bill.new_usd - bill.old_usd, 4) + 0.0
    return (
        f"{bill.calls:,}",
        f"{bill.changed:,}",
        f"{bill.old_usd:,.4f}",
        f"{bill.new_usd:,.4f}",
        f"{change:+,.4f}",
        f"{bill.unpriced_before:,}",
        f"{bill.unpriced_after:,}",
    )
