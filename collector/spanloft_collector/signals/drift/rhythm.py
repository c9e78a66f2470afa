"""The rhythm of a baseline: how much more than random windows its blocks of time differ from the rest of it.

Mornings are not evenings, and weekends are not weekdays. A window that is compared with random windows would raise an
alarm each Sunday. Blocks of the baseline that cover as much time as the window show how much is ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spanloft_collector.signals.drift.geometry import Doubles, Integers

DAY_S = 86_400.0
BLOCKS = 66
"""Blocks of each kind."""
_LEEWAY = 1.5
"""Without any rhythm so few independent blocks look up to so much more uneven than random windows do."""


@dataclass(frozen=True)
class Kind:
    """Blocks that lie together in one way."""

    period_s: float
    """Texts lie together by their place in this period; infinite: by their time."""
    repeats: int
    """Blocks, or periods, that the baseline must hold at the least."""
    usual_share: float
    """More than this share of the blocks differ where it is usual. A drift inside the baseline makes one part of it
    differ from the rest, but follows no period."""


KINDS = (Kind(math.inf, 5, 0.5), Kind(DAY_S, 2, 0.2), Kind(7 * DAY_S, 2, 0.2))
"""Contiguous in time, in the time of day (over all days), and in the time of the week (over all weeks)."""


def kinds_of(times: Doubles, size: int, span_s: float) -> list[Kind]:
    """The kinds of blocks that a baseline with texts at ``times`` (seconds) is long enough for."""
    covered = float(np.ptp(times))
    room = min(len(times) / size, covered / span_s if span_s else math.inf)
    return [kind for kind in KINDS if (room if math.isinf(kind.period_s) else covered / kind.period_s) >= kind.repeats]


def blocks_of(kind: Kind, times: Doubles, size: int, span_s: float, rng: np.random.Generator) -> Iterator[Integers]:
    """Yield BLOCKS blocks of ``size`` rows.

    Args:
        kind: in what they lie together.
        times: of each text, in seconds.
        size: texts of a block.
        span_s: time that a block covers at the least, in seconds: of more texts than ``size`` a random choice is taken.
        rng: source of chance.
    """
    phase = times if math.isinf(kind.period_s) else times % kind.period_s
    order = np.argsort(phase, kind="stable")
    count, ordered = len(times), phase[order]
    last = count - size
    if not math.isinf(kind.period_s):
        # A period's end is followed by its beginning.
        order, ordered = np.concatenate([order, order]), np.concatenate([ordered, ordered + kind.period_s])
        last = count - 1
    for start in np.linspace(0, last, BLOCKS).astype(np.int64):
        end = int(np.searchsorted(ordered, ordered[start] + min(span_s, kind.period_s), "left"))
        rows = order[start : min(max(end, start + size), start + count)]
        yield rows if len(rows) == size else rng.choice(rows, size, replace=False)


def unevenness(kinds: Sequence[Kind], evidence: Doubles, p_value: Callable[[float], float]) -> float:
    """How many times the evidence of blocks exceeds what it is in random windows; 1 without a rhythm.

    Args:
        kinds: of the blocks.
        evidence: of the blocks, BLOCKS of each kind.
        p_value: of an evidence, by random windows.
    """
    found = 1.0
    for kind, values in zip(kinds, evidence.reshape(-1, BLOCKS), strict=True):
        surprise = [-math.log10(p_value(float(value))) for value in values]
        seen = float(np.quantile(surprise, 1 - kind.usual_share))
        found = max(found, seen / -math.log10(kind.usual_share) / _LEEWAY)
    return found
