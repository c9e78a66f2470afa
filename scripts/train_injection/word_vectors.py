"""Word vectors out of MiniLM: each whole word of its vocabulary, embedded alone, reduced to a few int8 numbers.

A mean of such vectors says what a sentence is about for the price of a table look-up, which is what 10 ms of CPU per
call leave room for. The forward pass is written out in numpy, because every input has the same three tokens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

DIMENSIONS = 64
WORDS = 20_000
_HEADS = 12
_CLS, _SEP = 101, 102
_BATCH = 512
_SIF = 1e-3


def read_safetensors(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """All float32 tensors of a safetensors file."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            data = np.frombuffer(raw, np.float32, (end - begin) // 4, 8 + size + begin)
            tensors[name] = data.reshape(entry["shape"])
    return tensors


def layer_norm(x: np.ndarray[Any, Any], weights: dict[str, Any], name: str) -> np.ndarray[Any, Any]:
    centred = x - x.mean(-1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weights[f"{name}.weight"]
        + weights[f"{name}.bias"]
    )


def gelu(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # The tanh form: MiniLM was trained with the error function, the difference is below 1e-3.
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def embed(ids: np.ndarray[Any, Any], weights: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Mean-pooled vectors (n, 384) of n single-token texts."""
    tokens = np.stack([np.full_like(ids, _CLS), ids, np.full_like(ids, _SEP)], 1)
    x = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][:3]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = layer_norm(x, weights, "embeddings.LayerNorm")

    def linear(value: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
        # As one matrix: numpy would multiply each text's three rows by themselves, thirty times slower.
        flat = value.reshape(-1, value.shape[-1]) @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return np.asarray(flat.reshape(*value.shape[:-1], -1))

    for number in range(6):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            linear(x, f"{layer}.attention.self.{name}").reshape(len(x), 3, _HEADS, -1).transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        attended = linear(mixed.transpose(0, 2, 1, 3).reshape(x.shape), f"{layer}.attention.output.dense")
        x = layer_norm(x + attended, weights, f"{layer}.attention.output.LayerNorm")
        inner = gelu(linear(x, f"{layer}.intermediate.dense"))
        x = layer_norm(x + linear(inner, f"{layer}.output.dense"), weights, f"{layer}.output.LayerNorm")
    return x.mean(1)


def make_word_vectors(model: Path) -> tuple[list[str], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Words, their int8 vectors (n, DIMENSIONS) and the scale of each dimension.

    Args:
        model: folder with ``vocab.txt`` and ``model.safetensors`` of all-MiniLM-L6-v2.
    """
    weights = read_safetensors(model / "model.safetensors")
    vocabulary = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    # The vocabulary is sorted by frequency, so its first whole words are the most common ones.
    chosen = [(at, word) for at, word in enumerate(vocabulary) if word.isalpha() and word.isascii() and len(word) > 1]
    chosen = chosen[:WORDS]
    ids = np.array([at for at, _ in chosen])
    vectors = np.concatenate([embed(ids[at : at + _BATCH], weights) for at in range(0, len(ids), _BATCH)])
    vectors -= vectors.mean(0)
    _, _, axes = np.linalg.svd(vectors[:: max(1, len(vectors) // 8000)], full_matrices=False)
    reduced = vectors @ axes[:DIMENSIONS].T
    # Common words say little: weight by smooth inverse frequency, frequency after Zipf by rank.
    frequency = 1 / (np.arange(len(ids)) + 10) / np.log(len(ids))
    reduced *= (_SIF / (_SIF + frequency))[:, None]
    scale = np.abs(reduced).max(0) / 127
    return [word for _, word in chosen], np.round(reduced / scale).astype(np.int8), scale.astype(np.float32)
