"""How a segment stands in its document: a planted instruction is foreign to what surrounds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spanloft_collector.signals.security import lexicon as words_of
from spanloft_collector.signals.security.features import Signs, Text, WordVectors
from spanloft_collector.signals.security.segments import Segment

KINDS = (
    "sentence", "list_item", "table_cell", "code", "code_comment", "html_comment", "html_text", "html_attribute",
    "email_header", "email_quote", "json_string",
)  # fmt: skip
NAMES = (
    *(f"is_{kind}" for kind in KINDS),
    "shared_words", "distance", "neighbour_distance", "first", "last", "kind_is_rare", "tasks_elsewhere",
    "questions_elsewhere", "request_alone", "prose_in_data", "alone", "known_words", "few_words",
)  # fmt: skip
_SPEAKS = [Signs.NAMES.index(name) for name in ("starts_task", "starts_question", "question_mark", "request_phrase")]
_TASK, _QUESTION = Signs.NAMES.index("starts_task"), Signs.NAMES.index("question_mark")


def context(
    segments: Sequence[Segment], texts: Sequence[Text], signs: NDArray[Any], vectors: WordVectors
) -> NDArray[np.float32]:
    """Features (n segments, len(NAMES)) of each segment beside the others of its document."""
    count = len(segments)
    rows = np.zeros((count, len(NAMES)), np.float32)
    if not count:
        return rows
    totals = np.stack([vectors.total(text.words) for text in texts])
    content = [{word for word in text.words if word not in words_of.STOP and len(word) > 2} for text in texts]
    seen = Counter(word for words in content for word in words)
    whole = totals.sum(0)
    speaks = signs[:, _SPEAKS].max(1)
    sizes = np.array([len(text.words) for text in texts], np.float32)
    known = np.array(
        [sum(word in vectors.place for word in text.words) / max(1, len(text.words)) for text in texts], np.float32
    )
    prose = (sizes >= 4) & (known > 0.6)
    kinds = Counter(segment.kind for segment in segments)
    others = max(1, count - 1)
    for at, segment in enumerate(segments):
        if segment.kind in KINDS:
            rows[at, KINDS.index(segment.kind)] = 1
        words = content[at]
        rest = whole - totals[at]
        around = totals[max(0, at - 1) : at + 2].sum(0) - totals[at]
        rows[at, len(KINDS) :] = (
            sum(seen[word] > 1 for word in words) / max(1, len(words)),
            _distance(totals[at], rest),
            _distance(totals[at], around),
            at == 0,
            at == count - 1,
            1 - kinds[segment.kind] / count,
            (signs[:, _TASK].sum() - signs[at, _TASK]) / others,
            (signs[:, _QUESTION].sum() - signs[at, _QUESTION]) / others,
            speaks[at] * (1 - (speaks.sum() - speaks[at]) / others),
            prose[at] * (1 - (prose.sum() - prose[at]) / others),
            count == 1,
            known[at],
            sizes[at] < 3,
        )
    return rows


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """1 - cosine; 0.5 where one of them says nothing."""
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return 1 - float(one @ other) / norm if norm > 1e-9 else 0.5
