"""The command line as a person meets it: what it says, how it ends, and what it leaves behind."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow.parquet as pq
import pytest
from collecting import CollectorProcess, request_of
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from running import SPANLOFT

Result = subprocess.CompletedProcess[str]


def spanloft(*arguments: object, **environment: str) -> Result:
    """Run a command to its end."""
    command = [*SPANLOFT, *map(str, arguments)]
    env = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)


def one_clear_line(result: Result, *words: str, code: int = 1) -> None:
    """One line for a person, no traceback, and the exit code of a failure."""
    assert result.returncode == code, result
    assert "Traceback" not in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.strip()]
    for word in words:
        assert word in line


def hex_json(request: ExportTraceServiceRequest) -> dict[str, Any]:
    """OTLP/JSON of a request: ids in hex."""
    document: dict[str, Any] = MessageToDict(request)
    wanted = [span for r in request.resource_spans for scope in r.scope_spans for span in scope.spans]
    spans = [span for r in document["resourceSpans"] for scope in r["scopeSpans"] for span in scope["spans"]]
    for span, source in zip(spans, wanted, strict=True):
        span["traceId"], span["spanId"] = source.trace_id.hex(), source.span_id.hex()
    return document


def spans_in(store: Path) -> int:
    with duckdb.connect(str(store / "spanloft.duckdb"), read_only=True) as connection:
        total, distinct = connection.execute(
            "SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM spans"
        ).fetchone() or (0, 0)
    assert total == distinct
    return int(total)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of OTLP files: 3 + 4 + 5 + 6 spans, a broken line among the good ones, and a file that is none."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "one.json").write_text(json.dumps(hex_json(request_of(3))))
    lines = [json.dumps(hex_json(request_of(2))), '{"resourceSpans": [', json.dumps(hex_json(request_of(2)))]
    (folder / "lines.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "packed.json.gz").write_bytes(gzip.compress(json.dumps(hex_json(request_of(5))).encode()))
    (folder / "deeper").mkdir()
    (folder / "deeper" / "binary.pb").write_bytes(request_of(6).SerializeToString())
    (folder / "notes.txt").write_text("not one of them")
    return folder


# --- load -------------------------------------------------------------------------------------------------------------


def test_load_takes_what_is_good_and_names_what_is_not(files: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = spanloft("load", files, "--store", store)
    assert first.returncode == 1
    assert "Traceback" not in first.stderr
    assert f"{files / 'lines.jsonl'}:2: no valid JSON" in first.stderr
    assert "18 spans loaded, 1 left out" in first.stderr
    assert spans_in(store) == 18
    again = spanloft("load", files / "one.json", files / "packed.json.gz", files / "one.json", "--store", store)
    assert again.returncode == 0
    assert "0 spans loaded, 11 were already in the store" in again.stderr
    assert spans_in(store) == 18


def test_load_of_a_span_without_a_time_twice_stores_it_once(tmp_path: Path) -> None:
    request = request_of(2)
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.start_time_unix_nano = span.end_time_unix_nano = 0
    (tmp_path / "timeless.pb").write_bytes(request.SerializeToString())
    for _ in range(2):
        assert spanloft("load", tmp_path / "timeless.pb", "--store", tmp_path / "store").returncode == 0
    assert spans_in(tmp_path / "store") == 2


BAD_FILES: dict[str, tuple[bytes, list[str]]] = {
    "broken.json.gz": (b"\x1f\x8b\x08\x00broken", []),
    "empty.json": (b"", []),
    "list.json": (b"[1]", ["expected an OTLP request"]),
    "other.json": (b'{"a": 1}', ["resourceSpans"]),
    "junk.pb": (b"\xff\xff\xff", ["no OTLP request"]),
    "wrong.json": (b'{"resourceSpans": [{"scopeSpans": 3}]}', ["ExportTraceServiceRequest"]),
    "deep.json": (b'{"resourceSpans":' + b"[" * 5000 + b"]" * 5000 + b"}", []),
    "latin.json": (b'{"resourceSpans": "\xe9"}', []),
}


def test_load_of_bad_files_says_which_and_why_and_loads_the_rest(files: Path, tmp_path: Path) -> None:
    for name, (content, _) in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
    good = files / "one.json"
    result = spanloft("load", *(tmp_path / name for name in BAD_FILES), good, "--store", tmp_path / "store")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name, (_, words) in BAD_FILES.items():
        (line,) = [line for line in result.stderr.splitlines() if name in line]
        assert all(word in line for word in words), line
    assert f"3 spans loaded, {len(BAD_FILES)} left out" in result.stderr


def test_load_of_nothing_is_one_line(tmp_path: Path) -> None:
    one_clear_line(spanloft("load", tmp_path / "none.json", "--store", tmp_path / "s"), "none.json: no such file")
    (tmp_path / "empty").mkdir()
    one_clear_line(spanloft("load", tmp_path / "empty", "--store", tmp_path / "s"), "no OTLP files in this folder")
    assert spanloft("load", "--store", tmp_path / "s").returncode == 2


def test_load_and_sql_beside_a_running_collector(files: Path, tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store", SPANLOFT_API_KEY="shop:secret") as collector:
        loaded = spanloft("load", files, "--store", collector.store, SPANLOFT_API_KEY="shop:secret")
        assert "18 spans loaded, 1 left out" in loaded.stderr
        collector.wait_for(18)
        again = spanloft("load", files / "one.json", "--store", collector.store, SPANLOFT_API_KEY="shop:secret")
        assert again.returncode == 0
        refused = spanloft("load", files / "deeper", "--store", tmp_path / "store", SPANLOFT_API_KEY="wrong")
        assert refused.returncode in (0, 1)
        counted = spanloft("sql", "SELECT count(*) AS n FROM spans", "--format", "csv", "--store", collector.store)
        assert counted.stdout.split() == ["n", "18"]
        second = spanloft("collector", "--store", collector.store, "--grpc-port", 0, "--http-port", 0)
        one_clear_line(second, "another collector", str(collector.process.pid), "--store")


# --- sql --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("filled") / "store"
    spanloft("load", files, "--store", store)
    return store


def test_sql_in_every_format(filled: Path) -> None:
    statement = "SELECT name, count(*) AS n, NULL AS nothing FROM spans GROUP BY name ORDER BY name"
    shown = spanloft("sql", statement, "--store", filled)
    assert shown.returncode == 0
    assert "span 0" in shown.stdout
    rows = list(csv.DictReader(io.StringIO(spanloft("sql", statement, "--format", "csv", "--store", filled).stdout)))
    assert rows[0] == {"name": "span 0", "n": "5", "nothing": ""}
    lines = spanloft("sql", statement, "--format", "json", "--store", filled).stdout.splitlines()
    assert json.loads(lines[0]) == {"name": "span 0", "n": 5, "nothing": None}
    command = [*SPANLOFT, "sql", statement, "--format", "parquet", "--store", str(filled)]
    packed = subprocess.run(command, capture_output=True, check=True).stdout
    assert pq.read_table(io.BytesIO(packed)).num_rows == len(rows) == len(lines)


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("SELECT nope FROM spans", "nope"),
        ("SELEC 1", "syntax"),
        ("FROM nowhere", "nowhere"),
        ("DROP VIEW spans", "read-only"),
        ("SELECT count(*) FROM read_parquet('/none/*.parquet')", "none"),
    ],
)
def test_wrong_sql_is_one_line(filled: Path, statement: str, word: str) -> None:
    one_clear_line(spanloft("sql", statement, "--store", filled), word)


def test_sql_without_a_store_or_with_an_unknown_format_is_one_line(filled: Path, tmp_path: Path) -> None:
    one_clear_line(spanloft("sql", "SELECT 1", "--store", tmp_path / "none"), "no store here", "spanloft up")
    one_clear_line(spanloft("sql", "SELECT 1", "--format", "xml", "--store", filled), "xml", "csv")


def test_output_that_nobody_reads_to_its_end_is_no_error(filled: Path) -> None:
    many = "SELECT range, repeat('x', 100) FROM range(200000)"
    command = [*SPANLOFT, "sql", many, "--format", "csv", "--store", str(filled)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        process.wait(60)
        assert process.stderr.read() == ""


# --- wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["collector", "up"])
def test_a_store_that_cant_be_used_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("in the way")
    one_clear_line(spanloft(command, "--store", tmp_path / "file"), "can't be written", "--store")
    store = tmp_path / "newer"
    spanloft("sql", "SELECT 1", "--store", store)
    store.mkdir()
    (store / "store.json").write_text('{"schema_version": 999}')
    one_clear_line(spanloft(command, "--store", store), "version 999", "upgrade")


def test_a_port_in_use_and_a_host_without_a_key_are_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("--http-port", "--grpc-port"):
            other = "--grpc-port" if option == "--http-port" else "--http-port"
            result = spanloft("collector", option, port, other, 0, "--store", tmp_path / "s")
            lines = [line for line in result.stderr.splitlines() if "add_port" not in line and "chttp2" not in line]
            assert result.returncode == 1
            assert "Traceback" not in result.stderr
            assert str(port) in lines[-1]
            assert option in lines[-1]
        one_clear_line(spanloft("up", "--http-port", port, "--store", tmp_path / "s"), str(port), "--http-port")
    one_clear_line(spanloft("collector", "--host", "0.0.0.0", "--store", tmp_path / "s"), "SPANLOFT_API_KEY")


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"SPANLOFT_GRPC_PORT": "many"}, "SPANLOFT_GRPC_PORT"),
        ({"SPANLOFT_API_KEY": "a:"}, "SPANLOFT_API_KEY"),
        ({"SPANLOFT_PRICES": "/none/prices.yaml"}, "/none/prices.yaml"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path: Path, environment: dict[str, str], word: str) -> None:
    one_clear_line(spanloft("collector", "--store", tmp_path / "s", **environment), word)


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    for arguments in (["nothing-like-it"], ["sql"], ["collector", "--port", "1"], ["load"]):
        result = spanloft(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
    one_clear_line(spanloft("sql", "SELECT 1", SPANLOFT_LOG_LEVEL="LOUD"), "SPANLOFT_LOG_LEVEL", code=2)
    one_clear_line(spanloft("jobs", "run", "nope", "--store", tmp_path / "s"), "no job 'nope'", "cost")


def test_jobs_and_doctor(filled: Path, tmp_path: Path) -> None:
    assert spanloft("jobs", "run", "all", "--store", filled).returncode == 0
    told = spanloft("doctor", "--store", filled)
    assert "18 spans" in told.stdout
    assert "Traceback" not in told.stderr
    assert "none here yet" in spanloft("doctor", "--store", tmp_path / "none").stdout
    moved = tmp_path / "moved"
    filled.rename(moved)
    try:
        told = spanloft("doctor", "--store", moved)
        assert told.returncode == 1
        assert "--repair" in told.stdout
        assert spanloft("doctor", "--repair", "--store", moved).returncode in (0, 1)
        assert spans_in(moved) == 18
    finally:
        moved.rename(filled)
        spanloft("doctor", "--repair", "--store", filled)


# --- up ---------------------------------------------------------------------------------------------------------------


class Up:
    """`spanloft up` with the ports it chooses itself."""

    def __init__(self, store: Path, *options: str, **environment: str) -> None:
        env = {**os.environ, "SPANLOFT_WORKERS": "0", **environment}
        command = [*SPANLOFT, "up", "--store", str(store), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=env
        )
        assert self.process.stdout
        self.output = ""
        while "Ctrl-C stops everything" not in self.output:
            line = self.process.stdout.readline()
            assert line, f"ended: {self.process.stderr.read() if self.process.stderr else ''}"
            self.output += line
        self.parts = psutil.Process(self.process.pid).children(recursive=True)

    def rest(self, within: float) -> None:
        """Wait for the end and read what was said until then."""
        assert self.process.stdout
        assert self.process.stderr
        self.process.wait(within)
        # Not communicate(): some lines wait in the buffer behind those that were read.
        self.output += self.process.stdout.read()
        self.process.stdout.close()
        self.process.stderr.close()

    def end(self, number: int, within: float) -> int:
        """Send a signal; the exit code, once nothing of it runs any more."""
        self.process.send_signal(number)
        self.rest(within)
        _, alive = psutil.wait_procs(self.parts, timeout=within)
        assert alive == []
        return self.process.returncode


@pytest.fixture
def busy_ports() -> Iterator[list[int]]:
    taken = [socket.socket() for _ in range(3)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
        one.listen()
    yield [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()


def test_up_takes_free_ports_says_so_is_alone_on_its_store_and_ends_on_ctrl_c(
    tmp_path: Path, busy_ports: list[int]
) -> None:
    store = tmp_path / "store"
    names = ("SPANLOFT_GRPC_PORT", "SPANLOFT_HTTP_PORT", "SPANLOFT_DASHBOARD_PORT")
    up = Up(store, **{name: str(port) for name, port in zip(names, busy_ports, strict=True)})
    try:
        one_clear_line(spanloft("up", "--store", store), "already running on this store")
        address = json.loads((store / "collector.json").read_text())["http"]
        collector = psutil.Process(json.loads((store / "collector.json").read_text())["pid"])
        assert collector.is_running()
        assert not any(str(port) in address for port in busy_ports)
        for count in (7, 8):
            body = request_of(count).SerializeToString()
            headers = {"Content-Type": "application/x-protobuf"}
            urllib.request.urlopen(urllib.request.Request(f"{address}/v1/traces", body, headers), timeout=10).close()
    finally:
        code = up.end(signal.SIGINT, 30)
    assert code == 0
    assert all(f"Port {port} is taken" in up.output for port in busy_ports), up.output
    assert spans_in(store) == 15


def test_a_supervisor_that_is_killed_takes_its_parts_with_it(tmp_path: Path) -> None:
    up = Up(tmp_path / "store", "--grpc-port", "0", "--http-port", "0", "--dashboard-port", "0")
    assert len(up.parts) >= 3
    assert up.end(signal.SIGKILL, 30) == -signal.SIGKILL


def test_a_part_that_dies_ends_the_rest_and_the_exit_code_says_so(tmp_path: Path) -> None:
    up = Up(tmp_path / "store", "--grpc-port", "0", "--http-port", "0", "--dashboard-port", "0")
    pid = json.loads((tmp_path / "store" / "collector.json").read_text())["pid"]
    psutil.Process(pid).kill()
    up.rest(60)
    assert "The collector ended" in up.output
    assert up.process.returncode == 1
    _, alive = psutil.wait_procs(up.parts, timeout=10)
    assert alive == []
