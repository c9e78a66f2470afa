"""Merges wait while spans arrive as fast as they can be stored, but not for ever."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from spanloft_collector.pipeline import process
from spanloft_collector.pipeline.decoders import InlineDecoders
from spanloft_collector.pipeline.process import Pipeline
from spanloft_collector.store import compact, maintenance
from spanloft_collector.store.maintenance import Maintenance
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

FILES = 6


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    monkeypatch.setattr(compact, "FAN_IN", 2)
    store = ParquetStore(tmp_path / "store")
    for number in range(FILES):
        row = {"trace_id": [f"{number:032x}"], "span_id": [f"{number:016x}"], "start_time": [1_700_000_000_000_000]}
        store.publish("ingest", {"payloads": to_table("payloads", row)}, {"ingest_us": number + 1})
    return store


def test_merges_wait_while_the_cores_are_needed(store: ParquetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = True
    upkeep = Maintenance(store, pressed=lambda: pressed)
    assert upkeep.step() == 0
    pressed = False
    assert upkeep.step() == FILES // 2
    assert upkeep.step() == 0


def test_they_do_not_wait_for_ever(store: ParquetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "PUT_OFF_FILES", FILES)
    assert Maintenance(store, pressed=lambda: True).step() == FILES // 2


def test_they_stop_when_the_cores_are_needed_meanwhile(store: ParquetStore) -> None:
    answers = iter([False, False, True])
    assert Maintenance(store, pressed=lambda: next(answers)).step() == 2


def test_a_pipeline_is_pressed_when_the_end_of_the_journal_stays_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PRESSED_S", 0.1)
    pipeline = Pipeline(ParquetStore(tmp_path), tmp_path / "journal", InlineDecoders(lambda: lambda records: None))
    pipeline._note_backlog(True)
    assert not pipeline.pressed
    time.sleep(0.15)
    assert pipeline.pressed
    pipeline._note_backlog(True)
    assert pipeline.pressed
    pipeline._note_backlog(False)
    assert not pipeline.pressed
