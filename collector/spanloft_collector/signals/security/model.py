"""The learned detector: two linear models on the features, one for what users write and one for parts of documents.

The weights are an npz file in the package; numpy is all that it takes to use them. They are made by
``make train-injection`` and described in ``scripts/train_injection/MODEL_CARD.md``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.security.context import NAMES as CONTEXT_NAMES
from spanloft_collector.signals.security.context import context
from spanloft_collector.signals.security.features import (
    BUCKETS,
    Hashes,
    Text,
    WordVectors,
    hashed,
    prepare,
)
from spanloft_collector.signals.security.segments import Segment
from spanloft_collector.signals.security.signs import Signs

WEIGHTS = "injection.npz"
HEADS = ("user", "data")
_SIGNS = len(Signs.NAMES)
_FIRST, _SECOND = np.triu_indices(_SIGNS, 1)
Floats = NDArray[np.float32]


class Head(NamedTuple):
    """A linear model: hashed weights (BUCKETS,), dense weights (products of signs after signs), bias, calibration."""

    sparse: Floats
    dense: Floats
    bias: float
    slope: float
    offset: float
    threshold: float

    def values(self, hashes: Hashes, dense: NDArray[Any]) -> NDArray[np.float64]:
        """Log odds of n texts before calibration, (n,); ``dense`` is (n, features) without products."""
        hits = np.bincount(hashes.rows, self.sparse[hashes.buckets] * hashes.weights, minlength=len(dense))
        signs, rest = dense[:, :_SIGNS], dense[:, _SIGNS:]
        # The products of signs, two by two, as one quadratic form.
        pairs = np.zeros((_SIGNS, _SIGNS), np.float32)
        pairs[_FIRST, _SECOND] = self.dense[_SIGNS : _SIGNS + len(_FIRST)]
        by_signs = signs @ self.dense[:_SIGNS] + ((signs @ pairs) * signs).sum(1)
        return np.asarray(hits + by_signs + rest @ self.dense[_SIGNS + len(_FIRST) :] + self.bias, np.float64)

    def probabilities(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Calibrated probabilities of values."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * values + self.offset, -30, 30))))


class InjectionModel:
    """Scores texts. Safe to share between threads: it holds nothing but weights."""

    def __init__(self, vectors: WordVectors, heads: dict[str, Head], version: str) -> None:
        self.vectors = vectors
        self.heads = heads
        self.version = version

    def score_texts(self, texts: Sequence[str]) -> list[float]:
        """For each text that a user wrote: probability that it attacks the assistant's instructions."""
        prepared, dense = text_features(texts, self.vectors)
        head = self.heads["user"]
        return [float(score) for score in head.probabilities(head.values(hashed(prepared), dense))]

    def score_segments(self, text: str, segments: Sequence[Segment]) -> list[float]:
        """For each segment of a document: probability that it was planted to instruct an assistant."""
        if not segments:
            return []
        pieces = [text[segment.start : segment.end] for segment in segments]
        prepared, dense = document_features(segments, pieces, self.vectors)
        head = self.heads["data"]
        scores = head.probabilities(head.values(hashed(prepared), dense))
        return [float(score) if can_instruct(one) else 0.0 for one, score in zip(prepared, scores, strict=True)]


def can_instruct(text: Text) -> bool:
    """Whether a segment has the words that an instruction needs: names, numbers and headings have fewer."""
    return sum(word.isalpha() for word in text.words) >= 3 or not text.folded.isascii()


def text_features(texts: Sequence[str], vectors: WordVectors) -> tuple[list[Text], Floats]:
    """Prepared texts and their dense features, (n, features): signs and the direction of the meaning."""
    prepared = [prepare(text) for text in texts]
    totals, _ = vectors.totals(prepared)
    return prepared, np.hstack([_signs(prepared, texts), _directions(totals)])


def dense_size(head: str, vectors: WordVectors) -> int:
    """Number of dense weights of a head, those of products included."""
    own = _SIGNS + len(_FIRST) + int(vectors.size)
    return own + len(CONTEXT_NAMES) if head == "data" else own


def document_features(
    segments: Sequence[Segment], pieces: Sequence[str], vectors: WordVectors
) -> tuple[list[Text], Floats]:
    """The prepared segments of a document (one at least) and their dense features, (n segments, features)."""
    prepared = [prepare(piece) for piece in pieces]
    signs = _signs(prepared, pieces)
    totals, known = vectors.totals(prepared)
    around = context(segments, prepared, signs, totals, known)
    return prepared, np.hstack([signs, _directions(totals), around])


def _signs(prepared: Sequence[Text], raws: Sequence[str]) -> NDArray[np.float32]:
    return np.array(
        [Signs(one.folded, one.words, raw).vector() for one, raw in zip(prepared, raws, strict=True)], np.float32
    )


def crossed(dense: NDArray[Any]) -> NDArray[Any]:
    """Dense features with the products of the signs after them: "about overriding" and "asks about it" is no attack."""
    signs = dense[:, :_SIGNS]
    return np.hstack([signs, signs[:, _FIRST] * signs[:, _SECOND], dense[:, _SIGNS:]])


def _directions(totals: NDArray[Any]) -> NDArray[Any]:
    norms = np.sqrt((totals * totals).sum(1, keepdims=True))
    return np.where(norms > 1e-9, totals / np.maximum(norms, 1e-9), totals)


def save(path: str, model: InjectionModel, words: Sequence[str], vectors: NDArray[np.int8], scale: Floats) -> None:
    """Write the weights. Hashed weights become int8: their rounding is far below what decides."""
    arrays: dict[str, Any] = {
        "words": np.frombuffer("\n".join(words).encode(), np.uint8),
        "vectors": vectors,
        "scale": scale,
        "about": np.frombuffer(json.dumps({"version": model.version}).encode(), np.uint8),
    }
    for name, head in model.heads.items():
        step = float(np.abs(head.sparse).max()) / 127 or 1.0
        arrays[f"{name}_sparse"] = np.round(head.sparse / step).astype(np.int8)
        arrays[f"{name}_dense"] = head.dense.astype(np.float32)
        arrays[f"{name}_numbers"] = np.array([step, head.bias, head.slope, head.offset, head.threshold])
    np.savez_compressed(path, **arrays)


def load(source: Any) -> InjectionModel:
    """Read weights.

    Raises:
        SpanloftError: the file is damaged or made for other features.
    """
    try:
        with np.load(source, allow_pickle=False) as arrays:
            words = bytes(arrays["words"]).decode().split("\n")
            vectors = WordVectors(words, arrays["vectors"], arrays["scale"])
            heads = {}
            for name in HEADS:
                step, bias, slope, offset, threshold = arrays[f"{name}_numbers"]
                sparse = arrays[f"{name}_sparse"].astype(np.float32) * np.float32(step)
                if len(sparse) != BUCKETS:
                    raise ValueError(f"{len(sparse)} buckets, expected {BUCKETS}")
                dense = arrays[f"{name}_dense"]
                if len(dense) != dense_size(name, vectors):
                    raise ValueError(f"{len(dense)} dense weights, expected {dense_size(name, vectors)}")
                heads[name] = Head(sparse, dense, float(bias), float(slope), float(offset), float(threshold))
            version = json.loads(bytes(arrays["about"]))["version"]
    except (OSError, KeyError, ValueError) as error:
        raise SpanloftError(f"{source}: no usable injection weights ({error}); make train-injection") from error
    return InjectionModel(vectors, heads, version)


@cache
def builtin_model() -> InjectionModel:
    """The weights that come with the package, read once per process."""
    with as_file(files("spanloft_collector") / "signals" / "security" / WEIGHTS) as path:
        return load(path)
