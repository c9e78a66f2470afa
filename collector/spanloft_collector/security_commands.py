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
EXPECTED = '{"text": "...", "origin": "user"}'
_TYPES = {str: "a string", dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}


class WrongLine(Exception):
    """A line of JSON that is not what is expected."""


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
    """(text, origin) of each line of a file.

    Raises:
        SpanloftError: as ``run_scan``.
    """
    found = False
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            for row in parse_lines(file, str(path)):
                found = True
                yield row
    except OSError as error:
        raise SpanloftError(f"{path}: can't be read ({error.strerror or error})") from None
    if not found:
        # A gate must not pass because whatever writes its file has failed.
        raise SpanloftError(f"{path}: holds no text; expected {EXPECTED} a line")


def parse_lines(lines: Iterable[bytes], where: str) -> Iterator[tuple[str, str]]:
    """(text, origin) of JSON lines; empty lines are passed over."""
    for number, raw in enumerate(lines, 1):
        try:
            # Windows' editors put a mark before the first line.
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if line:
                yield parse_line(json.loads(line))
        except UnicodeDecodeError as error:
            raise SpanloftError(
                f"{where}, line {number}: is no UTF-8 text (byte {error.start + 1}); expected {EXPECTED} a line"
            ) from None
        except (ValueError, RecursionError) as error:
            raise SpanloftError(f"{where}, line {number}: is no JSON ({error}); expected {EXPECTED}") from None
        except WrongLine as error:
            raise SpanloftError(f"{where}, line {number}: {error}; expected {EXPECTED}") from None


def parse_line(row: Any) -> tuple[str, str]:
    """(text, origin) of a line's JSON.

    Raises:
        WrongLine: a field is missing or of another type; names it.
    """
    if not isinstance(row, dict):
        raise WrongLine(f"is {_type(row)}, not an object")
    if "text" not in row:
        raise WrongLine('the field "text" is missing')
    text, origin = row["text"], row.get("origin") or "user"
    if not isinstance(text, str):
        raise WrongLine(f'the field "text" is {_type(text)}, not a string')
    if not isinstance(origin, str) or origin not in ORIGINS:
        raise WrongLine(f'the field "origin" is {json.dumps(origin)[:80]}, not one of {", ".join(ORIGINS)}')
    return text, ORIGINS[origin]


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "a number")


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
