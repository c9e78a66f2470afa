"""The SQL page's sandbox: what a viewer may ask, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic
from spanloft_collector.errors import StoreError
from spanloft_dashboard import sandbox


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.publish(tmp_path_factory.mktemp("store"), 500).view_file


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM llm_calls",
        "FROM traces LIMIT 3",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "DESCRIBE spans",
        "SUMMARIZE cost_daily",
        "SHOW TABLES",
        "SELECT * FROM store.main.sessions LIMIT 1",
        "SELECT json_extract(attributes, '$') FROM payloads LIMIT 1",
    ],
)
def test_questions_are_answered(views: Path, statement: str) -> None:
    assert sandbox.run(views, statement).rows.num_rows >= 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM query('COPY (SELECT 1) TO ''x.csv''')",
        "COPY (SELECT 1) TO '{root}/data/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/data/x.csv'",
        "EXPORT DATABASE '{root}/data/x'",
        "ATTACH '{root}/data/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 8",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "CREATE TEMP TABLE t (a INT)",
        "DROP VIEW spans",
        "PREPARE x AS SELECT 1",
        "SELECT 1; DROP VIEW spans",
        "",
        "SELEC 1",
        "SELECT * FROM read_text('{root}/store.json')",
    ],
)
def test_what_reaches_outside_is_refused(views: Path, statement: str) -> None:
    before = {path for path in views.parent.rglob("*") if path.is_file()}
    with pytest.raises(StoreError):
        sandbox.run(views, statement.replace("{root}", str(views.parent)))
    assert {path for path in views.parent.rglob("*") if path.is_file()} == before


def test_a_limit_cuts_the_answer_and_says_so(views: Path) -> None:
    answer = sandbox.run(views, "SELECT * FROM range(50000)", row_limit=1_000)
    assert (answer.rows.num_rows, answer.cut) == (1_000, True)
    whole = sandbox.run(views, "SELECT * FROM range(1000)", row_limit=1_000)
    assert (whole.rows.num_rows, whole.cut) == (1_000, False)


def test_wide_answers_are_cut_by_size(views: Path) -> None:
    answer = sandbox.run(views, "SELECT repeat('x', 100000) AS text FROM range(5000)")
    assert answer.cut
    assert answer.rows.nbytes < 2 * sandbox.BYTE_LIMIT


def test_a_long_statement_is_stopped(views: Path) -> None:
    with pytest.raises(StoreError, match="stopped after 0.3 s"):
        sandbox.run(views, "SELECT count(*) FROM range(100000000000) AS a WHERE hash(a.range) % 7 = 1", timeout_s=0.3)


def test_a_missing_store_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        sandbox.run(tmp_path / "spanloft.duckdb", "SELECT 1")
