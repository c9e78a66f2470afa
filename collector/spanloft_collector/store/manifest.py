"""Manifests: which files are live and how far their writer got, replaced in one rename.

Every writer (the pipeline, each job) owns one manifest, ``manifest/<writer>.parquet``. Views read all of
them, so what is not listed is not seen. The watermark travels in the same file as the list: output and
progress can't disagree after a crash.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from spanloft_collector.errors import StoreError
from spanloft_collector.store.files import locked, write_durably

_WATERMARK_KEY = b"spanloft.watermark"
_RETIRED_KEY = b"spanloft.retired"


class LiveFile(NamedTuple):
    """One live Parquet file: path relative to the store, dataset, UTC day "YYYY-MM-DD", rows, bytes, merge level."""

    file: str
    dataset: str
    day: str
    rows: int
    bytes: int
    level: int


SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("dataset", pa.string()),
        ("day", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("level", pa.int64()),
    ]
)


@dataclass(slots=True)
class Manifest:
    """The live files of one writer, its watermark (JSON-able), and retired files with the Unix time of retirement."""

    files: list[LiveFile] = field(default_factory=list)
    watermark: dict[str, Any] = field(default_factory=dict)
    retired: dict[str, float] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """Serialise to Parquet, so that SQL views can read it."""
        columns: list[Any] = list(zip(*self.files, strict=True)) or [[]] * len(SCHEMA)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        metadata = {
            _WATERMARK_KEY: json.dumps(self.watermark).encode(),
            _RETIRED_KEY: json.dumps(self.retired).encode(),
        }
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata(metadata)), sink)
        return bytes(sink.getvalue())


def load_manifest(path: Path) -> Manifest:
    """Read a manifest; an absent one is empty.

    Raises:
        StoreError: when the file is damaged, naming it.
    """
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        return Manifest()
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"{path}: the manifest can't be read ({error}); restore it from a backup") from error
    columns = [table.column(name).to_pylist() for name in SCHEMA.names]
    metadata = table.schema.metadata or {}
    return Manifest(
        [LiveFile(*row) for row in zip(*columns, strict=True)],
        json.loads(metadata.get(_WATERMARK_KEY, b"{}")),
        json.loads(metadata.get(_RETIRED_KEY, b"{}")),
    )


def update_manifest(
    path: Path,
    *,
    add: Iterable[LiveFile] = (),
    remove: Iterable[str] = (),
    forget: Iterable[str] = (),
    watermark: Mapping[str, Any] | None = None,
) -> Manifest:
    """Apply one change to a manifest under its lock and return the new state. Durable on return.

    Args:
        path: ``<store>/manifest/<writer>.parquet``.
        add: files to list. They must be durable already.
        remove: paths to retire: no view shows them from now on, but the files stay for readers that opened them.
        forget: retired paths whose files are gone.
        watermark: replaces the old watermark; None keeps it.

    Raises:
        StoreError: a file to retire is not live; somebody else changed the manifest in between.
    """
    with locked(path.with_suffix(".lock")):
        current = load_manifest(path)
        gone = set(remove)
        if missing := gone - {file.file for file in current.files}:
            raise StoreError(f"{path}: {min(missing)} is not live any more")
        now = time.time()
        retired = {**current.retired, **dict.fromkeys(gone, now)}
        for file in forget:
            retired.pop(file, None)
        files = [file for file in current.files if file.file not in gone]
        files.extend(add)
        updated = Manifest(files, dict(watermark) if watermark is not None else current.watermark, retired)
        write_durably(path, updated.dumps())
    return updated
