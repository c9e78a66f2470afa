"""What a page looks at: a time range and filters. The URL is the only place where they are kept.

Widgets are filled from the URL in every run and write to it when they are changed, so a link, the browser's back
button and a page change all restore the same view.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from spanloft_collector.errors import SpanloftError

from spanloft_dashboard import data

RANGES: dict[str, tuple[int, int, str]] = {
    "15m": (900, 15, "15 minutes"),
    "1h": (3_600, 60, "hour"),
    "24h": (86_400, 1_800, "24 hours"),
    "7d": (7 * 86_400, 10_800, "7 days"),
    "14d": (14 * 86_400, 21_600, "14 days"),
    "30d": (30 * 86_400, 43_200, "30 days"),
}
"""Relative ranges: length in seconds, width of a chart's bucket in seconds, words."""

ALL, CUSTOM, DEFAULT = "all", "custom", "24h"
TARGET_BUCKETS = 60
TREND_BUCKETS = 2
UNCOVERED_SHARE = 0.1
HOUR_S = 3_600
BUCKETS = (1, 5, 15, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400)
FILTERS = ("service", "provider", "model", "operation", "status")
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the store's times are UTC without zone


@dataclass(frozen=True)
class Window:
    """A resolved time range, naive UTC: [since, until).

    ``before`` is where the earlier period of the same length began; None where the store does not reach back to it.
    """

    since: dt.datetime
    until: dt.datetime
    before: dt.datetime | None
    bucket_s: int

    @property
    def trend_s(self) -> int:
        """Width of a bucket of a card's trend in seconds: coarser than a chart's, so that it shows a trend."""
        return self.bucket_s * TREND_BUCKETS


@dataclass(frozen=True)
class Scope:
    """Time range and filters as they stand in the URL."""

    range: str = DEFAULT
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def from_url(cls) -> Scope:
        """Read the scope of the current URL; what can't be read falls back to the default."""
        found = st.query_params
        filters = {name: tuple(dict.fromkeys(found.get_all(name))) for name in FILTERS}
        scope = cls(filters={name: values for name, values in filters.items() if values}, text=found.get("q", ""))
        since, until = parse_time(found.get("from")), parse_time(found.get("to"))
        if since and until and since < until:
            return replace(scope, range=CUSTOM, since=since, until=until)
        chosen = found.get("range", DEFAULT)
        return replace(scope, range=chosen if chosen in RANGES or chosen == ALL else DEFAULT)

    def url(self, **changes: Any) -> dict[str, Any]:
        """Query parameters of this scope; ``changes`` replace filters or add parameters, None removes one."""
        values: dict[str, Any] = {name: list(chosen) for name, chosen in self.filters.items()}
        if self.range == CUSTOM and self.since and self.until:
            values |= {"from": iso(self.since), "to": iso(self.until)}
        elif self.range != DEFAULT:
            values["range"] = self.range
        if self.text:
            values["q"] = self.text
        values |= changes
        return {name: value for name, value in values.items() if value not in (None, "", [], ())}

    def window(self) -> Window:
        """Resolve the range against now, in steps, so that panels of one moment share their cached queries."""
        if self.range == CUSTOM and self.since and self.until:
            return _window(self.since, self.until, None)
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        if self.range == ALL:
            extent = data.first("common_extent")
            since = extent.get("first_time") or now - dt.timedelta(days=1)
            until = max(extent.get("last_time") or now, since) + dt.timedelta(seconds=1)
            if (until - since).total_seconds() > HOUR_S * TARGET_BUCKETS:
                since, until = (moment.replace(minute=0, second=0, microsecond=0) for moment in (since, until))
                until += dt.timedelta(seconds=HOUR_S)
            return replace(_window(since, until, None), before=None)
        length, bucket, _ = RANGES[self.range]
        # Long periods begin and end with an hour: their sums are kept by the hour, and an hour is less than a bar.
        step = HOUR_S if bucket >= HOUR_S else max(5, bucket // 30)
        until = EPOCH + dt.timedelta(seconds=(int((now - EPOCH).total_seconds()) // step + 1) * step)
        return _window(until - dt.timedelta(seconds=length), until, bucket)

    def parameters(self) -> dict[str, Any]:
        """Parameters of the named queries; a filter that is not set is NULL."""
        window = self.window()
        return {
            "since": window.since,
            "until": window.until,
            "before": window.before,
            "bucket_s": window.bucket_s,
            "trend_s": window.trend_s,
            "services": self._chosen("service"),
            "providers": self._chosen("provider"),
            "models": self._chosen("model"),
            "operations": self._chosen("operation"),
            "statuses": self._chosen("status"),
            "search": self.text or None,
        }

    def _chosen(self, name: str) -> list[str] | None:
        return list(self.filters[name]) if self.filters.get(name) else None

    @property
    def period(self) -> str:
        """The period in words: 'last 24 hours'."""
        if self.range in RANGES:
            return f"last {RANGES[self.range][2]}"
        return "all time" if self.range == ALL else "chosen period"

    @property
    def previous(self) -> str:
        """The period before in words: 'vs previous 24h'."""
        return f"vs previous {self.range}" if self.range in RANGES else "vs the period before"


def _window(since: dt.datetime, until: dt.datetime, bucket: int | None) -> Window:
    length = until - since
    if bucket is None:
        wanted = length.total_seconds() / TARGET_BUCKETS
        bucket = next((size for size in BUCKETS if size >= wanted), BUCKETS[-1])
    before = since - length
    return Window(since, until, before if _covered(before, length) else None, bucket)


def _covered(before: dt.datetime, length: dt.timedelta) -> bool:
    """Whether the store reaches back to the beginning of the earlier period: with a part of it nothing compares."""
    try:
        first = data.first("common_extent").get("first_time")
    except SpanloftError:
        return True
    return first is None or first <= before + length * UNCOVERED_SHARE


def iso(moment: dt.datetime) -> str:
    """A naive UTC time for the URL."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def parse_time(text: str | None) -> dt.datetime | None:
    """An ISO time of the URL as naive UTC; None when it is none."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def set_url(**changes: Any) -> None:
    """Change query parameters of the current page; None, '' and empty lists remove one."""
    for name, value in changes.items():
        if value in (None, "", [], ()):
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
