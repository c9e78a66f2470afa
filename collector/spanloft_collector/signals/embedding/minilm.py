"""all-MiniLM-L6-v2 on onnxruntime: the same vectors as sentence-transformers, without torch and without a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.embedding.base import ModelIdentity, Vectors
from spanloft_collector.signals.embedding.chunks import chunk, pool, readable
from spanloft_collector.signals.embedding.weights import (
    DIGESTS,
    HINT,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    check_digest,
    fetch_weights,
    find_weights,
)

NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384
MAX_TOKENS = 256
"""What the model was trained to read at once, its two special tokens included."""
BATCH_TOKENS = 4_096
"""Tokens of one batch, padding included: larger ones fall out of the processor's cache."""
BATCH_TEXTS = 64

Quantization = Literal["fp32", "int8"]


class MiniLM:
    """An ``Embedder`` of all-MiniLM-L6-v2."""

    def __init__(
        self,
        cache: Path,
        quantization: Quantization = "fp32",
        *,
        threads: int | None = None,
        fetch: Callable[[str], None] | None = None,
    ) -> None:
        """Load the model; the ONNX graph is built once and kept in ``cache``.

        Args:
            cache: folder for the graph.
            quantization: ``int8`` is about twice as fast and its vectors differ; see ``ModelIdentity``.
            threads: of the processor; None takes all of them.
            fetch: when given, missing weights are fetched, and this is told so first.

        Raises:
            SpanloftError: the weights are missing or not the expected ones, or a library is missing.
        """
        home = find_weights(cache) or (fetch_weights(cache, fetch) if fetch is not None else None)
        if home is None:
            raise SpanloftError(f"the weights of {NAME} are missing: {HINT}")
        check_digest(home / TOKENIZER_FILE)
        check_digest(home / WEIGHTS_FILE)
        self.identity = ModelIdentity(NAME, DIGESTS[WEIGHTS_FILE][:12], quantization, DIMENSIONS)
        self._tokenizer = _load_tokenizer(home / TOKENIZER_FILE)
        self._session = _open_session(_graph_file(home, cache, quantization), threads or os.cpu_count() or 1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``; see ``Embedder.embed``."""
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        pieces: list[list[int]] = []
        owners: list[int] = []
        encoded = self._tokenizer.encode_batch([readable(text) for text in texts], add_special_tokens=False)
        for owner, encoding in enumerate(encoded):
            for piece in chunk(encoding.ids, MAX_TOKENS - 2):
                pieces.append([_CLS, *piece, _SEP])
                owners.append(owner)
        vectors = np.empty((len(pieces), DIMENSIONS), np.float32)
        for batch in batches([len(piece) for piece in pieces]):
            vectors[batch] = self._run([pieces[place] for place in batch])
        return pool(vectors, owners, [len(piece) for piece in pieces], len(texts))

    def _run(self, pieces: list[list[int]]) -> Vectors:
        lengths = np.array([len(piece) for piece in pieces], np.int32)
        ids = np.zeros((len(pieces), int(lengths.max())), np.int32)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece)] = piece
        vectors: Vectors = self._session.run(["vectors"], {"input_ids": ids, "lengths": lengths})[0]
        return vectors


_CLS, _SEP = 101, 102


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions in batches of similar length, so that little is padded; the longest first."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(order):
        size = max(1, min(BATCH_TEXTS, BATCH_TOKENS // lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _open_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A thread that spins while it waits takes the processor from the collector beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _graph_file(home: Path, cache: Path, quantization: Quantization) -> Path:
    """Path of the ONNX file, built now when it is not there yet."""
    from spanloft_collector.signals.embedding import graph

    name = f"{NAME}-{DIGESTS[WEIGHTS_FILE][:12]}-g{graph.GRAPH_VERSION}"
    path = cache / f"{name}-{quantization}.onnx"
    if path.exists():
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = cache / f"{path.name}.{os.getpid()}.tmp"
        if quantization == "int8":
            _quantize(_graph_file(home, cache, "fp32"), partial)
        else:
            partial.write_bytes(graph.build_graph(home / WEIGHTS_FILE).SerializeToString())
        partial.replace(path)
    except OSError as error:
        raise SpanloftError(
            f"{cache}: the model can't be kept there ({error.strerror or error}); choose another with SPANLOFT_CACHE"
        ) from error
    return path


def _quantize(source: Path, target: Path) -> None:
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It advises a preparation that needs fixed shapes, and says so on the root logger.
    logging.getLogger().addFilter(_not_of_root)
    try:
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": 1},
        )
    finally:
        logging.getLogger().removeFilter(_not_of_root)


def _not_of_root(record: Any) -> bool:
    return bool(record.name != "root")
