"""A reader of a store in a process of its own: reads until it is told to stop and reports what it saw as JSON.

Run as ``python store_reader.py VIEW_FILE``; ends when its input is closed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import duckdb

# Each view once per query: two references may see the store a publish apart.
QUERIES = (
    "SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM spans",
    "SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM payloads",
    "SELECT coalesce(sum(calls), 0), coalesce(sum(calls), 0) FROM cost_daily",
)


def read(view_file: str, stopping: threading.Event) -> dict[str, Any]:
    """Read until ``stopping``; errors, whatever went backwards or did not add up, and how long queries took."""
    errors: list[str] = []
    wrong: list[str] = []
    queries, slowest, last = 0, 0.0, [0, 0, 0]
    with duckdb.connect(view_file, read_only=True) as connection:
        connection.execute("SET threads = 1")
        while not stopping.is_set():
            number = queries % len(QUERIES)
            queries += 1
            began = time.monotonic()
            try:
                count, distinct = connection.execute(QUERIES[number]).fetchone() or (0, 0)
            except Exception as error:
                errors.append(str(error)[:300])
                continue
            slowest = max(slowest, time.monotonic() - began)
            if count != distinct:
                wrong.append(f"{count} rows, of which {distinct} different")
            if count < last[number]:
                wrong.append(f"{QUERIES[number][-10:]}: from {last[number]} to {count}")
            last[number] = count
    return {"errors": errors, "wrong": wrong, "queries": queries, "slowest_s": slowest, "last": last}


def main() -> None:
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
    print(json.dumps(read(sys.argv[1], stopping)))


if __name__ == "__main__":
    main()
