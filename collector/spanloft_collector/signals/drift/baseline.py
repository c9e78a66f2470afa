"""A baseline: what a window is compared with, and how much such windows differ when nothing has changed.

Everything that does not depend on the window is computed once and kept; a window then costs a few matrix products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spanloft_collector.signals.drift import components
from spanloft_collector.signals.drift.components import Comparison, Reference, Space
from spanloft_collector.signals.drift.form import features
from spanloft_collector.signals.drift.geometry import Doubles, Floats, Integers, Projection, draws
from spanloft_collector.signals.drift.rhythm import blocks_of, kinds_of, unevenness
from spanloft_collector.signals.drift.tails import Shape, Tail
from spanloft_collector.signals.drift.threads import on_one_thread
from spanloft_collector.signals.drift.words import document_counts

ROUNDS = 999
"""Random windows of the baseline that calibrate it."""
MAX_BASELINE = 2_000
"""Texts of a baseline that are used; of more, a random choice of whole sessions."""
PROJECTION_SHARE = 0.3
"""Of the baseline the components are fitted on; the rest is the reference in that space."""
WINDOW_SHARE = 0.3
"""A window of more than this share of the baseline is thinned out: random windows of its size would overlap."""
RARE_SHARE = 0.02
"""A form that a smaller share of texts has counts as if this share had it: two odd texts are no drift."""

GROUPS: dict[str, tuple[str, ...]] = {
    "omnibus": ("raw whole",),
    "local": ("raw focus", "own focus", "raw full 0.01"),
    "wide": ("raw fullest 0.03",),
    "novelty": ("raw novelty", "own novelty"),
    "form": ("form largest", "form all"),
}
"""A group's evidence is the sum of its columns'. The verdict is the largest of the groups, calibrated as one number."""
WEIGHTS = {"local": 6.0}
"""Of the false alarms that are accepted, the part that a group may use up; 1 where it is not named. Few texts of a new
topic are the hardest to see, and no other group sees them."""
COLUMNS = (
    *(f"raw {name}" for name in components.WHOLE),
    *(f"own {name}" for name in components.PART),
    "form largest",
    "form all",
)
_PLACES = {group: [COLUMNS.index(name) for name in names] for group, names in GROUPS.items()}


@dataclass(frozen=True)
class Sample:
    """Texts, their vectors, and the session of each."""

    texts: Sequence[str]
    vectors: Floats
    """(n, d), each of length 1."""
    units: Integers
    """(n,): number of the session; a text without one is a session of its own."""
    times: Doubles | None = None
    """(n,), in seconds; None where they are not known."""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Integers) -> Sample:
        """The texts at ``rows``, in that order."""
        times = None if self.times is None else self.times[rows]
        return Sample([self.texts[row] for row in rows], self.vectors[rows], self.units[rows], times)

    @property
    def span_s(self) -> float:
        """Seconds from the first text to the last; 0 where times are not known."""
        return 0.0 if self.times is None or not len(self) else float(np.ptp(self.times))


@dataclass
class Baseline:
    """A fitted baseline for windows of one size."""

    sample: Sample
    window: int
    """Texts of the windows it is calibrated for."""
    raw: Space
    own: Space
    own_rows: Integers
    """Rows of the sample that are the reference of the space ``own``."""
    projection: Projection
    form: Form
    shapes: list[Shape]
    groups: dict[str, Shape]
    tail: Tail
    rhythm: float
    """How many times more than random windows its blocks of time differ from the rest of it; see ``rhythm``."""
    scans: list[Tail]
    """Of the largest log-likelihood ratio of a neighbourhood, by radius: when a single topic counts as grown."""

    @classmethod
    @on_one_thread
    def fit(cls, sample: Sample, window: int, seed: int = 0, *, span_s: float = 0.0, rounds: int = ROUNDS) -> Baseline:
        """Measure a baseline.

        Args:
            sample: its texts; of more than MAX_BASELINE a part is used.
            window: texts of the windows it will be compared with; see ``window_size``.
            seed: the same seed and data give the same verdicts.
            span_s: time that these windows cover, in seconds; matters where times are known.
            rounds: random windows to calibrate with.
        """
        rng = np.random.default_rng(seed)
        if len(sample) > MAX_BASELINE:
            sample = sample.take(np.sort(next(draws(sample.units, MAX_BASELINE, 1, rng))))
        window = window_size(window, len(sample))
        fitted = next(draws(sample.units, int(PROJECTION_SHARE * len(sample)), 1, rng))
        own_rows = np.flatnonzero(~np.isin(sample.units, np.unique(sample.units[fitted])))
        rest = sample.take(own_rows)
        # Random windows come from the part that no projection was fitted on, and are compared with the rest of it. They
        # are the same ones in every space, because what all statistics say together is what is calibrated.
        size = min(window, len(rest) // 2)
        times = np.zeros(0) if rest.times is None else rest.times
        kinds = kinds_of(times, size, span_s) if len(times) else []
        blocks = [rows for kind in kinds for rows in blocks_of(kind, times, size, span_s, rng)]
        windows = _indicator([*draws(rest.units, size, rounds, rng), *blocks], len(rest))
        projection = Projection.fit(sample.vectors[fitted])
        own = Reference.of(projection.apply(rest.vectors), rest.units, rng)
        raw_null = Reference.of(rest.vectors, rest.units, rng).null(windows)
        own_null = own.null(windows, whole=False)
        written = features(sample.texts)
        form_null = Form.fit(written[own_rows]).null(windows)
        raw = Reference.of(sample.vectors, sample.units, rng).space
        form = Form.fit(written)
        statistics = np.concatenate([raw_null, own_null, form_null], 1)
        shapes = [Shape.of(column) for column in statistics[:rounds].T]
        evidence = np.stack([shape.evidence(column) for shape, column in zip(shapes, statistics.T, strict=True)], 1)
        sums = {group: evidence[:, places].sum(1) for group, places in _PLACES.items()}
        groups = {group: Shape.of(values[:rounds]) for group, values in sums.items()}
        null = _combined({group: groups[group].evidence(values) for group, values in sums.items()})
        scans = [
            Tail.of(raw_null[:rounds, components.WHOLE.index(f"fullest {share}")]) for share in components.PAIR_SHARES
        ]
        tail = Tail.of(null[:rounds])
        rhythm = unevenness(kinds, null[rounds:], tail.p_value)
        return cls(sample, window, raw, own.space, own_rows, projection, form, shapes, groups, tail, rhythm, scans)

    @on_one_thread
    def measure(self, window: Sample) -> Measured:
        """Compare a window of ``self.window`` texts with this baseline."""
        raw = components.compare(self.raw, window.vectors)
        own = components.compare(self.own, self.projection.apply(window.vectors), whole=False)
        form, shifts = self.form.compare(features(window.texts))
        statistics = np.concatenate([raw.statistics, own.statistics, form])
        evidence = np.array([shape.evidence(value) for shape, value in zip(self.shapes, statistics, strict=True)])
        groups = {
            group: float(self.groups[group].evidence(evidence[places].sum())) for group, places in _PLACES.items()
        }
        combined = float(_combined(groups))
        return Measured(groups, combined, self.tail.p_value(combined) ** (1 / self.rhythm), raw, shifts)

    @cached_property
    def words(self) -> Counter[str]:
        """In how many of its texts each word stands."""
        return document_counts(self.sample.texts)

    def form_evidence(self, texts: Sequence[str]) -> float:
        """Evidence that texts are written differently; of any number of them."""
        statistics, _ = self.form.compare(features(texts))
        places = _PLACES["form"]
        shapes = [self.shapes[place] for place in places]
        total = sum(float(shape.evidence(value)) for shape, value in zip(shapes, statistics, strict=True))
        return float(self.groups["form"].evidence(np.asarray(total)))


@dataclass(frozen=True)
class Measured:
    """What the statistics say of one window."""

    groups: dict[str, float]
    """Evidence (-log10 p, not yet adjusted for there being several) by group."""
    evidence: float
    p_value: float
    comparison: Comparison
    shifts: Doubles
    """Shift of each feature of the form in standard errors; see ``form.FEATURES``."""


@dataclass(frozen=True)
class Form:
    """The baseline's form: its features sorted, so that a window's can be ranked among them."""

    known: Doubles
    ranks: Doubles
    spread: Doubles

    @classmethod
    def fit(cls, values: Doubles) -> Form:
        """Rank the features (n, FEATURES) of a baseline."""
        known = np.sort(values, 0)
        ranks = _ranks(known, values)
        least = 0.5 * np.sqrt(RARE_SHARE * (1 - RARE_SHARE))
        return cls(known, ranks, np.maximum(ranks.std(0), least))

    def null(self, windows: Floats) -> Doubles:
        """Statistics of random windows (n, rounds): (rounds, 2)."""
        size, count = int(windows[:, 0].sum()), len(windows)
        drawn = windows.T @ self.ranks
        shifts = components.difference(drawn / size, (self.ranks.sum(0) - drawn) / (count - size), size, count - size)
        return _largest_and_all(shifts / self.spread)

    def compare(self, values: Doubles) -> tuple[Doubles, Doubles]:
        """Statistics of one window's features (m, FEATURES): (2,), and the shift of each feature."""
        ranks = _ranks(self.known, values)
        shifts = components.difference(ranks.mean(0), self.ranks.mean(0), len(values), len(self.known)) / self.spread
        return _largest_and_all(shifts[None, :])[0], shifts


def window_size(window: int, baseline: int) -> int:
    """Texts of a window that are compared with a baseline of so many."""
    return max(2, min(window, int(WINDOW_SHARE * min(baseline, MAX_BASELINE))))


def _largest_and_all(shifts: Doubles) -> Doubles:
    return np.stack([np.abs(shifts).max(1), np.square(shifts).mean(1)], 1)


def _ranks(known: Doubles, values: Doubles) -> Doubles:
    """Mid-ranks from 0 to 1, by column."""
    columns = []
    for ordered, column in zip(known.T, values.T, strict=True):
        low, high = np.searchsorted(ordered, column, "left"), np.searchsorted(ordered, column, "right")
        columns.append((low + high) / (2 * len(ordered)))
    return np.stack(columns, 1)


def _combined(groups: Mapping[str, Doubles] | Mapping[str, float]) -> Doubles:
    """The largest evidence, each group's by its weight."""
    weighted = [evidence + np.log10(WEIGHTS.get(group, 1.0)) for group, evidence in groups.items()]
    return np.asarray(np.max(weighted, axis=0), np.float64)


def _indicator(windows: Sequence[Integers], count: int) -> Floats:
    """Windows as columns (count, windows): 1 where a text belongs to it."""
    chosen = np.zeros((count, len(windows)), np.float32)
    for column, rows in enumerate(windows):
        chosen[rows, column] = 1
    return chosen
