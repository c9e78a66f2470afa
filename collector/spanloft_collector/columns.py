"""What a column of a dataset is."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a dataset: its name, its DuckDB type and the comment users see in the catalog."""

    name: str
    type: str
    comment: str


class WorkedOut(NamedTuple):
    """A column that follows from others: the first of them that is not NULL."""

    column: Column
    sources: tuple[str, ...]


IDENTITY = (
    Column("trace_id", "VARCHAR", "Trace id, 32 lower-case hex digits"),
    Column("span_id", "VARCHAR", "Span id, 16 lower-case hex digits"),
)

SPARED = (
    Column("service_name", "VARCHAR", "Service that made the call"),
    Column("provider", "VARCHAR", "Provider"),
    Column("model", "VARCHAR", "Response model, else request model"),
    Column("operation", "VARCHAR", "GenAI operation"),
    Column("input_preview", "VARCHAR", "First characters of the last input message"),
    Column("of_trace_id", "VARCHAR", "Trace of the earlier call"),
    Column("of_span_id", "VARCHAR", "Span of the earlier call"),
    Column("age_ms", "DOUBLE", "Time from the earlier call to this one in milliseconds"),
)
"""Of a call that need not have been made, beside its identity: what it was, and the earlier call that says so."""
