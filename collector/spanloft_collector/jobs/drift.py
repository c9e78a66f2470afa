"""Each day and series: have its texts drifted from their baseline, how sure is that, what moved, and since when."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import islice

from scipy import stats

from spanloft_collector.jobs.alerting import Alert, alerts_table
from spanloft_collector.jobs.base import FIRST, Output, utc_now
from spanloft_collector.jobs.drift_rows import Finding, Gradual, alert_of, topic_rows, window_row
from spanloft_collector.jobs.drift_series import Calls, Family, Pinned, Row, Series, SeriesWindows
from spanloft_collector.jobs.drift_texts import FamilyTexts
from spanloft_collector.jobs.spreading import Here, Spread
from spanloft_collector.signals.drift.baseline import Baseline, Sample, window_size
from spanloft_collector.signals.drift.cumulative import accumulate, alarm_level
from spanloft_collector.signals.drift.verdict import ALPHA, Verdict, judge, too_dependent, too_few
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import rows_to_table

FALSE_DISCOVERIES = 0.05
"""Share of wrong ones among the series that are called drifted."""
EXPLAINED = 0.3
"""p-value of a window up to which it is worked out what moved: it may be one of a gradual drift."""
KEPT_BASELINES = 32
Window = tuple[str, str]
"""Id of a series, and kind of its baseline."""
MATCHES = 8
"""Windows and baselines that are held at the same time, for each process: about 10 MB each."""


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

    def __init__(self, pinned: Pinned | None = None, spread: Spread | None = None) -> None:
        """Prepare; baselines are fitted over ``spread``, here when not given."""
        self.pinned = pinned
        self.spread: Spread = spread or Here()
        self._fitted: OrderedDict[str, Baseline] = OrderedDict()

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Judge the days that the window touches."""
        touched = reader.query("job_drift_days", {"since": max(since, FIRST), "until": until}, timeout_s=600)
        models = reader.query("job_drift_model", {"until": utc_now()}, timeout_s=600)
        days: list[date] = touched.column("day").to_pylist()
        if not days or not models.num_rows:
            return Output({})
        found = list(self._judge(reader, days, models.to_pylist()[0]))
        known = reader.query("job_drift_previous", {"days": days}, timeout_s=600).to_pylist()
        windows: list[Row] = []
        topics: list[Row] = []
        alerts: list[Alert] = []
        computed_at = utc_now()
        for day in days:
            findings = [finding for finding in found if finding.day == day]
            history = by_window(row for row in [*known, *windows] if row["day"] < day)
            settle(findings, history)
            alerts += alerts_of(findings, history)
            windows += [window_row(finding, computed_at) for finding in findings]
            topics += [row for finding in findings for row in topic_rows(finding)]
        names = [day.isoformat() for day in days]
        tables = {
            "drift_windows": rows_to_table("drift_windows", windows),
            "drift_topics": rows_to_table("drift_topics", topics),
            # A drift that goes on over several of the days is one alert.
            "alerts": alerts_table({alert.alert_id: alert for alert in alerts}.values()),
        }
        return Output(tables, dict.fromkeys(tables, names))

    def _judge(self, reader: Reader, days: Sequence[date], model: Mapping[str, str]) -> Iterator[Finding]:
        """Every series' windows of the days, series by series: one's texts are read once and then let go."""
        matches = self._matches(reader, days, model)
        while batch := list(islice(matches, MATCHES * self.spread.processes)):
            fitted = self._fit([match for match in batch if not match.reason])
            for match in batch:
                verdict = match.judge(fitted)
                yield Finding.of(
                    match.series, match.day, match.kind, match.baseline, match.window, verdict, "/".join(model.values())
                )

    def _matches(self, reader: Reader, days: Sequence[date], model: Mapping[str, str]) -> Iterator[_Match]:
        families: dict[Family, list[tuple[Series, date, int]]] = {}
        for row in reader.query("job_drift_series", {"days": list(days)}, timeout_s=600).to_pylist():
            day, count = row.pop("day"), row.pop("texts")
            series = Series(**row)
            families.setdefault(series.family, []).append((series, day, count))
        for family, wanted in families.items():
            texts = FamilyTexts(reader, family, model, [day for _, day, _ in wanted], self.pinned)
            for series, day, count in wanted:
                windows = SeriesWindows(texts, series)
                window = windows.window(day, count)
                if len(window):
                    for kind, baseline in windows.baselines(window, self.pinned).items():
                        yield _Match(series, day, kind, baseline, window)

    def _fit(self, matches: Sequence[_Match]) -> dict[str, Baseline]:
        """The matches' baselines by key; those that were fitted before are taken from there."""
        new = {match.key: match for match in matches if match.key not in self._fitted}
        made = self.spread.map(_fit_baseline, [match.to_fit for match in new.values()])
        self._fitted.update(zip(new, made, strict=True))
        for match in matches:
            self._fitted.move_to_end(match.key)
        needed = {match.key: self._fitted[match.key] for match in matches}
        while len(self._fitted) > KEPT_BASELINES:
            self._fitted.popitem(last=False)
        return needed


@dataclass(frozen=True)
class _Match:
    """A window and one of its baselines."""

    series: Series
    day: date
    kind: str
    baseline: Calls
    window: Calls

    @cached_property
    def reason(self) -> str:
        """Why there can be no verdict; empty when there can."""
        return too_few(len(self.baseline), len(self.window)) or too_dependent(self.baseline.sample)

    @property
    def span_s(self) -> float:
        """Time that the window covers, in whole hours: else each call of a day that goes on would be a new fit."""
        return 3600.0 * math.ceil(self.window.sample.span_s / 3600)

    @property
    def to_fit(self) -> tuple[Sample, int, float]:
        """What ``_fit_baseline`` needs."""
        return self.baseline.sample, len(self.window), self.span_s

    @cached_property
    def key(self) -> str:
        """The same for baselines that are fitted alike."""
        digest = hashlib.sha256()
        for row in self.baseline.rows:
            digest.update(f"{row['span_id']}{row['text_key']}".encode())
        size = window_size(len(self.window), len(self.baseline))
        return f"{self.series.series_id}/{self.kind}/{size}/{self.span_s:.0f}/{digest.hexdigest()}"

    def judge(self, fitted: Mapping[str, Baseline]) -> Verdict:
        """The verdict, by the fitted baselines."""
        if self.reason:
            return Verdict("not enough data", len(self.baseline), len(self.window), self.reason)
        return judge(self.baseline.sample, self.window.sample, fitted=fitted[self.key], explain=EXPLAINED)


def _fit_baseline(given: tuple[Sample, int, float]) -> Baseline:
    sample, window, span_s = given
    return Baseline.fit(sample, window, span_s=span_s)


def settle(findings: Sequence[Finding], history: Mapping[Window, Sequence[Row]]) -> None:
    """What only all series of a day and the days before them can say: q-values, sums, and since when."""
    adjust(findings)
    alarm = alarm_level(sum(finding.verdict.p_value is not None for finding in findings))
    for finding in findings:
        before = history.get(_window_of(finding), ())
        add_up(finding, before, alarm)
        finding.since = drifting_since(finding, before)
        if not finding.drifted:
            finding.verdict = replace(finding.verdict, kind="", topics=(), form={})


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
            finding.verdict = replace(finding.verdict, status="no drift", reason=reason)


def add_up(finding: Finding, before: Sequence[Row], alarm: float) -> None:
    """Carry the cumulative sum on from the last window that shares no text with this one."""
    # Windows of a quiet series overlap; what they share must not count twice.
    apart = [row for row in before if row["window_end"] < finding.window_times[0]]
    level = float(apart[-1]["cumulative"] or 0.0) if apart else 0.0
    p_value = finding.verdict.p_value
    if p_value is None or finding.verdict.status == "drifted":
        # A window that drifted by itself has said so; were it added, it would say so again when all is over.
        finding.cumulative = level
        return
    finding.cumulative = accumulate(level, p_value, alarm)
    if finding.cumulative >= alarm:
        finding.gradual = Gradual(alarm, _rising_since(apart) or finding.window_times[0])


def _rising_since(apart: Sequence[Row]) -> datetime | None:
    """Start of the first of the last windows in a row whose sum is above 0."""
    first: datetime | None = None
    for row in reversed(apart):
        if not row["cumulative"]:
            break
        first = row["window_start"]
    return first


def drifting_since(finding: Finding, before: Sequence[Row]) -> datetime | None:
    """Start of the first of the windows that drifted in a row up to this one; None when this one did not."""
    if not finding.drifted:
        return None
    if before and before[-1]["status"] == "drifted" and before[-1]["since"] is not None:
        since: datetime = before[-1]["since"]
        return since
    return finding.gradual.since if finding.gradual else finding.window_times[0]


def alerts_of(findings: Iterable[Finding], history: Mapping[Window, Sequence[Row]]) -> list[Alert]:
    """An alert for each drift, and the end of each that is over."""
    alerts = []
    for finding in findings:
        if finding.drifted:
            alerts.append(alert_of(finding, "open"))
            continue
        last = next(reversed(history.get(_window_of(finding), ())), None)
        if last is not None and last["status"] == "drifted" and finding.verdict.status == "no drift":
            finding.since = last["since"]
            alerts.append(alert_of(finding, "resolved"))
            finding.since = None
    return alerts


def by_window(rows: Iterable[Row]) -> dict[Window, list[Row]]:
    """Rows of ``drift_windows`` of each series against each of its baselines, oldest first."""
    found: dict[Window, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["day"]):
        found.setdefault((row["series_id"], row["baseline"]), []).append(row)
    return found


def _window_of(finding: Finding) -> Window:
    return finding.series.series_id, finding.baseline_kind
