"""Switches the chosen instrumentors on as their libraries are imported, and off again."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import TracerProvider

from ._log import contained, logger
from .choices import LIBRARIES, Choice, _instrumentors
from .import_hook import ImportHook

_active: dict[str, str] = {}


def active_instrumentor(library: str) -> str | None:
    """The distribution whose instrumentor traces the library now, or ``None``."""
    return _active.get(library)


class Activation:
    """The instrumentors of one ``instrument()`` call. Each starts when its library is imported, or at once."""

    def __init__(self, provider: TracerProvider, capture_content: bool) -> None:
        self._provider = provider
        self._capture_content = capture_content
        self._hook = ImportHook()
        self._started: list[tuple[str, Any]] = []
        self._companions: list[Any] = []

    def start(self, choices: Iterable[Choice]) -> None:
        """Watches for the import of each chosen library."""
        for choice in choices:
            if choice.entry_point is not None or (choice.candidate is not None and choice.candidate.companion):
                self._hook.watch(choice.module, lambda choice=choice: self._instrument(choice))  # type: ignore[misc]
            elif choice.missing is not None:
                self._hook.watch(choice.module, lambda choice=choice: _tell_missing(choice))  # type: ignore[misc]

    def stop(self) -> None:
        """Removes the instrumentors that :meth:`start` switched on; those of the app itself stay."""
        self._hook.remove()
        # Companions stand before the instrumentors' wrappers, so they go first.
        while self._companions:
            with contained("removing a companion"):
                self._companions.pop().remove()
        while self._started:
            library, instrumentor = self._started.pop()
            with contained(f"removing the instrumentor of {library}"):
                instrumentor.uninstrument()
        _active.clear()

    def _instrument(self, choice: Choice) -> None:
        other = _instrumented_by_app(choice.library)
        if other is not None:
            logger.info("%s is instrumented by %s already; left alone", choice.library, other)
            _active[choice.library] = other
            self._add_companion(choice, own=False)
            return
        if choice.entry_point is None:
            # The library traces itself.
            self._add_companion(choice, own=True)
            return
        instrumentor = choice.entry_point.load()()
        instrumentor.instrument(tracer_provider=self._provider, skip_dep_check=True)
        self._started.append((choice.library, instrumentor))
        _active[choice.library] = choice.instrumentor or ""
        self._add_companion(choice, own=True)
        logger.debug("%s is traced by %s", choice.library, choice.instrumentor)

    def _add_companion(self, choice: Choice, own: bool) -> None:
        if choice.candidate is not None and choice.candidate.companion is not None:
            companion = importlib.import_module(choice.candidate.companion)
            if not own and not companion.BESIDE_OTHERS:
                return
            companion.install(self._capture_content, self._provider)
            self._companions.append(companion)


def _tell_missing(choice: Choice) -> None:
    level = logging.INFO if choice.mostly_other else logging.WARNING
    text = "%s %s has no instrumentor, only its HTTP calls are traced: pip install %s"
    logger.log(level, text, choice.library, choice.version, choice.missing)


def _instrumented_by_app(library: str) -> str | None:
    """The distribution of an instrumentor that the app switched on itself, from any family of the table's row."""
    installed = _instrumentors()
    row = next((row for row in LIBRARIES if row.name == library), None)
    for candidate in row.candidates if row else ():
        entry = installed.get(candidate.distribution or "")
        if entry is None or entry.module not in sys.modules:
            continue
        instance = getattr(getattr(sys.modules[entry.module], entry.attr, None), "_instance", None)
        if instance is not None and getattr(instance, "_is_instrumented_by_opentelemetry", False):
            return candidate.distribution
    return None
