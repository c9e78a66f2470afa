"""What a cache that compares meanings would have answered, and how alike its answers and the real ones were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from spanloft_collector.jobs.base import FIRST, Output, utc_now
from spanloft_collector.signals.embedding.similar import LIFETIME, MAX_CHARACTERS, Floats, figures, nearest
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import rows_to_table

MAX_CONTEXT = 20_000
"""Calls of one context that are compared with one another, the newest: memory and time stay bounded."""

_COPIED = ("trace_id", "span_id", "start_time", "service_name", "provider", "model", "operation", "input_preview")
Row = dict[str, Any]


class SimilarJob:
    """Writes ``similar_calls``: calls whose last message means nearly the same as that of an earlier one.

    Everything else that decides the answer must be equal: service, model, limits, instructions, tools and the messages
    before; of the last message the words with digits. Calls that a cache of exact or near repeats would have spared are
    left to ``savings``.
    """

    name = "similar"
    version = 1
    reads: Sequence[str] = ("llm_calls", "payloads", "call_texts", "text_vectors", "savings")
    writes: Sequence[str] = ("similar_calls",)
    every_s = 300.0
    after: Sequence[str] = ("embeddings", "savings")
    window_spans = 10_000

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Compare the calls of the window with those of the 24 hours before them."""
        window: Row = {"since": max(since, FIRST), "until": until}
        bounds = reader.query("job_prompts_bounds", window, timeout_s=600).to_pylist()[0]
        models = reader.query("job_drift_model", {"until": utc_now()}, timeout_s=600).to_pylist()
        if bounds["first_time"] is None or not models:
            return Output({})
        period: Row = {"first": bounds["first_time"] - LIFETIME, "last": bounds["last_time"]}
        limits = window | period | {"max_characters": MAX_CHARACTERS}
        calls = reader.query("job_similar_calls", limits, timeout_s=600).to_pylist()
        scope = period | models[0]
        keys = sorted({call["text_key"] for call in calls})
        texts = texts_of(reader.query("job_similar_vectors", scope | {"keys": keys}, timeout_s=600)) if keys else {}
        rows = similar_rows(calls, texts)
        if not rows:
            return Output({})
        pairs = {"calls": [row["span_id"] for row in rows], "others": [row["of_span_id"] for row in rows]}
        answers = reader.query("job_similar_answers", scope | pairs, timeout_s=600).to_pylist()
        alike = {row["span_id"]: row["answer_similarity"] for row in answers}
        for row in rows:
            row["answer_similarity"] = alike.get(row["span_id"])
        return Output({"similar_calls": rows_to_table("similar_calls", rows)})


class Text(NamedTuple):
    """Vector and figures of a text."""

    vector: Floats
    figures: tuple[str, ...]


def texts_of(table: pa.Table) -> dict[str, Text]:
    """Texts by their key, from rows of ``job_similar_vectors``."""
    return {
        row["text_key"]: Text(np.asarray(row["vector"], np.float32), figures(row["text"]))
        for batch in table.to_batches(4_096)
        for row in batch.to_pylist()
    }


def similar_rows(calls: Sequence[Row], texts: Mapping[str, Text]) -> list[Row]:
    """Rows of ``similar_calls`` without the answers.

    Args:
        calls: rows of ``job_similar_calls``, those of a context together, in order of time.
        texts: texts by key; calls whose text has no vector take no part.
    """
    rows = []
    for _, group in groupby(calls, key=lambda call: call["context_key"]):
        members = [call for call in group if call["text_key"] in texts][-MAX_CONTEXT:]
        if len(members) < 2:
            continue
        found = [texts[call["text_key"]] for call in members]
        stacked = np.stack([text.vector for text in found])
        numbers: dict[tuple[str, ...], int] = {}
        codes = np.array([numbers.setdefault(text.figures, len(numbers)) for text in found], np.int64)
        starts = np.array([call["start_time"] for call in members], "datetime64[us]").astype(np.int64)
        fresh = np.array([call["fresh"] for call in members], np.bool_)
        for place, earlier in nearest(stacked, starts, fresh, codes):
            rows.append(_row(members[place], members[earlier], float(stacked[place] @ stacked[earlier])))
    return rows


def _row(call: Row, earlier: Row, similarity: float) -> Row:
    return {name: call[name] for name in _COPIED} | {
        "of_trace_id": earlier["trace_id"],
        "of_span_id": earlier["span_id"],
        "age_ms": (call["start_time"] - earlier["start_time"]) / timedelta(milliseconds=1),
        "saved_tokens": call["tokens"],
        "saved_usd": call["cost_usd"],
        "similarity": similarity,
    }
