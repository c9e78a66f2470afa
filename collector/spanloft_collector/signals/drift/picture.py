"""A map in two dimensions that looks the same from day to day."""

from __future__ import annotations

import numpy as np

from spanloft_collector.signals.drift.geometry import Floats, Projection
from spanloft_collector.signals.drift.threads import on_one_thread

_SEED = 20


@on_one_thread
def map_axes(baseline: Floats) -> Projection:
    """Two axes for texts of a series: the main plane of its baseline, turned the way that is always the same.

    The plane moves slowly, as the baseline does; its axes may swap or flip at any change. They are turned and mirrored
    to agree with two fixed directions as well as they can (orthogonal Procrustes), so that nobody has to remember them.
    """
    plane = Projection.fit(baseline, 2)
    axes = plane.axes
    fixed = np.random.default_rng(_SEED).standard_normal((axes.shape[0], axes.shape[1]))
    left, _, right = np.linalg.svd(axes.T.astype(np.float64) @ fixed)
    return Projection(plane.mean, (axes @ (left @ right)).astype(np.float32))
