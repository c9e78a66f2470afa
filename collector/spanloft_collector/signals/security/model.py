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
from spanloft_collector.signals.security.features import BUCKETS, Signs, Text, WordVectors, hashed, prepare
from spanloft_collector.signals.security.segments import Segment

WEIGHTS = "injection.npz"
HEADS = ("user", "data")
_FIRST, _SECOND = np.triu_indices(len(Signs.NAMES), 1)
Floats = NDArray[np.float32]


class Head(NamedTuple):
    """A linear model: hashed weights (BUCKETS,), dense weights, bias, and how to make a probability of its value."""

    sparse: Floats
    dense: Floats
    bias: float
    slope: float
    offset: float
    threshold: float

    def value(self, hashes: tuple[NDArray[np.int64], Floats], dense: NDArray[Any]) -> float:
        """Log odds before calibration."""
        buckets, weights = hashes
        return float(self.sparse[buckets] @ weights + self.dense @ dense + self.bias)

    def probability(self, value: float) -> float:
        """Calibrated probability of a value."""
        return float(1 / (1 + np.exp(-np.clip(self.slope * value + self.offset, -30, 30))))


class InjectionModel:
    """Scores texts. Safe to share between threads: it holds nothing but weights."""

    def __init__(self, vectors: WordVectors, heads: dict[str, Head], version: str) -> None:
        self.vectors = vectors
        self.heads = heads
        self.version = version

    def score_text(self, text: str) -> float:
        """Probability that a text written by a user attacks the assistant's instructions."""
        prepared = prepare(text)
        head = self.heads["user"]
        return head.probability(head.value(hashed(prepared), text_features(prepared, text, self.vectors)))

    def score_segments(self, text: str, segments: Sequence[Segment]) -> list[float]:
        """For each segment of a document: probability that it was planted to instruct an assistant."""
        pieces = [text[segment.start : segment.end] for segment in segments]
        prepared, dense = document_features(segments, pieces, self.vectors)
        head = self.heads["data"]
        return [
            head.probability(head.value(hashed(one), row)) if can_instruct(one) else 0.0
            for one, row in zip(prepared, dense, strict=True)
        ]


def can_instruct(text: Text) -> bool:
    """Whether a segment has the words that an instruction needs: names, numbers and headings have fewer."""
    return sum(word.isalpha() for word in text.words) >= 3 or not text.folded.isascii()


def text_features(prepared: Text, raw: str, vectors: WordVectors) -> NDArray[np.float64]:
    """Dense features of a text by itself: signs and the direction of its meaning."""
    return np.concatenate([crossed(Signs(prepared, raw).vector()), _direction(vectors.total(prepared.words))])


def dense_size(head: str, vectors: WordVectors) -> int:
    """Number of dense features of a head."""
    own = len(crossed([0.0] * len(Signs.NAMES))) + int(vectors.size)
    return own + len(CONTEXT_NAMES) if head == "data" else own


def crossed(signs: Sequence[float]) -> NDArray[np.float64]:
    """Signs and their products, two by two: "about overriding rules" and "asks what that means" is no attack."""
    values = np.asarray(signs, np.float64)
    return np.concatenate([values, values[_FIRST] * values[_SECOND]])


def document_features(
    segments: Sequence[Segment], pieces: Sequence[str], vectors: WordVectors
) -> tuple[list[Text], NDArray[np.float64]]:
    """The prepared segments of a document and their dense features, (n segments, features)."""
    prepared = [prepare(piece) for piece in pieces]
    signs = np.array([Signs(one, piece).vector() for one, piece in zip(prepared, pieces, strict=True)])
    if not len(signs):
        return prepared, np.zeros((0, 0))
    meanings = np.stack([_direction(vectors.total(one.words)) for one in prepared])
    products = np.hstack([signs, signs[:, _FIRST] * signs[:, _SECOND]])
    return prepared, np.hstack([products, meanings, context(segments, prepared, signs, vectors)])


def _direction(total: NDArray[Any]) -> NDArray[Any]:
    norm = float(np.sqrt(total @ total))
    return total / norm if norm > 1e-9 else total


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
