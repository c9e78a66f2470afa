"""``spanloft doctor``: what is installed and running, what is wrong with it, and what to do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import duckdb
from rich.console import Console
from rich.table import Table

from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.loader import running_collector
from spanloft_collector.location import LakeAddress, local_folder
from spanloft_collector.settings import Settings
from spanloft_collector.signals.embedding.choice import why_not
from spanloft_collector.store.opening import open_reader
from spanloft_collector.store.parquet import META_FILE, VIEW_FILE, ParquetStore

_PACKAGES = (
    "spanloft",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-genai-openai",
    "duckdb",
    "pyarrow",
    "genai-prices",
    "grpcio",
    "streamlit",
)
_LOW_SPACE_BYTES = 2 * 1024**3


class Choice(Protocol):
    """What the SDK chose for one installed library."""

    @property
    def library(self) -> str:
        """Name of the library."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def instrumentor(self) -> str | None:
        """Distribution that traces it, None for the library itself or nothing."""

    @property
    def instrumentor_version(self) -> str | None:
        """Version of that distribution."""

    @property
    def reason(self) -> str:
        """Why."""


class Finding(NamedTuple):
    """One line: ``state`` is ok, note or problem."""

    state: str
    subject: str
    text: str


def run(settings: Settings, choices: Iterable[Choice], *, repair: bool) -> int:
    """Print all findings; 0 when nothing is wrong, 1 otherwise.

    ``choices`` tells what the SDK would instrument; it is handed in because the collector does not import the SDK.
    """
    root = local_folder(settings.store, settings.local)
    if isinstance(settings.store, LakeAddress):
        findings = [*check_lake(settings)]
    else:
        if repair:
            repair_views(root)
        findings = [*check_store(root)]
    findings += [*check_ports(settings, root), *check_content()]
    findings += [*check_embeddings(settings), *check_packages()]
    console = Console()
    table = Table(show_header=False, show_edge=False, box=None, padding=(0, 2, 0, 0))
    colours = {"ok": "green", "note": "yellow", "problem": "red"}
    for state, subject, text in findings:
        table.add_row(f"[{colours[state]}]{state}[/]", subject, text)
    console.print(table)
    show_instrumentors(console, choices)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def check_embeddings(settings: Settings) -> Iterator[Finding]:
    """Whether texts can be embedded, which drift needs."""
    reason = why_not(settings.embedding_model, settings.cache.expanduser())
    yield Finding("note" if reason else "ok", "drift", reason or f"embeddings by {settings.embedding_model}")


def check_store(root: Path) -> Iterator[Finding]:
    """Whether the store can be opened and its views point at it."""
    if not (root / META_FILE).exists():
        yield Finding("note", "store", f"{root}: none here yet; 'spanloft up' creates it")
        return
    try:
        moved_from = json.loads((root / META_FILE).read_bytes()).get("root")
        if moved_from != str(root):
            yield Finding(
                "problem", "store", f"moved here from {moved_from}; run: spanloft doctor --repair --store {root}"
            )
            return
        connection = duckdb.connect(str(root / VIEW_FILE), read_only=True)
        spans, newest = connection.execute("SELECT count(*), max(start_time) FROM spans").fetchone() or (0, None)
        connection.close()
        yield Finding(
            "ok", "store", f"{root}: {spans} spans, the newest of {newest} UTC" if spans else f"{root}: empty"
        )
    except (StoreError, duckdb.Error, ValueError, OSError) as error:
        yield Finding("problem", "store", f"{root}: {error}")
        return
    if not os.access(root, os.W_OK):
        yield Finding("problem", "store", f"{root}: can't be written by this user")
    free = shutil.disk_usage(root).free
    state = "problem" if free < _LOW_SPACE_BYTES else "ok"
    yield Finding(state, "disk", f"{free / 1024**3:.1f} GiB free")


def check_lake(settings: Settings) -> Iterator[Finding]:
    """Whether the DuckLake can be read, and where this machine keeps its journal."""
    try:
        found = open_reader(settings.store, settings.local).sql("SELECT count(*) AS spans FROM spans", timeout_s=120)
        yield Finding("ok", "store", f"{settings.store}: {found.column('spans')[0]} spans")
    except SpanloftError as error:
        yield Finding("problem", "store", str(error))
    root = local_folder(settings.store, settings.local)
    yield Finding("ok" if root.exists() else "note", "journal", f"{root / 'journal'}: what waits for the store")


def check_ports(settings: Settings, root: Path) -> Iterator[Finding]:
    """Whether a collector runs, or the ports are free for one."""
    url = running_collector(root) if root.exists() else None
    if url is not None:
        yield Finding("ok", "collector", f"running at {url}")
        return
    yield Finding("note", "collector", "not running on this store")
    for field in ("grpc_port", "http_port", "dashboard_port"):
        port = int(getattr(settings, field))
        with socket.socket() as probe:
            probe.settimeout(0.3)
            if probe.connect_ex((settings.host, port)) == 0:
                yield Finding("note", "port", f"{port} is in use by something else; 'spanloft up' takes another")


def check_content() -> Iterator[Finding]:
    """Whether apps started in this environment send message texts."""
    value = os.environ.get("SPANLOFT_CAPTURE_CONTENT", "").strip().lower()
    if value in ("false", "0", "no", "off"):
        yield Finding("note", "content", f"SPANLOFT_CAPTURE_CONTENT={value}: messages are not captured")
    else:
        yield Finding("ok", "content", "messages are captured; SPANLOFT_CAPTURE_CONTENT=false turns it off")
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding("problem", "sdk", "OTEL_SDK_DISABLED=true: apps send nothing; unset it")


def check_packages() -> Iterator[Finding]:
    """Versions of what the figures of a report depend on."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} -")
    yield Finding("ok", "versions", ", ".join(found))


def show_instrumentors(console: Console, choices: Iterable[Choice]) -> None:
    """The instrumentor chosen for every library that is installed, with the reason."""
    table = Table(title="Instrumentors", title_justify="left", show_edge=False, header_style="bold")
    for heading in ("library", "version", "instrumentor", "version", "reason"):
        table.add_column(heading, overflow="fold")
    for choice in choices:
        row = (choice.library, choice.version, choice.instrumentor, choice.instrumentor_version, choice.reason)
        table.add_row(*(value or "-" for value in row))
    console.print(table)


def repair_views(root: Path) -> None:
    """Rewrite the views after the store was moved: opening it for writing does that."""
    if not (root / META_FILE).exists():
        raise StoreError(f"{root}: no store here, nothing to repair")
    ParquetStore(root)
