"""What a column of a dataset is."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a dataset: its name, its DuckDB type and the comment users see in the catalog."""

    name: str
    type: str
    comment: str


IDENTITY = (
    Column("trace_id", "VARCHAR", "Trace id, 32 lower-case hex digits"),
    Column("span_id", "VARCHAR", "Span id, 16 lower-case hex digits"),
)
