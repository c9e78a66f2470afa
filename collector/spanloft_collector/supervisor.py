"""``spanloft up``: collector, jobs and dashboard as three processes, started, watched and stopped together."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from spanloft_collector import demo as demo_data
from spanloft_collector.errors import SpanloftError
from spanloft_collector.loader import running_collector
from spanloft_collector.location import LakeAddress, setting_of
from spanloft_collector.settings import Settings
from spanloft_collector.store.opening import AnyStore, open_store
from spanloft_collector.store.parquet import ParquetStore

READY_S = 90.0
DRAIN_S = 90.0
_PORT_OPTIONS = {"grpc_port": "--grpc-port", "http_port": "--http-port", "dashboard_port": "--dashboard-port"}


@dataclass(slots=True)
class Part:
    """A child process."""

    name: str
    process: subprocess.Popen[bytes]


def run(settings: Settings, *, fixed_ports: frozenset[str], demo: bool) -> int:
    """Start all parts, print where they are, and wait for SIGINT or SIGTERM; returns the exit code.

    Args:
        settings: addresses and store.
        fixed_ports: options whose port the user chose; another is never taken silently for these.
        demo: fill an empty store with sample data.

    Raises:
        SpanloftError: a part can't start.
    """
    store = open_store(settings)
    if (url := running_collector(store.root)) is not None:
        raise SpanloftError(f"{store.root}: Spanloft is already running on this store, its collector at {url}")
    ports, notes = choose_ports(settings, fixed_ports)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    parts: list[Part] = []
    try:
        parts = start_parts(settings, ports)
        wait_ready(settings, ports, parts, stop)
        if not stop.is_set():
            say(addresses(settings, ports, store), *notes)
        if demo and not stop.is_set():
            fill_demo(store, settings, ports["http_port"])
        return watch(parts, stop)
    finally:
        stop_parts(parts)


def choose_ports(settings: Settings, fixed: frozenset[str]) -> tuple[dict[str, int], list[str]]:
    """Ports to use and what to say about them: a standard port that is taken is replaced by a free one."""
    ports, notes = {}, []
    for field, option in _PORT_OPTIONS.items():
        wanted = int(getattr(settings, field))
        if wanted and is_free(settings.host, wanted):
            ports[field] = wanted
        elif wanted and option in fixed:
            raise SpanloftError(f"{settings.host}:{wanted} is already in use; choose another with {option}")
        else:
            ports[field] = free_port(settings.host, taken=set(ports.values()))
            if wanted:
                notes.append(f"Port {wanted} is taken, so {option[2:].replace('-', ' ')} is {ports[field]}.")
    return ports, notes


def is_free(host: str, port: int) -> bool:
    """Whether ``port`` can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, taken: set[int]) -> int:
    """A port that nobody listens on and that is not in ``taken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def start_parts(settings: Settings, ports: dict[str, int]) -> list[Part]:
    """Start the three processes."""
    where = setting_of(settings.store)
    # A process list shows arguments; the address of a DuckLake may hold a password.
    common = [] if isinstance(settings.store, LakeAddress) else ["--store", where]
    host = ["--host", settings.host]
    commands = {
        "collector": [*host, "--grpc-port", str(ports["grpc_port"]), "--http-port", str(ports["http_port"])],
        "jobs": [],
        "dashboard": [*host, "--dashboard-port", str(ports["dashboard_port"])],
    }
    parts = []
    for name, options in commands.items():
        process = subprocess.Popen(
            [sys.executable, "-m", "spanloft.cli", name, *common, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={
                **os.environ,
                "SPANLOFT_STORE": where,
                "SPANLOFT_ENDPOINT": base_url(settings.host, ports["http_port"]),
            },
            # A group of its own: Ctrl-C reaches only the supervisor, which stops the parts in order.
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        parts.append(Part(name, process))
    return parts


def die_with_parent() -> None:
    """In the child: be told to stop when the supervisor is killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def wait_ready(settings: Settings, ports: dict[str, int], parts: list[Part], stop: threading.Event) -> None:
    """Wait until collector and dashboard answer.

    Raises:
        SpanloftError: a part ended or does not get ready.
    """
    probes = {
        "collector": f"{base_url(settings.host, ports['http_port'])}/readyz",
        "dashboard": f"{base_url(settings.host, ports['dashboard_port'])}/_stcore/health",
    }
    deadline = time.monotonic() + READY_S
    while probes and not stop.is_set():
        for part in parts:
            if part.process.poll() is not None:
                raise SpanloftError(f"the {part.name} ended with code {part.process.returncode}; see the message above")
        for name, url in list(probes.items()):
            if answers(url):
                del probes[name]
        if time.monotonic() > deadline:
            raise SpanloftError(f"the {' and the '.join(probes)} did not get ready within {READY_S:g} s")
        stop.wait(0.1)


def answers(url: str) -> bool:
    """Whether ``url`` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def base_url(host: str, port: int) -> str:
    """URL under which this machine reaches ``host``."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{reachable}:{port}"


def addresses(settings: Settings, ports: dict[str, int], store: AnyStore) -> str:
    """The lines that tell a newcomer where everything is."""
    http = base_url(settings.host, ports["http_port"])
    lines = [
        "",
        f"  Dashboard   {base_url(settings.host, ports['dashboard_port'])}",
        f"  OTLP/HTTP   {http}",
        f"  OTLP/gRPC   {settings.host}:{ports['grpc_port']}",
        f"  SQL         {sql_line(store)}",
        "",
        "  In your app:  import spanloft; spanloft.instrument()",
    ]
    if ports["http_port"] != 4318:
        lines.append(f"                with OTEL_EXPORTER_OTLP_ENDPOINT={http}")
    return "\n".join([*lines, "", "  Ctrl-C stops everything; nothing is lost.", ""])


def sql_line(store: AnyStore) -> str:
    """The command that queries the store in a terminal."""
    if isinstance(store, ParquetStore):
        return f'duckdb -readonly {store.view_file} "FROM llm_calls"'
    return 'spanloft sql "FROM llm_calls"'


def say(*lines: str) -> None:
    """Print to the terminal at once."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def fill_demo(store: AnyStore, settings: Settings, http_port: int) -> None:
    """Send the sample data, unless the store already holds something."""
    if store.reader().sql("SELECT 1 FROM spans LIMIT 1").num_rows:
        return
    key = settings.api_key.get_secret_value().split(",")[0].rpartition(":")[2] if settings.api_key else None
    gone = f" and go with: rm -r {store.root}" if isinstance(store, ParquetStore) else ""
    spans = demo_data.send(base_url(settings.host, http_port), api_key=key, now_ns=time.time_ns())
    say(f"  {spans} spans of sample data were added; they are labelled 'sample'{gone}", "")


def watch(parts: list[Part], stop: threading.Event) -> int:
    """Wait for a signal or for a part to end; returns the exit code."""
    while not stop.wait(0.25):
        for part in parts:
            if part.process.poll() is not None:
                say(f"The {part.name} ended with code {part.process.returncode}; stopping the rest.")
                return 1
    say("", "Stopping; what was accepted is being stored ...")
    return 0


def stop_parts(parts: list[Part]) -> None:
    """Stop the parts, readers first, and wait until the collector has drained."""
    for part in sorted(parts, key=lambda part: ("dashboard", "jobs", "collector").index(part.name)):
        if part.process.poll() is None:
            part.process.terminate()
    deadline = time.monotonic() + DRAIN_S
    for part in parts:
        try:
            part.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"The {part.name} did not stop within {DRAIN_S:g} s and was ended.")
            os.kill(part.process.pid, signal.SIGKILL)
            part.process.wait()
