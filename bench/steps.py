"""What each step of ingest costs: CPU microseconds per span, in one process.

    python -m bench.steps                 # the table of docs/performance.md
    python -m bench.steps --profile 30    # and which functions of the transformation take it
    python -m bench.steps --idle          # instead: memory of a collector without work, by process

Every step works on the same batches, again and again; the figure is the least of all rounds, which is what is left when
a shared machine's neighbours are quiet. Reading the journal, HTTP and moving bytes between processes are not in it.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import os
import pstats
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from spanloft_collector import wire
from spanloft_collector.ingest import create_pricer
from spanloft_collector.journal import Journal, Kind, Position, Record
from spanloft_collector.pipeline import handover
from spanloft_collector.pipeline.batch import Chunk, assemble, transform
from spanloft_collector.pipeline.duplicates import DuplicateFinder
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.receivers.accept import Acceptor
from spanloft_collector.store.compact import merge
from spanloft_collector.store.files import write_parquet
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.partitions import fills_row_groups

from bench.ingest import Collector
from bench.payload import PayloadFactory, Replayer

BATCH = 512
_OPERATION = "gen_ai.operation.name"


def least(step: Callable[[int], Any], rounds: int, spans: int) -> float:
    """Microseconds of CPU per span of the cheapest round; ``step`` is given the number of the round."""
    times = []
    for number in range(rounds):
        began = time.process_time_ns()
        step(number)
        times.append(time.process_time_ns() - began)
    return min(times) / 1000 / spans


def measure(batches: int, rounds: int, folder: Path) -> dict[str, float]:
    """Step -> microseconds of CPU per span."""
    pa.set_cpu_count(1)
    pricer = create_pricer(None)
    replayers = [Replayer(PayloadFactory(seed).request(BATCH)) for seed in range(batches)]
    bodies = [[replayer.next() for replayer in replayers] for _ in range(rounds)]
    spans = batches * BATCH
    records = [[Record(Kind.TRACES, time.time_ns(), {}, body, Position(1, 100)) for body in turn] for turn in bodies]
    chunks = [[transform([record], pricer) for record in turn] for turn in records]
    ours, theirs = multiprocessing.Pipe()
    sender, receiver = handover.Sender(theirs, os.getpid()), handover.Receiver(ours)
    duplicates = DuplicateFinder()
    tables = [assemble(turn, DuplicateFinder(), 1) for turn in chunks]
    journal = Journal(folder / "journal")
    acceptor = Acceptor(journal)

    def accept(number: int) -> None:
        receipts = [acceptor.accept(Kind.TRACES, body) for body in bodies[number]]
        # Rounds faster than the disk would be refused.
        for receipt in receipts:
            if receipt.durable is not None:
                receipt.durable.result()

    def hand_over(chunk: Chunk) -> Any:
        sender.release(receiver.released())
        sender.send({"spans": chunk.spans, "payloads": chunk.payloads})
        return receiver.receive()

    def write(dataset: str) -> Callable[[int], Any]:
        def step(number: int) -> None:
            table = tables[number][dataset]
            path = folder / f"{dataset}.parquet"
            rows = table.num_rows
            write_parquet(path, [table], dataset, rows=rows, fresh=not fills_row_groups(dataset, rows))

        return step

    steps: Sequence[tuple[str, Callable[[int], Any]]] = (
        ("receive: check, ids, repeats, journal", accept),
        ("decode (part of the next)", lambda number: [wire.decode(body) for body in bodies[number]]),
        ("transform: decode, dialect, price, Arrow", lambda number: [transform([r], pricer) for r in records[number]]),
        ("to the pipeline: both ends", lambda number: list(map(hand_over, chunks[number]))),
        ("assemble: duplicates, health", lambda number: assemble(chunks[number], duplicates, 1)),
        ("write spans", write("spans")),
        ("write payloads", write("payloads")),
    )
    found = {name: least(step, rounds, spans) for name, step in steps}
    journal.close()
    store = ParquetStore(folder / "store")
    for dataset in ("spans", "payloads"):
        files = [file for turn in tables for file in store.write_files("ingest", dataset, turn[dataset])]
        found[f"merge {dataset}, {rounds} files"] = least(
            lambda _, files=files: merge(store, "ingest", files),  # type: ignore[misc]
            1,
            rounds * spans,
        )
    for dataset in ("spans", "payloads"):
        found[f"{dataset}, bytes"] = (folder / f"{dataset}.parquet").stat().st_size / spans
    found |= varied(batches, rounds, pricer)
    return found


def varied(batches: int, rounds: int, pricer: Pricer) -> dict[str, float]:
    """What the transformation costs where spans of a kind differ in their keys; as :func:`measure`."""
    found = {}
    for name, left_out, shuffled in (("1 attribute of 10 left out", 0.1, False), ("keys in random order", 0.0, True)):
        chance = random.Random(1)
        replayers = []
        for seed in range(batches):
            request = PayloadFactory(seed).request(BATCH)
            for span in request.resource_spans[0].scope_spans[0].spans:
                pairs = [KeyValue.FromString(pair.SerializeToString()) for pair in span.attributes]
                kept = [pair for pair in pairs if pair.key == _OPERATION or chance.random() >= left_out]
                if shuffled:
                    chance.shuffle(kept)
                del span.attributes[:]
                span.attributes.extend(kept)
            replayers.append(Replayer(request))
        turns = [[replayer.next() for replayer in replayers] for _ in range(rounds)]
        records = [[Record(Kind.TRACES, time.time_ns(), {}, body, Position(1, 100)) for body in turn] for turn in turns]
        found[f"transform, {name}"] = least(
            lambda number, records=records: [transform([r], pricer) for r in records[number]],  # type: ignore[misc]
            rounds,
            batches * BATCH,
        )
    return found


def idle() -> None:
    """Print the memory of a collector that has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(Path(folder) / "store")
        try:
            found = collector.memory_mb()
        finally:
            collector.stop()
    for name, rss, pss in found:
        print(f"  {name:20} RSS {rss:6.0f} MB   PSS {pss:6.0f} MB")
    print(f"  {'all':20} {'':13}   PSS {sum(pss for _, _, pss in found):6.0f} MB")


def profile(batches: int, rows: int) -> None:
    """Print the functions of the transformation by their own time."""
    pricer = create_pricer(None)
    replayers = [Replayer(PayloadFactory(seed).request(BATCH)) for seed in range(batches)]
    records = [Record(Kind.TRACES, time.time_ns(), {}, each.next(), Position(1, 100)) for each in replayers]
    transform(records, pricer)
    profiler = cProfile.Profile()
    profiler.enable()
    for record in records:
        transform([record], pricer)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=16, help="requests of 512 spans in a round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="the N functions that take most")
    parser.add_argument("--idle", action="store_true", help="the memory of a collector without work, nothing else")
    options = parser.parse_args()
    if options.idle:
        idle()
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.batches, options.rounds, Path(folder))
    state = "compiled" if wire.COMPILED else "not compiled"
    print(f"CPU per span, least of {options.rounds} rounds; {state}, load {os.getloadavg()[0]:.1f}")
    for name, value in found.items():
        print(f"  {name:45} {value:8.1f} {'B' if name.endswith('bytes') else 'us'}")
    if options.profile:
        profile(options.batches, options.profile)


if __name__ == "__main__":
    main()
