"""Docs are tested: every SQL block runs on the sample data, every name that users rely on is explained."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from sample_store import build
from spanloft_collector.model import DATASETS, STORED_ONLY
from spanloft_collector.settings import Settings
from spanloft_collector.store.views import DERIVED_VIEWS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """(where, text) of all fenced blocks of a language."""
    found = []
    for page in PAGES:
        for match in re.finditer(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S):
            line = page.read_text()[: match.start()].count("\n") + 1
            found.append((f"{page.name}:{line}", match.group(1)))
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with sample data, through the real pipeline and the real jobs."""
    root = tmp_path_factory.mktemp("docs") / "store"
    build(root, traces=200)
    return root


@pytest.mark.parametrize(("where", "statement"), blocks("sql"), ids=[where for where, _ in blocks("sql")])
def test_sql_runs_and_finds_something(store: Path, where: str, statement: str) -> None:
    with duckdb.connect(str(store / "spanloft.duckdb"), read_only=True) as connection:
        assert connection.execute(statement).fetchall(), f"{where} found nothing in the sample data"


def test_there_are_enough_recipes() -> None:
    assert len(blocks("sql")) >= 20


def test_python_of_the_readme_is_valid() -> None:
    for where, text in blocks("python"):
        compile(text, where, "exec")


def test_every_view_is_explained() -> None:
    text = (ROOT / "docs" / "sql.md").read_text()
    for view in (*DATASETS, *DERIVED_VIEWS):
        assert f"`{view}`" in text, f"docs/sql.md does not explain the view {view}"


def test_every_column_explains_itself(store: Path) -> None:
    with duckdb.connect(str(store / "spanloft.duckdb"), read_only=True) as connection:
        bare = connection.execute(
            "SELECT table_name || '.' || column_name FROM duckdb_columns() "
            "WHERE comment IS NULL AND database_name = 'spanloft' AND NOT internal"
        ).fetchall()
        shown = {row[0] for row in connection.execute("SELECT column_name FROM duckdb_columns()").fetchall()}
    assert bare == []
    assert not STORED_ONLY & shown


def test_every_setting_is_explained() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for field in Settings.model_fields:
        assert f"`SPANLOFT_{field.upper()}`" in text, f"docs/settings.md does not explain SPANLOFT_{field.upper()}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_shows_the_matrix_as_it_was_last_made() -> None:
    readme, whole = (ROOT / "README.md").read_text(), (ROOT / "docs" / "matrix.md").read_text()
    table = readme.split("<!-- matrix: start -->\n")[1].split("<!-- matrix: end -->")[0]
    assert table.count("\n") > 10
    assert table in whole
