"""``spanloft sql``. Apart from other commands, so that a query need not wait until collector and jobs are loaded."""

from __future__ import annotations

import csv
import json
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spanloft_collector.errors import SpanloftError
from spanloft_collector.settings import Settings
from spanloft_collector.store.opening import open_reader
from spanloft_collector.store.reader import fetch

FORMATS = ("table", "csv", "json", "parquet")
_TABLE_ROWS = 200


def run_sql(settings: Settings, statement: str, output: str) -> int:
    """Run one statement and print its rows."""
    if output not in FORMATS:
        raise SpanloftError(f"--format {output}: expected one of {', '.join(FORMATS)}")
    connection = open_reader(settings.store, settings.local).connect()
    try:
        table = fetch(connection, statement)
    except duckdb.Error as error:
        raise SpanloftError(one_line(str(error))) from None
    finally:
        connection.close()
    write_rows(table, output)
    return 0


def one_line(message: str) -> str:
    """DuckDB's message without the excerpt of the statement below it."""
    return " ".join(message.partition("\n\nLINE ")[0].split())


def write_rows(table: pa.Table, output: str) -> None:
    """Write rows to stdout in the chosen format."""
    if output == "parquet":
        pq.write_table(table, pa.PythonFile(sys.stdout.buffer, mode="w"))
        return
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    if output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(table.column_names)
        writer.writerows(rows)
    elif output == "json":
        for row in rows:
            sys.stdout.write(json.dumps(dict(zip(table.column_names, row, strict=True)), default=str) + "\n")
    else:
        print_table(table)


def print_table(table: pa.Table) -> None:
    """Show rows to a person; numbers to the right, long results cut with a note."""
    console = Console()
    shown = Table(show_edge=False, header_style="bold")
    for field in table.schema:
        numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        shown.add_column(field.name, justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis")
    for row in table.slice(0, _TABLE_ROWS).to_pylist():
        shown.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    if not console.is_terminal:
        # A pipe has no width: whoever reads it wants whole values.
        console = Console(
            width=max(console.width, console.measure(shown, options=console.options.update(width=10_000)).maximum)
        )
    console.print(shown)
    if table.num_rows > _TABLE_ROWS:
        console.print(f"{table.num_rows - _TABLE_ROWS} more rows; add LIMIT, or use --format csv", style="dim")
