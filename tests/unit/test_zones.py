"""Axes and hours where a clock is put back: New York has the hour from one to two twice on 1 November 2026."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from spanloft_dashboard.components import distribution, ticks
from spanloft_dashboard.components import format as fmt

NEW_YORK = ZoneInfo("America/New_York")
MOVED = dt.datetime(2026, 11, 1, 6)  # noqa: DTZ001 - naive UTC
HOUR = dt.timedelta(hours=1)


def test_ticks_stand_where_the_clock_shows_what_they_say() -> None:
    low, high = (ticks.milliseconds(MOVED + hours * HOUR) for hours in (-6, 6))
    found = ticks.of_time(low, high, count=12, zone=NEW_YORK)
    assert [at for at, _ in found] == sorted({at for at, _ in found})
    for at, label in found:
        moment = dt.datetime.fromtimestamp(at / 1000, NEW_YORK)
        assert label.split("\n")[0] == f"{moment:%H:%M}"
    assert [label.split("\n")[0] for _, label in found][-3:] == ["05:00", "06:00", "07:00"]


@pytest.mark.parametrize(("days", "expected"), [(30, MOVED), (3, None)])
def test_the_change_of_the_clock_is_found(monkeypatch: pytest.MonkeyPatch, days: int, expected: object) -> None:
    monkeypatch.setattr(fmt, "viewer_zone", lambda: NEW_YORK)
    until = dt.datetime(2026, 11, 28, 10)  # noqa: DTZ001 - naive UTC
    since = until - dt.timedelta(days=days)
    assert distribution._moved(since, until) == (expected or since)
    assert distribution._ahead(MOVED) == -5 * 3_600
    assert distribution._ahead(MOVED - HOUR) == -4 * 3_600
