"""Tables between processes: they arrive as they were, and their memory goes when they do."""

from __future__ import annotations

import gc
import multiprocessing
import os
from pathlib import Path

import pyarrow as pa
import pytest
from spanloft_collector.pipeline import handover

TABLES = {
    "spans": pa.table({"id": ["a", None, "ü" * 50_000], "n": pa.array([1, None, 3], pa.int64())}),
    "payloads": pa.table({"text": pa.array([], pa.string())}),
    "logs": pa.table({"texts": [["a", "b"], None, []]}),
}


@pytest.fixture(params=[True, False], ids=["shared memory", "pipe"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param and not handover.SHARED_MEMORY:
        pytest.skip("this system has no memfd")
    monkeypatch.setattr(handover, "SHARED_MEMORY", request.param)
    return bool(request.param)


def equal(found: dict[str, pa.Table], sent: dict[str, pa.Table]) -> bool:
    for table in found.values():
        table.validate(full=True)
    return list(found) == list(sent) and all(
        table.equals(sent[name]) and table.schema == sent[name].schema for name, table in found.items()
    )


def test_tables_of_another_process_arrive_as_they_were(way: bool) -> None:
    ours, theirs = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        sender = handover.Sender(theirs, os.getppid())
        for turn in range(3):
            sender.send({f"{name} {turn}": table for name, table in TABLES.items()})
        os._exit(0)
    theirs.close()
    receiver = handover.Receiver(ours)
    received = [receiver.receive() for _ in range(3)]
    os.waitpid(child, 0)
    for turn, tables in enumerate(received):
        assert equal(tables, {f"{name} {turn}": table for name, table in TABLES.items()})
    with pytest.raises(EOFError):
        receiver.receive()


@pytest.fixture
def ends() -> tuple[handover.Sender, handover.Receiver]:
    if not handover.SHARED_MEMORY:
        pytest.skip("this system has no memfd")
    ours, theirs = multiprocessing.Pipe()
    return handover.Sender(theirs, os.getpid()), handover.Receiver(ours)


def pieces() -> int:
    return len({line.split()[4] for line in Path("/proc/self/maps").read_text().splitlines() if "spanloft-tab" in line})


def test_memory_is_used_again_when_its_tables_are_gone_and_not_before(
    ends: tuple[handover.Sender, handover.Receiver],
) -> None:
    sender, receiver = ends
    gc.collect()
    before = pieces()
    numbers = [{"n": pa.table({"n": list(range(turn, turn + 1000))})} for turn in range(8)]
    held = []
    for sent in numbers[:4]:
        sender.send(sent)
        held.append(receiver.receive())
    assert receiver.released() == []
    column = held[0]["n"].column("n")
    del held[:2]
    gc.collect()
    for sent in numbers[4:]:
        sender.release(receiver.released())
        sender.send(sent)
        held.append(receiver.receive())
    # Of eight, one took the memory of the second; the first is still looked at.
    assert pieces() == before + 7
    assert column.to_pylist() == list(range(1000))
    assert all(equal(tables, numbers[turn]) for turn, tables in enumerate(held, 2))


def test_what_is_larger_than_usual_costs_no_memory_afterwards(ends: tuple[handover.Sender, handover.Receiver]) -> None:
    sender, receiver = ends
    gc.collect()
    before = pieces()
    large = {"t": pa.table({"text": ["x" * 1_000_000] * 9})}
    for _ in range(3):
        sender.send(large)
        assert equal(receiver.receive(), large)
        gc.collect()
        sender.release(receiver.released())
    assert pieces() == before


def test_a_guess_that_is_too_low_is_made_again(
    ends: tuple[handover.Sender, handover.Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, receiver = ends
    monkeypatch.setattr(handover, "LEAST_BYTES", 4096)
    monkeypatch.setattr(handover, "_FRAME_BYTES", 0)
    wide = {"w": pa.table({f"column {number}": [number] for number in range(2000)})}
    sender.send(wide)
    assert equal(receiver.receive(), wide)
