"""How fast a large store answers, beside the same rows in one native DuckDB file.

    python -m bench.reads --store STORE [--repeat 5]

Every statement of ``reads.sql`` runs on the store's own views in a fresh process' connection, first once cold for the
files' footers, then ``--repeat`` times; the figure is the median. Then the same with footers kept between queries, as
``spanloft.connect()`` and the dashboard do. The native file holds the same views as tables.
``python -m bench.dashboard --spans 5000000 --keep STORE`` makes a large store.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

STATEMENTS = Path(__file__).with_name("reads.sql")
AIMS_MS = {
    "latency by minute and model": 300,
    "cost by day and model": 200,
    "newest 100 with filters": 200,
    "one trace by id": 150,
}
SEARCH_S_PER_MILLION = 2.0
TABLES = ("spans", "payloads", "llm_calls", "latency_minute", "cost_daily")


def statements() -> dict[str, str]:
    """Statements by the comment above each."""
    parts = re.findall(r"^-- (.+)\n((?:(?!^-- ).*\n?)+)", STATEMENTS.read_text(), re.M)
    return {name: text.strip().rstrip(";") for name, text in parts}


def parameters(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Values that the store has: its last day, a service, a trace in its middle, a word of its texts."""
    newest, service = connection.execute("SELECT max(start_time), mode(service_name) FROM llm_calls").fetchall()[0]
    (trace,) = connection.execute(
        "SELECT trace_id FROM spans WHERE start_time < $newest::TIMESTAMP - INTERVAL 3 DAY "
        "ORDER BY start_time DESC LIMIT 1",
        {"newest": newest},
    ).fetchall()[0]
    (day,) = connection.execute("SELECT $newest::TIMESTAMP - INTERVAL 1 DAY", {"newest": newest}).fetchall()[0]
    return {"since_day": day, "service": service, "trace_id": trace, "text": "refund"}


def timed(
    connection: duckdb.DuckDBPyConnection, statement: str, given: dict[str, Any], repeat: int
) -> tuple[float, int]:
    """Median milliseconds and rows."""
    used = {name: value for name, value in given.items() if re.search(rf"\${name}\b", statement)}
    times, rows = [], 0
    for _ in range(repeat + 1):
        began = time.perf_counter()
        rows = len(connection.execute(statement, used).fetchall())
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[1:]), rows


def native(store: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """The store's rows in tables of one DuckDB file."""
    connection = duckdb.connect(str(folder / "native.duckdb"))
    connection.execute(f"ATTACH '{store / 'spanloft.duckdb'}' AS store (READ_ONLY)")
    for table in TABLES:
        connection.execute(f"CREATE TABLE {table} AS FROM store.{table}")
    connection.execute("DETACH store")
    return connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-native", action="store_true", help="leave the native file out; it takes time and disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = duckdb.connect(str(options.store / "spanloft.duckdb"), read_only=True)
        given = parameters(ours)
        (spans,) = ours.execute("SELECT count(*) FROM spans").fetchall()[0]
        beside = None if options.no_native else native(options.store.resolve(), Path(folder))
        print(f"{spans:,} spans, DuckDB {duckdb.__version__}; median of {options.repeat}, ms")
        print(f"{'':58} {'store':>8} {'kept':>8} {'native':>8} {'aim':>8} {'rows':>8}")
        for name, statement in statements().items():
            milliseconds, rows = timed(ours, statement, given, options.repeat)
            ours.execute("SET parquet_metadata_cache = true")
            kept, _ = timed(ours, statement, given, options.repeat)
            ours.execute("SET parquet_metadata_cache = false")
            other = f"{timed(beside, statement, given, options.repeat)[0]:8.0f}" if beside else f"{'':8}"
            aim = SEARCH_S_PER_MILLION * 1000 * spans / 1e6 if name == "text search" else AIMS_MS.get(name)
            print(
                f"{name:58} {milliseconds:8.0f} {kept:8.0f} {other} {f'{aim:.0f}' if aim else '':>8} {rows:8}",
                flush=True,
            )


if __name__ == "__main__":
    main()
