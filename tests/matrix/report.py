"""The matrix as Markdown: the table, what is not as it should be, and the versions."""

from __future__ import annotations

from collections.abc import Sequence

from .compare import COLUMNS
from .running import Result

_HEAD = """\
# Every library against the provider's ledger

Made by `python scripts/matrix.py`: each library in an environment of its own, with the one line
`spanloft.instrument()`, calls a provider on this machine that keeps a ledger of what it bills. Its OTLP goes through a
real collector; every row of `llm_calls` is then compared with the ledger. A cell is ✓ when all calls of its cases are
right, ✗ when one is not (see below), – where the library has no such case.

"""


def table(results: Sequence[Result]) -> str:
    """The table alone, as it stands in the README."""
    lines = [
        f"| library | version | traced by | calls | {' | '.join(COLUMNS)} | counted twice |",
        f"|---|---|---|---|{'---|' * len(COLUMNS)}---|",
    ]
    for result in results:
        outcome = result.outcome
        version = next(iter(result.versions.values()), "–")
        calls = f"{outcome.counted} of {outcome.billed}"
        if outcome.tools_run:
            tools = f"{outcome.tools_seen} of {outcome.tools_run} tools"
            calls = f"{calls}, {tools}" if outcome.billed else tools
        marks = [_mark(outcome.cells.get(column)) for column in COLUMNS]
        cells = [result.library.name, version, result.traced_by or "–", calls, *marks, str(outcome.twice)]
        if result.problem and not result.cases:
            cells = [result.library.name, version, "did not run, see below", "–", *("–" for _ in COLUMNS), "–"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_readme(readme: str, results: Sequence[Result]) -> str:
    """The README with the table between its two marks.

    Raises:
        ValueError: a mark is missing.
    """
    start, end = (f"<!-- matrix: {word} -->\n" for word in ("start", "end"))
    if readme.count(start) != 1 or readme.count(end) != 1:
        raise ValueError(f"the README needs the marks {start.strip()} and {end.strip()}, once each")
    return readme[: readme.index(start)] + start + table(results) + "\n" + readme[readme.index(end) :]


def document(results: Sequence[Result]) -> str:
    """``docs/matrix.md``."""
    parts = [_HEAD, table(results), "\n"]
    problems = [f"- **{result.library.name}**: {_one_line(result.problem)}" for result in results if result.problem]
    findings = [f"- **{result.library.name}** {text}" for result in results for text in result.outcome.findings]
    notes = [
        f"- **{result.library.name}** {text}" for result in results for text in dict.fromkeys(result.outcome.notes)
    ]
    for title, lines in (("Did not run", problems), ("Not right", findings), ("Good to know", notes)):
        if lines:
            parts.append(f"\n## {title}\n\n" + "\n".join(lines) + "\n")
    parts.append("\n## Versions\n\n| library | packages |\n|---|---|\n")
    for result in results:
        packages = ", ".join(f"{name} {version}" for name, version in result.versions.items())
        parts.append(f"| {result.library.name} | {packages or '–'} |\n")
    return "".join(parts)


def _mark(right: bool | None) -> str:
    return "–" if right is None else "✓" if right else "✗"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())[:600]
