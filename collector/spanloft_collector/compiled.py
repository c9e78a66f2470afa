"""The parts in C, where the installation found a compiler for them."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from types import ModuleType


def compiled(name: str) -> ModuleType | None:
    """Module ``name`` of this package; None where it was not compiled."""
    with suppress(ImportError):
        return import_module(f"spanloft_collector.{name}")
    return None
