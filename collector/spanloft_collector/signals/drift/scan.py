"""The scan: is one small region fuller than the baseline says? Around each text, then around the middle of several.

A text lies about as far from the next one of its topic as from the ordinary texts between topics. The middle of some
texts of a topic lies much closer to all of them: few texts of a new topic stand out that no single text shows.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from spanloft_collector.signals.drift.geometry import SAME, Doubles, Floats, Integers, Mask, squared_distances

STARTS = 3
"""Neighbourhoods that are looked at again, for each of the first START_RADII radii."""
START_RADII = 2
MOST_SHARE = 0.3
"""A topic of more than this share of a window is found without a second look."""
LEEWAY = np.float32(SAME)
_ROUNDS = 32
"""Random windows that are worked on together: bounds the memory."""


def local_excess(inside: Doubles, outside: Doubles, window: int, reference: int) -> Doubles:
    """Log-likelihood ratio of each text's neighbourhood being fuller than the reference says; 0 where it is not.

    Args:
        inside: other texts of the window within the radius.
        outside: texts of the reference within the radius.
        window: texts of the window.
        reference: texts of the reference.
    """
    share = (window - 1) / (window - 1 + reference)
    total = inside + outside
    ratio = xlogy(inside, inside) - xlogy(inside, total * share) + xlogy(outside, outside)
    ratio -= xlogy(outside, total * (1 - share))
    return np.where(inside > total * share, ratio, 0.0)


def focused(points: Floats, reference: Floats, inner: Floats, excess: Doubles, radii: tuple[float, ...]) -> Doubles:
    """The largest ratio of a ball around the middle of a neighbourhood.

    Args:
        points: (m, k), the window.
        reference: (n, k).
        inner: (m, m), squared distances within the window.
        excess: (m, radii), log-likelihood ratio of each text's neighbourhood.
        radii: squared.
    """
    count = len(points)
    members = np.concatenate(
        [inner[np.argsort(-excess[:, place], kind="stable")[:STARTS]] < radii[place] for place in range(START_RADII)]
    )
    middles = _middles(members, points)
    near = _own_distances(squared_distances(middles, points), members)
    far = np.sort(squared_distances(middles, reference), axis=1)
    return np.asarray(_largest(np.sort(near, axis=1), far, count, len(reference)).max(), np.float64)


def focused_null(
    points: Floats, squares: Floats, rows: Integers, excess: list[Doubles], radii: tuple[float, ...]
) -> Doubles:
    """The same for random windows of a reference against the rest of it: (rounds,).

    Args:
        points: (n, k), the reference.
        squares: (n, n), squared distances within it.
        rows: (rounds, m), rows of each random window.
        excess: by radius (rounds, m).
        radii: squared.
    """
    found = np.empty(len(rows))
    size = rows.shape[1]
    for start in range(0, len(rows), _ROUNDS):
        chosen = rows[start : start + _ROUNDS]
        centres = [np.argsort(-excess[place][start : start + _ROUNDS], 1)[:, :STARTS] for place in range(START_RADII)]
        members = np.concatenate(
            [
                squares[np.take_along_axis(chosen, centre, 1)[:, :, None], chosen[:, None, :]] < radius
                for centre, radius in zip(centres, radii, strict=False)
            ],
            axis=1,
        )
        looks = members.shape[1]
        middles = np.concatenate([_middles(part, points[own]) for part, own in zip(members, chosen, strict=True)])
        distances = squared_distances(middles, points).reshape(len(chosen), looks, -1)
        near = np.take_along_axis(distances, chosen[:, None, :], 2)
        np.put_along_axis(distances, chosen[:, None, :], np.float32(np.inf), 2)
        near = np.sort(_own_distances(near.reshape(-1, size), members.reshape(-1, size)), axis=1)
        far = np.sort(distances.reshape(len(near), -1), axis=1)
        ratios = _largest(near, far, size, len(points) - size)
        found[start : start + _ROUNDS] = ratios.reshape(len(chosen), looks).max(1)
    return found


def _middles(members: Mask, points: Floats) -> Floats:
    weights = members.astype(np.float32)
    return np.asarray((weights @ points) / weights.sum(1, keepdims=True), np.float32)


def _own_distances(near: Floats, members: Mask) -> Floats:
    """Squared distances of texts to a middle, those of its members to the middle of the other members."""
    counts = members.sum(1, keepdims=True).astype(np.float32)
    # A text draws the middle towards itself; alone, it is its own middle, and tells nothing.
    others = np.where(counts > 1, near * np.square(counts / np.maximum(counts - 1, 1)), np.float32(np.inf))
    return np.asarray(np.where(members, others, near), np.float32)


def _largest(near: Floats, far: Floats, window: int, reference: int) -> Doubles:
    """By row the largest ratio over balls that end at a text of the window; distances sorted."""
    most = max(2, int(MOST_SHARE * window))
    near = near[:, :most]
    # Copies of one text lie equally far from the middle, but for rounding: those of the reference count, too.
    reach = near + LEEWAY
    before = np.stack([np.searchsorted(others, own, "right") for others, own in zip(far, reach, strict=True)])
    others = np.arange(near.shape[1], dtype=np.float64)
    ratios = local_excess(np.broadcast_to(others, before.shape), before.astype(np.float64), window, reference)
    return np.asarray(ratios.max(1), np.float64)
