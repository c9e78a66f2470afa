"""Builds the ``.duckdb`` file that users open: views, and the comments that make ``DESCRIBE`` explain itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from spanloft_collector.derived_drift import COMMENTS as DRIFT_COMMENTS
from spanloft_collector.durable import fsync_directory
from spanloft_collector.model import DATASETS, WORKED_OUT, shown_columns

if TYPE_CHECKING:
    import duckdb

DERIVED_VIEWS = (
    "llm_calls",
    "traces",
    "sessions",
    "tool_calls",
    "retrievals",
    "feedback",
    "prompts",
    "security_findings",
    "embeddings",
)
"""Views over the dataset views, in the order in which they are created; ``sql/views/<name>.sql`` each."""

STORE_VIEWS = ("store_files", "store_writers")
"""Views of the store itself: what it holds and how far its writers got. Each kind of store has its own SQL for them."""

MACROS = ("usage_between", "labelled_calls")
"""Table macros over the views; ``sql/views/<name>.sql`` each."""

OWN_VIEWS = frozenset({"payloads"})
"""Datasets whose view does more than show the files; ``sql/views/<name>.sql`` each."""

NEWEST_FIRST = frozenset({"spans", "payloads"})
"""Datasets of which the newest rows are asked for, so that their newest files are read first."""

LATEST = {
    "alerts": ("alert_id", "updated_at"),
    "security_detections": ("trace_id", "detected_at"),
    "security_scores": ("trace_id", "detected_at"),
}
"""Datasets whose rows are written again: what tells them apart, and the time by which the latest counts."""

DATASET_COMMENTS = {
    "spans": "Every span, one row each: scalars and short previews",
    "payloads": "The wide part of each span: messages, attributes, resource, events",
    "costs": "Cost of each billable call: its components and where the price came from",
    "reprices": "Prices that spanloft reprice or remap replaced, old and new; spans and costs show the latest",
    "cost_daily": "Cost and tokens by day, service, provider, model and operation",
    "logs": "OTLP log records as they came, GenAI events among them",
    "metrics": "OTLP metric data points as they came",
    "alerts": "What went out of the ordinary: cost, latency, errors, drift, security; the latest state of each",
    "prompt_versions": "Versions of prompts as they were found; the view prompts numbers and counts them",
    "prompt_calls": "Which version of which prompt a call used, with what it took and cost",
    "savings": "Calls that a cache would have answered or made cheaper, with the earlier call that it would have kept",
    "security_detections": "Attacks, what they achieved, and leaks, as the job found them",
    "security_scores": "Score of each text that was judged: what the rank of a learned finding is made of",
    "ingest_health": "What became of the spans that arrived, by minute, service and scope",
    "latency_minute": "Latency percentiles by minute, service, provider, model and operation",
    "usage_hourly": "Calls, tokens, cost and durations by hour, service, provider, model, operation and outcome",
    **DRIFT_COMMENTS,
}


def globs(root: str, dataset: str, today: date) -> str:
    """SQL for the globs that together find each file of a dataset once.

    DuckDB reads files in the order in which they are listed, and what a top-N has found so far spares it all row groups
    that are older. Globs can't run backwards through time, but they can tell days by their last digit: today's digit
    comes first, and so today comes after at most two days of each other month. Every glob must find a file; see
    ``EMPTY_DAYS``.
    """
    if dataset not in NEWEST_FIRST:
        return f"'{root}/data/{dataset}/day=*/*.parquet'"
    digits = [(today.day - back) % 10 for back in range(10)]
    return "[" + ", ".join(f"'{root}/data/{dataset}/day=*{digit}/*.parquet'" for digit in digits) + "]"


EMPTY_DAYS = tuple(f"day=1970-01-{day:02}" for day in range(1, 11))
"""Folders with a file without rows: the first in every dataset, so that its view binds; all where globs are many."""


def write_view_file(root: Path, path: Path, today: date, version: int, *, check_only: bool = False) -> str:
    """Write the view file for the store at ``root`` and replace ``path`` by it in one rename.

    Args:
        root: absolute path of the store; it is written into the views, because a relative path would depend
            on the reader's working directory.
        path: the ``.duckdb`` file.
        today: UTC day whose files are read first.
        version: schema version of the store's files.
        check_only: write nothing, only compute the digest.

    Returns:
        Digest of the statements, to tell whether an existing file is current.
    """
    place = str(root).replace("'", "''")
    statements = view_statements(
        lambda dataset: view_sql("live").format(root=place, dataset=dataset, globs=globs(place, dataset, today)),
        worked_out=version >= 2,
    )
    statements += [view_sql(name).replace("{root}", place) for name in STORE_VIEWS]
    if not check_only:
        write_views(path, statements)
    return views_digest(statements)


def view_statements(live: Callable[[str], str], *, worked_out: bool = False) -> list[str]:
    """SQL of all views that users query.

    Args:
        live: gives the FROM clause with the rows of a dataset.
        worked_out: whether these rows have the columns of ``model.WORKED_OUT``.
    """
    datasets = [dataset_view(dataset, live(dataset), worked_out=worked_out) for dataset in DATASETS]
    return [*datasets, *map(view_sql, (*DERIVED_VIEWS, *MACROS))]


def views_digest(statements: list[str]) -> str:
    """Digest of views and comments, to tell whether those that exist are current."""
    return hashlib.sha256("\n".join([*statements, repr(DATASETS), repr(DATASET_COMMENTS)]).encode()).hexdigest()


def write_views(
    path: Path, statements: list[str], prepare: Callable[[duckdb.DuckDBPyConnection], None] = lambda connection: None
) -> None:
    """Write views with their comments to a ``.duckdb`` file and replace ``path`` by it in one rename.

    ``prepare`` gets the connection first; what it attaches, the views may read.
    """
    import duckdb

    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.unlink(missing_ok=True)
    connection = duckdb.connect()
    try:
        prepare(connection)
        # The oldest storage version, so that any DuckDB opens the file.
        connection.execute(f"ATTACH {quoted(str(partial))} AS spanloft (STORAGE_VERSION 'v1.0.0')")
        connection.execute("USE spanloft")
        # One transaction: six hundred of them took a second and more.
        connection.execute("BEGIN")
        execute_all(connection, statements)
        comment_columns(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.rename(path)
    fsync_directory(path.parent)


def dataset_view(dataset: str, live: str, *, worked_out: bool = False) -> str:
    """SQL of the view over a dataset's live rows; see :func:`view_statements`."""
    found = {column.name: f'"{column.name}"' for column in shown_columns(dataset)}
    if not worked_out:
        for column, sources in WORKED_OUT.get(dataset, ()):
            found[column.name] = f'coalesce({", ".join(sources)}) AS "{column.name}"'
    columns = ", ".join(found.values())
    if dataset in LATEST:
        key, time = LATEST[dataset]
        live += view_sql("latest").format(key=key, time=time)
    template = dataset if dataset in OWN_VIEWS else "dataset"
    return view_sql(template).format(dataset=dataset, columns=columns, live=live)


def view_sql(name: str) -> str:
    """Text of ``sql/views/<name>.sql``."""
    return (files("spanloft_collector") / "sql" / "views" / f"{name}.sql").read_text()


def comment_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the model's column comments on every view that shows such a column and has no comment of its own."""
    known = {column.name: column.comment for columns in reversed(DATASETS.values()) for column in columns}
    comments = [f'COMMENT ON VIEW "{dataset}" IS {quoted(DATASET_COMMENTS[dataset])}' for dataset in DATASETS]
    comments += [
        column_comment(dataset, column.name, column.comment)
        for dataset in DATASETS
        for column in shown_columns(dataset)
    ]
    execute_all(connection, comments)
    bare = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND database_name = 'spanloft'"
    ).fetchall()
    execute_all(connection, [column_comment(view, name, known[name]) for view, name in bare if name in known])


def column_comment(view: str, column: str, comment: str) -> str:
    """Statement that sets one comment; DDL takes no parameters, so the text is quoted here."""
    return f'COMMENT ON COLUMN "{view}"."{column}" IS {quoted(comment)}'


def execute_all(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Execute statements in one call: hundreds of calls took a third longer."""
    if statements:
        connection.execute(";\n".join(statement.rstrip().rstrip(";") for statement in statements))


def quoted(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
