"""Gradual drift: many windows that are each a little unusual are together a lot (one-sided CUSUM)."""

from __future__ import annotations

from scipy import stats

ALLOWANCE = 0.5
"""Standard deviations that a window may lie above its expectation without adding to the sum."""
ALARM = 5.0
"""Sum that is an alarm: where nothing changes, one such alarm in about 900 windows (allowance 0.5)."""
_MOST = 4.0
"""Standard deviations that one window counts at the most: a single odd day is no gradual drift."""


def accumulate(before: float, p_value: float) -> float:
    """The sum after one more window.

    Args:
        before: the sum before it; 0 at the beginning.
        p_value: of the window.
    """
    score = min(float(stats.norm.isf(min(max(p_value, 1e-12), 1 - 1e-12))), _MOST)
    return max(0.0, before + score - ALLOWANCE)
