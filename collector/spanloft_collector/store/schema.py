"""Arrow schemas of the datasets, derived from the columns in ``model``."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.model import DATASETS, WORKED_OUT
from spanloft_collector.store.texts import string_array

logger = logging.getLogger(__name__)

_UNFIT = (pa.ArrowException, OverflowError, TypeError, ValueError)

_STRING = pa.string()

ARROW_TYPES: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "VARCHAR[]": pa.list_(pa.string()),
    "DOUBLE[]": pa.list_(pa.float64()),
    "FLOAT[]": pa.list_(pa.float32()),
    # Parquet's JSON annotation makes DuckDB show the column as JSON without a cast on every read.
    "JSON": pa.json_(pa.string()),
}


@cache
def arrow_schema(dataset: str) -> pa.Schema:
    """Return the Arrow schema of ``dataset``; KeyError for a dataset that ``model`` does not list."""
    return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in DATASETS[dataset]])


@cache
def file_schema(dataset: str) -> pa.Schema:
    """Schema of the dataset's files: that of its tables, and the columns that are worked out when they are written."""
    schema = arrow_schema(dataset)
    for column, _ in WORKED_OUT.get(dataset, ()):
        schema = schema.append(pa.field(column.name, ARROW_TYPES[column.type]))
    return schema


def as_in_files(dataset: str, table: pa.Table) -> pa.Table:
    """``table`` of a dataset with the columns of :func:`file_schema`."""
    for column, sources in WORKED_OUT.get(dataset, ()):
        table = table.append_column(column.name, pc.coalesce(*map(table.column, sources)))
    return table


def to_table(dataset: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Build a table of ``dataset`` from column lists; columns that are absent become NULL.

    Args:
        dataset: a name in ``model.DATASETS``.
        columns: name -> list of n Python values. JSON columns take strings.

    Raises:
        KeyError: when a column is not part of the dataset.
    """
    schema = arrow_schema(dataset)
    unknown = columns.keys() - set(schema.names)
    if unknown:
        raise KeyError(f"{dataset} has no column {', '.join(sorted(unknown))}")
    rows = len(next(iter(columns.values()), ()))
    arrays = []
    for column in schema:
        values = columns.get(column.name)
        if values is None:
            arrays.append(pa.nulls(rows, column.type))
        elif isinstance(column.type, pa.JsonType):
            arrays.append(pa.ExtensionArray.from_storage(column.type, string_array(values)))
        elif column.type == _STRING:
            arrays.append(string_array(values))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def rows_to_table(dataset: str, rows: Collection[Mapping[str, Any]]) -> pa.Table:
    """Build a table of ``dataset`` from rows, each with every column of it.

    Raises:
        KeyError: when a row lacks a column.
    """
    return to_table(dataset, {name: [row[name] for row in rows] for name in arrow_schema(dataset).names})


def to_table_at_any_rate(dataset: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """:func:`to_table`, with NULL in the place of a value that its column cannot hold, such as an integer over 64 bits.

    One such value must not keep all others from being stored.
    """
    try:
        return to_table(dataset, columns)
    except _UNFIT:
        logger.exception("%s: a value does not fit its column and is left out", dataset)
        schema = arrow_schema(dataset)
        return to_table(dataset, {name: _fitting(values, schema.field(name).type) for name, values in columns.items()})


def _fitting(values: Sequence[Any], kind: pa.DataType) -> list[Any]:
    storage = pa.string() if isinstance(kind, pa.JsonType) else kind

    def fits(value: Any) -> bool:
        try:
            pa.array([value], storage)
        except _UNFIT:
            return False
        return True

    return [value if fits(value) else None for value in values]
