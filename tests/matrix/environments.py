"""Throw-away virtual environments, one for each library, made with uv and kept for the next run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .catalog import Library

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".matrix"

_CHOICES = """
import json
from spanloft.choices import choose
print(json.dumps([[c.library, c.instrumentor, c.instrumentor_version, c.reason] for c in choose()]))
"""
_VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


class InstallError(Exception):
    """A library that cannot be installed; the text says why."""


def prepare(library: Library, *, fresh: bool = False) -> Path:
    """The Python of the library's environment, made when it is not there yet.

    Raises:
        InstallError: no set of versions goes together, or a package cannot be built.
    """
    folder = CACHE / library.environment_name
    python = folder / "bin" / "python"
    ours = f"{ROOT}[{library.extra}]" if library.extra else str(ROOT)
    wanted = ["--editable", ours, *library.packages]
    stamp = folder / "installed.json"
    if not fresh and python.exists() and stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return python
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    _uv("pip", "install", "--quiet", "--python", str(python), *wanted)
    stamp.write_text(json.dumps(wanted))
    return python


def versions(python: Path, library: Library) -> dict[str, str]:
    """Installed versions of the library's packages, without extras."""
    names = [package.partition("[")[0].partition("=")[0].partition("<")[0] for package in library.packages]
    found: dict[str, str] = json.loads(_run([str(python), "-c", _VERSIONS, *names]))
    return found


def choices(python: Path) -> list[tuple[str, str | None, str | None, str]]:
    """(library, instrumentor, its version, reason) as ``spanloft doctor`` prints them."""
    return [tuple(choice) for choice in json.loads(_run([str(python), "-c", _CHOICES]))]


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise InstallError("uv is missing: pip install uv")
    _run([uv, *arguments])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise InstallError((done.stderr or done.stdout).strip()[-1500:])
    return done.stdout
