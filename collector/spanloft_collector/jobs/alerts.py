"""Times at which a service's calls to a model cost, took or failed far more than they usually do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from spanloft_collector.jobs.alerting import Alert, Kind, alerts_table
from spanloft_collector.jobs.base import Output
from spanloft_collector.store.base import Reader

MIN_CALLS = 20
"""Calls of a window without which it is neither judged nor a reference."""
SPREADS = 5.0
"""How many spreads beyond the usual a window must lie. Spread is 1.4826 times the median absolute deviation, which for
a normal distribution is its standard deviation; latencies have longer tails, hence five."""
RATIO = 1.5
MIN_COST_SHARE = 0.05
"""Share of all cost of a window that the excess must make up: a model that costs next to nothing alarms nobody."""
CRITICAL_RATIO = 3.0
MIN_ERRORS = 5
Z_99 = 2.576


class Width(NamedTuple):
    """Width of the windows, how far back their references reach, and how many of those there must be."""

    window: timedelta
    words: str
    history_days: int
    min_windows: int


WIDTHS = (
    Width(timedelta(hours=1), "an hour", 7, 24),
    Width(timedelta(hours=6), "6 hours", 7, 12),
    Width(timedelta(days=1), "a day", 28, 7),
)
"""A series is judged by the narrowest windows that hold enough of its calls on average."""

Row = Mapping[str, Any]


class Measure(NamedTuple):
    """What is judged: kind of its alerts, name, unit, how a value is written, and the page that shows it."""

    kind: Kind
    name: str
    unit: str
    write: Callable[[float], str]
    page: str


def _dollars(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


COST = Measure("cost", "Cost", "US dollars", _dollars, "/cost")
CALL_COST = Measure("cost", "Cost per call", "US dollars", _dollars, "/cost")
LATENCY = Measure("latency", "p95 latency", "ms", lambda value: f"{value / 1000:,.2f} s", "/latency")
ERRORS = Measure("errors", "Error rate", "share of calls", lambda value: f"{value:.1%}", "/traces")


class Finding(NamedTuple):
    """A window out of the ordinary: value and what is usual, in the unit of its measure, and the call that shows it."""

    start: datetime
    measure: Measure
    value: float
    usual: float
    threshold: float
    calls: int
    call: Mapping[str, str] | None


class AlertsJob:
    """Writes ``alerts`` of the kinds cost, latency and errors.

    A window of an hour, six hours or a day is compared with those before it, of the same service and model. Windows in
    a row are one alert; it is resolved when a later window was ordinary. Days that get a late call are judged again.
    """

    name = "alerts"
    version = 1
    reads: Sequence[str] = ("llm_calls",)
    writes: Sequence[str] = ("alerts",)
    every_s = 30.0

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Judge the days that the window touches, and the day before them, in which an alert may have begun."""
        touched = reader.query("job_alerts_days", {"since": since, "until": until}, timeout_s=600)
        if not touched.num_rows:
            return Output({})
        days = touched.column("day").to_pylist()
        first, last = days[0] - timedelta(days=1), days[-1] + timedelta(days=1)
        alerts: list[Alert] = []
        judged: set[tuple[str | None, str]] = set()
        for width in WIDTHS:
            parameters = {
                "first": datetime.combine(first, time()),
                "last": datetime.combine(last, time()),
                "until": until,
                "min_calls": MIN_CALLS,
                "window_s": width.window.total_seconds(),
                "history_days": width.history_days,
                "min_windows": width.min_windows,
            }
            rows = reader.query("job_alerts_windows", parameters, timeout_s=600).to_pylist()
            dense = [row for row in rows if row["calls_per_window"] >= MIN_CALLS and _series(row) not in judged]
            judged |= {_series(row) for row in dense}
            alerts += raise_alerts(dense, width)
        return Output({"alerts": alerts_table(alerts)}, {"alerts": list(_days(first, last))})


def _series(row: Row) -> tuple[str | None, str]:
    return row["service_name"], row["model"]


def _days(first: date, last: date) -> Iterator[str]:
    while first < last:
        yield first.isoformat()
        first += timedelta(days=1)


def raise_alerts(rows: Iterable[Row], width: Width) -> list[Alert]:
    """Alerts of rows of ``job_alerts_windows``, which are in order of service, model and time."""
    found = []
    for (service, model), windows in groupby(rows, key=_series):
        series = list(windows)
        for judge in (_cost, _call_cost, _latency, _errors):
            found += _runs(service, model, series, judge, width)
    return found


def _runs(
    service: str | None, model: str, series: Sequence[Row], judge: Callable[[Row], Finding | None], width: Width
) -> list[Alert]:
    """One alert for findings that follow one another; windows between them may be too quiet to be judged."""
    alerts: list[Alert] = []
    run: list[Finding] = []
    for row in series:
        finding = judge(row)
        if finding is not None:
            run.append(finding)
        elif run:
            alerts.append(_alert(service, model, run, width, over=True))
            run = []
    if run:
        alerts.append(_alert(service, model, run, width, over=False))
    return alerts


def _cost(row: Row) -> Finding | None:
    found = _beyond(row, COST, row["cost_usd"], row["cost_usual_usd"], row["cost_spread_usd"], row["dearest"])
    return found if found and found.value - found.usual >= MIN_COST_SHARE * row["all_cost_usd"] else None


def _call_cost(row: Row) -> Finding | None:
    found = _beyond(row, CALL_COST, row["call_usd"], row["call_usual_usd"], row["call_spread_usd"], row["dearest"])
    excess = (found.value - found.usual) * row["calls"] if found else 0.0
    return found if excess >= MIN_COST_SHARE * (row["all_cost_usd"] or math.inf) else None


def _latency(row: Row) -> Finding | None:
    return _beyond(row, LATENCY, row["p95_ms"], row["p95_usual_ms"], row["p95_spread_ms"], row["slowest"])


def _beyond(
    row: Row,
    measure: Measure,
    value: float | None,
    usual: float | None,
    spread: float | None,
    call: Mapping[str, str] | None,
) -> Finding | None:
    if not value or not usual or spread is None:
        return None
    threshold = max(usual + SPREADS * spread, usual * RATIO)
    if value <= threshold:
        return None
    return Finding(row["window_start"], measure, value, usual, threshold, row["calls"], call)


def _errors(row: Row) -> Finding | None:
    usual = row["error_rate_usual"] or 0.0
    rate = row["errors"] / row["calls"]
    # The lower end of Wilson's interval: five errors of twenty calls say more than one of two.
    lower = wilson_lower(row["errors"], row["calls"])
    threshold = max(2 * usual, 0.02)
    if row["errors"] < MIN_ERRORS or lower <= threshold:
        return None
    return Finding(row["window_start"], ERRORS, rate, usual, threshold, row["calls"], row["latest_failed"])


def wilson_lower(successes: int, trials: int, z: float = Z_99) -> float:
    """Lower end of Wilson's interval of a share; 0 without trials."""
    if not trials:
        return 0.0
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (middle - spread) / (1 + z * z / trials)


def _alert(service: str | None, model: str, run: Sequence[Finding], width: Width, *, over: bool) -> Alert:
    worst = max(run, key=lambda finding: finding.value)
    measure = worst.measure
    began = run[0].start
    series = f"{service or 'unknown service'} / {model}"
    return Alert(
        key=f"{measure.name} {series} {began:%Y-%m-%dT%H}",
        time=began,
        kind=measure.kind,
        severity="critical" if worst.value > CRITICAL_RATIO * worst.usual else "warning",
        title=f"{measure.name} of {model}: {measure.write(worst.value)} in {width.words}, "
        f"usually {measure.write(worst.usual)}",
        page=measure.page,
        job=AlertsJob.name,
        series=series,
        service_name=service,
        model=model,
        window_start=began,
        window_end=run[-1].start + width.window,
        evidence={
            "value": worst.value,
            "usual": worst.usual,
            "threshold": worst.threshold,
            "unit": measure.unit,
            "window": f"{width.words} from {worst.start:%Y-%m-%dT%H:%MZ}",
            "calls": worst.calls,
            "reference": f"windows of the {width.history_days} days before, same service and model",
        },
        trace_id=worst.call["trace_id"] if worst.call else None,
        span_id=worst.call["span_id"] if worst.call else None,
        state="resolved" if over else "open",
    )
