"""Dialects: one file per emitter, each a pure translation of span attributes into the canonical fields."""

from .base import Dialect
from .registry import DIALECTS, find_dialect

__all__ = ["DIALECTS", "Dialect", "find_dialect"]
