"""The house rules that a machine can check: imports go one way, modules and functions stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "instrumentation", ROOT / "collector", ROOT / "dashboard"]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
MODULE_LINES = 400
FUNCTION_LINES = 60


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MODULE_LINES, "two ideas in one room?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            doc = ast.get_docstring(node)
            length = lines - (doc.count("\n") + 1 if doc else 0)
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines without its docstring"


def test_pages_hold_no_sql() -> None:
    for path in (ROOT / "dashboard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.lstrip().upper().startswith(("SELECT ", "INSERT ", "FROM ")), path


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        # 90 MB that only the pipeline's process needs.
        ("spanloft_collector.app", ["pyarrow", "duckdb", "genai_prices"]),
        # pyarrow imports it at the first array that a module makes: 35 MB, before anything can forbid it.
        ("spanloft_collector.ingest", ["pandas"]),
    ],
)
def test_a_process_of_the_collector_loads_no_library_that_it_does_not_use(module: str, foreign: list[str]) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in {foreign!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
