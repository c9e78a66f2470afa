"""Why the cost moved: the change as a sum of volume, mix, length of input and output, caching and price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, theme, ticks
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import Scope

FACTORS = {
    "volume": "Volume",
    "mix": "Models",
    "input": "Input",
    "cache": "Caching",
    "output": "Output",
    "price": "Prices",
}
KINDS = ("uncached", "read", "write", "output")
INPUTS = 3
"""The first three kinds are input."""


class Period(NamedTuple):
    """A period by model, n of them.

    Number of calls (n); tokens of a call by KINDS, shape (n, 4); dollars of a token, shape (n, 4); dollars of a call
    that no token explains (n).
    """

    calls: np.ndarray
    tokens: np.ndarray
    prices: np.ndarray
    other: np.ndarray


def query_name(scope: Scope) -> str:
    """The query that obeys the filters of ``scope``."""
    narrow = any(scope.filters.get(name) for name in ("service", "operation", "status"))
    return "cost_moves_filtered" if narrow else "cost_moves"


def periods(rows: Sequence[dict[str, Any]]) -> tuple[Period, Period]:
    """The period before and this one; models in the same order in both.

    A model that one of them does not know has the tokens and prices of the other there, so that its coming or going is
    a matter of the mix.
    """
    models = sorted({(str(row["provider"]), str(row["model"])) for row in rows})
    sides = []
    for name in ("before", "now"):
        found = {(str(row["provider"]), str(row["model"])): row for row in rows if row["period"] == name}
        sides.append([found.get(model) for model in models])
    before, now = (_period(side, other) for side, other in (sides, reversed(sides)))
    return before, now


def _period(side: Sequence[dict[str, Any] | None], other: Sequence[dict[str, Any] | None]) -> Period:
    calls = np.array([row["calls"] if row else 0 for row in side], dtype=float)
    filled = [row or spare or {} for row, spare in zip(side, other, strict=True)]
    per_call = np.array([[(row[f"{kind}_tokens"] or 0.0) / row["calls"] for kind in KINDS] for row in filled])
    prices = np.array([[_price(row, spare, kind) for kind in KINDS] for row, spare in zip(filled, other, strict=True)])
    explained = (per_call * prices).sum(axis=1)
    rest = np.array([row["cost_usd"] / row["calls"] for row in filled]) - explained
    return Period(calls, per_call, prices, rest)


def _price(row: dict[str, Any], spare: dict[str, Any] | None, kind: str) -> float:
    """Dollars of a token; what was not used has the price that it had in the other period."""
    for found in (row, spare):
        if found and found[f"{kind}_tokens"]:
            return float((found[f"{kind}_usd"] or 0.0) / found[f"{kind}_tokens"])
    return 0.0


def cost(before: Period, now: Period, changed: frozenset[str]) -> float:
    """What calls would cost if only the factors in ``changed`` were those of ``now``."""

    def pick(factor: str) -> Period:
        return now if factor in changed else before

    total = pick("volume").calls.sum()
    shares = pick("mix").calls / max(pick("mix").calls.sum(), 1.0)
    amount = pick("input").tokens[:, :INPUTS].sum(axis=1)
    cached = pick("cache").tokens[:, :INPUTS]
    split = cached / np.maximum(cached.sum(axis=1, keepdims=True), 1e-12)
    tokens = np.column_stack([amount[:, None] * split, pick("output").tokens[:, INPUTS]])
    priced = pick("price")
    return float(total * (shares * ((tokens * priced.prices).sum(axis=1) + priced.other)).sum())


def contributions(before: Period, now: Period) -> dict[str, float]:
    """Dollars that each factor added, whose sum is the whole change.

    The effect of a factor depends on which others have changed already; Shapley's value is its mean over all orders.
    """
    names = list(FACTORS)
    worth = {
        frozenset(chosen): cost(before, now, frozenset(chosen))
        for size in range(len(names) + 1)
        for chosen in combinations(names, size)
    }
    found = {}
    for name in names:
        found[name] = sum(
            math.factorial(len(chosen))
            * math.factorial(len(names) - len(chosen) - 1)
            / math.factorial(len(names))
            * (worth[chosen | {name}] - worth[chosen])
            for chosen in worth
            if name not in chosen
        )
    return found


def moves(scope: Scope) -> None:
    """Draw the waterfall from the cost of the period before to that of this one."""
    if scope.window().before is None:
        raise EmptyPanel("There is no earlier period in the store to compare with.")
    rows = data.rows(query_name(scope), scope.parameters())
    if {row["period"] for row in rows} != {"before", "now"}:
        raise EmptyPanel("One of the two periods has no call with a price.")
    before, now = periods(rows)
    parts = contributions(before, now)
    start, end = cost(before, now, frozenset()), cost(before, now, frozenset(FACTORS))
    _draw(start, parts, end, scope)
    st.caption(
        "Volume: number of calls; models: which ones; input and output: their length. Each bar is what its factor "
        "alone changed, averaged over all orders of change (Shapley); together they are the whole."
    )


def _draw(start: float, parts: Mapping[str, float], end: float, scope: Scope) -> None:
    labels = ["Before", *FACTORS.values(), "Now"]
    edges = np.cumsum([start, *parts.values()]).tolist()
    low, high = [0.0, *edges[:-1], 0.0], [start, *edges[1:], end]
    texts = [fmt.money(start), *(_signed(value) for value in parts.values()), fmt.money(end)]
    colors = [theme.ERROR if value >= 0 else theme.SERIES[1] for value in parts.values()]
    places = list(range(len(labels)))
    x = {"min": -0.6, "max": len(labels) - 0.4, "ticks": list(zip(places, labels, strict=True)), "tight": True}
    y = ticks.of_numbers(min(0.0, *low, *high), max(*low, *high), prefix="$")
    chart = charts.Chart(
        charts.Axis(prefix="$", height=236), "column", x, {"min": y[0][0], "max": y[-1][0], "ticks": y}, top=22
    )
    chart.add(
        "boxes", "", theme.COST, places, high, to=high, texts=texts, width=0.72,
        colors=[theme.COST, *colors, theme.COST], quiet=True, **{"from": low},
        labels=[f"{label}: {text}" for label, text in zip(labels, texts, strict=True)],
    )  # fmt: skip
    mark = charts.pick_mark(
        chart, "moves", alt="Why the cost moved: " + ", ".join(f"{n} {t}" for n, t in zip(labels, texts, strict=True))
    )
    if mark:
        window = scope.window()
        period = {}
        if mark.place == 0 and window.before:
            period = charts.Picked(window.before, window.since, None).url()
        links.go("traces", scope, kind="calls", sort="dearest", **period)


def _signed(value: float) -> str:
    """A change to the cent; one that is less reads as 0."""
    cents = round(value, 2)
    return f"{'+' if cents > 0 else '−' if cents < 0 else ''}${abs(cents):,.2f}" if cents else "$0"
