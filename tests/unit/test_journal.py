"""The journal keeps what it acknowledged, shows nothing that it refused, and recovers by itself."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from collecting import request_of
from spanloft_collector.errors import JournalError, Overloaded
from spanloft_collector.journal import Journal, JournalReader, Kind, Position, Record, read_extent
from spanloft_collector.journal import writer as writer_module
from spanloft_collector.journal.record import HEADER_BYTES, MAGIC, segment_numbers, segment_path
from spanloft_collector.receivers.accept import Acceptor
from spanloft_collector.receivers.seen import SeenSpans

Fail = Callable[[str], None]


def read_all(directory: Path, budget: int = 1 << 20, position: Position = Position(0, 0)) -> list[Record]:  # noqa: B008
    reader = JournalReader(directory, position)
    records: list[Record] = []
    while found := reader.read(budget):
        records.extend(found)
    # Somebody may still be writing.
    assert by_extents(directory, budget, position)[: len(records)] == records
    return records


def by_extents(directory: Path, budget: int, position: Position) -> list[Record]:
    """As the decoders read: where records are is settled in one process, what they are in another."""
    reader = JournalReader(directory, position)
    records: list[Record] = []
    while extent := reader.next_extent(budget):
        records.extend(read_extent(extent))
    return records


def payloads(directory: Path) -> list[bytes]:
    return [record.payload for record in read_all(directory)]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Make a system call of the writer fail with "disk full" until it is called with another name."""
    real = {"writev": os.writev, "fdatasync": os.fdatasync, "open": os.open}

    def choose(name: str) -> None:
        for call, function in real.items():
            monkeypatch.setattr(writer_module.os, call, function)
        if name == "writev":

            def short(descriptor: int, buffers: Any) -> int:
                # A full disk takes a part first.
                if sum(map(len, buffers)) > 20:
                    return real["writev"](descriptor, [bytes(buffers[0])[:4]])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            calls = iter([short])

            def writev(descriptor: int, buffers: Any) -> int:
                step = next(calls, None)
                if step is not None:
                    return step(descriptor, buffers)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(writer_module.os, "writev", writev)
        elif name:

            def refuse(*_: Any, **__: Any) -> Any:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(writer_module.os, name, refuse)

    return choose


def test_records_come_back_in_order_with_what_belongs_to_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", segment_bytes=2000)
    sent = [os.urandom(size) for size in (0, 1, 900, 5000, 12, 100_000, 7)]
    for number, payload in enumerate(sent):
        journal.append(Kind.TRACES, payload, {"n": number} if number % 2 else None).result()
    records = read_all(tmp_path / "j", budget=10)
    assert [record.payload for record in records] == sent
    assert [record.metadata.get("n") for record in records] == [None, 1, None, 3, None, 5, None]
    assert all(a.received_ns <= b.received_ns and a.end < b.end for a, b in zip(records, records[1:], strict=False))
    assert len(segment_numbers(tmp_path / "j")) > 1
    for number, record in enumerate(records):
        assert [left.payload for left in read_all(tmp_path / "j", position=record.end)] == sent[number + 1 :]
    journal.close()


def test_a_record_far_larger_than_the_budget_is_read_and_nothing_behind_it_with_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(Kind.TRACES, b"a" * 3_000_000).result()
    for _ in range(50):
        journal.append(Kind.TRACES, b"b" * 500_000).result()
    reader = JournalReader(tmp_path / "j")
    assert [len(record.payload) for record in reader.read(1000)] == [3_000_000]
    assert sum(len(record.payload) for record in reader.read(1000)) <= 1_000_000
    journal.close()


def test_many_threads_share_a_sync_and_each_record_is_durable_when_its_future_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(writer_module.os, "fdatasync", lambda descriptor: (syncs.append(1), real(descriptor)))
    journal = Journal(tmp_path / "j")
    lost: list[bytes] = []

    def send(sender: int) -> None:
        for number in range(40):
            payload = f"{sender}:{number}".encode()
            journal.append(Kind.LOGS, payload).result()
            if payload not in payloads(tmp_path / "j"):
                lost.append(payload)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = payloads(tmp_path / "j")
    assert lost == []
    assert len(stored) == len(set(stored)) == 320
    for sender in range(8):
        mine = [payload for payload in stored if payload.startswith(f"{sender}:".encode())]
        assert mine == [f"{sender}:{number}".encode() for number in range(40)]
    assert len(syncs) < 320
    journal.close()


@pytest.mark.parametrize("cut", [1, 5, HEADER_BYTES - 1, HEADER_BYTES + 1, HEADER_BYTES + 50])
def test_a_torn_tail_is_left_out_and_the_next_writer_goes_on_behind_it(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path / "j")
    for payload in (b"one", b"two", b"x" * 100):
        journal.append(Kind.TRACES, payload).result()
    journal.close()
    path = segment_path(tmp_path / "j", 1)
    os.truncate(path, path.stat().st_size - (HEADER_BYTES + 100) + cut)
    again = Journal(tmp_path / "j")
    again.append(Kind.TRACES, b"three").result()
    assert payloads(tmp_path / "j") == [b"one", b"two", b"three"]
    again.close()


def test_a_damaged_record_costs_only_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for payload in (b"one" * 50, b"two" * 50, b"three" * 50):
        journal.append(Kind.TRACES, payload).result()
    path = segment_path(tmp_path / "j", 1)
    data = bytearray(path.read_bytes())
    data[data.index(b"twotwo")] ^= 1
    path.write_bytes(data)
    assert payloads(tmp_path / "j") == [b"one" * 50, b"three" * 50]
    journal.append(Kind.TRACES, b"four").result()
    assert payloads(tmp_path / "j") == [b"one" * 50, b"three" * 50, b"four"]
    one_by_one = [record.payload for record in read_all(tmp_path / "j", budget=1)]
    assert one_by_one == [b"one" * 50, b"three" * 50, b"four"]
    journal.close()


@pytest.mark.parametrize("junk", [b"", b"\0" * 300, b"\xff" * 300, MAGIC * 40])
def test_junk_behind_the_last_record_is_no_record(tmp_path: Path, junk: bytes) -> None:
    Journal(tmp_path / "j").append(Kind.TRACES, b"one").result()
    with segment_path(tmp_path / "j", 1).open("ab") as file:
        file.write(junk)
    again = Journal(tmp_path / "j")
    again.append(Kind.TRACES, b"two").result()
    assert payloads(tmp_path / "j") == [b"one", b"two"]
    again.close()


def test_a_reader_sees_nothing_that_is_not_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(Kind.TRACES, b"durable").result()
    seen_during: list[list[bytes]] = []

    def refuse(descriptor: int) -> None:
        # All of the record is in the file, but the disk will not confirm it.
        seen_during.append(payloads(tmp_path / "j"))
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(writer_module.os, "fdatasync", refuse)
        with pytest.raises(JournalError):
            journal.append(Kind.TRACES, b"refused").result()
    assert seen_during == [[b"durable"]]
    journal.append(Kind.TRACES, b"later").result()
    assert payloads(tmp_path / "j") == [b"durable", b"later"]
    journal.close()


@pytest.mark.parametrize("call", ["writev", "fdatasync"])
def test_a_full_disk_refuses_and_recovers_without_a_restart(tmp_path: Path, fail: Fail, call: str) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(Kind.TRACES, b"before").result()
    for _ in range(5):
        fail(call)
        with pytest.raises(JournalError, match="No space left"):
            journal.append(Kind.TRACES, b"x" * 100).result()
    fail("open")
    with pytest.raises(JournalError):
        journal.append(Kind.TRACES, b"x" * 100).result()
    fail("")
    journal.append(Kind.TRACES, b"after").result()
    assert payloads(tmp_path / "j") == [b"before", b"after"]
    assert journal.pending_bytes == 0
    assert max(path.stat().st_size for path in (tmp_path / "j").glob("*.log")) < 1000
    journal.close()


def test_an_emptied_directory_does_not_bring_back_old_numbers(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(Kind.TRACES, b"one").result()
    journal.close()
    position = read_all(tmp_path / "j")[-1].end
    for path in (tmp_path / "j").iterdir():
        path.unlink()
    again = Journal(tmp_path / "j", after_segment=position.segment)
    again.append(Kind.TRACES, b"two").result()
    assert [record.payload for record in read_all(tmp_path / "j", position=position)] == [b"two"]
    again.close()


def test_a_segment_deleted_while_sizes_are_summed_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j")
    real = os.scandir

    def vanishing(path: Path) -> list[os.DirEntry[str]]:
        (path / "000000000999.log").touch()
        entries = list(real(path))
        (path / "000000000999.log").unlink()
        return entries

    monkeypatch.setattr(writer_module.os, "scandir", vanishing)
    assert journal.backlog_bytes() == len(MAGIC)
    journal.close()


def test_waiting_bytes_beyond_the_limit_are_refused_before_memory_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    real = os.fdatasync
    monkeypatch.setattr(writer_module.os, "fdatasync", lambda descriptor: (disk.wait(20), real(descriptor)))
    journal = Journal(tmp_path / "j", max_pending_bytes=1000)
    waiting: list[Future[None]] = []

    def fill() -> None:
        for _ in range(100):
            waiting.append(journal.append(Kind.TRACES, b"x" * 100))

    with pytest.raises(Overloaded) as refused:
        fill()
    assert refused.value.retry_after_s >= 1
    assert len(waiting) < 12
    disk.set()
    for future in waiting:
        future.result(20)
    journal.append(Kind.TRACES, b"y").result()
    assert len(payloads(tmp_path / "j")) == len(waiting) + 1
    journal.close()


def test_closing_writes_what_is_queued_and_refuses_what_comes_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    futures = [journal.append(Kind.TRACES, b"%d" % number) for number in range(500)]
    journal.close()
    assert all(future.done() and future.exception() is None for future in futures)
    assert len(payloads(tmp_path / "j")) == 500
    with pytest.raises(Overloaded):
        journal.append(Kind.TRACES, b"late")


# --- what the acceptor makes of it ------------------------------------------------------------------------------------


def test_a_refused_span_is_no_repeat_when_it_is_sent_again(tmp_path: Path, fail: Fail) -> None:
    journal = Journal(tmp_path / "j")
    acceptor = Acceptor(journal, SeenSpans())
    body = request_of(3).SerializeToString()
    for call in ("writev", "fdatasync", "writev"):
        fail(call)
        receipt = acceptor.accept(Kind.TRACES, body)
        assert receipt.durable is not None
        with pytest.raises(JournalError):
            receipt.durable.result()
    fail("")
    again = acceptor.accept(Kind.TRACES, body)
    assert again.durable is not None
    again.durable.result()
    (record,) = read_all(tmp_path / "j")
    assert record.payload == body
    assert "skip" not in record.metadata
    journal.close()


def test_a_repeat_of_what_is_stored_is_acknowledged_also_after_somebody_elses_failure(
    tmp_path: Path, fail: Fail
) -> None:
    journal = Journal(tmp_path / "j")
    acceptor = Acceptor(journal, SeenSpans())
    stored = request_of(3).SerializeToString()
    first = acceptor.accept(Kind.TRACES, stored)
    assert first.durable is not None
    first.durable.result()
    fail("fdatasync")
    other = acceptor.accept(Kind.TRACES, request_of(1).SerializeToString())
    assert other.durable is not None
    with pytest.raises(JournalError):
        other.durable.result()
    repeat = acceptor.accept(Kind.TRACES, stored)
    assert repeat.durable is None or repeat.durable.exception(5) is None
    assert len(read_all(tmp_path / "j")) == 1
    journal.close()


def test_a_repeat_waits_for_the_first_one_on_its_way_and_fails_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "j")
    acceptor = Acceptor(journal, SeenSpans())
    disk = threading.Event()
    broken = [True]
    real = os.fdatasync

    def slow(descriptor: int) -> None:
        disk.wait(20)
        if broken[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(writer_module.os, "fdatasync", slow)
    body = request_of(3).SerializeToString()
    first = acceptor.accept(Kind.TRACES, body).durable
    repeat = acceptor.accept(Kind.TRACES, body).durable
    mixed = request_of(1)
    mixed.MergeFromString(body)
    partly = acceptor.accept(Kind.TRACES, mixed.SerializeToString()).durable
    assert first is not None
    assert repeat is not None
    assert partly is not None
    assert not first.done()
    assert not repeat.done()
    disk.set()
    for future in (first, repeat, partly):
        assert isinstance(future.exception(20), JournalError)
    broken[0] = False
    third = acceptor.accept(Kind.TRACES, mixed.SerializeToString()).durable
    assert third is not None
    third.result(20)
    assert "skip" not in read_all(tmp_path / "j")[-1].metadata
    journal.close()


def test_failures_between_many_senders_lose_nothing_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third sync fails; senders send again until they are acknowledged, sometimes twice at once."""
    journal = Journal(tmp_path / "j")
    acceptor = Acceptor(journal, SeenSpans())
    real = os.fdatasync
    count = [0]

    def flaky(descriptor: int) -> None:
        count[0] += 1
        if count[0] % 3 == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(writer_module.os, "fdatasync", flaky)
    bodies = [request_of(2).SerializeToString() for _ in range(30)]

    def send(order: list[bytes]) -> None:
        for body in order:
            while True:
                try:
                    durable = acceptor.accept(Kind.TRACES, body).durable
                    if durable is not None:
                        durable.result(20)
                    break
                except (JournalError, Overloaded):
                    continue

    threads = [threading.Thread(target=send, args=(bodies[:: (-1) ** n],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = read_all(tmp_path / "j")
    assert sorted(record.payload for record in stored) == sorted(bodies)
    assert all("skip" not in record.metadata for record in stored)
    journal.close()
