"""How fast 1, 2 and 4 collectors fill one DuckLake, and how long a store in a directory takes to migrate.

    python -m bench.scale                            # a Postgres and a folder of its own
    python -m bench.scale --s3                       # data on an S3 server in memory (moto)
    python -m bench.scale --store 'ducklake:postgres:host=db dbname=bench;data=s3://bucket/bench'
    python -m bench.scale --migrate 1000000

Everything runs on this machine: senders, collectors and Postgres share its cores, so the table says what a machine
takes and not what many would. A span counts when a reader sees it in `spans`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from spanloft_collector.location import LakeAddress, parse_location
from spanloft_collector.maintenance.migrate import migrate
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

from bench.ingest import Collector, sender
from bench.payload import PayloadFactory, Replayer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import lakes

BATCH = 512


@dataclass
class Run:
    """Figures of one run."""

    collectors: int
    sent: int
    seconds: float
    cpu_s: float
    files: int
    bytes: int
    publishes: int
    commits: int


def measure(address: LakeAddress, folder: Path, collectors: int, seconds: float) -> Run:
    """Send to all collectors at once and wait until all is visible."""
    store = DuckLakeStore(address, folder / "reader")
    reader = store.reader()
    before = counts(reader, address)

    def start(number: int) -> Collector:
        local = folder / f"machine{number}"
        local.mkdir(parents=True)
        return Collector(local, {"SPANLOFT_STORE": address.text, "SPANLOFT_LOCAL": str(local), "SPANLOFT_WORKERS": "1"})

    with ThreadPoolExecutor(collectors) as pool:
        running = list(pool.map(start, range(collectors)))
    factories = [PayloadFactory(number) for number in range(collectors)]
    replayers = [[Replayer(factory.request(BATCH)) for _ in range(4)] for factory in factories]
    sent = [0] * collectors
    try:
        cpu = [sum(collector.cpu_s().values()) for collector in running]
        began = time.monotonic()

        def work(number: int) -> None:
            send = sender(running[number], "http")
            while time.monotonic() - began < seconds:
                body = replayers[number][sent[number] // BATCH % 4].next()
                while not send(body):
                    time.sleep(0.2)
                sent[number] += BATCH

        threads = [threading.Thread(target=work, args=(number,)) for number in range(collectors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while counts(reader, address)["spans"] - before["spans"] < sum(sent):
            time.sleep(0.25)
        took = time.monotonic() - began
        used = sum(sum(collector.cpu_s().values()) for collector in running) - sum(cpu)
        after = counts(reader, address)
    finally:
        for collector in running:
            collector.stop()
        store.close()
    difference = {name: after[name] - before[name] for name in after}
    return Run(
        collectors, sum(sent), took, used, *(difference[name] for name in ("files", "bytes", "publishes", "commits"))
    )


def counts(reader: Any, address: LakeAddress) -> dict[str, int]:
    """Spans, files and bytes of the store, publishes, and commits of Postgres."""
    with psycopg.connect(address.catalog) as session:
        commits = session.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        snapshots = session.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()
    spans = reader.sql("SELECT count(*) AS n FROM spans", timeout_s=120).column("n")[0].as_py()
    held = reader.sql(
        "SELECT count(*) AS files, coalesce(sum(bytes), 0)::BIGINT AS bytes FROM store_files"
    ).to_pylist()[0]
    return {"spans": spans, "commits": commits[0], "publishes": snapshots[0], **held}  # type: ignore[index]


@contextmanager
def place(options: argparse.Namespace) -> Iterator[LakeAddress]:
    """The store to measure: the one named, or one that is started here."""
    if options.store:
        address = parse_location(options.store)
        if not isinstance(address, LakeAddress):
            raise SystemExit(f"--store {options.store}: expected ducklake:postgres:...;data=...")
        yield address
        return
    with ExitStack() as stack:
        server = stack.enter_context(lakes.postgres())
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="spanloft-bench-"))
        if options.s3:
            os.environ.update(lakes.s3_environment(stack.enter_context(lakes.object_storage())))
            data = f"s3://{lakes.BUCKET}/bench"
        yield LakeAddress(server.create("bench"), data.rstrip("/") + "/")


def table(runs: list[Run]) -> str:
    """The runs as a Markdown table."""
    heads = (
        "collectors",
        "spans",
        "spans/s, visible",
        "CPU s per 1,000",
        "B/span",
        "files",
        "snapshots",
        "transactions",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for run in runs:
        lines.append(
            f"| {run.collectors} | {run.sent:,} | {run.sent / run.seconds:,.0f} | {run.cpu_s / run.sent * 1000:.3f} "
            f"| {run.bytes / run.sent:.0f} | {run.files} | {run.publishes} | {run.commits} |"
        )
    return "\n".join(lines)


def time_migration(address: LakeAddress, folder: Path, spans: int) -> None:
    """Fill a store in a directory with ``spans`` spans, migrate it, and compare."""
    source = ParquetStore(folder / "source")
    step, day_us = 50_000, 86_400_000_000
    for start in range(0, spans, step):
        rows = range(start, min(start + step, spans))
        columns = {
            "trace_id": [f"{number // 4:032x}" for number in rows],
            "span_id": [f"{number:016x}" for number in rows],
            "start_time": [1_770_000_000_000_000 + number * 7 * day_us // spans for number in rows],
            "input_tokens": [number % 1000 for number in rows],
            "cost_usd": [number % 100 / 1e4 for number in rows],
        }
        payloads = {name: columns[name] for name in ("trace_id", "span_id", "start_time")}
        attributes = [f'{{"gen_ai.request.model": "m{number % 7}", "number": {number}}}' for number in rows]
        source.publish(
            "ingest",
            {
                "spans": to_table("spans", columns),
                "payloads": to_table("payloads", {**payloads, "attributes": attributes}),
            },
            {"journal": [0, 0], "ingest_us": start + 1},
        )
    target = DuckLakeStore(address, folder / "target")
    sums = (
        "SELECT count(*) AS spans, sum(input_tokens)::BIGINT AS tokens, round(sum(cost_usd), 4) AS usd, "
        "(SELECT count(*) FROM payloads) AS payloads FROM spans"
    )
    before = source.reader().sql(sums, timeout_s=300).to_pylist()
    began = time.monotonic()
    result = migrate(source, target)
    took = time.monotonic() - began
    after = target.reader().sql(sums, timeout_s=300).to_pylist()
    target.close()
    print(f"before {before[0]}\nafter  {after[0]}")
    print(
        f"{result.rows['spans']:,} spans, {result.files} files, {result.bytes / 1e6:,.0f} MB migrated in {took:.1f} s"
    )
    if before != after:
        raise SystemExit("the stores differ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--collectors", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--store")
    parser.add_argument("--migrate", type=int, metavar="SPANS")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="spanloft-bench-"))
    try:
        with place(options) as address:
            if options.migrate:
                time_migration(address, folder, options.migrate)
                return
            runs = []
            for collectors in options.collectors:
                runs.append(measure(address, folder / str(collectors), collectors, options.seconds))
                print(runs[-1], flush=True)
            print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, data in {address.data}\n\n{table(runs)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
