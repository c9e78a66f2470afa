"""Any model that sentence-transformers knows. Its import takes many seconds, so it happens when it is first used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.embedding.base import ModelIdentity, Vectors
from spanloft_collector.signals.embedding.chunks import chunk, pool, readable


class SentenceTransformerEmbedder:
    """An ``Embedder`` of a sentence-transformers model, by name or folder."""

    def __init__(self, name: str, *, threads: int | None = None) -> None:
        """Load the model.

        Raises:
            SpanloftError: the model can't be loaded.
        """
        import torch
        from sentence_transformers import SentenceTransformer

        if threads is not None:
            torch.set_num_threads(threads)
        try:
            self._model: Any = SentenceTransformer(name)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise SpanloftError(f"sentence-transformers can't load {name!r}: {reason}") from error
        self._size = max(1, int(self._model.max_seq_length or 512) - 2)
        dimensions = int(self._model.encode(["dimensions"], show_progress_bar=False).shape[1])
        version = _fingerprint(self._model)
        self.identity = ModelIdentity(Path(name).name, version, "fp32", dimensions)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``; see ``Embedder.embed``."""
        if not texts:
            return np.zeros((0, self.identity.dimensions), np.float32)
        pieces: list[str] = []
        owners: list[int] = []
        weights: list[int] = []
        for owner, text in enumerate(readable(text) for text in texts):
            encoded = self._model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            places: list[tuple[int, int]] = encoded["offset_mapping"]
            parts = chunk(range(len(places)), self._size)
            for part in parts:
                whole = len(parts) == 1
                pieces.append(text if whole else text[places[part[0]][0] : places[part[-1]][1]])
                owners.append(owner)
                weights.append(len(part) + 2)
        vectors = self._model.encode(pieces, batch_size=32, show_progress_bar=False, normalize_embeddings=True)
        return pool(np.asarray(vectors, np.float32), owners, weights, len(texts))


def _fingerprint(model: Any) -> str:
    """Twelve hex digits that change when the weights do: names, shapes and a part of every tensor."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().flatten()[:256].cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
