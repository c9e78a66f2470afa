"""``spanloft drift BASELINE WINDOW``: one verdict, by hand or in CI. The same code as the job's."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from spanloft_collector.errors import SpanloftError
from spanloft_collector.settings import Settings
from spanloft_collector.signals.drift.baseline import Sample
from spanloft_collector.signals.drift.geometry import Integers
from spanloft_collector.signals.drift.topics import Topic
from spanloft_collector.signals.drift.verdict import Verdict, judge, too_few
from spanloft_collector.signals.embedding.base import Embedder, Vectors
from spanloft_collector.signals.embedding.choice import create_embedder
from spanloft_collector.store.opening import open_reader
from spanloft_collector.store.reader import fetch

KEPT_FILES = 16
"""Files of vectors that are kept: a baseline is compared with many windows."""
EMBED_BATCH = 256
EXAMPLE_CHARACTERS = 300
TextRow = tuple[str, object, float | None]
"""Text, session, and time in seconds since 1970."""
_QUERY = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|from|with|values)\b[\s(*]", re.IGNORECASE | re.DOTALL)
_LATEST_S = 253_402_300_800.0
"""End of the year 9999. A later time is one in milliseconds, or no time at all."""
_EXPECTED = (
    'expected one JSON object a line with a string "text" and, if known, "session" and "time" '
    "(ISO 8601, or seconds since 1970)"
)


@dataclass(frozen=True)
class Texts:
    """What was read: texts, session and time of each, and how many rows had no text."""

    texts: list[str]
    sessions: list[str | None]
    times: list[float | None]
    """Seconds since 1970."""
    empty: int

    def sample(self, vectors: Vectors, units: Integers) -> Sample:
        """As what is compared; times count only where all are known."""
        known = [time for time in self.times if time is not None]
        return Sample(self.texts, vectors, units, np.array(known) if len(known) == len(self.texts) else None)


def run_drift(settings: Settings, baseline: str, window: str, *, alpha: float, seed: int) -> Verdict:
    """Compare, and print one JSON object; returns the verdict."""
    before, after = (
        read_texts(settings, source, what) for source, what in ((baseline, "BASELINE"), (window, "WINDOW"))
    )
    skipped = before.empty + after.empty
    counts = (len(before.texts), len(after.texts))
    if reason := too_few(*counts):
        verdict, model = Verdict("not enough data", *counts, reason), settings.embedding_model
        samples: tuple[Sample, ...] = ()
    else:
        embedder = create_embedder(settings.embedding_model, settings.cache.expanduser(), fetch=_say)
        vectors = [embed_with_progress(embedder, part.texts, settings.cache.expanduser()) for part in (before, after)]
        units = session_numbers([*before.sessions, *after.sessions])
        first = before.sample(vectors[0], units[: counts[0]])
        second = after.sample(vectors[1], units[counts[0] :])
        verdict, model = judge(first, second, alpha=alpha, seed=seed), embedder.identity.key
        samples = (first, second.take(verdict.rows))
    report = describe(verdict, samples) | {"alpha": alpha, "model": model, "n_empty": skipped}
    # ASCII, because a text may hold what no encoding can write.
    sys.stdout.write(json.dumps(report) + "\n")
    return verdict


def describe(verdict: Verdict, samples: Sequence[Sample]) -> dict[str, Any]:
    """A verdict as plain values; ``samples`` are the baseline and the part of the window that was compared."""
    effect = verdict.effect
    return {
        "drifted": verdict.drifted,
        "status": verdict.status,
        "reason": verdict.reason or None,
        "p_value": verdict.p_value,
        "effect": effect.size if effect else None,
        "effect_interval": [effect.low, effect.high] if effect else None,
        "kind": verdict.kind or None,
        "topics": [_topic(topic, samples) for topic in verdict.topics],
        "form": {name: round(shift, 2) for name, shift in verdict.form.items()},
        "n_baseline": verdict.n_baseline,
        "n_window": verdict.n_window,
    }


def _topic(topic: Topic, samples: Sequence[Sample]) -> dict[str, Any]:
    sample = samples[0 if topic.change == "shrank" else 1]
    return {
        "name": topic.name,
        "change": topic.change,
        "share_before": topic.share_before,
        "share_after": topic.share_after,
        "examples": [sample.texts[row][:EXAMPLE_CHARACTERS] for row in topic.examples],
    }


def read_texts(settings: Settings, source: str, what: str) -> Texts:
    """Texts of a JSON-lines file or of a SQL query.

    Raises:
        SpanloftError: it can't be read; names the line or the column, and what was expected.
    """
    if not source.strip():
        raise SpanloftError(f"{what} is empty; expected a file of JSON lines, or a SQL query")
    rows = _query_rows(settings, source, what) if _QUERY.match(source) else _file_rows(Path(source), what)
    full = [row for row in rows if row[0].strip()]
    return Texts(
        [text for text, _, _ in full],
        [None if session is None else str(session) for _, session, _ in full],
        [time for _, _, time in full],
        len(rows) - len(full),
    )


def _file_rows(path: Path, what: str) -> list[TextRow]:
    rows: list[TextRow] = []
    try:
        # Some editors begin a file with a byte order mark.
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        rows.append(_row(line))
                    except ValueError as error:
                        raise SpanloftError(f"{path}:{number}: {error}; {_EXPECTED}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise SpanloftError(f"{what} {path}: can't be read ({reason}); {_EXPECTED}, or a SQL query") from None
    return rows


def _row(line: str) -> TextRow:
    """A line of a file; raises ValueError, which says what is wrong."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(row, dict):
        raise ValueError(f"{_kind_of(row)} instead of an object")
    if "text" not in row:
        fields = ", ".join(list(row)[:10])
        raise ValueError('there is no "text"' + (f", only {fields}" if fields else ""))
    text = "" if row["text"] is None else row["text"]
    if not isinstance(text, str):
        raise ValueError(f'"text" is {_kind_of(text)}')
    try:
        return text, row.get("session"), seconds_of(row.get("time"))
    except ValueError:
        raise ValueError(f"time {row['time']!r}") from None


def _kind_of(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")


def seconds_of(time: object) -> float | None:
    """Seconds since 1970 of a number of them, a date and time, or ISO 8601; without a time zone it is UTC.

    Raises:
        ValueError: it is something else.
    """
    if time is None:
        return None
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, date) and not isinstance(time, datetime):
        time = datetime.combine(time, clock())
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not abs(time) < _LATEST_S:
        raise ValueError(time)
    return float(time)


def _query_rows(settings: Settings, statement: str, what: str) -> list[TextRow]:
    connection = open_reader(settings.store, settings.local).connect()
    try:
        table = fetch(connection, statement)
    except duckdb.Error as error:
        # Without the excerpt of the statement below it.
        reason = " ".join(str(error).partition("\n\nLINE ")[0].split())
        raise SpanloftError(f"{what}: {reason}") from None
    finally:
        connection.close()
    if "text" not in table.column_names:
        raise SpanloftError(f"{what}: the query returns {', '.join(table.column_names)}; expected a column 'text'")
    texts = ["" if value is None else str(value) for value in table.column("text").to_pylist()]
    sessions, times = (
        table.column(name).to_pylist() if name in table.column_names else [None] * len(texts)
        for name in ("session", "time")
    )
    rows: list[TextRow] = []
    for text, session, time in zip(texts, sessions, times, strict=True):
        try:
            rows.append((text, session, seconds_of(time)))
        except ValueError:
            raise SpanloftError(f"{what}: time {time}; expected a timestamp, or seconds since 1970") from None
    return rows


def session_numbers(sessions: Sequence[str | None]) -> Integers:
    """A number for each session; a text without one gets a number of its own."""
    known: dict[str, int] = {}
    numbers = np.empty(len(sessions), np.int64)
    for row, session in enumerate(sessions):
        numbers[row] = len(sessions) + row if session is None else known.setdefault(session, len(known))
    return numbers


def embed_with_progress(embedder: Embedder, texts: Sequence[str], cache: Path) -> Vectors:
    """Vectors of texts, each different text embedded once; kept on disk for the next comparison."""
    digest = hashlib.sha256(json.dumps([embedder.identity.key, *texts]).encode("utf-8", "surrogatepass")).hexdigest()
    kept = cache / "vectors" / f"{digest[:32]}.npy"
    if kept.exists():
        kept.touch()
        vectors: Vectors = np.load(kept, allow_pickle=False)
        return vectors
    different = list(dict.fromkeys(texts))
    # Sorted by length, so that a batch holds texts that take equally long.
    different.sort(key=len)
    parts: list[Vectors] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Embedding texts", total=len(different))
        for start in range(0, len(different), EMBED_BATCH):
            parts.append(embedder.embed(different[start : start + EMBED_BATCH]))
            bar.update(task, completed=min(start + EMBED_BATCH, len(different)))
    places = {text: place for place, text in enumerate(different)}
    vectors = np.concatenate(parts)[[places[text] for text in texts]]
    _keep(kept, vectors)
    return vectors


def _keep(path: Path, vectors: Vectors) -> None:
    """Write vectors for the next time, and drop the files that were not used for longest."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp.npy")
        np.save(partial, vectors, allow_pickle=False)
        partial.replace(path)
        for old in sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime)[:-KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError:
        # Without the cache the next comparison takes longer and says the same.
        return


def _say(message: str) -> None:
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)
