"""What users install works by itself: nothing is imported that only the development environment has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERY_MODULE = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        # Pages and their entry are scripts: Streamlit runs them.
        if not module.name.startswith(("spanloft_dashboard.pages.", "spanloft_dashboard.app")):
            importlib.import_module(module.name)
"""
ONE_LINE = """
import spanloft
spanloft.instrument(export=False)
from opentelemetry import trace
assert trace.get_tracer("app").start_span("span").is_recording()
spanloft.uninstrument()
"""


def install(folder: Path, requirement: str) -> Path:
    """The Python of a new environment with this package alone."""
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--editable", requirement], check=True)
    return python


def run(python: Path, code: str, *arguments: str) -> None:
    done = subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(600)
def test_everything_of_make_run_is_declared(tmp_path: Path) -> None:
    python = install(tmp_path / "all", f"{ROOT}[all]")
    run(python, EVERY_MODULE, "spanloft", "spanloft_collector", "spanloft_dashboard")
    told = subprocess.run([python.with_name("spanloft"), "--help"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.timeout(600)
def test_a_plain_install_is_enough_for_the_one_line(tmp_path: Path) -> None:
    python = install(tmp_path / "plain", str(ROOT))
    run(python, ONE_LINE)
    app = tmp_path / "app.py"
    app.write_text("from opentelemetry import trace\nassert trace.get_tracer('a').start_span('b').is_recording()\n")
    environment = {"OTEL_TRACES_EXPORTER": "none", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [python.with_name("spanloft"), "run", app], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
