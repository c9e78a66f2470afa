"""Lists: one look, rows that open, the number of rows that a limit hides. The drawing is ``list.js``."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scripts import component

ROW = 33
WIDTH = 110
CELL_LIMIT = 400
"""Characters of a cell: more than fit into one, few enough that a list stays small."""
UNKNOWN = "–"

_mount = component("list")


@dataclass(frozen=True)
class Column:
    """How a column is shown: heading, explanation, and how a value is written.

    ``width`` is the share of a text column in the room that numbers and times leave, which are never cut; a ``spare``
    column is left out where the others would have too little room.
    """

    label: str
    width: int = WIDTH
    help: str = ""
    right: bool = False
    bar: bool = False
    wrap: bool = False
    fixed: bool = False
    spare: bool = False
    write: Callable[[Any], str] = str


def column(
    label: str,
    *,
    width: int = WIDTH,
    help: str = "",
    alignment: str = "left",
    wrap: bool = False,
    spare: bool = False,
    fixed: bool = False,
) -> Column:
    """A text column; with ``wrap`` a long text takes several lines instead of being cut, a ``fixed`` one is whole."""
    return Column(label, width, help, alignment == "right", wrap=wrap, fixed=fixed, spare=spare, write=_one_line)


def _one_line(value: Any) -> str:
    return fmt.shorten(str(value), CELL_LIMIT)


def number(label: str, *, help: str = "", digits: int | None = None, spare: bool = False) -> Column:
    """A number column; the unit belongs in the label. Whole numbers are written whole, others with ``digits``."""

    def write(value: Any) -> str:
        if value == int(value):
            return f"{value:,.0f}"
        return f"{value:,.{digits}f}" if digits is not None else f"{value:,.4g}"

    return Column(label, help=help, right=True, spare=spare, write=write)


def moment(label: str = "Time", *, seconds: bool = True, help: str = "", spare: bool = False) -> Column:
    """A time column, shown in the viewer's zone."""
    form = "%-d %b %H:%M:%S" if seconds else "%-d %b %H:%M"
    return Column(label, help=help, fixed=True, spare=spare, write=lambda value: f"{fmt.local(value):{form}}")


def share(label: str, *, help: str = "") -> Column:
    """A share of the whole as a bar."""
    return Column(label, help=help, bar=True, write=lambda value: f"{value * 100:.1f} %")


def table(
    rows: pa.Table,
    columns: Mapping[str, Column],
    *,
    key: str,
    click: bool = False,
    height: int | None = None,
    placeholder: str = UNKNOWN,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
) -> int | None:
    """Draw a list and return the row that was just clicked.

    Args:
        rows: what to show; only the columns named in ``columns`` are drawn.
        columns: column -> how it is shown, in order.
        key: unique on the page.
        click: whether rows can be clicked.
        height: pixels beyond which the list scrolls; as high as sixteen rows when not given.
        placeholder: stands for an unknown value.
        formats: column -> function that writes a value; the column is still sorted by the value itself.
    """
    shown = [columns[name] for name in columns]
    writers = [(formats or {}).get(name, columns[name].write) for name in columns]
    heads = [
        {
            "name": name,
            "label": one.label,
            "width": one.width,
            "help": one.help,
            "right": one.right,
            "bar": one.bar,
            "wrap": one.wrap,
            "fixed": one.fixed,
            "spare": one.spare,
        }
        for name, one in zip(columns, shown, strict=True)
    ]
    lines = []
    for values in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        plain_values = [_json(value) for value in values]
        texts = [
            placeholder if sent is None else write(value)
            for value, sent, write in zip(values, plain_values, writers, strict=True)
        ]
        lines.append({"values": plain_values, "texts": texts})
    description = {
        "name": key,
        "columns": heads,
        "rows": lines,
        "click": click,
        # Lines of wrapped text are as high as they need to be.
        "height": None if any(one.wrap for one in shown) else height or height_of(rows.num_rows),
    }
    chosen = _mount(key=key, data=description, on_row_change=lambda: None).get("row")
    return chosen if isinstance(chosen, int) and click and 0 <= chosen < rows.num_rows else None


def _json(value: Any) -> Any:
    """A value as the browser sorts and saves it: numbers as numbers, times in UTC."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return fmt.shorten(str(value), CELL_LIMIT)


def height_of(rows: int, limit: int = 16) -> int:
    """Height in pixels of a list with its header; at most ``limit`` rows, the rest scrolls."""
    return ROW * (min(max(rows, 1), limit) + 1) + 3


def any_rows(rows: pa.Table, *, key: str, click: bool = False) -> int | None:
    """Draw rows of any shape under their own names: thousands of rows, of which only those in sight are drawn.

    Returns the row that was just chosen, where ``click`` lets one be chosen.
    """
    event: Any = st.dataframe(
        plain(rows).to_pandas(types_mapper=_nullable),
        hide_index=True,
        key=key,
        row_height=ROW,
        height=height_of(rows.num_rows, 14),
        placeholder="NULL",
        on_select="rerun" if click else "ignore",
        selection_mode="single-row",
    )
    chosen = event["selection"]["rows"] if click else []
    return chosen[0] if chosen else None


def _nullable(kind: pa.DataType) -> Any:
    # Without this a column of whole numbers with one unknown would turn into floats.
    return pd.Int64Dtype() if pa.types.is_integer(kind) else None


def limited(shown: int, total: int | None, what: str, order: str = "newest") -> str:
    """'Showing the 200 newest of 12,345 traces', or the plain number; ``what`` is a plural."""
    if total is None or total <= shown:
        return f"{shown:,} {what.removesuffix('s') if shown == 1 else what}"
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
        elif _is_interval(item.type):
            rows = rows.set_column(position, item.name, _intervals(rows.column(position)))
        elif not simple:
            values = [None if value is None else str(value) for value in rows.column(position).to_pylist()]
            rows = rows.set_column(position, item.name, pa.array(values, pa.string()))
    return rows


def without_intervals(rows: pa.Table) -> pa.Table:
    """Rows with intervals as text, which Parquet has no type for; everything else stays as it is."""
    for position, item in enumerate(rows.schema):
        if _is_interval(item.type):
            rows = rows.set_column(position, item.name, _intervals(rows.column(position)))
    return rows


def _intervals(column: pa.ChunkedArray) -> pa.Array:
    """Intervals as DuckDB reads them: '1 months 2 days 3.5 seconds'."""

    def written(value: Any) -> str:
        parts = ((value.months, "months"), (value.days, "days"), (value.nanoseconds / 1e9, "seconds"))
        return " ".join(f"{number:g} {unit}" for number, unit in parts if number) or "0 seconds"

    return pa.array([None if value is None else written(value) for value in column.to_pylist()], pa.string())


def _is_interval(kind: pa.DataType) -> bool:
    return bool(pa.types.is_interval(kind))


def _number(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def from_rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A table of already formatted rows."""
    return pa.Table.from_pylist([dict(row) for row in rows])
