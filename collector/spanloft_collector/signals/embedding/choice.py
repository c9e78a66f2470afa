"""Which embedder a name stands for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.embedding.weights import HINT, find_weights

if TYPE_CHECKING:
    from spanloft_collector.signals.embedding.base import Embedder

DEFAULT_MODEL = "all-MiniLM-L6-v2"
OFF = "off"
_ROUTE = "sentence-transformers"
_LIBRARIES = ("numpy", "scipy", "onnx", "onnxruntime", "safetensors", "tokenizers")


@dataclass(frozen=True)
class EmbedderOf:
    """Loads the embedder of a name when it is called: a plain value, so that another process can load it, too."""

    model: str
    cache: Path
    threads: int

    def __call__(self) -> Embedder:
        """See ``create_embedder``."""
        return create_embedder(self.model, self.cache, threads=self.threads)


def why_not(model: str, cache: Path) -> str:
    """Why texts can't be embedded here, and what to do; empty when they can. Imports no library."""
    if model == OFF:
        return "embeddings are switched off by SPANLOFT_EMBEDDING_MODEL=off"
    chosen = model.startswith(f"{_ROUTE}:")
    libraries = ("numpy", "scipy", "sentence_transformers") if chosen else _LIBRARIES
    for name in libraries:
        if importlib.util.find_spec(name) is None:
            return f'{name} is missing: pip install "spanloft[{_ROUTE if chosen else "signals"}]"'
    return "" if chosen or find_weights(cache) else f"the weights of {DEFAULT_MODEL} are missing: {HINT}"


def create_embedder(
    model: str, cache: Path, *, threads: int | None = None, fetch: Callable[[str], None] | None = None
) -> Embedder:
    """The embedder of a name.

    Args:
        model: ``all-MiniLM-L6-v2`` (onnxruntime), ``all-MiniLM-L6-v2/int8`` (twice as fast, other vectors), or
            ``sentence-transformers:NAME`` for any model or folder that library knows.
        cache: folder for what is built once.
        threads: of the processor; None takes all of them.
        fetch: when given, missing weights are fetched, and this is told so first.

    Raises:
        SpanloftError: there is no such model, its library or its weights are missing; says what to do.
    """
    route, separator, name = model.partition(":")
    try:
        if separator and route == _ROUTE and name:
            from spanloft_collector.signals.embedding.sentence import SentenceTransformerEmbedder

            return SentenceTransformerEmbedder(name, threads=threads)
        if model in (DEFAULT_MODEL, f"{DEFAULT_MODEL}/int8"):
            from spanloft_collector.signals.embedding.minilm import MiniLM

            return MiniLM(cache, "int8" if model.endswith("/int8") else "fp32", threads=threads, fetch=fetch)
    except ModuleNotFoundError as error:
        extra = _ROUTE if separator else "signals"
        missing = (error.name or "a library").partition(".")[0]
        raise SpanloftError(f'{missing} is missing: pip install "spanloft[{extra}]"') from error
    raise SpanloftError(
        f"there is no embedding model {model!r}; expected {DEFAULT_MODEL}, {DEFAULT_MODEL}/int8 or "
        "sentence-transformers:NAME"
    )
