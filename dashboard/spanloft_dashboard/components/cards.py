"""Cards: a number, its trend, and its change against the period before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.scope import Scope

UNCHANGED = "0 %"
TREND_WIDTH, TREND_HEIGHT = 120, 34
"""Of the picture's own coordinates; it is as wide as its card."""
PLAIN = '.st-key-cards [data-testid="stMetric"] {padding-bottom: 12px}'
"""Without any trend cards need no room for one."""
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
    with st.container(key="cards", gap=None):
        with st.grid(columns=len(items), min_column_width=width, gap="xsmall"):
            for place, item in enumerate(items):
                with st.container(key=f"card-{place}", height="stretch"):
                    _card(item, scope)
        # Rules alone would go to a container outside, which a fragment may not write to.
        rules = "".join(_trend(place, item.trend) for place, item in enumerate(items))
        st.html(f"<i></i><style>{rules or PLAIN}</style>")


def _trend(place: int, values: Sequence[float | None]) -> str:
    """A card's trend as the picture behind it; Streamlit's own sparklines load a chart library of 0.8 MB."""
    found = [0.0 if value is None else float(value) for value in values]
    low, high = min([0.0, *found]), max([0.0, *found])
    if len(found) < 2 or high == low:
        return ""
    step = TREND_WIDTH / (len(found) - 1)
    line = "L".join(
        f"{number * step:.1f} {TREND_HEIGHT - 1 - (value - low) / (high - low) * (TREND_HEIGHT - 3):.1f}"
        for number, value in enumerate(found)
    )
    size = f"{TREND_WIDTH} {TREND_HEIGHT}"
    picture = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {size}' preserveAspectRatio='none'>"
        f"<path d='M0 {TREND_HEIGHT}L{line}L{size}Z' fill='{theme.CALLS}' fill-opacity='.13'/>"
        f"<path d='M{line}' fill='none' stroke='{theme.CALLS}' stroke-width='1.5' vector-effect='non-scaling-stroke'/>"
        "</svg>"
    )
    rule = f'background-image: url("data:image/svg+xml,{quote(picture)}")'
    return f'.st-key-card-{place} [data-testid="stMetric"] {{{rule}}}'


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
    st.metric(
        item.label,
        item.value,
        delta=delta if delta is not None else "no earlier data" if compared else None,
        delta_color=color,
        delta_arrow="auto" if moved else "off",
        delta_description=scope.previous if delta is not None else None,
        help=item.help or None,
        height="stretch",
    )
