"""The disk: full while requests come in, and synced before anything is called safe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from collecting import CollectorProcess, request_of

TESTS = Path(__file__).parents[1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_503_and_is_over_without_a_restart(small_disk: Path) -> None:
    with CollectorProcess(small_disk / "store") as collector:
        assert collector.post(request_of(10).SerializeToString()).status_code == 200
        collector.wait_for(10)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        big = request_of(1)
        big.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.string_value = "x" * 500_000
        batches = [big.SerializeToString(), request_of(200).SerializeToString(), request_of(300).SerializeToString()]
        refused = 0
        for body in batches * 3:
            response = collector.post(body)
            if response.status_code != 200:
                assert response.status_code == 503
                assert int(response.headers["retry-after"]) >= 1
                refused += 1
        assert refused > 0
        ballast.unlink()
        for body in batches:
            assert collector.post(body).status_code == 200
        collector.wait_for(511, timeout=60)
        assert collector.rows("SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM payloads") == [(511, 511)]
        assert collector.stop() == 0
    left = list((small_disk / "store" / "data").rglob("*.tmp"))
    assert left == [], "a failed publish left something on the full disk"


# --- power cuts, as far as system calls tell --------------------------------------------------------------------------

CALL = re.compile(r"^\d+\s+(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+)")
TRACED = "openat,write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2"
PUBLISH = "import sys; from pathlib import Path; from crash_targets import publish; publish(Path(sys.argv[1]))"
JOURNAL = (
    "import os, sys; from pathlib import Path; from spanloft_collector.journal import Journal, Kind\n"
    "journal = Journal(Path(sys.argv[1]) / 'journal')\n"
    "for number in range(5):\n"
    "    journal.append(Kind.TRACES, b'request %d' % number).result()\n"
    "    os.write(2, b'acknowledged %d' % number)\n"
)


def trace(code: str, root: Path) -> list[tuple[str, str, str]]:
    """(call, arguments, path of its descriptor) of what a program did to files, in order."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = root.parent / "strace.log"
    command = [strace, "-f", "-y", "-s", "200", "-e", f"trace={TRACED}", "-o", str(log), sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run([*command, str(root)], capture_output=True, text=True, env=environment, check=False)
    if "Operation not permitted" in result.stderr:
        pytest.skip("strace may not trace here")
    assert result.returncode == 0, result.stderr
    calls, begun = [], {}
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        if "<unfinished ...>" in rest:
            begun[thread] = rest.partition("<unfinished ...>")[0].rstrip()
            continue
        if "resumed>" in rest:
            rest = begun.pop(thread, "") + rest.partition("resumed>")[2]
        match = CALL.match(f"{thread} {rest.strip()}")
        if match and int(match["result"]) >= 0:
            path = re.match(r"\d+<([^>]*)>", match["arguments"])
            calls.append((match["name"], match["arguments"], path.group(1) if path else ""))
    return calls


def test_every_acknowledgement_comes_after_a_sync_of_its_data_and_of_the_segments_name(tmp_path: Path) -> None:
    calls = trace(JOURNAL, tmp_path / "store")
    synced_names, written, synced = False, -1, -1
    acknowledged = []
    for name, arguments, path in calls:
        if name == "fsync" and path.endswith("/journal"):
            synced_names = True
        elif path.endswith(".log") and (found := re.search(r"request (\d)", arguments)):
            written = int(found.group(1))
        elif name == "fdatasync" and path.endswith(".log"):
            synced = written
        elif found := re.search(r"acknowledged (\d)", arguments):
            assert synced_names
            assert synced == int(found.group(1)), "acknowledged before it was synced"
            acknowledged.append(synced)
    assert acknowledged == [0, 1, 2, 3, 4]


def test_a_manifest_names_only_what_is_synced_and_the_journal_goes_last(tmp_path: Path) -> None:
    from integration.test_exactly_once import prepare

    root = tmp_path / "store"
    prepare(root)
    calls = trace(PUBLISH, root)
    synced: set[str] = set()
    renamed: set[str] = set()
    published = 0
    for name, arguments, path in calls:
        if name in ("fsync", "fdatasync"):
            synced.add(path)
        elif name.startswith("rename"):
            source, target = re.findall(r'"([^"]*)"', arguments)
            assert source in synced, f"{target} was put in place before it was synced"
            synced.discard(str(Path(target).parent))
            if target.endswith("manifest/ingest.json"):
                published += 1
                unsynced = {str(Path(file).parent) for file in renamed} - synced
                assert unsynced == set(), "the manifest names files whose directory is not synced"
                renamed.clear()
            elif target.endswith(".parquet"):
                renamed.add(target)
    assert published >= 2
    assert str(root / "manifest") in synced, "the last manifest's name is not synced"
