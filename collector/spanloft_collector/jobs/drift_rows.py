"""What is said about a window: rows of ``drift_windows`` and ``drift_topics``, and alerts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import orjson

from spanloft_collector.jobs.alerting import Alert
from spanloft_collector.jobs.drift_series import Calls, Row, Series
from spanloft_collector.signals.drift.geometry import Doubles
from spanloft_collector.signals.drift.numbers import compare_numbers
from spanloft_collector.signals.drift.picture import map_axes
from spanloft_collector.signals.drift.topics import Topic
from spanloft_collector.signals.drift.verdict import Verdict

EXAMPLE_CHARACTERS = 200
MAP_POINTS = {"baseline": 300, "window": 200}
CHANGE_SHARE = 0.10
"""A value is a change when it has this share of the window more, or less, than of the baseline."""
CHANGED = {"model": "model", "prompt_version": "prompt version", "service_version": "release", "user_id": "user"}
NUMBER_LEVEL = 0.01
AGAINST = {"pinned": " from the pinned days", "version": " from the version before"}
"""What an alert says of its baseline; nothing of the rolling one."""


@dataclass(frozen=True)
class Gradual:
    """A drift that only several windows together show: the sum that is an alarm, and when it began to rise."""

    alarm: float
    since: datetime


@dataclass
class Finding:
    """What is said of a window against one baseline, without the texts: a day waits for the findings of all series."""

    series: Series
    day: date
    baseline_kind: str
    verdict: Verdict
    embedding_model: str
    baseline_times: tuple[datetime | None, datetime | None]
    window_times: tuple[datetime, datetime]
    """Of the first and of the last text."""
    examples: Sequence[Sequence[Row]]
    """By topic the calls that show it: ``trace_id``, ``span_id``, ``text``."""
    latest: Row
    """The last call of the window."""
    changes: Sequence[Row]
    numbers: str
    map: str
    """JSON."""
    cumulative: float = 0.0
    gradual: Gradual | None = None
    q_value: float | None = None
    since: datetime | None = None

    @classmethod
    def of(
        cls, series: Series, day: date, kind: str, baseline: Calls, window: Calls, verdict: Verdict, model: str
    ) -> Finding:
        """Take from the texts what will be told of them."""
        start, end = window.start, window.end
        assert start is not None
        assert end is not None, "a window has texts"
        judged = window.take(verdict.rows) if len(verdict.rows) else window
        judgeable = verdict.drifted is not None
        return cls(
            series,
            day,
            kind,
            verdict,
            model,
            (baseline.start, baseline.end),
            (start, end),
            [topic_calls(baseline, judged, topic) for topic in verdict.topics],
            _example(window.rows[-1]),
            changes(baseline, window),
            _json(number_changes(baseline, window) if judgeable else []),
            _json(map_points(baseline, judged) if judgeable else []),
        )

    @property
    def window_id(self) -> str:
        """16 hex digits."""
        parts = (self.series.series_id, self.baseline_kind, self.day.isoformat())
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    @property
    def drifted(self) -> bool:
        """Whether this is a drift, sudden or gradual."""
        return self.verdict.status == "drifted" or self.gradual is not None

    @property
    def status(self) -> str:
        """drifted, no drift, or not enough data."""
        return "drifted" if self.drifted else self.verdict.status

    @property
    def reason(self) -> str:
        """Why there is no verdict, why not all texts took part, or what a gradual drift is made of."""
        if not self.gradual:
            return self.verdict.reason
        return (
            f"this window alone does not stand out; those since {self.gradual.since:%Y-%m-%d} together lie "
            f"{self.cumulative:.1f} standard deviations too high, and {self.gradual.alarm:.1f} are an alarm"
        )

    @property
    def kind(self) -> str | None:
        """topic, style, topic and style, or gradual."""
        if self.verdict.status == "drifted":
            return self.verdict.kind
        return "gradual" if self.gradual else None


def window_row(finding: Finding, computed_at: datetime) -> Row:
    """Row of ``drift_windows``."""
    verdict, series = finding.verdict, finding.series
    effect = verdict.effect
    return {
        "day": finding.day,
        "window_id": finding.window_id,
        "series_id": series.series_id,
        "series": series.label,
        **{name: getattr(series, name) for name in ("side", "service_name", "operation", "model", "prompt_name")},
        "baseline": finding.baseline_kind,
        "baseline_start": finding.baseline_times[0],
        "baseline_end": finding.baseline_times[1],
        "window_start": finding.window_times[0],
        "window_end": finding.window_times[1],
        "n_baseline": verdict.n_baseline,
        "n_window": verdict.n_window,
        "status": finding.status,
        "reason": finding.reason or None,
        "p_value": verdict.p_value,
        "q_value": finding.q_value,
        "effect": effect.size if effect else None,
        "effect_low": effect.low if effect else None,
        "effect_high": effect.high if effect else None,
        "kind": finding.kind,
        "cumulative": finding.cumulative,
        "since": finding.since,
        "changes": _json(finding.changes if finding.drifted else []),
        "form": _json({name: round(shift, 2) for name, shift in verdict.form.items()}),
        "numbers": finding.numbers,
        "map": finding.map,
        "embedding_model": finding.embedding_model,
        "computed_at": computed_at,
    }


def topic_rows(finding: Finding) -> list[Row]:
    """Rows of ``drift_topics``."""
    return [
        {
            "day": finding.day,
            "window_id": finding.window_id,
            "series_id": finding.series.series_id,
            "rank": rank,
            "topic": topic.name,
            "change": topic.change,
            "share_before": topic.share_before,
            "share_after": topic.share_after,
            "examples": _json(finding.examples[rank - 1]),
        }
        for rank, topic in enumerate(finding.verdict.topics, 1)
    ]


def topic_calls(baseline: Calls, judged: Calls, topic: Topic) -> list[Row]:
    """Calls that show a topic, of the baseline or of the part of the window that was compared."""
    calls = baseline if topic.change == "shrank" else judged
    return [_example(calls.rows[row]) for row in topic.examples if row < len(calls)]


def alert_of(finding: Finding, state: str) -> Alert:
    """The alert of a drift; the same one for all its windows."""
    verdict, series = finding.verdict, finding.series
    start, end = finding.window_times
    since = finding.since or start
    moved = [topic for topic in verdict.topics if topic.change != "shrank"]
    words = f": “{moved[0].name}” {moved[0].share_before:.0%} → {moved[0].share_after:.0%}" if moved else ""
    against = AGAINST.get(finding.baseline_kind, "")
    # Those that grew stand first.
    shown = finding.examples[0][0] if moved and finding.examples[0] else finding.latest
    return Alert(
        key=f"{series.series_id}/{finding.baseline_kind}/{since:%Y-%m-%d}",
        time=end,
        kind="drift",
        severity="warning",
        title=f"{series.side.capitalize()}s drifted{against} ({finding.kind or 'over'}){words}",
        page="/drift",
        job="drift",
        series=series.label,
        service_name=series.service_name,
        model=series.model,
        window_start=start,
        window_end=end,
        evidence={
            "p_value": verdict.p_value,
            "q_value": finding.q_value,
            "effect": verdict.effect.size if verdict.effect else None,
            "calls": verdict.n_window,
            "baseline": finding.baseline_kind,
            "series_id": series.series_id,
            "window_id": finding.window_id,
            "method": "MMD, local scan, novelty and form under one threshold; BH over series",
        },
        trace_id=shown["trace_id"],
        span_id=shown["span_id"],
        state="resolved" if state == "resolved" else "open",
    )


def changes(baseline: Calls, window: Calls) -> list[Row]:
    """What else changed with the window: versions, releases, models, and who the users are."""
    if not baseline.rows:
        return []
    found: list[Row] = []
    for column, what in CHANGED.items():
        before, after = (_shares(calls.rows, column) for calls in (baseline, window))
        for value in sorted(set(before) | set(after), key=str):
            shares = before.get(value, 0.0), after.get(value, 0.0)
            if value is not None and abs(shares[1] - shares[0]) >= CHANGE_SHARE:
                found.append({"what": what, "value": value, "share_before": shares[0], "share_after": shares[1]})
    half = len(baseline) // 2
    usual, new = _new_users(baseline.rows[:half], baseline.rows[half:]), _new_users(baseline.rows, window.rows)
    if usual is not None and new is not None and new - usual >= CHANGE_SHARE:
        found.append({"what": "users", "value": "not seen before", "share_before": usual, "share_after": new})
    return found


def _new_users(earlier: Sequence[Row], later: Sequence[Row]) -> float | None:
    """Share of later calls by users that the earlier ones don't have; None where users are not named."""
    known = {row["user_id"] for row in earlier} - {None}
    users = [row["user_id"] for row in later if row["user_id"] is not None]
    if not known or not users:
        return None
    return sum(user not in known for user in users) / len(users)


def number_changes(baseline: Calls, window: Calls) -> list[Row]:
    """Numbers that changed, the most certain first."""
    before, after = _numbers(baseline, baseline), _numbers(window, baseline)
    units = (baseline.sample.units, window.sample.units)
    found = compare_numbers(before, after, units)
    return [asdict(row) for row in found if row.q_value <= NUMBER_LEVEL]


def _numbers(calls: Calls, baseline: Calls) -> dict[str, Doubles]:
    plain = {
        "characters": "characters",
        "tokens": "tokens",
        "tool_calls": "tool calls",
        "retrieval_score": "retrieval score",
    }
    columns = {name: _column([row[column] for row in calls.rows]) for column, name in plain.items()}
    columns["refusals"] = _column([row["refusal"] for row in calls.rows])
    languages = Counter(row["language"] for row in baseline.rows)
    if languages:
        usual = languages.most_common(1)[0][0]
        columns[f"language other than {usual}"] = _column([row["language"] != usual for row in calls.rows])
    return columns


def map_points(baseline: Calls, judged: Calls) -> list[Row]:
    """Points of the map: some of the baseline, some of the window."""
    axes = map_axes(baseline.sample.vectors)
    points: list[Row] = []
    for part, calls in (("baseline", baseline), ("window", judged)):
        chosen = np.linspace(0, len(calls) - 1, min(len(calls), MAP_POINTS[part])).round().astype(np.int64)
        shown = calls.take(np.unique(chosen))
        for row, place in zip(shown.rows, axes.apply(shown.sample.vectors), strict=True):
            points.append(
                {"x": round(float(place[0]), 4), "y": round(float(place[1]), 4), "part": part, **_example(row)}
            )
    return points


def _shares(rows: Sequence[Row], column: str) -> dict[Any, float]:
    counts = Counter(row[column] for row in rows)
    return {value: count / len(rows) for value, count in counts.items()}


def _column(values: Sequence[Any]) -> Doubles:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def _example(row: Row) -> Row:
    return {"trace_id": row["trace_id"], "span_id": row["span_id"], "text": row["text"][:EXAMPLE_CHARACTERS]}


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
