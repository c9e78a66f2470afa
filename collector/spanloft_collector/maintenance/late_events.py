"""Messages of GenAI log events that were stored apart from their span, written into the span's rows.

The pipeline does this itself where span and events come close to each other. What is left, events that come long
after their span, or before it and a restart in between, is rare, so the files with such spans are written anew.
"""

from __future__ import annotations

import pyarrow as pa

from spanloft_collector.maintenance.remap_rows import Pair
from spanloft_collector.maintenance.slices import SLICE_ROWS, DayReader, by_day, stored_events
from spanloft_collector.pipeline.events import combine, fill
from spanloft_collector.store.compact import SETTLE_S
from spanloft_collector.store.parquet import ParquetStore, split_by_day
from spanloft_collector.store.rewrite import Owned, Patch, Rewrites, maintenance_lock, rewrite_file
from spanloft_collector.store.schema import rows_to_table


def join_events(store: ParquetStore, spans: pa.Table, *, settle_s: float = SETTLE_S) -> int:
    """Write the messages of stored events into stored spans; returns how many spans changed.

    Args:
        store: the store.
        spans: trace_id, span_id and start_time of spans that have events.
        settle_s: how long rewritten files are in place before they count.
    """
    changed = 0
    with maintenance_lock(store.root), Rewrites(store, settle_s=settle_s) as rewrites:
        files = by_day(store)
        for day, keys in split_by_day(spans, "start_time"):
            for (file_day, writer), (span_files, payload_files) in files.items():
                if file_day == day and span_files:
                    pairs = _joined(store, day, keys, span_files, payload_files)
                    changed += len(pairs)
                    if pairs:
                        _patch(store, rewrites, writer, pairs, span_files, payload_files)
    return changed


def _joined(
    store: ParquetStore, day: str, keys: pa.Table, span_files: list[Owned], payload_files: list[Owned]
) -> list[Pair]:
    """The spans to which their events add something, with it."""
    events = stored_events(store, day)
    reader = DayReader(store, [owned.file for owned in span_files], [owned.file for owned in payload_files])
    found: list[Pair] = []
    seen: set[int] = set()
    try:
        for start in range(0, keys.num_rows, SLICE_ROWS):
            for pair in reader.pairs(keys.slice(start, SLICE_ROWS), seen):
                of_span = events.get((pair.span["trace_id"], pair.span["span_id"]))
                if of_span and pair.payload and fill(pair.span, pair.payload, combine(of_span)):
                    found.append(pair)
    finally:
        reader.close()
    return found


def _patch(
    store: ParquetStore,
    rewrites: Rewrites,
    writer: str,
    pairs: list[Pair],
    span_files: list[Owned],
    payload_files: list[Owned],
) -> None:
    """Replace the files that hold the spans, in one step."""
    inputs, outputs = [], []
    for dataset, rows, files in (
        ("spans", [pair.span for pair in pairs], span_files),
        ("payloads", [pair.payload for pair in pairs], payload_files),
    ):
        patch = Patch(rows_to_table(dataset, rows))
        for owned in files:
            if patch.touches(store, owned.file):
                rewritten = rewrite_file(store, owned, patch.apply)
                inputs.append(owned.file)
                outputs.extend([rewritten] if rewritten else [])
    rewrites.stage(writer, outputs, inputs)
