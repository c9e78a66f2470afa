"""Budget: what is left of the month's, and whether it will last."""

from __future__ import annotations

import calendar
import datetime as dt
import os
import statistics
from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, theme, ticks
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import Scope, set_url

VARIABLE = "SPANLOFT_MONTHLY_BUDGET_USD"
RECENT_DAYS = 7
_Z = 1.96


class Outlook(NamedTuple):
    """Dollars spent so far, and those of the whole month: expected, and the ends of a 95 % range."""

    spent: float
    expected: float
    low: float
    high: float


def monthly_budget() -> float | None:
    """The budget of the link, else of the setting; None when there is none."""
    for text in (st.query_params.get("budget"), os.environ.get(VARIABLE)):
        try:
            value = float(text or "")
        except ValueError:
            continue
        if value > 0:
            return value
    return None


def outlook(days: Mapping[dt.date, float], now: dt.datetime) -> Outlook:
    """Forecast of the month of ``now`` (UTC) from its daily costs: goes on like the last seven whole days.

    The range takes days as independent of one another; with fewer than two whole days there is none, and it is as wide
    as nothing.
    """
    spent = sum(days.values())
    length = calendar.monthrange(now.year, now.month)[1]
    whole = [now.date() - dt.timedelta(days=back) for back in range(1, RECENT_DAYS + 1)]
    recent = [days.get(day, 0.0) for day in whole if day.month == now.month and day >= min(days, default=day)]
    passed = (now - dt.datetime.combine(now.date(), dt.time())) / dt.timedelta(days=1)
    left = length - now.day + 1 - passed
    if not recent:
        daily, spread = spent / max(passed, 1 / 24), 0.0
    else:
        daily = statistics.fmean(recent)
        spread = statistics.stdev(recent) if len(recent) > 1 else 0.0
    expected = spent + daily * left
    margin = _Z * spread * left**0.5
    return Outlook(spent, expected, max(spent, expected - margin), expected + margin)


def budget(scope: Scope) -> None:
    """Draw the burn-down of this month, or the field to enter a budget."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    parameters = scope.parameters() | {"until": now.replace(second=0, microsecond=0)}
    days = {row["day"]: float(row["cost_usd"] or 0.0) for row in data.rows("cost_month", parameters)}
    found = outlook(days, now)
    limit = monthly_budget()
    st.session_state["_budget"] = limit
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("US dollars a month", width="content")
        st.number_input(
            "Monthly budget in US dollars",
            min_value=0.0,
            key="_budget",
            label_visibility="collapsed",
            placeholder="none set",
            on_change=lambda: set_url(
                budget=f"{st.session_state['_budget']:g}" if st.session_state["_budget"] else None
            ),
            width=150,
        )
    likely = f"{fmt.money(found.expected)} ({fmt.money(found.low)} to {fmt.money(found.high)})"
    words = f"Spent {fmt.money(found.spent)} in {now:%B}; at this pace {likely} by its end."
    if limit is not None:
        words += f" {_verdict(found, limit, days, now)}"
    st.markdown(fmt.label(words, 400))
    if limit is None:
        st.caption(f"Set a budget here for this link, or for everybody with {VARIABLE}.")
    _draw(days, found, limit, now, scope)


def _verdict(found: Outlook, limit: float, days: Mapping[dt.date, float], now: dt.datetime) -> str:
    if found.spent > limit:
        return "The budget is used up."
    if found.low > limit:
        return "The budget will not last."
    return "The budget may not last." if found.high > limit else "The budget lasts."


def _draw(days: Mapping[dt.date, float], found: Outlook, limit: float | None, now: dt.datetime, scope: Scope) -> None:
    """Draw what is left of the budget day by day; without a budget, what is spent."""
    first = dt.datetime(now.year, now.month, 1)  # noqa: DTZ001 - the store's times are UTC without zone
    end = first + dt.timedelta(days=calendar.monthrange(now.year, now.month)[1])
    top, sign, word = (0.0, 1.0, "spent") if limit is None else (limit, -1.0, "left")
    xs, ys = [first], [top]
    for day in sorted(days):
        ys.append(ys[-1] + sign * days[day])
        xs.append(min(dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1), now))
    start, stop, latest = (ticks.milliseconds(moment) for moment in (first, end, xs[-1]))
    x = {"min": start, "max": stop, "ticks": ticks.of_time(start, stop)}
    chart = charts.Chart(charts.Axis(prefix="$", digits=2), "point", x)
    if limit is not None:
        chart.add("line", "even pace", theme.UNKNOWN, [start, stop], [limit, 0.0], dash=True)
    low, high = top + sign * found.low, top + sign * found.high
    chart.add("band", "likely range", theme.COST, [latest, stop, stop], [ys[-1], low, high], quiet=True)
    chart.add("line", "at this pace", theme.COST, [latest, stop], [ys[-1], top + sign * found.expected], dash=True)
    labels = [f"{moment:%-d %b}: {fmt.money(value)} {word}" for moment, value in zip(xs, ys, strict=True)]
    name = f"{word} of the budget" if limit is not None else "spent"
    chart.add("line", name, theme.COST, [ticks.milliseconds(at) for at in xs], ys, labels=labels)
    mark = charts.pick_mark(chart, "budget", alt=f"What is {word} of this month's money")
    if mark:
        day = max(xs[mark.place] - dt.timedelta(days=1), first).replace(hour=0, minute=0, second=0, microsecond=0)
        period = charts.Picked(day, day + dt.timedelta(days=1), None).url()
        links.go("traces", scope, kind="calls", sort="dearest", **period)
