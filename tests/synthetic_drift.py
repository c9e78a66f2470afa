"""What the drift job would have written: ten days of one series that drifts on the last two, and one too quiet."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
from spanloft_collector.jobs.alerting import Alert, alerts_table
from spanloft_collector.store.schema import to_table
from synthetic_handmade import RICH_CHAT_SPAN, RICH_TRACE

DAYS = 10
DRIFTED = 2
TOPIC = "stove, recall"
EXAMPLE = {"trace_id": RICH_TRACE, "span_id": RICH_CHAT_SPAN, "text": "Is my stove part of the recall?"}


def drift(until: dt.datetime) -> dict[str, pa.Table]:
    """Tables of the datasets ``drift_windows`` and ``drift_topics``, the newest window ending an hour before."""
    end = until.replace(tzinfo=None) - dt.timedelta(hours=1)
    windows = [_window(end - dt.timedelta(days=age), age) for age in range(DAYS)] + [_quiet(end)]
    names = {name for row in windows for name in row}
    topics = [
        {
            "day": row["day"],
            "window_id": row["window_id"],
            "series_id": row["series_id"],
            "rank": 1,
            "topic": TOPIC,
            "change": "appeared",
            "share_before": 0.0,
            "share_after": 0.12,
            "examples": json.dumps([EXAMPLE] * 5),
        }
        for row in windows
        if row["status"] == "drifted"
    ]
    return {
        "alerts": alerts_table([_alert(windows[1])]),
        "drift_windows": to_table("drift_windows", {name: [row.get(name) for row in windows] for name in names}),
        "drift_topics": to_table("drift_topics", {name: [row[name] for row in topics] for name in topics[0]}),
    }


def _alert(row: dict[str, Any]) -> Alert:
    """Of a window that the page would not show by itself: the series has drifted since, too."""
    return Alert(
        key=row["series_id"],
        time=row["window_end"],
        kind="drift",
        severity="warning",
        title=f"Inputs drifted (topic): “{TOPIC}” 0% → 12%",
        page="/drift",
        job="drift",
        series=row["series"],
        service_name=row["service_name"],
        model=row["model"],
        window_start=row["window_start"],
        window_end=row["window_end"],
        evidence={"window_id": row["window_id"]},
        trace_id=RICH_TRACE,
        span_id=RICH_CHAT_SPAN,
    )


def _window(end: dt.datetime, age: int) -> dict[str, Any]:
    drifted = age < DRIFTED
    effect = 0.11 if drifted else 0.01
    points = [{"x": place % 7 / 7, "y": place % 5 / 5, "part": "baseline", **EXAMPLE} for place in range(40)]
    points += [{"x": place % 7 / 9, "y": place % 5 / 6, "part": "window", **EXAMPLE} for place in range(20)]
    release = {"what": "release", "value": "1.9.0", "share_before": 0.0, "share_after": 1.0}
    refusals = {"name": "refusals", "before": 0.01, "after": 0.08, "effect": 0.07, "p_value": 0.001, "q_value": 0.004}
    return {
        **_series(end, "support-bot", f"window{age:010}"),
        "baseline_start": end - dt.timedelta(days=20),
        "baseline_end": end - dt.timedelta(days=1),
        "n_baseline": 1_800,
        "n_window": 240,
        "status": "drifted" if drifted else "no drift",
        "p_value": 0.00002 if drifted else 0.4,
        "q_value": 0.00008 if drifted else 0.6,
        "effect": effect,
        "effect_low": effect * 0.6,
        "effect_high": effect * 1.5,
        "kind": "topic" if drifted else None,
        "since": end - dt.timedelta(days=age + 1) if drifted else None,
        "changes": json.dumps([release] if drifted else []),
        "form": json.dumps({"characters": 5.2} if drifted else {}),
        "numbers": json.dumps([refusals] if drifted else []),
        "map": json.dumps(points),
    }


def _quiet(end: dt.datetime) -> dict[str, Any]:
    return {
        **_series(end, "night-report", "window-of-the-quiet"),
        "n_baseline": 90,
        "n_window": 12,
        "status": "not enough data",
        "reason": "the window has 12 texts; a verdict needs 200",
        **dict.fromkeys(("changes", "numbers", "map"), "[]"),
        "form": "{}",
    }


def _series(end: dt.datetime, service: str, window_id: str) -> dict[str, Any]:
    return {
        "day": end.date(),
        "window_id": window_id,
        "series_id": f"series-{service}"[:12],
        "series": f"{service} / chat / gpt-5 / inputs",
        "side": "input",
        "service_name": service,
        "operation": "chat",
        "model": "gpt-5",
        "baseline": "rolling",
        "window_start": end - dt.timedelta(days=1),
        "window_end": end,
        "cumulative": 0.0,
        "embedding_model": "all-MiniLM-L6-v2/53aa51172d14/fp32",
    }
