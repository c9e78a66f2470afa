"""Tables and views of a DuckLake: made when they are missing, widened when this version knows more columns."""

from __future__ import annotations

from collections import defaultdict

import duckdb

from spanloft_collector.columns import Column
from spanloft_collector.errors import StoreTooNew
from spanloft_collector.model import DATASETS, SCHEMA_VERSION
from spanloft_collector.store.lake_connection import lake_sql, quoted
from spanloft_collector.store.partitions import DEFAULT_ROW_GROUP_ROWS, ROW_GROUP_ROWS
from spanloft_collector.store.views import (
    DATASET_COMMENTS,
    DERIVED_VIEWS,
    STORE_VIEWS,
    dataset_view,
    view_sql,
    view_statements,
    views_digest,
)

WRITER = "writer"
DAY = "utc_day"
"""Columns that every table has beside those of its dataset: who published a row, and its UTC day. Tables are
partitioned by both, so a job's replaced day, or a day that expires, goes as whole files."""


def is_current(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether tables and views are those of this version.

    Raises:
        StoreTooNew: a newer Spanloft made them.
    """
    if "meta" not in _columns(connection):
        return False
    meta = dict(connection.execute(lake_sql("read_meta")).fetchall())
    if (version := int(meta.get("schema_version", 0))) > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{name}: this store has version {version}, this Spanloft reads up to {SCHEMA_VERSION}; "
            "upgrade with: pip install -U spanloft"
        )
    return meta.get("views") == _digest()


def bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Make or widen the tables, replace the views, in one transaction. The caller holds the lease of the schema."""
    known = _columns(connection)
    if "meta" not in known:
        connection.execute(lake_sql("create_schema", rows=str(DEFAULT_ROW_GROUP_ROWS)))
    connection.execute("USE lake")
    connection.execute("BEGIN")
    try:
        made = [dataset for dataset in DATASETS if dataset not in known]
        for dataset, columns in DATASETS.items():
            if dataset in made:
                _create(connection, dataset, columns)
            else:
                for column in columns:
                    if column.name not in known[dataset]:
                        connection.execute(_add_column(dataset, column))
        for statement in [dataset_view(dataset, live(dataset, "")) for dataset in DATASETS]:
            connection.execute(replacing(statement))
        for dataset in DATASETS:
            connection.execute(lake_sql("comment_view", view=dataset, text=quoted(DATASET_COMMENTS[dataset])))
        for name in DERIVED_VIEWS:
            connection.execute(replacing(view_sql(name)))
        connection.execute(lake_sql("write_meta"), {"version": str(SCHEMA_VERSION), "views": _digest()})
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    for dataset in made:
        if (rows := ROW_GROUP_ROWS.get(dataset)) is not None:
            connection.execute(lake_sql("row_group_rows", table=dataset, rows=str(rows)))


def file_statements() -> list[str]:
    """SQL of the views of a file that is opened with the DuckLake attached as ``lake``."""
    statements = view_statements(lambda dataset: live(dataset, "lake."))
    return [*statements, *(lake_sql(name) for name in STORE_VIEWS)]


def live(dataset: str, catalog: str) -> str:
    """FROM clause with all rows of a dataset."""
    return f'FROM {catalog}stored."{dataset}"\n'


def replacing(statement: str) -> str:
    """A view's SQL that also replaces an older one; without column comments, which DuckLake has for tables only."""
    view, *rest = statement.split("\nCOMMENT ON ")
    kept = [f"COMMENT ON {comment}" for comment in rest if not comment.startswith("COLUMN")]
    return "\n".join([view.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1), *kept])


def _digest() -> str:
    return views_digest(view_statements(lambda dataset: live(dataset, "")))


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Tables of the schema and their columns."""
    found: dict[str, set[str]] = defaultdict(set)
    for table, column in connection.execute(lake_sql("columns")).fetchall():
        found[table].add(column)
    return found


def _create(connection: duckdb.DuckDBPyConnection, dataset: str, columns: tuple[Column, ...]) -> None:
    listed = ", ".join(f'"{column.name}" {column.type}' for column in columns)
    connection.execute(lake_sql("create_table", table=dataset, columns=listed))
    for column in columns:
        connection.execute(lake_sql("comment_column", table=dataset, column=column.name, text=quoted(column.comment)))


def _add_column(dataset: str, column: Column) -> str:
    return lake_sql("add_column", table=dataset, column=column.name, type=column.type)
