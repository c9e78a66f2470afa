"""Lists: one look, clickable rows, the number of rows that a limit hides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme

ROW = 33


def column(label: str, **options: Any) -> Any:
    """A text column."""
    return st.column_config.TextColumn(label, **options)


def number(label: str, format: str | None = None, **options: Any) -> Any:
    """A number column; the unit belongs in the label."""
    return st.column_config.NumberColumn(label, format=format, **options)


def moment(label: str = "Time", **options: Any) -> Any:
    """A time column, shown in the viewer's zone."""
    return st.column_config.DatetimeColumn(
        label, format=options.pop("format", "MMM DD, HH:mm:ss"), timezone=fmt.viewer_zone().key, **options
    )


def share(label: str, **options: Any) -> Any:
    """A share of the whole as a bar."""
    return st.column_config.ProgressColumn(label, format="percent", min_value=0.0, max_value=1.0, **options)


def table(
    rows: pa.Table,
    columns: Mapping[str, Any],
    *,
    key: str,
    click: bool = False,
    height: int | None = None,
    placeholder: str = "–",
    formats: Mapping[str, Callable[[Any], str]] | None = None,
) -> int | None:
    """Draw a list and return the row that was just clicked.

    Args:
        rows: what to show; only the columns named in ``columns`` are drawn.
        columns: column -> column configuration, in order.
        key: unique on the page.
        click: whether rows can be clicked.
        height: pixels; as high as its rows when not given.
        placeholder: stands for an unknown value.
        formats: column -> function that writes a value; the column is still sorted by the value itself.
    """
    frame = aware(rows.select(list(columns))).to_pandas(types_mapper=_nullable)
    options: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-cell"} if click else {}
    event = st.dataframe(
        _styled(frame, formats or {}),
        hide_index=True,
        column_config=dict(columns),
        key=key,
        row_height=ROW,
        height=height or height_of(rows.num_rows),
        placeholder=placeholder,
        **options,
    )
    if not click:
        return None
    cells = event.get("selection", {}).get("cells") or []
    return int(cells[0][0]) if cells else None


def height_of(rows: int, limit: int = 16) -> int:
    """Height in pixels of a list with its header; at most ``limit`` rows, the rest scrolls."""
    return ROW * (min(max(rows, 1), limit) + 1) + 3


def any_rows(rows: pa.Table, *, key: str) -> None:
    """Draw rows of any shape under their own names."""
    frame = plain(rows).to_pandas(types_mapper=_nullable)
    st.dataframe(
        frame, hide_index=True, key=key, row_height=ROW, height=height_of(rows.num_rows, 14), placeholder="NULL"
    )


def _styled(frame: pd.DataFrame, formats: Mapping[str, Callable[[Any], str]]) -> Any:
    """Write numbers in the house style, and what failed in the colour of errors."""
    style = frame.style
    if formats:
        style = style.format(dict(formats), na_rep="–")
    if "status" in frame:
        style = style.map(lambda value: f"color: {theme.ERROR}" if _failed(value) else "", subset=["status"])
    return style if formats or "status" in frame else frame


def _failed(status: Any) -> bool:
    return isinstance(status, str) and not status.startswith("ok")


def aware(rows: pa.Table) -> pa.Table:
    """Mark the store's times as UTC, so that they can be shown in the viewer's zone."""
    for position, item in enumerate(rows.schema):
        if pa.types.is_timestamp(item.type):
            stamped = pc.assume_timezone(rows.column(position).cast(pa.timestamp("us")), "UTC")
            rows = rows.set_column(position, item.name, stamped)
    return rows


def _nullable(kind: pa.DataType) -> Any:
    # Without this a column of whole numbers with one unknown would turn into floats.
    return pd.Int64Dtype() if pa.types.is_integer(kind) else None


def limited(shown: int, total: int | None, what: str, order: str = "newest") -> str:
    """'Showing the 200 newest of 12,345 traces', or the plain number."""
    if total is None or total <= shown:
        return f"{shown:,} {what}"
    return f"Showing the {shown:,} {order} of {total:,} {what}; {total - shown:,} are hidden by the limit"


def say_hidden(shown: int, total: int, what: str, order: str) -> None:
    """Say so below a list when a limit hides rows of it."""
    if total > shown:
        st.caption(limited(shown, total, what, order))


def names(rows: pa.Table, column: str) -> Sequence[str]:
    """Distinct values of a column in order of appearance."""
    return list(dict.fromkeys(rows[column].to_pylist()))


def plain(rows: pa.Table) -> pa.Table:
    """Rows of any kind with nested values, JSON and the like written as text, so that every one can be shown."""
    for position, item in enumerate(rows.schema):
        simple = pa.types.is_primitive(item.type) or pa.types.is_string(item.type)
        if pa.types.is_decimal(item.type):
            # DuckDB adds whole numbers up to decimals without digits behind the point.
            target = pa.int64() if item.type.scale == 0 else pa.float64()
            rows = rows.set_column(position, item.name, _number(rows.column(position), target))
        elif isinstance(item.type, pa.BaseExtensionType):
            rows = rows.set_column(position, item.name, rows.column(position).cast(pa.string()))
        elif not simple:
            values = [None if value is None else str(value) for value in rows.column(position).to_pylist()]
            rows = rows.set_column(position, item.name, pa.array(values, pa.string()))
    return rows


def _number(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def from_rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A table of already formatted rows."""
    return pa.Table.from_pylist([dict(row) for row in rows])
