"""pydantic-ai traces agents, tools and model requests itself once its instrumentation is the default of all agents."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from opentelemetry.trace import TracerProvider

from ._log import logger

BESIDE_OTHERS = False
"""Whether it is wanted, too, when the app itself switched an instrumentor on."""

_undo: list[Callable[[], None]] = []


def install(capture_content: bool, provider: TracerProvider) -> None:
    """Makes tracing the default, unless the app did so itself. ``remove`` undoes it."""
    if _undo:
        return
    instrumented: Any = import_module("pydantic_ai.models.instrumented")
    settings = instrumented.InstrumentationSettings(tracer_provider=provider, include_content=capture_content)
    _instrument(import_module("pydantic_ai").Agent, settings)
    with suppress(ImportError):
        _instrument(import_module("pydantic_ai.embeddings").Embedder, settings)


def remove() -> None:
    """Puts the defaults back as they were."""
    while _undo:
        _undo.pop()()


def _instrument(kind: Any, settings: Any) -> None:
    before = getattr(kind, "_instrument_default", False)
    if before is not False:
        logger.info("%s is instrumented already; left alone", kind.__name__)
        return
    kind.instrument_all(settings)
    _undo.append(lambda: kind.instrument_all(False))
