"""Each day and series: have its texts drifted from their baseline, how sure is that, what moved, and since when."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
from scipy import stats

from spanloft_collector.jobs.alerting import Alert, alerts_table
from spanloft_collector.jobs.base import FIRST, Output, utc_now
from spanloft_collector.jobs.drift_rows import Finding, alert_of, topic_rows, window_row
from spanloft_collector.jobs.drift_series import Calls, Pinned, Row, Series, SeriesReader
from spanloft_collector.signals.drift.baseline import Baseline, window_size
from spanloft_collector.signals.drift.cumulative import ALARM, accumulate
from spanloft_collector.signals.drift.verdict import ALPHA, Verdict, judge, too_dependent, too_few
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import rows_to_table

FALSE_DISCOVERIES = 0.05
"""Share of wrong ones among the series that are called drifted."""
KEPT_BASELINES = 32


class DriftJob:
    """Writes ``drift_windows`` and ``drift_topics``, and an alert for each drift.

    A day that gets new texts is judged again in full, all its series together, because their q-values depend on each
    other. Baselines that did not change since the last run are not fitted again.
    """

    name = "drift"
    version = 1
    reads: Sequence[str] = ("call_texts", "text_vectors", "drift_windows")
    writes: Sequence[str] = ("drift_windows", "drift_topics", "alerts")
    every_s = 60.0
    after: Sequence[str] = ("embeddings",)

    def __init__(self, pinned: Pinned | None = None) -> None:
        self.pinned = pinned
        self._fitted: OrderedDict[str, Baseline] = OrderedDict()

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Judge the days that the window touches."""
        touched = reader.query("job_drift_days", {"since": max(since, FIRST), "until": until}, timeout_s=600)
        models = reader.query("job_drift_model", {"until": utc_now()}, timeout_s=600)
        days: list[date] = touched.column("day").to_pylist()
        if not days or not models.num_rows:
            return Output({})
        model: dict[str, str] = models.to_pylist()[0]
        history = reader.query("job_drift_previous", {"day": days[0]}, timeout_s=600).to_pylist()
        windows: list[Row] = []
        topics: list[Row] = []
        alerts: list[Alert] = []
        computed_at = utc_now()
        for day in days:
            findings = self._judge_day(reader, day, model, history)
            alerts += alerts_of(findings, history)
            rows = [window_row(finding, computed_at) for finding in findings]
            history += rows
            windows += rows
            topics += [row for finding in findings for row in topic_rows(finding)]
        names = [day.isoformat() for day in days]
        tables = {
            "drift_windows": rows_to_table("drift_windows", windows),
            "drift_topics": rows_to_table("drift_topics", topics),
            # A drift that goes on over several of the days is one alert.
            "alerts": alerts_table({alert.alert_id: alert for alert in alerts}.values()),
        }
        return Output(tables, dict.fromkeys(tables, names))

    def _judge_day(self, reader: Reader, day: date, model: Mapping[str, str], history: Sequence[Row]) -> list[Finding]:
        found: list[Finding] = []
        for row in reader.query("job_drift_series", {"day": day}, timeout_s=600).to_pylist():
            count = row.pop("texts")
            series = Series(**row)
            texts = SeriesReader(reader, series, model)
            window = texts.window(day, count)
            if not len(window):
                continue
            for kind, baseline in texts.baselines(window, self.pinned).items():
                verdict = self._judge(series, kind, baseline, window)
                finding = Finding(series, day, kind, baseline, window, verdict, "/".join(model.values()))
                add_up(finding, history)
                found.append(finding)
        adjust(found)
        for finding in found:
            finding.since = drifting_since(finding, history)
        return found

    def _judge(self, series: Series, kind: str, baseline: Calls, window: Calls) -> Verdict:
        counts = (len(baseline), len(window))
        if reason := too_few(*counts) or too_dependent(baseline.sample):
            return Verdict("not enough data", *counts, reason)
        digest = hashlib.sha256()
        for row in baseline.rows:
            digest.update(f"{row['span_id']}{row['text_key']}".encode())
        # In whole hours: else every call of the day that goes on would fit its baseline anew.
        span_s = 3600.0 * np.ceil(window.sample.span_s / 3600)
        size = window_size(counts[1], counts[0])
        key = f"{series.series_id}/{kind}/{size}/{span_s:.0f}/{digest.hexdigest()}"
        fitted = self._fitted.pop(key, None)
        if fitted is None:
            fitted = Baseline.fit(baseline.sample, counts[1], span_s=span_s)
        self._fitted[key] = fitted
        while len(self._fitted) > KEPT_BASELINES:
            self._fitted.popitem(last=False)
        return judge(baseline.sample, window.sample, fitted=fitted)


def adjust(findings: Iterable[Finding]) -> None:
    """Set the q-values of a day (Benjamini and Hochberg), and take back what does not stand among so many series."""
    tested = [finding for finding in findings if finding.verdict.p_value is not None]
    if not tested:
        return
    q_values = stats.false_discovery_control([finding.verdict.p_value or 0.0 for finding in tested])
    for finding, q_value in zip(tested, q_values, strict=True):
        finding.q_value = float(q_value)
        if finding.verdict.status == "drifted" and q_value > FALSE_DISCOVERIES:
            reason = f"p ≤ {ALPHA} is to be expected by chance among {len(tested)} windows"
            finding.verdict = replace(finding.verdict, status="no drift", reason=reason, kind="", topics=(), form={})


def add_up(finding: Finding, history: Sequence[Row]) -> None:
    """Carry the cumulative sum on from the last window that shares no text with this one."""
    own = [row for row in history if _same(row, finding)]
    start = finding.window.start
    # Windows of a quiet series overlap; what they share must not count twice.
    apart = [row for row in own if start is not None and row["window_end"] < start]
    before = float(apart[-1]["cumulative"] or 0.0) if apart else 0.0
    p_value = finding.verdict.p_value
    finding.cumulative = before if p_value is None else accumulate(before, p_value)
    finding.gradual = p_value is not None and finding.cumulative >= ALARM


def drifting_since(finding: Finding, history: Sequence[Row]) -> datetime | None:
    """Start of the first of the windows that drifted in a row up to this one; None when this one did not."""
    if not finding.drifted:
        return None
    last = next((row for row in reversed(history) if _same(row, finding)), None)
    if last is not None and last["status"] == "drifted" and last["since"] is not None:
        since: datetime = last["since"]
        return since
    return finding.window.start


def alerts_of(findings: Iterable[Finding], history: Sequence[Row]) -> list[Alert]:
    """An alert for each drift, and the end of each that is over."""
    alerts = []
    for finding in findings:
        if finding.drifted:
            alerts.append(alert_of(finding, "open"))
            continue
        last = next((row for row in reversed(history) if _same(row, finding)), None)
        over = last is not None and last["status"] == "drifted" and finding.verdict.status == "no drift"
        if over and last is not None:
            finding.since = last["since"]
            alerts.append(alert_of(finding, "resolved"))
            finding.since = None
    return alerts


def _same(row: Mapping[str, Any], finding: Finding) -> bool:
    return bool(row["series_id"] == finding.series.series_id and row["baseline"] == finding.baseline_kind)
