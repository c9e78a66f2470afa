"""OTLP files as a source of requests: JSON, JSON lines, protobuf, each also gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
from google.protobuf.message import DecodeError, Message

from spanloft_collector.errors import BadRequest, LoadError
from spanloft_collector.journal import Kind
from spanloft_collector.receivers.accept import REQUEST_TYPES
from spanloft_collector.receivers.encoding import parse_json

SUFFIXES = (".json", ".jsonl", ".ndjson", ".pb", ".bin", ".binpb", ".protobuf")
_PROTOBUF_SUFFIXES = frozenset({".pb", ".bin", ".binpb", ".protobuf"})
_KEYS = {
    "resourceSpans": Kind.TRACES,
    "resource_spans": Kind.TRACES,
    "resourceLogs": Kind.LOGS,
    "resource_logs": Kind.LOGS,
    "resourceMetrics": Kind.METRICS,
    "resource_metrics": Kind.METRICS,
}


class FileRequest(NamedTuple):
    """One request of a file; ``size`` is what it took of the file, for progress."""

    kind: Kind
    message: Message
    size: int


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The OTLP files among ``paths``; folders are searched.

    Raises:
        LoadError: a path does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and is_request_file(file))
            if not inside:
                raise LoadError(f"{path}: no OTLP files in this folder; expected {', '.join(SUFFIXES)}, also with .gz")
            found.extend(inside)
        elif path.exists():
            found.append(path)
        else:
            raise LoadError(f"{path}: no such file")
    return found


def is_request_file(path: Path) -> bool:
    """Whether a file in a folder is taken for OTLP; expectations that stand beside samples are not."""
    name = path.name.removesuffix(".gz")
    return name.endswith(SUFFIXES) and name != "expected.json"


def read_requests(path: Path) -> Iterator[FileRequest | LoadError]:
    """Yield the requests of a file; what can't be read is yielded as a LoadError that names file, line and reason."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz" or data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        yield LoadError(f"{path}: {getattr(error, 'strerror', None) or error}")
        return
    if Path(path.name.removesuffix(".gz")).suffix in _PROTOBUF_SUFFIXES:
        yield _protobuf(path, data)
        return
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if b"\n" not in data.strip():
            yield LoadError(f"{path}: no valid JSON: {error}")
            return
        yield from _lines(path, data)
    else:
        yield _json(f"{path}", data)


def _lines(path: Path, data: bytes) -> Iterator[FileRequest | LoadError]:
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield _json(f"{path}:{number}", line)


def _json(where: str, data: bytes) -> FileRequest | LoadError:
    try:
        document = orjson.loads(data)
        if not isinstance(document, dict):
            return LoadError(f"{where}: expected an OTLP request (a JSON object), found {type(document).__name__}")
        kind = next((_KEYS[key] for key in document if key in _KEYS), None)
        if kind is None:
            return LoadError(f"{where}: expected a key resourceSpans, resourceLogs or resourceMetrics, found none")
        return FileRequest(kind, parse_json(data, REQUEST_TYPES[kind]()), len(data))
    except orjson.JSONDecodeError as error:
        return LoadError(f"{where}: no valid JSON: {error}")
    except BadRequest as error:
        return LoadError(f"{where}: {error}")


def _protobuf(path: Path, data: bytes) -> FileRequest | LoadError:
    # The three requests have the same outer shape, so only their contents tell them apart.
    for kind in (Kind.TRACES, Kind.LOGS, Kind.METRICS):
        try:
            message = REQUEST_TYPES[kind].FromString(data)
        except DecodeError:
            continue
        if not _has_unknown(message):
            return FileRequest(kind, message, len(data))
    return LoadError(f"{path}: no OTLP request in protobuf (ExportTraceServiceRequest, or logs or metrics)")


def _has_unknown(message: Message) -> bool:
    """Whether parsing left fields that the type does not know: a sign of another type."""
    kept = message.ByteSize()
    message_copy = type(message)()
    message_copy.CopyFrom(message)
    message_copy.DiscardUnknownFields()
    return message_copy.ByteSize() != kept
