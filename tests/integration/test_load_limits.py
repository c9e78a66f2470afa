"""Many and large requests at once, and anything at all for a long time: no 500, no crash, memory bounded."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil
import pytest
from collecting import PROTOBUF, CollectorProcess, request_of, span_ids

MIB = 2**20
JSON = {"Content-Type": "application/json"}


class Peak(threading.Thread):
    """Highest memory of the collector's main process, in bytes."""

    def __init__(self, collector: CollectorProcess) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(collector.process.pid)
        self.bytes = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            self.bytes = max(self.bytes, self.process.memory_info().rss)


def large(mib: int) -> tuple[bytes, set[str]]:
    """A request of ``mib`` MiB in spans of 64 KiB."""
    request = request_of(mib * 16)
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.attributes.add(key="k").value.string_value = os.urandom(32 * 1024).hex()
    return request.SerializeToString(), span_ids(request)


def test_large_bodies_from_many_senders_are_all_taken_in_bounded_memory(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store") as collector:
        peak = Peak(collector)
        peak.start()
        bodies = [large(12) for _ in range(2)] + [large(6) for _ in range(4)]

        def send(body: bytes, encoding: str) -> int:
            packed = gzip.compress(body, 1) if encoding else body
            headers = {**PROTOBUF, **({"Content-Encoding": "gzip"} if encoding else {})}
            for attempt in range(100):
                response = httpx.post(collector.http + "/v1/traces", content=packed, headers=headers, timeout=120)
                if response.status_code != 503:
                    return response.status_code
                time.sleep(0.2 + attempt % 7 * 0.1)
            return 503

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(send, [body for body, _ in bodies], ["", "gzip", "", "gzip", "", "gzip"]))
        assert answers == [200] * 6
        peak.done.set()
        assert peak.bytes < 400 * MIB, f"{peak.bytes // MIB} MiB"
        collector.wait_for(sum(len(ids) for _, ids in bodies), timeout=120)


def test_one_gzip_body_near_the_limit_is_taken_with_a_small_budget(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store", SPANLOFT_MAX_INFLIGHT_BYTES=str(MIB)) as collector:
        body, ids = large(20)
        packed = gzip.compress(body, 1)
        assert collector.post(packed, Content_Encoding="gzip").status_code == 200
        assert collector.post(large(2)[0]).status_code == 200
        collector.wait_for(len(ids) + 32, timeout=60)


def mutated(rng: random.Random) -> tuple[bytes, dict[str, str]]:
    """A request, damaged a little, a lot, or not at all."""
    request = request_of(rng.randint(1, 3))
    body = request.SerializeToString()
    headers = dict(PROTOBUF)
    if rng.random() < 0.3:
        value: Any = rng.choice([1, "1", None, [], {}, -1, 2**70, "x" * 50, True, 1.5, "00" * 16])
        span = {"traceId": "ab" * 16, "spanId": "cd" * 8, rng.choice(["kind", "attributes", "flags", "name"]): value}
        body, headers = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode(), dict(JSON)
    damaged = bytearray(body)
    for _ in range(rng.choice([0, 1, 1, 2, 8])):
        at = rng.randrange(len(damaged) + 1)
        damaged[at : at + rng.randint(0, 4)] = rng.randbytes(rng.randint(0, 4))
    packing = rng.random()
    if packing < 0.1:
        headers["Content-Encoding"] = rng.choice(["gzip", "zstd", "deflate", "br", "GZIP", ""])
    elif packing < 0.2:
        headers["Content-Encoding"] = "gzip"
        damaged = bytearray(gzip.compress(bytes(damaged), 1))
        if rng.random() < 0.5:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged), headers


@pytest.mark.parametrize(
    "requests", [1_500, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])]
)
def test_anything_at_all_is_answered_and_memory_stays_flat(tmp_path: Path, requests: int) -> None:
    allowed = {200, 400, 413, 415}
    paths = ["/v1/traces", "/v1/traces", "/v1/traces", "/v1/logs", "/v1/metrics"]
    with CollectorProcess(tmp_path / "store") as collector, httpx.Client(timeout=30) as client:
        rng = random.Random(requests)
        process = psutil.Process(collector.process.pid)
        warm = 0
        for number in range(requests):
            body, headers = mutated(rng)
            response = client.post(collector.http + rng.choice(paths), content=body, headers=headers)
            if response.status_code == 503:
                time.sleep(int(response.headers["retry-after"]))
                continue
            assert response.status_code in allowed, (response.status_code, headers, body)
            if number == requests // 3:
                warm = process.memory_info().rss
        assert process.memory_info().rss - warm < 40 * MIB
        known = request_of(7)
        assert collector.post(known.SerializeToString()).status_code == 200
        ids = span_ids(known)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = {row[0] for row in collector.rows("SELECT trace_id || span_id FROM spans")}
            if ids <= found:
                break
            time.sleep(0.5)
        assert ids <= found, "the pipeline stands still behind a request that it can't digest"
        assert collector.stop() == 0
