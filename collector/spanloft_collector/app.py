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
from functools import partial
from pathlib import Path

import uvicorn

from spanloft_collector import wire
from spanloft_collector.durable import write_durably
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.journal import Journal, JournalReader, Kind
from spanloft_collector.lean import REUSING_ALLOCATOR, return_memory, without_pandas
from spanloft_collector.location import ADDRESS_FILE
from spanloft_collector.pipeline.worker import PipelineProcess
from spanloft_collector.preparation import ID_BYTES, Published, opened
from spanloft_collector.publishing import publish
from spanloft_collector.receivers.accept import Acceptor, span_key
from spanloft_collector.receivers.budget import InflightBudget
from spanloft_collector.receivers.grpc import create_server
from spanloft_collector.receivers.http import HttpReceiver
from spanloft_collector.receivers.seen import SeenSpans
from spanloft_collector.settings import LOOPBACK_HOSTS, Settings, parse_api_keys

logger = logging.getLogger(__name__)

GRPC_STOP_S = 5.0
HEALTH_S = 5.0


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
    with ExitStack() as stack:
        store = stack.enter_context(opened(settings))
        http_socket = stack.enter_context(listen(settings.host, settings.http_port))
        # An address that a killed collector left behind would mislead until ours is known.
        (store.root / ADDRESS_FILE).unlink(missing_ok=True)
        journal = open_journal(store, settings.max_journal_bytes)
        acceptor = Acceptor(journal, recent_spans(store))
        budget = InflightBudget(settings.max_inflight_bytes)
        grpc_server = create_server(acceptor, keys=keys, max_body_bytes=settings.max_body_bytes, budget=budget)
        grpc_port = bind_grpc(grpc_server, settings.host, settings.grpc_port)
        receiver = HttpReceiver(acceptor, keys=keys, max_body_bytes=settings.max_body_bytes, budget=budget)
        for variable, value in REUSING_ALLOCATOR.items():
            os.environ.setdefault(variable, value)
        pipeline = PipelineProcess(partial(publish, settings))
        pipeline.start()
        grpc_server.start()
        stopped = threading.Event()
        threading.Thread(target=keep_books, args=(acceptor, stopped), name="health", daemon=True).start()
        try:
            serve_http(receiver, http_socket, partial(announce_address, store.root, settings.host, grpc_port, announce))
        finally:
            receiver.ready = False
            grpc_server.stop(GRPC_STOP_S).wait()
            stopped.set()
            acceptor.record_health()
            journal.close()
            if not pipeline.drain():
                logger.warning("the store is behind; the rest of the journal is published at the next start")


def open_journal(store: Published, max_backlog_bytes: int) -> Journal:
    """The journal of a store, for writing.

    Raises:
        StoreError: the disk is full or refuses; says which.
    """
    folder = store.root / "journal"
    try:
        return Journal(folder, max_backlog_bytes=max_backlog_bytes, after_segment=store.journal.segment)
    except OSError as error:
        raise StoreError(f"{folder}: can't be written ({error.strerror or error})") from error


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
    root: Path, host: str, grpc_port: int, announce: Callable[[int, int], None], http_port: int
) -> None:
    """Leave the address in the store for commands that want to reach this collector, and tell the caller."""
    shown = f"[{host}]" if ":" in host else host
    address = {"pid": os.getpid(), "http": f"http://{shown}:{http_port}", "grpc": f"{shown}:{grpc_port}"}
    write_durably(root / ADDRESS_FILE, json.dumps(address).encode())
    announce(grpc_port, http_port)


def recent_spans(store: Published) -> SeenSpans:
    """Spans that a client might send again: the newest in the store and all that wait in the journal."""
    seen = SeenSpans()
    for start in range(0, len(store.ids), ID_BYTES):
        seen.add(span_key(store.ids[start : start + 16], store.ids[start + 16 : start + ID_BYTES]))
    reader = JournalReader(store.root / "journal", store.journal, whole=True)
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
