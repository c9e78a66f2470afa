"""How fast spans become durable and queryable: rate, CPU, disk, acknowledgement time, lag, memory.

    python -m bench.ingest                      # as fast as it goes, HTTP and gRPC
    python -m bench.ingest --rate 20000 --seconds 300

A span counts when another process sees it in `spans`. CPU is that of all processes of the collector.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import grpc
import psutil

from bench.payload import PayloadFactory, Replayer

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PEERS = """
Durable rates measured on this class of machine (spans/s): Phoenix 34-74, MLflow 87-239, a Rust collector on SQLite
1,700-2,600. Their CPU in s per 1,000 spans: 10, 2.6-4.8, 0.15-0.23. Their disk in B per span: 4,100-7,400."""


@dataclass
class Result:
    """Figures of one run."""

    transport: str
    sent: int = 0
    seconds_sending: float = 0.0
    seconds_queryable: float = 0.0
    refused: int = 0
    ack_ms: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)
    sender_cpu_s: float = 0.0
    rss_mb: float = 0.0
    pss_mb: float = 0.0
    pss_by_process: list[tuple[str, float]] = field(default_factory=list)
    bytes_per_span: float = 0.0
    bytes_by_dataset: dict[str, float] = field(default_factory=dict)


class Collector:
    """A collector process on a store of its own."""

    def __init__(self, store: Path, environment: dict[str, str] | None = None) -> None:
        self.store = store
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "spanloft.cli",
                "collector",
                *([] if "SPANLOFT_STORE" in (environment or {}) else ["--store", str(store)]),
                "--grpc-port",
                "0",
                "--http-port",
                "0",
            ],
            stdout=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        deadline = time.monotonic() + 60
        while not (store / "collector.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the collector did not start")
            time.sleep(0.05)
        address = json.loads((store / "collector.json").read_text())
        self.http = address["http"].removeprefix("http://")
        self.grpc = address["grpc"]
        time.sleep(4)  # its workers import their libraries

    def processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds by process."""
        found = {}
        for process in self.processes():
            times = process.cpu_times()
            found[role(process, self.process.pid)] = times.user + times.system
        return found

    def memory_mb(self) -> list[tuple[str, float, float]]:
        """(process, RSS, PSS) of every process; PSS counts a page that n processes share as 1/n."""
        found = []
        for process in self.processes():
            info = process.memory_full_info()
            found.append((role(process, self.process.pid), info.rss / 2**20, info.pss / 2**20))
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def sender(collector: Collector, transport: str):
    """A function that sends one body and returns whether it was taken."""
    if transport == "http":
        connection = http.client.HTTPConnection(collector.http, timeout=60)

        def send(body: bytes) -> bool:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            response = connection.getresponse()
            response.read()
            return response.status == 200

        return send
    call = grpc.insecure_channel(collector.grpc).unary_unary(EXPORT)

    def send_grpc(body: bytes) -> bool:
        try:
            call(body)
        except grpc.RpcError:
            return False
        return True

    return send_grpc


def run(transport: str, *, batch: int, seconds: float, rate: float | None, connections: int) -> Result:
    result = Result(transport)
    directory = Path(tempfile.mkdtemp(prefix="spanloft-bench-"))
    collector = Collector(directory / "store")
    replayers = [Replayer(PayloadFactory(seed).request(batch)) for seed in range(48)]
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(collector, result, stop))
    acked: list[tuple[float, int]] = []
    try:
        cpu_before = collector.cpu_s()
        own_before = time.process_time()
        started = time.monotonic()
        watcher.start()
        lock = threading.Lock()

        def work(number: int) -> None:
            send = sender(collector, transport)
            turn = 0
            while time.monotonic() - started < seconds:
                with lock:
                    due = started + result.sent / rate if rate else 0.0
                    result.sent += batch
                if due > time.monotonic():
                    time.sleep(due - time.monotonic())
                body = replayers[(number + turn) % len(replayers)].next()
                turn += 1
                before = time.monotonic()
                while not send(body):
                    result.refused += 1
                    time.sleep(0.2)
                now = time.monotonic()
                result.ack_ms.append((now - before) * 1000)
                acked.append((now, batch))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        result.seconds_sending = time.monotonic() - started
        result.sender_cpu_s = time.process_time() - own_before
        wait_visible(collector, result.sent)
        result.seconds_queryable = time.monotonic() - started
        result.cpu_s = {name: used - cpu_before.get(name, 0.0) for name, used in collector.cpu_s().items()}
        stop.set()
        watcher.join()
        measure_lag(collector, acked, result)
        time.sleep(1)
        collector.stop()
        measure_disk(collector, result)
    finally:
        stop.set()
        if collector.process.poll() is None:
            collector.process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return result


def role(process: psutil.Process, receiver: int) -> str:
    """Which part of the collector a process is; ``receiver`` is the process that started the others."""
    if process.pid == receiver:
        return "receiver"
    if process.ppid() != receiver:
        return f"decoder {process.pid}"
    return "pipeline" if process.children() else "tracker"


def count(collector: Collector) -> int:
    with duckdb.connect(str(collector.store / "spanloft.duckdb"), read_only=True) as connection:
        row = connection.execute("SELECT count(*) FROM spans").fetchone()
    return int(row[0]) if row else 0


def wait_visible(collector: Collector, spans: int) -> None:
    deadline = time.monotonic() + 600
    while (seen := count(collector)) < spans:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {seen} of {spans} acknowledged spans became visible")
        time.sleep(0.1)
    if seen != spans:
        raise SystemExit(f"{seen} spans are visible, {spans} were sent")


def watch(collector: Collector, result: Result, stop: threading.Event) -> None:
    """Sample memory once a second."""
    while not stop.wait(1.0):
        try:
            found = collector.memory_mb()
        except psutil.Error:
            continue
        result.rss_mb = max(result.rss_mb, sum(rss for _, rss, _ in found))
        pss = sum(pss for _, _, pss in found)
        if pss > result.pss_mb:
            result.pss_mb = pss
            result.pss_by_process = [(name, share) for name, _, share in found]


def measure_lag(collector: Collector, acked: list[tuple[float, int]], result: Result) -> None:
    """Acknowledged to visible: the n-th acknowledged span is visible at the publish that brings the count to n."""
    with duckdb.connect(str(collector.store / "spanloft.duckdb"), read_only=True) as connection:
        published = connection.execute(
            "SELECT epoch_us(ingest_time) / 1e6, count(*) FROM spans GROUP BY 1 ORDER BY 1"
        ).fetchall()
    offset = time.time() - time.monotonic()
    publishes = iter(published)
    moment, visible = next(publishes)
    total = 0
    for when, spans in sorted(acked):
        total += spans
        while visible < total:
            moment, more = next(publishes)
            visible += more
        # ingest_time is taken before the files are written; writing takes less than this.
        result.lag_s.append(max(0.0, moment + 0.3 - (when + offset)))


def measure_disk(collector: Collector, result: Result) -> None:
    with duckdb.connect(str(collector.store / "spanloft.duckdb"), read_only=True) as connection:
        live = connection.execute(
            "SELECT live.dataset, sum(live.bytes) FROM (SELECT unnest(from_json(content -> '$.files', "
            """'[{"dataset": "VARCHAR", "bytes": "BIGINT"}]')) AS live """
            f"FROM read_text('{collector.store}/manifest/*.json')) GROUP BY 1"
        ).fetchall()
    result.bytes_by_dataset = {name: size / result.sent for name, size in live}
    result.bytes_per_span = sum(result.bytes_by_dataset.values())


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def show(result: Result, batch: int) -> None:
    spans, requests = result.sent, len(result.ack_ms)
    datasets = ", ".join(f"{name} {size:.0f}" for name, size in result.bytes_by_dataset.items())
    processes = ", ".join(f"{name} {share:.0f}" for name, share in result.pss_by_process)
    cpu, own = (1000 * seconds / spans for seconds in (sum(result.cpu_s.values()), result.sender_cpu_s))
    parts = ", ".join(f"{name} {1000 * seconds / spans:.3f}" for name, seconds in result.cpu_s.items())
    acked = f"p50 {statistics.median(result.ack_ms):.1f} ms, p99 {percentile(result.ack_ms, 0.99):.1f} ms"
    lag = f"p50 {statistics.median(result.lag_s):.2f} s, p99 {percentile(result.lag_s, 0.99):.2f} s"
    print(f"\n{result.transport}, batches of {batch}: {spans:,} spans, {requests} requests, {result.refused} refused")
    print(f"  acknowledged      {spans / result.seconds_sending:>10,.0f} spans/s")
    print(f"  durable+queryable {spans / result.seconds_queryable:>10,.0f} spans/s")
    print(f"  collector CPU     {cpu:>10.3f} s per 1,000 spans ({parts}; sender: {own:.3f})")
    print(f"  acknowledgement   {acked}")
    print(f"  ack -> visible    {lag}")
    print(f"  disk              {result.bytes_per_span:>10.0f} B per span  ({datasets})")
    print(f"  memory            {result.pss_mb:>10.0f} MB PSS of all processes ({processes}); RSS {result.rss_mb:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transport", choices=["http", "grpc", "both"], default="both")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rate", type=float, help="spans/s to offer; default as fast as they are acknowledged")
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    size = len(PayloadFactory(0).request(options.batch).SerializeToString()) / options.batch
    print(f"{size:,.0f} B per span on the wire, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for transport in ("http", "grpc") if options.transport == "both" else (options.transport,):
        rate = options.rate
        result = run(
            transport, batch=options.batch, seconds=options.seconds, rate=rate, connections=options.connections
        )
        show(result, options.batch)
    print(PEERS)


if __name__ == "__main__":
    main()
