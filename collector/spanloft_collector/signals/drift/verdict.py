"""The verdict on a window: drifted or not, how sure, how much, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from spanloft_collector.signals.drift.baseline import Baseline, Measured, Sample, window_size
from spanloft_collector.signals.drift.form import FEATURES
from spanloft_collector.signals.drift.geometry import Doubles, Floats, Integers, draws
from spanloft_collector.signals.drift.threads import on_one_thread
from spanloft_collector.signals.drift.topics import Topic, find_topics

ALPHA = 0.01
MIN_TEXTS = 200
"""Texts that a window and a baseline need each for a verdict."""
MIN_SESSIONS = 20
MAX_SESSION_SHARE = 0.2
BOOTSTRAPS = 200
_LEAST_SPREAD = 0.05
FORM_SHIFT = 4.0
"""Standard errors from which a feature of the form is named."""

Status = Literal["drifted", "no drift", "not enough data"]


@dataclass(frozen=True)
class Effect:
    """How far the window's middle lies from the baseline's, in units of the wider spread, with a 95 % interval.

    About the share of texts that moved, where they moved to another topic.
    """

    size: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """What is known of one window."""

    status: Status
    n_baseline: int
    n_window: int
    reason: str = ""
    """Why there is no verdict, or why not all texts took part."""
    p_value: float | None = None
    kind: str = ""
    """Of a drift: ``topic``, ``style``, or ``topic and style``."""
    effect: Effect | None = None
    topics: Sequence[Topic] = ()
    form: dict[str, float] = field(default_factory=dict)
    """Features of the form that shifted, in standard errors, the largest first."""
    evidence: dict[str, float] = field(default_factory=dict)
    """-log10 p of each group of statistics, before they are adjusted for being several."""
    rows: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Rows of the window that took part; topics' examples count within them."""

    @property
    def drifted(self) -> bool | None:
        """Whether it drifted; None without a verdict."""
        return None if self.status == "not enough data" else self.status == "drifted"


def too_few(baseline: int, window: int) -> str:
    """Why there can be no verdict on so many texts; empty when there can."""
    for what, count in (("window", window), ("baseline", baseline)):
        if count < MIN_TEXTS:
            return f"the {what} has {count} texts; a verdict needs {MIN_TEXTS}"
    return ""


def too_dependent(sample: Sample) -> str:
    """Why a baseline's sessions can't calibrate a verdict; empty when they can.

    What is kept together can't be drawn at random: a handful of sessions says nothing of how much others differ.
    """
    _, sizes = np.unique(sample.units, return_counts=True)
    if len(sizes) < MIN_SESSIONS:
        return f"the baseline has {len(sizes)} sessions; a verdict needs {MIN_SESSIONS}"
    if sizes.max() > MAX_SESSION_SHARE * len(sample):
        share = sizes.max() / len(sample)
        return f"one session has {share:.0%} of the baseline's texts; a verdict needs at most {MAX_SESSION_SHARE:.0%}"
    return ""


@on_one_thread
def judge(
    baseline: Sample,
    window: Sample,
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    fitted: Baseline | None = None,
    explain: float | None = None,
) -> Verdict:
    """Compare a window with a baseline.

    Args:
        baseline: texts of the time before.
        window: texts of the time in question; a window that is large against the baseline is thinned out.
        alpha: false alarms that are accepted, as a share of windows.
        seed: the same seed and data give the same verdict.
        fitted: the baseline, fitted before for windows of this size; fitted here when not given.
        explain: p-value up to which it is said what moved; ``alpha`` when not given.
    """
    counts = (len(baseline), len(window))
    if reason := too_few(*counts) or too_dependent(baseline):
        return Verdict("not enough data", *counts, reason)
    size = window_size(len(window), len(baseline))
    if fitted is None or fitted.window != size:
        fitted = Baseline.fit(baseline, size, seed, span_s=window.span_s)
    rows = np.arange(len(window))
    if size < len(window):
        rows = np.sort(next(draws(window.units, size, 1, np.random.default_rng(seed))))
        reason = f"{size} of the window's {len(window)} texts were compared: the baseline is too small for more"
    judged = window.take(rows)
    measured = fitted.measure(judged)
    effect = estimate_effect(fitted, judged, measured, seed)
    if measured.p_value > max(alpha, explain or 0.0):
        return Verdict("no drift", *counts, reason, measured.p_value, "", effect, (), {}, measured.groups, rows)
    topics = find_topics(fitted, judged, measured.comparison)
    form = shifted(measured.shifts)
    kind = _kind(topics, fitted, judged, measured, alpha)
    status: Status = "drifted" if measured.p_value <= alpha else "no drift"
    return Verdict(status, *counts, reason, measured.p_value, kind, effect, topics, form, measured.groups, rows)


def shifted(shifts: Doubles) -> dict[str, float]:
    """Features of the form that shifted, the largest first."""
    order = sorted(range(len(FEATURES)), key=lambda place: -abs(shifts[place]))
    return {FEATURES[place]: float(shifts[place]) for place in order if abs(shifts[place]) >= FORM_SHIFT}


def _kind(topics: Sequence[Topic], fitted: Baseline, window: Sample, measured: Measured, alpha: float) -> str:
    """A new topic brings its own form along: style is what the other texts changed, too."""
    grown = [topic.members for topic in topics if topic.change != "shrank"]
    rest = np.setdiff1d(np.arange(len(window)), np.concatenate(grown)) if grown else np.arange(len(window))
    style = len(rest) >= 2 and fitted.form_evidence(window.take(rest).texts) >= -np.log10(alpha)
    if topics and style:
        return "topic and style"
    return "topic" if topics or measured.groups["form"] < max(measured.groups.values()) / 2 else "style"


def estimate_effect(baseline: Baseline, window: Sample, measured: Measured, seed: int) -> Effect:
    """Effect of a window, its interval from bootstrap samples of its sessions."""
    space = baseline.raw
    count, size = len(baseline.sample), len(window)
    inner = np.exp(-space.gamma * measured.comparison.inner)
    across = np.exp(-space.gamma * measured.comparison.across).mean(1, dtype=np.float64)
    within = space.kernel_sum / (count * (count - 1))
    weights = np.concatenate([np.ones((1, size), np.float32), _bootstrap_weights(window.units, seed)])
    total = weights.sum(1, dtype=np.float64)
    pairs = np.einsum("rm,rm->r", weights @ inner, weights).astype(np.float64)
    own = np.square(weights).sum(1, dtype=np.float64)
    squared = (pairs - own) / (total**2 - own) - 2 * (weights @ across) / total + within
    # The wider of the two: a baseline of one constant text has no spread to measure a shift by.
    spread = max(1 - within, 1 - float((pairs[0] - size) / (size * (size - 1))), _LEAST_SPREAD)
    sizes = np.sqrt(np.maximum(squared, 0) / spread)
    low, high = np.quantile(sizes[1:], (0.025, 0.975))
    return Effect(float(sizes[0]), float(min(low, sizes[0])), float(max(high, sizes[0])))


def _bootstrap_weights(units: Integers, seed: int) -> Floats:
    """How often each text stands in each bootstrap sample of whole sessions: (BOOTSTRAPS, n)."""
    _, numbers = np.unique(units, return_inverse=True)
    sessions = int(numbers.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(sessions, np.full(sessions, 1 / sessions), size=BOOTSTRAPS)
    return np.asarray(counts[:, numbers], np.float32)
