"""Cards: a number, its trend, and its change against the period before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import Scope

UNCHANGED = "0 %"
Good = Literal["up", "down", "none"]


@dataclass(frozen=True)
class Card:
    """A card.

    ``good`` says which direction is welcome: 'down' for cost and errors, 'up' for speed, 'none' for volume.
    """

    label: str
    value: str
    now: float | None = None
    before: float | None = None
    trend: Sequence[float | None] = ()
    good: Good = "none"
    help: str = ""


def cards(items: Sequence[Card], scope: Scope, *, width: int = 146) -> None:
    """Draw cards of equal height in a row that wraps."""
    with st.grid(columns=len(items), min_column_width=width, gap="xsmall"):
        for item in items:
            _card(item, scope)


def _change(item: Card) -> str | None:
    """Change against the period before in words; None when nothing is known of that period."""
    if item.before == 0 and item.now is not None:
        return UNCHANGED if item.now == 0 else "new"
    return fmt.change(item.now, item.before)


def _card(item: Card, scope: Scope) -> None:
    delta = _change(item)
    compared = scope.window().before is not None
    moved = delta is not None and delta != UNCHANGED
    color: Literal["off", "normal", "inverse"] = "off"
    if moved and item.good != "none":
        color = "normal" if item.good == "up" else "inverse"
    trend = [0.0 if value is None else float(value) for value in item.trend]
    st.metric(
        item.label,
        item.value,
        delta=delta if delta is not None else "no earlier data" if compared else None,
        delta_color=color,
        delta_arrow="auto" if moved else "off",
        delta_description=scope.previous if delta is not None else None,
        help=item.help or None,
        height="stretch",
        chart_data=trend if len(trend) > 1 else None,
        chart_type="area",
    )
