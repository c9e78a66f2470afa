"""Parquet files that survive a power cut: written beside, synced and renamed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spanloft_collector.model import DATASETS
from spanloft_collector.store.footers import shorten_footer
from spanloft_collector.store.partitions import calls_first, row_group_rows
from spanloft_collector.store.schema import as_in_files, file_schema

# Ids and texts differ in every row: a dictionary would only be built and thrown away.
PLAIN_COLUMNS = frozenset(
    {"trace_id", "span_id", "parent_span_id", "start_time", "duration_ms", "cost_usd", "response_id", "ingest_time"}
    | {column.name for column in DATASETS["payloads"] if column.type == "JSON"} - {"resource", "tool_definitions"}
)

# Payloads: zstd 3 is 4 % smaller than zstd 2 and takes a sixth more CPU of the whole file; 6 takes three times as long
# for another 4 %. What has just arrived in small files is written again within minutes, when these are merged.
KEPT_LEVEL = 2
FRESH_LEVEL = 1

# Rising or spread numbers, and the few names that nearly every query filters or groups by: zstd takes longer to undo
# than to read, and delta coding makes rising times as small.
BARE_COLUMNS = frozenset(
    {"start_time", "duration_ms", "cost_usd"}
    | {"operation", "provider", "model", "request_model", "response_model"}
    | {"service_name", "duplicate_of", "error_type"}
)
DELTA_COLUMNS = frozenset({"start_time"})
# What single rows are looked up by. A filter of one byte a row spares reading the column of all other row groups.
LOOKED_UP = frozenset({"trace_id"})
# Texts that no filter compares with bounds: their least and largest values made up most of a payload file's footer.
UNBOUNDED = frozenset(
    {"span_id", "parent_span_id", "response_id", "status_message", "input_preview", "output_preview"}
    | {column.name for column in DATASETS["payloads"] if column.type == "JSON"}
)
SEVERAL = 2
"""Row groups. What a publish writes has fewer; its footer is short, and made anew when it is merged."""
_LOOKED_UP_ROWS = 1_000
"""Smaller files are read as fast as their filter."""


class PendingParquet:
    """A Parquet file in the making: durable and under its name once it is finished, gone when it is discarded."""

    def __init__(
        self, path: Path, dataset: str, *, rows: int = 0, fresh: bool = False, row_group: int | None = None
    ) -> None:
        """Begin a file.

        Args:
            path: the file; it appears under this name when it is complete.
            dataset: whose rows come. Columns whose values differ in every row get no dictionary.
            rows: about how many rows will come, where that is known: the size of the filters for look-ups.
            fresh: the file will soon be merged with others; its rows stay in their order.
            row_group: rows per row group, where that is not what the dataset has.
        """
        self.path = path
        self._dataset, self._fresh = dataset, fresh
        self.row_group_rows = row_group or row_group_rows(dataset)
        schema = file_schema(dataset)
        self._partial = path.with_name(f"{path.name}.tmp")
        self._file = self._partial.open("w+b")
        # Two spans of a trace at least: half as many ids as rows.
        ids = {"ndv": min(rows, self.row_group_rows) // 2, "fpp": 0.01}
        level = FRESH_LEVEL if fresh else KEPT_LEVEL
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression={name: "none" if name in BARE_COLUMNS else "zstd" for name in schema.names},
            compression_level={name: level for name in schema.names if name not in BARE_COLUMNS},
            use_dictionary=[name for name in schema.names if name not in PLAIN_COLUMNS],
            write_statistics=[name for name in schema.names if name not in UNBOUNDED],
            column_encoding={name: "DELTA_BINARY_PACKED" for name in schema.names if name in DELTA_COLUMNS},
            bloom_filter_options={name: ids for name in schema.names if name in LOOKED_UP}
            if rows >= _LOOKED_UP_ROWS
            else None,
        )
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Add rows; small tables share a row group."""
        self._held.append(table)
        self._held_rows += table.num_rows
        if self._held_rows >= self.row_group_rows:
            self._flush(self._held_rows // self.row_group_rows * self.row_group_rows)

    def finish(self) -> tuple[int, int]:
        """Make the file durable and visible; returns rows and bytes. The directory is not synced."""
        if self._held:
            self._flush(self._held_rows)
        self._writer.close()
        if self._rows > SEVERAL * self.row_group_rows:
            shorten_footer(self._file)
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.seek(0, os.SEEK_END)
        self._file.close()
        self._partial.rename(self.path)
        return self._rows, size

    def discard(self) -> None:
        """Leave nothing behind."""
        # The writer would end its file when it is collected, and complain that it can't.
        with suppress(OSError):
            self._writer.close()
        # Nor can what is buffered be written to a full disk; the file must go all the same.
        with suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _flush(self, rows: int) -> None:
        """Write the first ``rows`` of what is held, in row groups of the wanted size."""
        table = pa.concat_tables(self._held)
        for start in range(0, rows, self.row_group_rows):
            part = as_in_files(self._dataset, table.slice(start, min(self.row_group_rows, rows - start)))
            self._writer.write_table(part if self._fresh else calls_first(part), self.row_group_rows)
        rest = table.slice(rows)
        self._held, self._held_rows = ([rest] if rest.num_rows else []), rest.num_rows
        self._rows += rows


def write_parquet(
    path: Path,
    tables: Iterable[pa.Table],
    dataset: str,
    *,
    rows: int = 0,
    fresh: bool = False,
    row_group: int | None = None,
) -> tuple[int, int]:
    """Write ``tables`` of ``dataset`` to ``path`` durably; returns rows and bytes. The directory is not synced."""
    pending = PendingParquet(path, dataset, rows=rows, fresh=fresh, row_group=row_group)
    try:
        for table in tables:
            pending.write(table)
        return pending.finish()
    except BaseException:
        pending.discard()
        raise
