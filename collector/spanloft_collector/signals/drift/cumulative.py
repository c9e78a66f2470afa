"""Gradual drift: many windows that are each a little unusual are together a lot (one-sided CUSUM)."""

from __future__ import annotations

import math

from scipy import special

ALLOWANCE = 0.5
"""Standard deviations that a window may lie above its expectation without adding to the sum."""
ALARM = 5.0
"""Sum that is an alarm of a single series: where nothing changes, one in about 900 windows."""
FALSE_ALARMS = 0.05
"""Chance that any of a day's series stands at its alarm where nothing changes."""
_OVERSHOOT = 0.583
"""Siegmund's correction for sums that are looked at once a window."""
_MOST = 4.0
"""Standard deviations that one window counts at the most: a single odd day is no gradual drift."""
_BEYOND = 2.0
"""How far the sum goes beyond the alarm: four ordinary windows end what took months to add up."""


def alarm_level(series: int) -> float:
    """Sum that is an alarm where so many series are watched: ALARM up to 13 of them, 7.7 for 200."""
    # Where nothing changes, the share of windows whose sum is at least h is exp(-2 ALLOWANCE (h + _OVERSHOOT)).
    wanted = math.log(max(series, 1) / FALSE_ALARMS) / (2 * ALLOWANCE) - _OVERSHOOT
    return max(ALARM, wanted)


def accumulate(before: float, p_value: float, alarm: float = ALARM) -> float:
    """The sum after one more window.

    Args:
        before: the sum before it; 0 at the beginning.
        p_value: of the window.
        alarm: see ``alarm_level``.
    """
    # The normal quantile; ``stats.norm.isf`` gives the same number at a hundred times the cost.
    score = min(-float(special.ndtri(min(max(p_value, 1e-12), 1 - 1e-12))), _MOST)
    return min(max(0.0, before + score - ALLOWANCE), alarm + _BEYOND)
