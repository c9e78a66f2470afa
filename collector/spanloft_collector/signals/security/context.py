"""How a segment stands in its document: a planted instruction is foreign to what surrounds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spanloft_collector.signals.security import lexicon as words_of
from spanloft_collector.signals.security.features import Text
from spanloft_collector.signals.security.segments import Segment
from spanloft_collector.signals.security.signs import Signs

KINDS = (
    "sentence", "list_item", "table_cell", "code", "code_comment", "html_comment", "html_text", "html_attribute",
    "email_header", "email_quote", "json_string",
)  # fmt: skip
NAMES = (
    *(f"is_{kind}" for kind in KINDS),
    "shared_words", "distance", "neighbour_distance", "first", "last", "kind_is_rare", "tasks_elsewhere",
    "questions_elsewhere", "request_alone", "prose_in_data", "alone", "known_words", "few_words",
)  # fmt: skip
_KIND_PLACES = {kind: at for at, kind in enumerate(KINDS)}
_SPEAKS = [Signs.NAMES.index(name) for name in ("starts_task", "starts_question", "question_mark", "request_phrase")]
_TASK, _QUESTION = Signs.NAMES.index("starts_task"), Signs.NAMES.index("question_mark")


def context(
    segments: Sequence[Segment], texts: Sequence[Text], signs: NDArray[Any], totals: NDArray[Any], known: NDArray[Any]
) -> NDArray[np.float32]:
    """Features (n segments, len(NAMES)) of each segment beside the others of its document.

    ``totals`` and ``known`` are what the word vectors say of the texts.
    """
    count = len(segments)
    rows = np.zeros((count, len(NAMES)), np.float32)
    if not count:
        return rows
    content = [{word for word in text.words if word not in words_of.STOP and len(word) > 2} for text in texts]
    seen = Counter(word for words in content for word in words)
    speaks = signs[:, _SPEAKS].max(1)
    sizes = np.array([len(text.words) for text in texts], np.float32)
    prose = ((sizes >= 4) & (known > 0.6)).astype(np.float32)
    kinds = Counter(segment.kind for segment in segments)
    for at, segment in enumerate(segments):
        if segment.kind in _KIND_PLACES:
            rows[at, _KIND_PLACES[segment.kind]] = 1
    places = np.arange(count)
    columns = (
        [sum(seen[word] > 1 for word in words) / max(1, len(words)) for words in content],
        _distances(totals, totals.sum(0) - totals),
        _distances(totals, _around(totals)),
        places == 0,
        places == count - 1,
        [1 - kinds[segment.kind] / count for segment in segments],
        _share_of_others(signs[:, _TASK]),
        _share_of_others(signs[:, _QUESTION]),
        speaks * (1 - _share_of_others(speaks)),
        prose * (1 - _share_of_others(prose)),
        np.full(count, count == 1),
        known,
        sizes < 3,
    )
    rows[:, len(KINDS) :] = np.stack([np.asarray(column, np.float32) for column in columns], 1)
    return rows


def _share_of_others(values: NDArray[Any]) -> NDArray[Any]:
    """Mean of the other rows' values; 0 for a row that is alone."""
    return np.asarray((values.sum() - values) / max(1, len(values) - 1))


def _around(totals: NDArray[Any]) -> NDArray[Any]:
    """Sum of the rows before and after each row."""
    around = np.zeros_like(totals)
    around[1:] += totals[:-1]
    around[:-1] += totals[1:]
    return around


def _distances(ones: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """1 - cosine of each pair of rows; 0.5 where one of them says nothing."""
    norms = np.sqrt((ones * ones).sum(1) * (others * others).sum(1))
    dots = (ones * others).sum(1)
    return np.where(norms > 1e-9, 1 - dots / np.maximum(norms, 1e-9), 0.5)
