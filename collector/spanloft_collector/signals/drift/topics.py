"""What moved: regions of the space that are fuller, or emptier, in the window than the baseline says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spanloft_collector.signals.drift.baseline import Baseline, Sample
from spanloft_collector.signals.drift.components import Comparison
from spanloft_collector.signals.drift.geometry import Doubles, Integers, Mask, squared_distances
from spanloft_collector.signals.drift.scan import LEEWAY, local_excess
from spanloft_collector.signals.drift.words import document_counts, name_topic

MAX_GROWN = 5
MAX_SHRUNK = 3
EXAMPLES = 5
LEVEL = 0.05
"""A region counts as grown when random windows have so full a one less often than this."""
SHRUNK_RATIO = 9.0
"""Log-likelihood ratio from which a region counts as emptier: about 1 in 10,000 for one region."""
_REFINEMENTS = 2

Change = Literal["appeared", "grew", "shrank"]


@dataclass(frozen=True)
class Topic:
    """A topic whose share changed."""

    name: str
    change: Change
    share_before: float
    share_after: float
    examples: Integers
    """Rows of the window that are nearest to its middle; of the baseline where it shrank."""
    members: Integers
    """Rows of all its texts in the window; of the baseline where it shrank."""


def find_topics(baseline: Baseline, window: Sample, comparison: Comparison) -> list[Topic]:
    """Topics that grew or appeared, the most certain first, then those that shrank."""
    return [*_grown(baseline, window, comparison), *_shrunk(baseline, comparison)]


def _grown(baseline: Baseline, window: Sample, comparison: Comparison) -> list[Topic]:
    size, count = len(window), len(baseline.sample)
    left = np.ones(size, bool)
    found: list[Topic] = []
    while len(found) < MAX_GROWN and left.any():
        centre, radius = _fullest(baseline, comparison, left)
        if centre < 0:
            break
        members = left & (comparison.inner[centre] < baseline.raw.radii[radius])
        for _ in range(_REFINEMENTS):
            members, before, order = _refine(baseline, window, members, left)
        share = before / count
        change: Change = "grew" if before >= max(2, 0.002 * count) else "appeared"
        texts = list(window.take(np.flatnonzero(members)).texts)
        name = name_topic(texts, baseline.words, count)
        found.append(Topic(name, change, share, float(members.mean()), order[:EXAMPLES], np.flatnonzero(members)))
        left &= ~members
    return found


def _fullest(baseline: Baseline, comparison: Comparison, left: Mask) -> tuple[int, int]:
    """Centre and radius of the most surprising neighbourhood of the texts that are left; -1 where none is."""
    size, count = len(left), len(baseline.sample)
    best = (LEVEL / len(baseline.raw.radii), 0.0, -1, 0)
    rows = np.flatnonzero(left)
    for place, radius in enumerate(baseline.raw.radii):
        inside = (comparison.inner[np.ix_(rows, rows)] < radius).sum(1) - 1.0
        outside = (comparison.across[rows] < radius).sum(1).astype(np.float64)
        ratios = local_excess(inside, outside, size, count)
        row = int(ratios.argmax())
        chance = baseline.scans[place].p_value(float(ratios[row]))
        if inside[row] >= 2 and (chance, -float(ratios[row])) < best[:2]:
            best = (chance, -float(ratios[row]), int(rows[row]), place)
    return best[2], best[3]


def _refine(baseline: Baseline, window: Sample, members: Mask, left: Mask) -> tuple[Mask, int, Integers]:
    """The members again, by the ball around their middle whose contents are the most surprising.

    Returns:
        The members, how many texts of the baseline lie in the ball, and the members from the middle outwards.
    """
    middle = window.vectors[members].mean(0)
    middle = (middle / max(float(np.linalg.norm(middle)), 1e-12)).astype(np.float32)
    near = squared_distances(window.vectors, middle[None, :])[:, 0]
    rows = np.flatnonzero(left)
    rows = rows[np.argsort(near[rows], kind="stable")]
    rows = rows[near[rows] <= baseline.raw.radii[-1]]
    if not len(rows):
        rows = np.flatnonzero(members)
    others = np.sort(squared_distances(baseline.sample.vectors, middle[None, :])[:, 0])
    before = np.searchsorted(others, near[rows] + LEEWAY, "right")
    inside = np.arange(1, len(rows) + 1, dtype=np.float64)
    ratios = local_excess(inside, before.astype(np.float64), len(window), len(baseline.sample))
    cut = int(ratios.argmax()) + 1
    chosen = np.zeros(len(window), bool)
    chosen[rows[:cut]] = True
    return chosen, int(before[cut - 1]), rows[:cut]


def _shrunk(baseline: Baseline, comparison: Comparison) -> list[Topic]:
    count = comparison.across.shape[1]
    vectors = baseline.sample.vectors
    found: list[Topic] = []
    free = np.ones(count, bool)
    best = _emptiest(baseline, comparison)
    while len(found) < MAX_SHRUNK:
        centre = int(np.where(free, best[0], -1.0).argmax())
        if not free[centre] or best[0][centre] < SHRUNK_RATIO:
            break
        radius = baseline.raw.radii[best[1][centre]]
        squares = squared_distances(vectors[centre : centre + 1], vectors)[0]
        members = np.flatnonzero(squares < radius)
        texts = baseline.sample.take(members).texts
        others = baseline.words.copy()
        others.subtract(document_counts(texts))
        name = name_topic(texts, others, count - len(members))
        after = float((comparison.across[:, centre] < radius).mean())
        order = members[np.argsort(squares[members], kind="stable")]
        found.append(Topic(name, "shrank", len(members) / count, after, order[:EXAMPLES], members))
        # What is close to any of these texts belongs to the same topic.
        free &= (squared_distances(vectors[members], vectors) >= radius).all(0)
    return found


def _emptiest(baseline: Baseline, comparison: Comparison) -> tuple[Doubles, Integers]:
    """For each text of the baseline the largest ratio of its neighbourhoods being emptier, and the radius of it."""
    size, count = comparison.across.shape
    ratios = np.zeros((len(baseline.raw.radii), count))
    for place, (radius, before) in enumerate(zip(baseline.raw.radii, baseline.raw.degrees, strict=True)):
        after = (comparison.across < radius).sum(0).astype(np.float64)
        # Fewer in the window is more in the baseline: the same ratio with the parts exchanged.
        ratios[place] = local_excess(before, after, count, size)
    return ratios.max(0), ratios.argmax(0)
