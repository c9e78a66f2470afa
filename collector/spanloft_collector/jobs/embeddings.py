"""The texts of model calls and their vectors: what drift is measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from spanloft_collector.jobs.base import FIRST, Output, utc_now
from spanloft_collector.jobs.embedding_texts import KEPT_CHARACTERS, texts_of
from spanloft_collector.jobs.spreading import Here, Spread
from spanloft_collector.signals.embedding.base import Embedder, ModelIdentity, Vectors
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import rows_to_table, to_table

BATCH = 256

Row = dict[str, Any]


@lru_cache(maxsize=2)
def loaded(load: Callable[[], Embedder]) -> Embedder:
    """The embedder, loaded once in each process that needs it."""
    return load()


def embed(load: Callable[[], Embedder], texts: Sequence[str]) -> Vectors:
    """Vectors of a batch; see ``Embedder.embed``."""
    return loaded(load).embed(texts)


class EmbeddingsJob:
    """Writes ``call_texts``, a row for each side of a call, and ``text_vectors``, one for each different text of a day.

    A text is embedded once: one that any stored day has a vector of is copied from there, so that every day stands for
    itself when older ones expire.
    """

    name = "embeddings"
    version = 1
    reads: Sequence[str] = ("llm_calls", "payloads", "retrievals", "text_vectors")
    writes: Sequence[str] = ("call_texts", "text_vectors")
    every_s = 15.0
    window_spans = 2_000
    """A small step: embedding takes milliseconds a text, and a killed job repeats its step."""

    def __init__(self, load: Callable[[], Embedder], spread: Spread | None = None) -> None:
        """Prepare.

        Args:
            load: loads the model when the first text is there; hashable, and picklable where work is spread.
            spread: where batches are embedded; here when not given.
        """
        self.load = load
        self.spread: Spread = spread or Here()

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Embed the texts of the calls of the window."""
        window = {"since": max(since, FIRST), "until": until}
        calls = reader.query("job_embeddings_calls", window, timeout_s=600).to_pylist()
        pairs = [pair for call in calls for pair in texts_of(call)]
        if not pairs:
            return Output({})
        texts = rows_to_table("call_texts", [row for row, _ in pairs])
        return Output({"call_texts": texts, "text_vectors": self._vectors(reader, loaded(self.load).identity, pairs)})

    def _vectors(self, reader: Reader, model: ModelIdentity, pairs: Sequence[tuple[Row, str]]) -> pa.Table:
        first: dict[tuple[str, Any], Row] = {}
        texts: dict[str, str] = {}
        for row, text in pairs:
            texts.setdefault(row["text_key"], text)
            first.setdefault((row["text_key"], row["start_time"].date()), row)
        vectors, days = known_vectors(reader, model, list(texts))
        new = sorted((key for key in texts if key not in vectors), key=lambda key: len(texts[key]))
        batches = [new[start : start + BATCH] for start in range(0, len(new), BATCH)]
        made = self.spread.map(partial(embed, self.load), [[texts[key] for key in batch] for batch in batches])
        for batch, part in zip(batches, made, strict=True):
            vectors.update(zip(batch, part.tolist(), strict=True))
        missing = [place for place in first if place[1] not in days.get(place[0], ())]
        now = utc_now()
        return to_table(
            "text_vectors",
            {
                "start_time": [first[place]["start_time"] for place in missing],
                "text_key": [key for key, _ in missing],
                "embedding_model": [model.name] * len(missing),
                "embedding_version": [model.version] * len(missing),
                "quantization": [model.quantization] * len(missing),
                "text": [texts[key][:KEPT_CHARACTERS] for key, _ in missing],
                "vector": [vectors[key] for key, _ in missing],
                "embedded_at": [now] * len(missing),
            },
        )


def known_vectors(
    reader: Reader, model: ModelIdentity, keys: Sequence[str]
) -> tuple[dict[str, list[float]], dict[str, set[Any]]]:
    """Stored vectors of a model by text, and the days that have each."""
    parameters = {
        "keys": list(keys),
        "model": model.name,
        "version": model.version,
        "quantization": model.quantization,
    }
    rows = reader.query("job_embeddings_known", parameters, timeout_s=600).to_pylist()
    return {row["text_key"]: row["vector"] for row in rows}, {row["text_key"]: set(row["days"]) for row in rows}
