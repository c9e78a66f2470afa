"""Which embedder a name stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.embedding.base import Embedder

DEFAULT_MODEL = "all-MiniLM-L6-v2"


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
        if separator and route == "sentence-transformers" and name:
            from spanloft_collector.signals.embedding.sentence import SentenceTransformerEmbedder

            return SentenceTransformerEmbedder(name, threads=threads)
        if model in (DEFAULT_MODEL, f"{DEFAULT_MODEL}/int8"):
            from spanloft_collector.signals.embedding.minilm import MiniLM

            return MiniLM(cache, "int8" if model.endswith("/int8") else "fp32", threads=threads, fetch=fetch)
    except ModuleNotFoundError as error:
        extra = "sentence-transformers" if separator else "signals"
        missing = (error.name or "a library").partition(".")[0]
        raise SpanloftError(f'{missing} is missing: pip install "spanloft[{extra}]"') from error
    raise SpanloftError(
        f"there is no embedding model {model!r}; expected {DEFAULT_MODEL}, {DEFAULT_MODEL}/int8 or "
        "sentence-transformers:NAME"
    )
