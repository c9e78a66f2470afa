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

_BATCH = 32


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
        whole: list[str] = []
        whole_owners: list[int] = []
        pieces: list[Sequence[int]] = []
        owners: list[int] = []
        for owner, text in enumerate(readable(text) for text in texts):
            tokens: list[int] = self._model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            parts = chunk(tokens, self._size)
            if len(parts) == 1:
                whole.append(text)
                whole_owners.append(owner)
            else:
                pieces += parts
                owners += [owner] * len(parts)
        vectors = np.empty((len(texts), self.identity.dimensions), np.float32)
        if whole:
            vectors[whole_owners] = self._model.encode(whole, show_progress_bar=False, normalize_embeddings=True)
        if pieces:
            weights = [len(piece) + 2 for piece in pieces]
            long = sorted(set(owners))
            places = [long.index(owner) for owner in owners]
            vectors[long] = pool(self._embed_tokens(pieces), places, weights, len(long))
        return vectors

    def _embed_tokens(self, pieces: Sequence[Sequence[int]]) -> Vectors:
        """Vectors of chunks. As text they would be read as other tokens where a chunk begins inside a word."""
        import torch

        tokenizer = self._model.tokenizer
        bare, full = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
        start = next(place for place in range(len(full)) if full[place : place + len(bare)] == bare)
        before, after = full[:start], full[start + len(bare) :]
        made = []
        for first in range(0, len(pieces), _BATCH):
            rows = [[*before, *piece, *after] for piece in pieces[first : first + _BATCH]]
            features = tokenizer.pad({"input_ids": rows}, return_tensors="pt")
            with torch.no_grad():
                found = self._model({name: value.to(self._model.device) for name, value in features.items()})
            made.append(torch.nn.functional.normalize(found["sentence_embedding"].float(), dim=1).cpu().numpy())
        return np.asarray(np.concatenate(made), np.float32)


def _fingerprint(model: Any) -> str:
    """Twelve hex digits that change when the weights do: names, shapes and a part of every tensor."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().flatten()[:256].cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
