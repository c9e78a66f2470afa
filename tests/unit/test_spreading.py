"""Heavy work of jobs over processes and over Ray: the same results, in the same order, elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from matrix.catalog import Library
from matrix.environments import prepare
from spanloft_collector.errors import SpanloftError
from spanloft_collector.jobs import spreading
from spanloft_collector.jobs.spreading import Here, Processes, spread

OVER_RAY = """
import os
from functools import partial
from spanloft_collector.jobs.spreading import spread
where = spread(2, scale_out=True)
assert type(where).__name__ == "Ray", where
workers = set(where.map(eval, ["__import__('os').getpid()"] * 4))
assert os.getpid() not in workers
print(list(where.map(partial(pow, 2), [1, 5, 3])), flush=True)
"""
FOR_EVER = """
import time
from spanloft_collector.jobs.spreading import Processes
if __name__ == "__main__":
    print("begun", flush=True)
    list(Processes(2).map(time.sleep, [600, 600]))
"""


def where_am_i(part: int) -> tuple[int, int]:
    time.sleep(0.2)
    return part, os.getpid()


def test_work_is_done_in_other_processes_and_comes_back_in_order() -> None:
    where = Processes(64)
    if where.processes == 1:
        pytest.skip("one core")
    assert where.processes == os.cpu_count(), "bounded by the cores"
    done = list(where.map(where_am_i, [3, 1, 2, 5, 4]))
    assert [part for part, _ in done] == [3, 1, 2, 5, 4]
    assert os.getpid() not in {process for _, process in done}
    assert list(where.map(where_am_i, [7])) == [(7, os.getpid())], "one part is not worth a process"


def test_the_choice() -> None:
    assert isinstance(spread(1, scale_out=False), Here)
    assert list(spread(1, scale_out=False).map(partial(pow, 2), [1, 3])) == [2, 8]
    assert isinstance(spread(2, scale_out=False), Processes)


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "for_ever.py"
    script.write_text(FOR_EVER)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        parent.stdout.readline()
        until = time.monotonic() + 20
        workers: list[psutil.Process] = []
        while time.monotonic() < until and len(workers) < 2:
            children = psutil.Process(parent.pid).children()
            workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
            time.sleep(0.2)
        # A worker that has its work has begun to watch its parent.
        time.sleep(2)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


class Reluctant:
    """What is asked of Ray at its start, on a machine that is too slow for the first ``failures`` attempts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked: list[str] = []

    def init(self, **_: object) -> None:
        self.asked.append("init")
        if self.asked.count("init") <= self.failures:
            raise RuntimeError("the raylet did not answer\nand more of it")

    def shutdown(self) -> None:
        self.asked.append("shutdown")

    def remote(self, work: object) -> object:
        return work


def test_ray_gets_another_attempt_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "START_PAUSE_S", 0.0)
    slow, broken = Reluctant(1), Reluctant(99)
    monkeypatch.setitem(sys.modules, "ray", slow)  # type: ignore[arg-type]
    spreading._start_ray(2)
    assert slow.asked == ["init", "shutdown", "init"]
    monkeypatch.setitem(sys.modules, "ray", broken)  # type: ignore[arg-type]
    with pytest.raises(SpanloftError, match=r"can't be started \(the raylet did not answer\); name a running"):
        spreading._start_ray(2)
    assert broken.asked.count("init") == spreading.START_ATTEMPTS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_over_the_real_ray() -> None:
    python = prepare(Library("ray-spread", ("ray", "numpy")))
    done = subprocess.run([python, "-c", OVER_RAY], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[2, 32, 8]"
