"""The pipeline's process is started again when it dies, drains when asked, and never holds up the exit."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from pipeline_targets import deaf, dies_once_when_told, obedient
from spanloft_collector.pipeline import worker
from spanloft_collector.pipeline.worker import PipelineProcess


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RESTART_S", 0.1)


def until(condition: Callable[[], Any], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(folder: Path) -> list[Path]:
    return list(folder.glob("started-*"))


def test_it_drains_when_asked(tmp_path: Path) -> None:
    process = PipelineProcess(partial(obedient, tmp_path))
    process.start()
    until(lambda: started(tmp_path))
    assert process.drain(20)
    assert len(list(tmp_path.glob("drained-*"))) == 1


def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    process = PipelineProcess(partial(obedient, tmp_path))
    process.start()
    for number in range(1, 4):
        until(lambda number=number: len(started(tmp_path)) == number)
        if number < 3:
            psutil.Process(process.pid).kill()
    assert process.drain(20)


def test_one_that_dies_in_its_drain_is_replaced_for_the_rest(tmp_path: Path) -> None:
    process = PipelineProcess(partial(dies_once_when_told, tmp_path))
    process.start()
    until(lambda: started(tmp_path))
    assert process.drain(20)
    assert len(list(tmp_path.glob("drained-*"))) == 1


def test_one_that_died_just_before_the_drain_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RESTART_S", 30.0)
    process = PipelineProcess(partial(obedient, tmp_path))
    process.start()
    until(lambda: started(tmp_path))
    psutil.Process(process.pid).kill()
    time.sleep(0.2)
    assert process.drain(20)
    assert len(list(tmp_path.glob("drained-*"))) == 1


def test_one_that_does_not_end_is_ended(tmp_path: Path) -> None:
    process = PipelineProcess(partial(deaf, tmp_path))
    process.start()
    until(lambda: started(tmp_path))
    child = psutil.Process(process.pid)
    began = time.monotonic()
    assert not process.drain(0.5)
    assert time.monotonic() - began < 5
    assert not child.is_running()
