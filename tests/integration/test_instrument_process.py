"""Whole processes: exit times, the disk spool, forks, launchers. Only what an app would do, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_provider import FakeProvider
from otlp_sink import Sink, attributes, otlp_sink
from sdk_support import provider, run_python, seen

__all__ = ["provider", "seen"]

# A stand-in for an app's calls where the LLM SDKs, slow to import, make no difference.
SPANS = """
import time
import spanloft
spanloft.instrument()
from opentelemetry import trace
tracer = trace.get_tracer("app")
def work(count, name="work"):
    for number in range(count):
        with tracer.start_as_current_span(f"{name} {number}"):
            pass
"""
END = "\nprint('END', time.time(), flush=True)\n"
APP = """
import json, os, sys
import openai
client = openai.OpenAI(base_url=os.environ["FAKE_URL"] + "/v1", api_key="x")
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "refund?"}])
print(json.dumps({"argv": sys.argv, "path": sys.path[0], "name": __name__, "main": __file__}))
if "--exit" in sys.argv:
    sys.exit(7)
if "--raise" in sys.argv:
    raise ValueError("boom")
"""
RUN = "import sys; from spanloft.launch import run; sys.exit(run(sys.argv[1:]))"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with otlp_sink() as running:
        yield running


@pytest.fixture
def environment(sink: Sink, tmp_path: Path) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "SPANLOFT_SPOOL": str(tmp_path / "spool"), "HOME": str(tmp_path)}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    file = tmp_path / "my_app.py"
    file.write_text(APP)
    return file


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_spans_arrive_with_the_resource_of_the_app(sink: Sink, environment: dict[str, str]) -> None:
    more = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
    ran = run_python(SPANS + "work(1500)" + END, {**environment, **more, "SPANLOFT_API_KEY": "k-1"})
    assert ran.code == 0, ran.stderr
    assert len(sink.spans) == 1500
    assert len({span.span_id for span in sink.spans}) == 1500
    assert sink.resource()["service.name"] == "shop"
    assert sink.resource()["deployment.environment.name"] == "test"
    assert {headers["authorization"] for headers in sink.headers} == {"Bearer k-1"}
    assert ran.exit_seconds < 2


def test_compressed(sink: Sink, environment: dict[str, str]) -> None:
    run_python(SPANS + "work(3)", {**environment, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
    assert len(sink.spans) == 3
    assert sink.headers[0]["content-encoding"] == "gzip"


def test_exit_with_the_collector_down_and_delivery_by_the_next_start(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    down = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    ran = run_python(SPANS + "work(3000)" + END, down)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.exit_seconds <= 2
    kept = list((tmp_path / "spool").rglob("*.otlp"))
    assert kept
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    with otlp_sink(port) as back:
        again = run_python(SPANS + "work(1, 'later'); spanloft.flush()" + END, down)
        names = [span.name for span in back.spans]
    assert again.code == 0
    assert sorted(names) == sorted([*(f"work {number}" for number in range(3000)), "later 0"])
    assert not list((tmp_path / "spool").rglob("*.otlp"))


def test_exit_with_a_hanging_collector(sink: Sink, environment: dict[str, str], tmp_path: Path) -> None:
    sink.hang = 30
    ran = run_python(SPANS + "work(3000); time.sleep(1.5); work(10, 'late')" + END, environment)
    assert ran.code == 0
    assert ran.exit_seconds <= 2
    sink.hang = 0
    flushed = run_python("import spanloft; spanloft.instrument(); print(spanloft.flush())", environment)
    assert flushed.stdout.strip() == "True"
    assert len({span.name for span in sink.spans}) == 3010
    assert not list((tmp_path / "spool").rglob("*.otlp"))


def test_unavailable_collector_keeps_spans_and_a_refusing_one_does_not(
    sink: Sink, environment: dict[str, str], tmp_path: Path
) -> None:
    sink.status = 503
    run_python(SPANS + "work(5)", environment)
    assert len(list((tmp_path / "spool").rglob("*.otlp"))) == 1
    sink.status = 400
    ran = run_python("import spanloft; spanloft.instrument(); print(spanloft.flush())", environment)
    assert ran.stdout.strip() == "True"
    assert not list((tmp_path / "spool").rglob("*.otlp"))


def test_many_processes_deliver_the_spool_once(environment: dict[str, str]) -> None:
    port = free_port()
    down = {
        **environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "20",
    }
    run_python(SPANS + "work(400)", down)
    code = "import spanloft; spanloft.instrument(); spanloft.flush(20)"
    with otlp_sink(port) as back:
        racing = [subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **down}) for _ in range(4)]
        assert [process.wait(60) for process in racing] == [0] * 4
        ids = [span.span_id for span in back.wait_for(400)]
    assert len(ids) == len(set(ids)) == 400


def test_without_a_spool_nothing_is_written(environment: dict[str, str], tmp_path: Path) -> None:
    down = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "SPANLOFT_SPOOL": "off"}
    ran = run_python(SPANS + "work(100)" + END, down)
    assert ran.code == 0
    assert ran.exit_seconds <= 2
    assert not list(tmp_path.rglob("*.otlp"))


def test_forked_and_pooled_children_deliver_their_own_spans(sink: Sink, environment: dict[str, str]) -> None:
    code = (
        SPANS
        + """
import multiprocessing, os
work(2, "before")
def child(number):
    work(1, f"pool {number}")
if __name__ == "__main__":
    for number in range(2):
        if os.fork() == 0:
            work(1, f"fork {number}")
            spanloft.flush()
            os._exit(0)
        os.wait()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=child, args=(number,)) for number in range(3)]
    for process in processes: process.start()
    for process in processes: process.join()
    work(2, "after")
"""
    )
    ran = run_python(code, environment)
    assert ran.code == 0, ran.stderr
    names = sorted(span.name for span in sink.spans)
    expected = ["after 0", "after 1", "before 0", "before 1", *(f"fork {n} 0" for n in range(2)), *(f"pool {n} 0" for n in range(3))]  # noqa: E501  # fmt: skip
    assert names == sorted(expected)


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_sigterm_loses_no_span_and_still_kills(
    sink: Sink, environment: dict[str, str], tmp_path: Path, down: bool
) -> None:
    code = SPANS + "work(5); import os, signal; os.kill(os.getpid(), signal.SIGTERM); time.sleep(20); print('alive')"
    if down:
        environment = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    ran = run_python(code, environment)
    assert (ran.code, ran.stdout) == (-signal.SIGTERM, "")
    assert len(sink.spans) == (0 if down else 5)
    assert bool(list((tmp_path / "spool").rglob("*.otlp"))) == down


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
def test_the_apps_own_sigterm_handler_stays(sink: Sink, environment: dict[str, str], before: bool) -> None:
    handler = """
import os, signal, sys
def stop(number, frame):
    print("cleaned up")
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
"""
    act = "\nwork(5); os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)"
    ran = run_python((handler + SPANS if before else SPANS + handler) + act, environment)
    assert (ran.code, ran.stdout) == (3, "cleaned up\n")
    assert len(sink.spans) == 5


def test_uninstrument_puts_the_default_sigterm_back(environment: dict[str, str]) -> None:
    code = (
        SPANS
        + """
import signal
own = signal.getsignal(signal.SIGTERM)
spanloft.uninstrument()
print(own is signal.SIG_DFL, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    )
    assert run_python(code, environment).stdout == "False True\n"


def test_disabled_sdk(sink: Sink, environment: dict[str, str]) -> None:
    code = "import sys, spanloft; spanloft.instrument(); import opentelemetry.trace as t; print(t._TRACER_PROVIDER)"
    ran = run_python(code, {**environment, "OTEL_SDK_DISABLED": "true"})
    assert ran.stdout.strip() == "None"
    assert sink.spans == []


def test_import_and_instrument_load_no_llm_library(environment: dict[str, str]) -> None:
    code = "import sys, spanloft; light = 'opentelemetry' in sys.modules; spanloft.instrument(); " \
           "print(light, 'openai' in sys.modules, 'anthropic' in sys.modules, 'duckdb' in sys.modules)"  # fmt: skip
    assert run_python(code, environment).stdout.strip() == "False False False False"


def test_library_imported_after_instrument(
    provider: FakeProvider, seen: int, sink: Sink, environment: dict[str, str], app: Path
) -> None:
    code = f"import spanloft, runpy; spanloft.instrument(); runpy.run_path({str(app)!r})"
    ran = run_python(code, {**environment, "FAKE_URL": provider.url})
    assert ran.code == 0, ran.stderr
    (span,) = sink.spans
    assert attributes(span.attributes)["gen_ai.response.id"] == provider.bills(seen)[0]["response_id"]


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--exit",), 7), (("--raise",), 1)])
@pytest.mark.parametrize("module", [False, True], ids=["script", "module"])
def test_run(
    provider: FakeProvider,
    sink: Sink,
    environment: dict[str, str],
    app: Path,
    module: bool,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    target = ("-m", "my_app") if module else (str(app),)
    command = (sys.executable, "-c", RUN, *target, "--flag", *arguments)
    ran = run_python("", {**environment, "FAKE_URL": provider.url}, *command, cwd=app.parent)
    assert ran.code == code, ran.stderr
    seen_by_app = json.loads(ran.stdout)
    assert seen_by_app["argv"] == [str(app), "--flag", *arguments]
    assert seen_by_app["path"] == str(app.parent)
    assert seen_by_app["name"] == "__main__"
    assert seen_by_app["main"] == str(app)
    assert [span.name for span in sink.spans] == ["chat gpt-4o"]
    assert sink.resource()["service.name"] == "my_app"
    if code == 1:
        assert ran.stderr.startswith(f'Traceback (most recent call last):\n  File "{app}", line')
        assert "spanloft" not in ran.stderr
    else:
        assert ran.stderr == ""


def test_run_reaches_python_subprocesses(
    provider: FakeProvider, sink: Sink, environment: dict[str, str], app: Path
) -> None:
    parent = app.with_name("parent.py")
    parent.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, {str(app)!r}], check=True)\n")
    (app.parent / "site").mkdir()
    (app.parent / "site" / "sitecustomize.py").write_text("print('{\"custom\": true}')\n")
    more = {"FAKE_URL": provider.url, "PYTHONPATH": str(app.parent / "site")}
    ran = run_python("", {**environment, **more}, sys.executable, "-c", RUN, str(parent))
    assert ran.code == 0, ran.stderr
    # Once in the parent, once in the child: the environment's own sitecustomize still runs.
    assert ran.stdout.count("custom") == 2
    assert [span.name for span in sink.spans] == ["chat gpt-4o"]
    assert sink.resource()["service.name"] == "parent"


@pytest.mark.parametrize("arguments", [(), ("-m",), ("--what",), ("no_such_file.py",)])
def test_run_wrong_usage(environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    ran = run_python("", environment, sys.executable, "-c", RUN, *arguments)
    assert ran.code == 2
    assert len(ran.stderr.splitlines()) == 1


def test_opentelemetry_instrument(provider: FakeProvider, sink: Sink, environment: dict[str, str], app: Path) -> None:
    command = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    ran = run_python("", {**environment, "FAKE_URL": provider.url}, command, sys.executable, str(app))
    assert ran.code == 0, ran.stderr
    assert [span.name for span in sink.spans] == ["chat gpt-4o"]
    assert sink.resource()["service.name"] == "my_app"
