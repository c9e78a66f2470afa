"""The delivering processor, its transport and its spool, piece by piece."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from otlp_sink import otlp_sink
from spanloft import config, transport
from spanloft import processor as processor_module
from spanloft.processor import DeliveringProcessor, encode
from spanloft.spool import Spool
from spanloft.transport import Answer, HttpTransport, Outcome

TAKEN, REFUSED, TRY_AGAIN = (Answer(outcome) for outcome in (Outcome.TAKEN, Outcome.REFUSED, Outcome.TRY_AGAIN))


class FakeTransport:
    """Answers as told; ``blocked`` holds the next request until released."""

    destination = "nowhere"

    def __init__(self, answer: Answer = TAKEN) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.blocked: threading.Event | None = None

    def send(self, body: bytes, timeout: float) -> Answer:
        if self.blocked is not None:
            self.blocked.wait(30)
        if self.answer is TAKEN:
            self.bodies.append(body)
        return self.answer

    def close(self) -> None:
        """Nothing to close."""

    @property
    def names(self) -> list[str]:
        return names_in(*self.bodies)


def names_in(*bodies: bytes) -> list[str]:
    return [
        span.name
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def work(processor: DeliveringProcessor, count: int, name: str = "span") -> list[str]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    for number in range(count):
        tracer.start_span(f"{name} {number}").end()
    return [f"{name} {number}" for number in range(count)]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", "here", 1 << 20)


def kept(spool: Spool) -> list[str]:
    return names_in(*(path.read_bytes() for path in spool.pending()))


def test_batches_in_order() -> None:
    fake = FakeTransport()
    processor = DeliveringProcessor(fake, None, max_batch=10)
    expected = work(processor, 35)
    assert processor.force_flush()
    assert fake.names == expected
    assert all(len(names_in(body)) <= 10 for body in fake.bodies)
    processor.shutdown()


def test_delivers_by_itself_after_the_delay() -> None:
    fake = FakeTransport()
    processor = DeliveringProcessor(fake, None, delay=0.05)
    work(processor, 1)
    deadline = time.monotonic() + 5
    while not fake.bodies and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fake.names == ["span 0"]
    processor.shutdown()


def test_what_is_not_taken_is_kept_and_delivered_later_in_order(spool: Spool) -> None:
    fake = FakeTransport(TRY_AGAIN)
    processor = DeliveringProcessor(fake, spool)
    first = work(processor, 5, "first")
    assert not processor.force_flush()
    assert kept(spool) == first
    fake.answer = TAKEN
    second = work(processor, 2, "second")
    assert processor.force_flush()
    assert sorted(fake.names) == sorted(first + second)
    assert spool.pending() == []
    processor.shutdown()


def test_refused_is_not_sent_again(spool: Spool) -> None:
    fake = FakeTransport(REFUSED)
    processor = DeliveringProcessor(fake, spool)
    work(processor, 5)
    assert processor.force_flush()
    assert spool.pending() == []
    processor.shutdown()


def test_without_spool_spans_wait_in_memory() -> None:
    fake = FakeTransport(TRY_AGAIN)
    processor = DeliveringProcessor(fake, None)
    expected = work(processor, 5)
    assert not processor.force_flush()
    fake.answer = TAKEN
    assert processor.force_flush()
    assert fake.names == expected
    processor.shutdown()


def test_exit_does_not_wait_for_a_hanging_collector(spool: Spool) -> None:
    fake = FakeTransport(TRY_AGAIN)
    fake.blocked = threading.Event()
    processor = DeliveringProcessor(fake, spool, max_batch=10, delay=0.01)
    expected = work(processor, 25)
    time.sleep(0.2)
    started = time.monotonic()
    processor.shutdown()
    assert time.monotonic() - started < 1.8
    assert sorted(kept(spool)) == sorted(expected)
    # The answer that comes too late changes nothing: the exit has spooled that batch already.
    fake.blocked.set()
    time.sleep(0.2)
    assert sorted(kept(spool)) == sorted(expected)


def test_memory_is_bounded_while_a_request_hangs(spool: Spool) -> None:
    fake = FakeTransport()
    fake.blocked = threading.Event()
    processor = DeliveringProcessor(fake, spool, max_queue=50, max_batch=10, delay=0.01)
    expected = work(processor, 500)
    assert len(processor._queue) <= 50
    fake.blocked.set()
    assert processor.force_flush()
    assert sorted(fake.names) == sorted(expected)
    processor.shutdown()


def test_a_span_that_cannot_be_encoded_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.exporter.otlp.proto.common import trace_encoder

    original = trace_encoder.encode_spans

    def picky(spans: Any) -> Any:
        if any(span.name == "span 1" for span in spans):
            raise ValueError("cannot encode")
        return original(spans)

    monkeypatch.setattr(trace_encoder, "encode_spans", picky)
    fake = FakeTransport()
    processor = DeliveringProcessor(fake, None)
    work(processor, 3)
    assert processor.force_flush()
    assert fake.names == ["span 0", "span 2"]
    processor.shutdown()
    assert encode([]) == b""


def test_large_batches_are_sent_in_parts(monkeypatch: pytest.MonkeyPatch, spool: Spool) -> None:
    monkeypatch.setattr(processor_module, "MAX_REQUEST", 600)
    fake = FakeTransport()
    processor = DeliveringProcessor(fake, spool)
    expected = work(processor, 40)
    assert processor.force_flush()
    assert sorted(fake.names) == sorted(expected)
    assert max(map(len, fake.bodies)) <= 600
    fake.answer = TRY_AGAIN
    expected = work(processor, 40, "later")
    assert not processor.force_flush()
    assert sorted(kept(spool)) == sorted(expected)
    processor.shutdown()


def test_grpc_without_grpcio_goes_to_the_http_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.delitem(sys.modules, "spanloft.transport_grpc", raising=False)
    wanted = config.Settings("http://127.0.0.1:4317", "grpc", "test", False, True)
    made = transport.make_transport(wanted)
    assert isinstance(made, HttpTransport)
    assert made.destination.strip() == "http/protobuf http://127.0.0.1:4318/v1/traces"


def test_unsampled_spans_are_not_sent() -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    fake = FakeTransport()
    processor = DeliveringProcessor(fake, None)
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("test").start_span("no").end()
    assert processor.force_flush()
    assert fake.bodies == []
    processor.shutdown()


def test_spool_drops_the_oldest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "here", 1000)
    for number in range(10):
        assert spool.put(bytes([number]) * 300)
    assert [path.read_bytes()[0] for path in spool.pending()] == [7, 8, 9]


def test_spool_is_per_destination_and_private(tmp_path: Path) -> None:
    one, other = Spool(tmp_path / "s", "http://a key=1", 1000), Spool(tmp_path / "s", "http://a key=2", 1000)
    assert one.put(b"secret")
    assert other.pending() == []
    assert oct(one.folder.stat().st_mode & 0o777) == oct((tmp_path / "s").stat().st_mode & 0o777) == "0o700"
    assert oct(one.pending()[0].stat().st_mode & 0o777) == "0o600"


def test_spool_stops_at_the_first_failure_and_at_the_deadline(spool: Spool) -> None:
    for number in range(3):
        spool.put(bytes([number]))
    sent: list[bytes] = []

    def send(body: bytes) -> Answer:
        sent.append(body)
        return TAKEN if len(sent) == 1 else TRY_AGAIN

    assert spool.deliver(send, time.monotonic() + 5) is TRY_AGAIN
    assert (len(sent), len(spool.pending())) == (2, 2)
    assert spool.deliver(lambda body: TAKEN, time.monotonic() - 1) is None
    assert len(spool.pending()) == 2


def test_spool_is_delivered_by_one_at_a_time(spool: Spool) -> None:
    spool.put(b"x")
    inside: list[object] = []

    def send(body: bytes) -> Answer:
        inside.append(Spool(spool.folder.parent, "here", 1000).deliver(lambda _: REFUSED, time.monotonic() + 1))
        assert len(spool.pending()) == 1
        return TAKEN

    spool.deliver(send, time.monotonic() + 5)
    assert (inside, spool.pending()) == ([None], [])


def test_forked_child_does_not_keep_the_lock(spool: Spool) -> None:
    spool.put(b"one")
    children: list[int] = []

    def send(body: bytes) -> Answer:
        child = os.fork()
        if child == 0:
            time.sleep(3)
            os._exit(0)
        children.append(child)
        return TAKEN

    spool.deliver(send, time.monotonic() + 5)
    spool.put(b"two")
    spool.deliver(lambda body: TAKEN, time.monotonic() + 5)
    assert spool.pending() == []
    os.kill(children[0], 9)
    os.waitpid(children[0], 0)


def test_spool_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not Spool(tmp_path / "file", "here", 1000).put(b"x")


def settings(url: str, **more: Any) -> config.Settings:
    return config.Settings(url, "http/protobuf", "test", False, True, **more)


def test_http_reconnects_after_the_collector_restarted() -> None:
    with otlp_sink() as first:
        sender = HttpTransport(settings(f"{first.url}/v1/traces"))
        port = first.port
        assert sender.send(b"", 5).outcome is Outcome.TAKEN
    assert sender.send(b"", 5).outcome in (Outcome.TRY_AGAIN, Outcome.TAKEN)
    with otlp_sink(port) as second:
        assert sender.send(b"", 5).outcome is Outcome.TAKEN
        assert len(second.requests) == 1
    sender.close()


@pytest.mark.parametrize(("status", "outcome"), [(429, Outcome.TRY_AGAIN), (503, Outcome.TRY_AGAIN), (500, Outcome.REFUSED), (401, Outcome.REFUSED)])  # noqa: E501  # fmt: skip
def test_http_answers(status: int, outcome: Outcome) -> None:
    with otlp_sink() as sink:
        sink.status = status
        sender = HttpTransport(settings(f"{sink.url}/v1/traces"))
        assert sender.send(b"", 5).outcome is outcome
        sender.close()


def test_http_times_out() -> None:
    with otlp_sink() as sink:
        sink.hang = 5
        sender = HttpTransport(settings(f"{sink.url}/v1/traces"))
        started = time.monotonic()
        assert sender.send(b"", 0.2).outcome is Outcome.TRY_AGAIN
        assert time.monotonic() - started < 2


def test_http_bad_addresses_do_not_raise() -> None:
    for url in ("http://no-such-host.invalid/v1/traces", "http://127.0.0.1:1/v1/traces", "https://127.0.0.1:1/"):
        assert HttpTransport(settings(url, certificate="/no/such/file")).send(b"", 0.5).outcome is Outcome.TRY_AGAIN


def test_retry_after_is_heard() -> None:
    assert transport._answer(503, "7", b"").retry_after == 7
    assert transport._answer(503, "Wed, 21 Oct 2026 07:28:00 GMT", b"").retry_after is None


def test_partial_success_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    answer.partial_success.error_message = "span id is all zero"
    with caplog.at_level("DEBUG", "spanloft"):
        assert transport._answer(200, None, answer.SerializeToString()).outcome is Outcome.TAKEN
        assert transport._answer(200, None, b"<html>").outcome is Outcome.TAKEN
    assert "3 spans: span id is all zero" in caplog.text


def test_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    assert transport._proxy_for("http", "collector.example") == "http://proxy.example:3128"
    assert transport._proxy_for("http", "internal.example") is None
    assert transport._proxy_for("http", "127.0.0.1") is None
    assert transport._proxy_headers("http://me:p%40ss@proxy") == {"proxy-authorization": "Basic bWU6cEBzcw=="}
