"""The composition root: the one file that knows all parts and puts them together."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial

import uvicorn

from spanloft_collector import wire
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.ingest import create_pricer, exclusive, run_pipeline
from spanloft_collector.jobs.runner import EPOCH
from spanloft_collector.journal import Journal, JournalReader, Kind, Position
from spanloft_collector.lean import return_memory, without_pandas
from spanloft_collector.loader import ADDRESS_FILE, LOCK_FILE
from spanloft_collector.pipeline.process import WRITER
from spanloft_collector.pipeline.worker import PipelineProcess
from spanloft_collector.receivers.accept import Acceptor, span_key
from spanloft_collector.receivers.budget import InflightBudget
from spanloft_collector.receivers.grpc import create_server
from spanloft_collector.receivers.http import HttpReceiver
from spanloft_collector.receivers.seen import SeenSpans
from spanloft_collector.settings import LOOPBACK_HOSTS, Settings, parse_api_keys
from spanloft_collector.store.files import write_durably
from spanloft_collector.store.opening import AnyStore, open_store

logger = logging.getLogger(__name__)

RETRY_WINDOW = timedelta(minutes=30)
"""How far back spans are remembered across a restart, to recognise a client's retry."""
RETRY_SPANS = 300_000
GRPC_STOP_S = 5.0
HEALTH_S = 5.0
ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "1048576"}
"""For the pipeline's processes: give memory back to the system between batches rather than keep it."""


def run_collector(settings: Settings, announce: Callable[[int, int], None]) -> None:
    """Receive until SIGINT or SIGTERM, then drain: every acknowledged span is in the store when this returns.

    Args:
        settings: where to listen and where to store.
        announce: called once with the ports of gRPC and HTTP when requests are accepted.

    Raises:
        SpanloftError: a port is in use, the store is not usable, another collector runs on it, a key is missing.
    """
    without_pandas()
    return_memory()
    keys = parse_api_keys(settings.api_key.get_secret_value()) if settings.api_key else {}
    if settings.host not in LOOPBACK_HOSTS and not keys:
        raise SpanloftError(
            f"listening on {settings.host} needs an API key: set SPANLOFT_API_KEY, or use --host 127.0.0.1"
        )
    create_pricer(settings.prices)
    store = open_store(settings)
    with ExitStack() as stack:
        stack.enter_context(exclusive(store.root / LOCK_FILE, wait=False))
        http_socket = stack.enter_context(listen(settings.host, settings.http_port))
        # A predecessor's pipeline may still be publishing; what it publishes must be remembered too.
        with exclusive(store.root / "ingest.lock", wait=True):
            seen = recent_spans(store)
        # An address that a killed collector left behind would mislead until ours is known.
        (store.root / ADDRESS_FILE).unlink(missing_ok=True)
        journal = open_journal(store, settings.max_journal_bytes)
        acceptor = Acceptor(journal, seen)
        budget = InflightBudget(settings.max_inflight_bytes)
        grpc_server = create_server(acceptor, keys=keys, max_body_bytes=settings.max_body_bytes, budget=budget)
        grpc_port = bind_grpc(grpc_server, settings.host, settings.grpc_port)
        receiver = HttpReceiver(acceptor, keys=keys, max_body_bytes=settings.max_body_bytes, budget=budget)
        for variable, value in ALLOCATOR.items():
            os.environ.setdefault(variable, value)
        pipeline = PipelineProcess(partial(run_pipeline, settings))
        pipeline.start()
        grpc_server.start()
        stopped = threading.Event()
        threading.Thread(target=keep_books, args=(acceptor, stopped), name="health", daemon=True).start()
        try:
            serve_http(receiver, http_socket, partial(announce_address, store, settings.host, grpc_port, announce))
        finally:
            receiver.ready = False
            grpc_server.stop(GRPC_STOP_S).wait()
            stopped.set()
            acceptor.record_health()
            journal.close()
            if not pipeline.drain():
                logger.warning("the store is behind; the rest of the journal is published at the next start")


def open_journal(store: AnyStore, max_backlog_bytes: int) -> Journal:
    """The journal of a store, for writing.

    Raises:
        StoreError: the disk is full or refuses; says which.
    """
    read_up_to = Position(*store.watermark(WRITER).get("journal", (0, 0)))
    try:
        return Journal(store.root / "journal", max_backlog_bytes=max_backlog_bytes, after_segment=read_up_to.segment)
    except OSError as error:
        raise StoreError(f"{store.root / 'journal'}: can't be written ({error.strerror or error})") from error


def keep_books(acceptor: Acceptor, stopped: threading.Event) -> None:
    """Record from time to time what receivers did not pass on."""
    while not stopped.wait(HEALTH_S):
        acceptor.record_health()


def serve_http(receiver: HttpReceiver, http_socket: socket.socket, announce: Callable[[int], None]) -> None:
    """Run the HTTP server until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        receiver.app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        task = asyncio.create_task(server.serve(sockets=[http_socket]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        if server.started:
            announce(http_socket.getsockname()[1])
        await task

    # uvicorn raises the signals it caught once more when it is done; these handlers let the drain begin instead.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


def announce_address(
    store: AnyStore, host: str, grpc_port: int, announce: Callable[[int, int], None], http_port: int
) -> None:
    """Leave the address in the store for commands that want to reach this collector, and tell the caller."""
    shown = f"[{host}]" if ":" in host else host
    address = {"pid": os.getpid(), "http": f"http://{shown}:{http_port}", "grpc": f"{shown}:{grpc_port}"}
    write_durably(store.root / ADDRESS_FILE, json.dumps(address).encode())
    announce(grpc_port, http_port)


def recent_spans(store: AnyStore) -> SeenSpans:
    """Spans that a client might send again: the newest in the store and all that wait in the journal."""
    seen = SeenSpans()
    watermark = store.watermark(WRITER)
    since = EPOCH + timedelta(microseconds=int(watermark.get("ingest_us", 0))) - RETRY_WINDOW
    recent = store.reader().query("ingest_recent_keys", {"since": since, "rows": RETRY_SPANS}, timeout_s=120)
    for trace_id, span_id in zip(
        recent.column("trace_id").to_pylist(), recent.column("span_id").to_pylist(), strict=True
    ):
        seen.add(span_key(bytes.fromhex(trace_id), bytes.fromhex(span_id)))
    reader = JournalReader(store.root / "journal", Position(*watermark.get("journal", (0, 0))), whole=True)
    while records := reader.read(8 * 1024 * 1024):
        for record in records:
            if record.kind is Kind.TRACES:
                keys, _ = wire.check(record.payload)
                for key in keys:
                    if key is not None:
                        seen.add(key)
    return seen


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket; one clear line when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SpanloftError(port_message(host, port, "--http-port", error)) from None
        listener.listen(2048)
        yield listener


def bind_grpc(server: object, host: str, port: int) -> int:
    """Bind the gRPC port; returns the number."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound: int = server.add_insecure_port(address)  # type: ignore[attr-defined]
    except RuntimeError as error:
        raise SpanloftError(port_message(host, port, "--grpc-port", error)) from None
    return bound


def port_message(host: str, port: int, option: str, error: Exception) -> str:
    """What to do about a port that can't be bound."""
    reason = getattr(error, "strerror", None) or "address already in use"
    return f"{host}:{port} can't be used ({reason}); choose another with {option} (0 picks a free one)"
