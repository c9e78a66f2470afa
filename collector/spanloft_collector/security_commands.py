"""``spanloft scan``: the detectors of the security job on a file of texts, for a person or a CI gate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import orjson

from spanloft_collector.errors import SpanloftError
from spanloft_collector.settings import load_settings
from spanloft_collector.signals.security.choice import create_scanner
from spanloft_collector.signals.security.scan import Scan

ORIGINS = {
    "user": "user",
    "document": "document",
    "tool": "tool_result",
    "tool_result": "tool_result",
    "tool_argument": "tool_argument",
    "output": "output",
    "system": "system",
}
"""Values of ``origin`` in a file, and what the scanner calls them."""


def run_scan(path: Path, *, fail: bool, output: TextIO | None = None) -> int:
    """Scan the texts of ``path`` (JSON lines; ``-`` reads stdin) and print one JSON line each.

    Args:
        path: file with objects that have ``text`` and optionally ``origin`` (user, document, tool).
        fail: return 1 when a text is flagged.
        output: where to print; stdout when not given.

    Raises:
        SpanloftError: the file can't be read, or a line is not what is expected; says which line.
    """
    out = output or sys.stdout
    settings = load_settings()
    scanner = create_scanner(
        injection_model=settings.injection_model,
        moderation_model=settings.moderation_model,
        pii_engine=settings.pii_engine,
    )
    flagged = False
    for text, origin in read_texts(path):
        scanned = scanner.scan(text, origin)
        flagged = flagged or scanned.flagged
        out.write(orjson.dumps(as_json(scanned)).decode() + "\n")
    out.flush()
    return 1 if flagged and fail else 0


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """(text, origin) of each line of a file."""
    try:
        with sys.stdin if str(path) == "-" else path.open(encoding="utf-8") as file:
            yield from parse_lines(file, str(path))
    except OSError as error:
        raise SpanloftError(f"{path}: can't be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise SpanloftError(f"{path}: is not UTF-8 text; expected one JSON object a line") from None


def parse_lines(lines: Iterable[str], where: str) -> Iterator[tuple[str, str]]:
    """(text, origin) of JSON lines; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise SpanloftError(f"{where}, line {number}: is no JSON ({error})") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise SpanloftError(f'{where}, line {number}: expected an object like {{"text": "...", "origin": "user"}}')
        origin = row.get("origin") or "user"
        if origin not in ORIGINS:
            raise SpanloftError(f"{where}, line {number}: origin {origin!r}, expected one of {', '.join(ORIGINS)}")
        yield row["text"], ORIGINS[origin]


def as_json(scanned: Scan) -> dict[str, Any]:
    """A result as it is printed."""
    return {
        "score": scanned.score,
        "category": scanned.category,
        "flagged": scanned.flagged,
        "segments": [
            {
                "start": finding.start,
                "end": finding.end,
                "kind": finding.kind,
                "text": finding.text,
                "category": finding.category,
                "detector": finding.detector,
                "score": finding.score,
                "severity": finding.severity,
                "evidence": finding.evidence,
            }
            for finding in scanned.findings
        ],
        **({"model_scores": dict(scanned.model_scores)} if scanned.model_scores else {}),
        **({"truncated": True} if scanned.truncated else {}),
    }
