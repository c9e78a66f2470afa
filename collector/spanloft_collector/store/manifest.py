"""Manifests: which files are live and how far their writer got, replaced in one rename.

Every writer (the pipeline, each job) owns one manifest, ``manifest/<writer>.json``. Views read all of them, so what is
not listed is not seen. The watermark travels in the same file as the list: output and progress can't disagree after a
crash.

JSON, because DuckDB reads a text at once. It reads a Parquet file in several steps, and opens the first of several once
to bind a query and once more to run it: a manifest that was replaced in between made the query fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from spanloft_collector.durable import locked, write_durably
from spanloft_collector.errors import StoreError

SUFFIX = ".json"


class LiveFile(NamedTuple):
    """A live Parquet file: path relative to the store, dataset, UTC day ("YYYY-MM-DD"), rows, bytes, merge level."""

    file: str
    dataset: str
    day: str
    rows: int
    bytes: int
    level: int


@dataclass(slots=True)
class Manifest:
    """The live files of one writer, its watermark (JSON-able), and retired files with the Unix time of retirement."""

    files: list[LiveFile] = field(default_factory=list)
    watermark: dict[str, Any] = field(default_factory=dict)
    retired: dict[str, float] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """Serialise; SQL views read ``files``."""
        files = [file._asdict() for file in self.files]
        return orjson.dumps({"watermark": self.watermark, "retired": self.retired, "files": files})


def load_manifest(path: Path) -> Manifest:
    """Read a manifest; an absent one is empty.

    Raises:
        StoreError: when the file is damaged, naming it.
    """
    try:
        document = orjson.loads(path.read_bytes())
        return Manifest([LiveFile(**entry) for entry in document["files"]], document["watermark"], document["retired"])
    except FileNotFoundError:
        return Manifest()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: the manifest can't be read ({error}); restore it from a backup") from error


def update_manifest(
    path: Path,
    *,
    add: Iterable[LiveFile] = (),
    remove: Iterable[str] = (),
    remove_if: Callable[[LiveFile], bool] = lambda file: False,
    forget: Iterable[str] = (),
    watermark: Mapping[str, Any] | None = None,
) -> Manifest:
    """Apply one change to a manifest under its lock and return the new state. Durable on return.

    Args:
        path: ``<store>/manifest/<writer>.json``.
        add: files to list. They must be durable already.
        remove: paths to retire: no view shows them from now on, but the files stay for readers that opened them.
        remove_if: chooses further files to retire among those that are live when the lock is held: somebody may
            have merged them meanwhile.
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
        gone |= {file.file for file in current.files if remove_if(file)}
        now = time.time()
        retired = {**current.retired, **dict.fromkeys(gone, now)}
        for file in forget:
            retired.pop(file, None)
        files = [file for file in current.files if file.file not in gone]
        files.extend(add)
        updated = Manifest(files, dict(watermark) if watermark is not None else current.watermark, retired)
        write_durably(path, updated.dumps())
    return updated
