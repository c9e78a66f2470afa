"""One trace and one user through threads, pools, tasks, processes; delivery by processes that end without notice."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spanloft
import spanloft.testing
from opentelemetry import trace
from otlp_sink import Sink, attributes, otlp_sink
from sdk_support import run_python
from spanloft import core
from spanloft.testing import CapturedSpans

tracer = trace.get_tracer("app")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as running:
        yield running


@pytest.fixture
def environment(sink: Sink, tmp_path: Path) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "SPANLOFT_SPOOL": str(tmp_path / "spool"), "HOME": str(tmp_path)}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[CapturedSpans]:
    with spanloft.testing.capture() as captured:
        running = core.running()
        assert running is not None
        monkeypatch.setitem(globals(), "tracer", running.attachment.provider.get_tracer("app"))
        yield captured


def work(name: str = "work") -> None:
    with tracer.start_as_current_span(name):
        pass


def assert_one_trace(captured: CapturedSpans, children: int) -> None:
    (root,) = (span for span in captured if span.name == "root")
    others = [span for span in captured if span.name != "root"]
    assert len(others) == children
    for span in others:
        assert span.parent is not None
        assert span.parent.span_id == root.context.span_id  # type: ignore[union-attr]
        assert (span.attributes or {})["user.id"] == "u-1"


class Subclass(threading.Thread):
    def run(self) -> None:
        work()


def test_threads_pools_timers_and_tasks(spans: CapturedSpans) -> None:
    async def tasks() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(asyncio.to_thread(work), loop.run_in_executor(None, work), asyncio.create_task(later()))

    async def later() -> None:
        work()

    with tracer.start_as_current_span("root"), spanloft.context(user="u-1"):
        threads = [threading.Thread(target=work), Subclass(), threading.Timer(0.01, work)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(work, ["a", "b", "c"]))
        asyncio.run(tasks())
    assert_one_trace(spans, 9)


def test_a_pools_worker_keeps_no_context(spans: CapturedSpans) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with tracer.start_as_current_span("root"):
            pool.submit(work).result()
        pool.submit(work, "alone").result()
    assert next(span for span in spans if span.name == "alone").parent is None


def test_after_uninstrument_nothing_is_wrapped() -> None:
    def methods() -> list[Any]:
        return [threading.Thread.start, concurrent.futures.ThreadPoolExecutor.submit, subprocess.Popen.__init__]

    before = methods()
    with spanloft.testing.capture():
        assert not set(methods()) & set(before)
    assert methods() == before


CHILD = "import spanloft; spanloft.instrument(); from opentelemetry import trace; trace.get_tracer('c').start_span('child').end()"  # noqa: E501  # fmt: skip
PARENT = """
import os, subprocess, sys, spanloft
spanloft.instrument()
from opentelemetry import trace
def work(name="child"):
    with trace.get_tracer("app").start_as_current_span(name):
        return os.getpid()
def nothing():
    pass
if __name__ == "__main__":
    with trace.get_tracer("app").start_as_current_span("root"), spanloft.context(user="u-1", tags=["a", "b"]):
        {start}
"""


def parent(tmp_path: Path, start: str) -> str:
    """A file, because a spawned child imports it."""
    file = tmp_path / "parent.py"
    file.write_text(PARENT.format(start=start.replace("\n", "\n        ")))
    return str(file)


def assert_children(sink: Sink, count: int) -> None:
    (root,) = (span for span in sink.spans if span.name == "root")
    children = [span for span in sink.spans if span.name == "child"]
    assert len(children) == count
    for span in children:
        assert (span.trace_id, span.parent_span_id) == (root.trace_id, root.span_id)
        assert attributes(span.attributes)["user.id"] == "u-1"
        assert attributes(span.attributes)["spanloft.tags"] == ["a", "b"]


@pytest.mark.parametrize("env", ["", ", env={**os.environ, 'X': '1'}"])
def test_subprocess(sink: Sink, environment: dict[str, str], tmp_path: Path, env: str) -> None:
    start = f"subprocess.run([sys.executable, '-c', {CHILD!r}], check=True{env})"
    ran = run_python("", environment, sys.executable, parent(tmp_path, start))
    assert ran.code == 0, ran.stderr
    assert_children(sink, 1)


def test_somebody_elses_traceparent_is_left_alone(sink: Sink, environment: dict[str, str]) -> None:
    foreign = {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    run_python(CHILD, {**environment, **foreign})
    assert sink.spans[0].parent_span_id == b""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    "start",
    [
        "p = c.Process(target=work); p.start(); p.join(); assert p.exitcode == 0",
        "with c.Pool(1) as pool: pool.apply(work); pool.close(); pool.join()",
        "with c.Pool(1) as pool: pool.map(work, ['child']); pool.close(); pool.join()",
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(1, mp_context=c) as pool: pool.submit(work).result()",
    ],
    ids=["process", "pool", "pool-map", "executor"],
)
def test_multiprocessing(sink: Sink, environment: dict[str, str], tmp_path: Path, method: str, start: str) -> None:
    code = f"import multiprocessing; c = multiprocessing.get_context({method!r})\n{start}"
    ran = run_python("", environment, sys.executable, parent(tmp_path, code))
    assert ran.code == 0, ran.stderr
    assert_children(sink, 1)


def test_a_pool_that_is_terminated(sink: Sink, environment: dict[str, str], tmp_path: Path) -> None:
    """As ``with Pool()`` ends: its workers are killed by SIGTERM, a moment after their work."""
    pool = "multiprocessing.get_context('spawn').Pool(2)"
    code = f"import multiprocessing\nwith {pool} as pool: pool.map(work, ['child'] * 4)"
    ran = run_python("", environment, sys.executable, parent(tmp_path, code))
    assert ran.code == 0, ran.stderr
    assert_children(sink, 4)


def test_spawned_children_are_redacted_too(sink: Sink, environment: dict[str, str], tmp_path: Path) -> None:
    start = "import multiprocessing; c = multiprocessing.get_context('spawn')\np = c.Process(target=work, args=('me@example.com',)); p.start(); p.join()"  # noqa: E501  # fmt: skip
    file = Path(parent(tmp_path, start))
    file.write_text(file.read_text().replace("spanloft.instrument()", "spanloft.instrument(redact='email')"))
    ran = run_python("", environment, sys.executable, str(file))
    assert ran.code == 0, ran.stderr
    assert sorted(span.name for span in sink.spans) == ["[EMAIL]", "root"]


def test_carried_by_pickle_into_a_process_of_ones_own(sink: Sink, environment: dict[str, str], tmp_path: Path) -> None:
    """What Ray, Dask or Celery do: a pickled function, in a process that knows nothing of us and is then killed."""
    start = """
import pickle, parent
data = pickle.dumps(spanloft.carry(parent.work))
code = "import pickle, sys, os, signal; pickle.loads(sys.stdin.buffer.read())(); os.kill(os.getpid(), signal.SIGKILL)"
clean = {k: v for k, v in os.environ.items()}
r, w = os.pipe()
os.write(w, data); os.close(w)
pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], clean, file_actions=[(os.POSIX_SPAWN_DUP2, r, 0)])
os.waitpid(pid, 0)
"""
    ran = run_python("", {**environment, "PYTHONPATH": str(tmp_path)}, sys.executable, parent(tmp_path, start.strip()))
    assert ran.code == 0, ran.stderr
    assert_children(sink, 1)


# --- processes that end without notice -------------------------------------------------------------------------------

FUNCTION = """
import asyncio, os, signal, sys, spanloft
spanloft.instrument()
from opentelemetry import trace
def work():
    trace.get_tracer("f").start_span("inside").end()
"""


@pytest.mark.parametrize(
    "call",
    [
        "@spanloft.flush_on_return\ndef f():\n  work(); return 7\nassert f() == 7",
        "@spanloft.flush_on_return(timeout=3)\nasync def f():\n  work(); return 7\nassert asyncio.run(f()) == 7",
        "@spanloft.flush_on_return\ndef f():\n  work(); yield 7\nassert list(f()) == [7]",
        "@spanloft.flush_on_return\ndef f():\n  work(); raise KeyError\ntry: f()\nexcept KeyError: pass",
    ],
    ids=["function", "async", "generator", "exception"],
)
def test_a_function_that_is_frozen_after_its_return(sink: Sink, environment: dict[str, str], call: str) -> None:
    code = f"{FUNCTION}{call}\nprint('returned', flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "returned\n"
        assert [span.name for span in sink.spans] == ["inside"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)


def test_a_notebook_delivers_while_it_stays_open(sink: Sink, environment: dict[str, str]) -> None:
    code = FUNCTION + "work(); import time; time.sleep(30)"
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **environment})
    try:
        start = time.monotonic()
        assert len(sink.wait_for(1)) == 1
        assert time.monotonic() - start < 8  # The interpreter's start included.
    finally:
        process.kill()
        process.wait(10)


def test_a_preforking_server(sink: Sink, environment: dict[str, str]) -> None:
    """As gunicorn does: the master is instrumented; forked workers serve, and exit at SIGTERM by their own handler."""
    code = (
        FUNCTION
        + """
import time
def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    work()
    while True: time.sleep(0.1)
pids = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        try: serve()
        except SystemExit as end: sys.exit(end.code)
    pids.append(pid)
time.sleep(0.5)
for pid in pids: os.kill(pid, signal.SIGTERM)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
"""
    )
    ran = run_python(code, environment)
    assert ran.stdout == "[0, 0, 0]\n", ran.stderr
    assert len(sink.spans) == 3
