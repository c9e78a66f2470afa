"""Numbers for spans, made a column at a time: as Python's texts the ids of a merge take 100 MB."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.uint64]

TRACE_ID, SPAN_ID = 32, 16
"""Hexadecimal digits of an id."""


def span_numbers(trace_ids: pa.ChunkedArray, span_ids: pa.ChunkedArray) -> Numbers | None:
    """(n,): a number of 64 bits for each pair of ids; None where an id has another length than it should.

    Two of n numbers are equal by chance with a probability of n^2 / 2^65.
    """
    traces, spans = _words(trace_ids, TRACE_ID), _words(span_ids, SPAN_ID)
    if traces is None or spans is None:
        return None
    found = np.zeros(len(spans), np.uint64)
    for word in (*traces.T, *spans.T):
        found = _mixed(found + np.uint64(0x9E3779B97F4A7C15) ^ word)
    return found


def _words(ids: pa.ChunkedArray, width: int) -> Numbers | None:
    """(n, width / 8): ids as numbers of eight digits each."""
    texts = pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], pa.string())
    if len(texts) == 0:
        return np.zeros((0, width // 8), np.uint64)
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    if texts.null_count or (np.diff(offsets) != width).any():
        return None
    return np.frombuffer(texts.buffers()[2], np.uint64, len(texts) * width // 8, offsets[0]).reshape(-1, width // 8)


def _mixed(found: Numbers) -> Numbers:
    """Every bit of the result depends on every bit. Source: Steele et al. 2014, SplitMix64."""
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))
