"""``spanloft export``: the store, or a part of it, as Parquet, CSV or OTLP files."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanloft_collector.durable import fsync_directory
from spanloft_collector.errors import SpanloftError
from spanloft_collector.maintenance.otlp import batches, log_request, metric_request, span_request
from spanloft_collector.maintenance.remap_rows import Row
from spanloft_collector.maintenance.selection import Selection, glob_mask
from spanloft_collector.maintenance.slices import DayReader, by_day
from spanloft_collector.model import DATASETS
from spanloft_collector.store.base import Store
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.partitions import TIME_COLUMN
from spanloft_collector.store.rewrite import between, live_files, row_groups

FORMATS = ("parquet", "csv", "otlp")
OTLP_BATCH = 512
OTLP_FILE_BYTES = 32 * 1024 * 1024
"""Text of one OTLP file before compression: what ``spanloft load`` holds in memory at once."""
BATCH_ROWS = 8_192
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the store's timestamps are naive UTC

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


def prepare(output: Path) -> None:
    """Create the folder; it must be empty, since files of two exports beside each other would be taken for one.

    Raises:
        SpanloftError: it is not empty or can't be created.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise SpanloftError(f"{output}: this folder is not empty; choose another one")
    except OSError as error:
        raise SpanloftError(f"{output}: {error.strerror or error}") from None


def export_otlp(store: ParquetStore, output: Path, selection: Selection, progress: Progress) -> dict[str, int]:
    """Write spans, logs and metrics as OTLP/JSON lines, gzipped; returns rows by signal.

    Spans come in the order in which they arrived. Log records come first when the folder is loaded, so that those of
    GenAI find their spans.
    """
    files = [owned for owned in live_files(store, "spans", "logs", "metrics") if selection.covers_day(owned.file.day)]
    total, done = sum(owned.file.rows for owned in files), 0
    written = dict.fromkeys(("logs", "metrics", "traces"), 0)

    def count(signal: str, rows: int, chosen: int) -> None:
        nonlocal done
        done += rows
        written[signal] += chosen
        progress(done, total)

    for name, request in (("logs", log_request), ("metrics", metric_request)):
        lines = _signal_lines(store, name, request, selection, partial(count, name))
        write_lines(output, name, lines)
    for (day, _), (spans, payloads) in sorted(by_day(store).items()):
        if spans and selection.covers_day(day):
            reader = DayReader(store, [owned.file for owned in spans], [owned.file for owned in payloads])
            try:
                lines = _span_lines(reader, selection, partial(count, "traces"))
                write_lines(output, f"traces-{day}", lines)
            finally:
                reader.close()
    fsync_directory(output)
    return written


def _span_lines(reader: DayReader, selection: Selection, count: Callable[[int, int], None]) -> Iterator[bytes]:
    for pairs in reader.slices():
        chosen = [pair for pair in pairs if selected(selection, pair.span)]
        for batch in batches(chosen, OTLP_BATCH):
            yield orjson.dumps(span_request(batch))
        count(len(pairs), len(chosen))


def selected(selection: Selection, span: Row, time: str = "start_time") -> bool:
    """Whether a row (``time`` names its column of Unix microseconds) is in the range and of the service."""
    start = span[time]
    return (
        (selection.since_us is None or start >= selection.since_us)
        and (selection.until_us is None or start < selection.until_us)
        and (
            selection.service is None
            or bool(glob_mask(pa.chunked_array([[span["service_name"]]], pa.string()), selection.service)[0].as_py())
        )
    )


def _signal_lines(
    store: ParquetStore,
    dataset: str,
    request: Callable[[Iterable[Row]], dict[str, Any]],
    selection: Selection,
    count: Callable[[int, int], None],
) -> Iterator[bytes]:
    times = [column.name for column in DATASETS[dataset] if column.type == "TIMESTAMP"]
    for owned in live_files(store, dataset):
        if not selection.covers_day(owned.file.day):
            continue
        for table in row_groups(store, owned.file):
            chosen = between(table.column("time"), selection.since_us, selection.until_us)
            if selection.service is not None:
                chosen = pc.and_(chosen, glob_mask(table.column("service_name"), selection.service))
            found = table.filter(chosen)
            for name in times:
                index = found.schema.get_field_index(name)
                found = found.set_column(index, name, found.column(name).cast(pa.int64()))
            for batch in batches(found.to_pylist(), OTLP_BATCH):
                yield orjson.dumps(request(batch))
            count(table.num_rows, found.num_rows)


def write_lines(output: Path, name: str, lines: Iterable[bytes]) -> None:
    """Write lines to ``<name>-000.jsonl.gz`` and so on, none larger than a load can take."""
    number, size, file = 0, 0, None
    try:
        for line in lines:
            if file is None or size + len(line) > OTLP_FILE_BYTES:
                if file is not None:
                    file.close()
                file = gzip.open(output / f"{name}-{number:03d}.jsonl.gz", "wb", compresslevel=6)  # noqa: SIM115
                number, size = number + 1, 0
            file.write(line + b"\n")
            size += len(line) + 1
    finally:
        if file is not None:
            file.close()


class _Sink(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class _ParquetSink:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _CsvSink:
    """NULL is an empty field; lists are JSON."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(schema.names)

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            self._writer.writerow([json.dumps(value) if isinstance(value, list) else value for value in row])

    def close(self) -> None:
        self._file.close()


def export_tables(
    store: Store,
    output: Path,
    datasets: Iterable[str],
    file_format: str,
    selection: Selection,
    progress: Progress,
) -> dict[str, int]:
    """Write one Parquet or CSV file per dataset with the rows its view shows; returns rows by dataset."""
    create = _ParquetSink if file_format == "parquet" else _CsvSink
    names = list(datasets)
    done, written = 0, {}
    connection = store.reader().connect()
    try:
        sizes = connection.execute("SELECT dataset, day::VARCHAR, rows FROM store_files").fetchall()
        total = sum(rows for dataset, day, rows in sizes if dataset in names and selection.covers_day(day))
        for name in names:
            statement, parameters = table_query(name, selection)
            reader = connection.execute(statement, parameters or None).to_arrow_reader(BATCH_ROWS)
            sink: _Sink = create(output / f"{name}.{file_format}", reader.schema)
            written[name] = 0
            try:
                for batch in reader:
                    sink.write(batch)
                    written[name] += batch.num_rows
                    done += batch.num_rows
                    progress(done, max(done, total))
            finally:
                sink.close()
    finally:
        connection.close()
    progress(total, total)
    fsync_directory(output)
    return written


def table_query(dataset: str, selection: Selection) -> tuple[str, dict[str, Any]]:
    """Statement and parameters that read a dataset within a selection.

    Datasets that have a span's id but not its service are narrowed by the spans of the service.
    """
    columns = {column.name for column in DATASETS[dataset]}
    time = TIME_COLUMN.get(dataset, "start_time")
    conditions, parameters = [], {}
    for name, us, operator in (("since", selection.since_us, ">="), ("until", selection.until_us, "<")):
        if us is not None:
            conditions.append(f'"{time}" {operator} ${name}::TIMESTAMP')
            parameters[name] = _EPOCH + timedelta(microseconds=us)
    bounds = " AND ".join(conditions)
    if selection.service is not None:
        fits = "lower(service_name) GLOB lower($service)"
        parameters["service"] = selection.service  # type: ignore[assignment]
        if "service_name" in columns:
            conditions.append(fits)
        elif {"trace_id", "span_id"} <= columns:
            spans = f"SELECT (trace_id, span_id) FROM spans WHERE {fits}{' AND ' + bounds if bounds else ''}"
            conditions.append(f"(trace_id, span_id) IN ({spans})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f'SELECT * FROM "{dataset}"{where}', parameters


def check_datasets(names: Iterable[str]) -> list[str]:
    """The datasets to export; all when none is named.

    Raises:
        SpanloftError: there is no such dataset.
    """
    chosen = list(dict.fromkeys(names)) or list(DATASETS)
    for name in chosen:
        if name not in DATASETS:
            raise SpanloftError(f"--dataset {name}: there is none; there are: {', '.join(DATASETS)}")
    return chosen


__all__ = ["FORMATS", "check_datasets", "export_otlp", "export_tables", "prepare"]
