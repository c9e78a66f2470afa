"""kill -9 while it is being sent to, three times in a row: every acknowledged span is there, none twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import httpx2 as httpx
from collecting import PROTOBUF, CollectorProcess, request_of, span_ids

ROUNDS = 3
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Client(threading.Thread):
    """Sends batches and, like an exporter, sends one again until it is acknowledged."""

    def __init__(self, collector: CollectorProcess, transport: str) -> None:
        super().__init__(daemon=True)
        self.collector = collector
        self.transport = transport
        self.acknowledged: set[str] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            request = request_of(50, name=self.transport)
            body = request.SerializeToString()
            while not self._send(body):
                if self.stopping.is_set():
                    return
                time.sleep(0.02)
            self.acknowledged |= span_ids(request)

    def _send(self, body: bytes) -> bool:
        try:
            if self.transport == "http":
                return httpx.post(self.collector.http + "/v1/traces", content=body, headers=PROTOBUF).status_code == 200
            with grpc.insecure_channel(self.collector.grpc) as channel:
                channel.unary_unary(EXPORT)(body, timeout=5)
                return True
        except (httpx.HTTPError, grpc.RpcError):
            return False


def test_every_acknowledged_span_survives_and_none_is_stored_twice(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store") as collector:
        clients = [Client(collector, "http"), Client(collector, "grpc")]
        for client in clients:
            client.start()
        for _ in range(ROUNDS):
            before = sum(len(client.acknowledged) for client in clients)
            deadline = time.monotonic() + 20
            while sum(len(client.acknowledged) for client in clients) < before + 500 and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(1.3)  # some of it published, some only in the journal
            collector.kill()
            collector.start()
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(10)
        acknowledged = set().union(*(client.acknowledged for client in clients))
        assert len(acknowledged) > ROUNDS * 500
        assert collector.stop() == 0
        stored = [row[0] for row in collector.rows("SELECT trace_id || span_id FROM spans")]
        payloads = [row[0] for row in collector.rows("SELECT trace_id || span_id FROM payloads")]
        assert len(stored) == len(set(stored)), "a span is stored twice"
        assert acknowledged <= set(stored), "an acknowledged span is lost"
        assert sorted(payloads) == sorted(stored)


def test_sigterm_drains(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store") as collector:
        for _ in range(10):
            assert collector.post(request_of(100).SerializeToString()).status_code == 200
        assert collector.stop() == 0
        assert collector.rows("SELECT count(*) FROM spans") == [(1000,)]
        assert len(list((tmp_path / "store" / "journal").glob("*.log"))) <= 1


def test_a_batch_sent_again_is_stored_once_also_after_a_restart(tmp_path: Path) -> None:
    body = request_of(20).SerializeToString()
    with CollectorProcess(tmp_path / "store") as collector:
        assert collector.post(body).status_code == 200
        assert collector.post(body).status_code == 200
        collector.kill()
        collector.start()
        assert collector.post(body).status_code == 200
        collector.stop()
        collector.start()
        assert collector.post(body).status_code == 200
        assert collector.post(request_of(1).SerializeToString()).status_code == 200
        collector.wait_for(21)
        time.sleep(0.5)
        collector.wait_for(21)


def test_a_pipeline_that_dies_is_started_again(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path / "store") as collector:
        collector.post(request_of(5).SerializeToString())
        collector.wait_for(5)
        for child in collector.children():
            child.kill()
        assert collector.post(request_of(5).SerializeToString()).status_code == 200
        collector.wait_for(10)
