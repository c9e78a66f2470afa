"""What the maintenance commands show: reprice, remap, compact, expire, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from spanloft_collector.ingest import create_pricer
from spanloft_collector.maintenance.remap import RemapReport, remap
from spanloft_collector.maintenance.reprice import ModelBill, RepriceReport, reprice
from spanloft_collector.maintenance.selection import Selection, parse_time
from spanloft_collector.settings import Settings
from spanloft_collector.store.parquet import ParquetStore

Advance = Callable[[int, int], None]


@contextmanager
def progress_bar(title: str) -> Iterator[Advance]:
    """A bar on stderr; yields a function that takes (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def run_reprice(settings: Settings, *, since: str | None, until: str | None, model: str | None, dry_run: bool) -> int:
    """Price history anew, or show what that would change; 1 when something changed meanwhile and was left."""
    selection = Selection(since_us=parse_time(since, "--since"), until_us=parse_time(until, "--until"), model=model)
    pricer = create_pricer(settings.prices)
    store = ParquetStore(settings.store)
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
    store = ParquetStore(settings.store)
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
