"""Cards: a number, its trend, and its change against the period before."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.markup import esc, icon, put
from spanloft_dashboard.components.panel import sql_button
from spanloft_dashboard.components.scope import Scope

UNCHANGED = "0 %"
TREND_WIDTH, TREND_HEIGHT = 120, 34
"""Of the picture's own coordinates; it is as wide as its card."""
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


def cards(items: Sequence[Card], scope: Scope, query: str, *, width: int = 146) -> None:
    """Draw cards of equal height in a row that wraps; ``query`` is behind them, ``width`` is the least of a card."""
    plain = "" if any(item.trend for item in items) else " plain"
    drawn = "".join(_card(item, scope) for item in items)
    button = sql_button("cards", "the figures", scope, [query], Scope.parameters)
    put(f'<div class="sl-cards{plain}" style="--least:{width}px">{drawn}{button}</div>')


def _card(item: Card, scope: Scope) -> str:
    about = (
        f'<span class="sl-about" role="img" tabindex="0" aria-label="{esc(item.help)}" data-tip="{esc(item.help)}">'
        f"{icon('help')}</span>"
        if item.help
        else ""
    )
    return (
        f'<div class="sl-card" style="{html.escape(_trend(item.trend))}"><div class="sl-card-label">'
        f'<span>{esc(item.label)}</span>{about}</div><div class="sl-card-value">{esc(item.value)}</div>'
        f"{_change(item, scope)}</div>"
    )


def _change(item: Card, scope: Scope) -> str:
    """The change against the period before; nothing where there is no such period."""
    change = fmt.change(item.now, item.before)
    if item.before == 0 and item.now is not None:
        change = UNCHANGED if item.now == 0 else "new"
    if change is None:
        return '<div class="sl-card-change">no earlier data</div>' if scope.window().before is not None else ""
    color, sign = "", ""
    if change != UNCHANGED:
        falls = change.startswith("-")
        sign = icon("arrow_downward" if falls else "arrow_upward")
        if item.good != "none":
            color = " good" if falls == (item.good == "down") else " bad"
    return f'<div class="sl-card-change{color}"><b>{sign}{esc(change)}</b> <span>{esc(scope.previous)}</span></div>'


def _trend(values: Sequence[float | None]) -> str:
    """A card's trend as the picture behind it."""
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
    return f'background-image: url("data:image/svg+xml,{quote(picture)}")'
