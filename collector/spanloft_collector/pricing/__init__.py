"""Tokens on one footing (``usage``) and their price with its provenance (``prices``)."""

from .overrides import NO_OVERRIDES, Override, Overrides, OverridesError, load_overrides, parse_overrides
from .prices import Price, Pricer
from .usage import Usage, normalise_usage

__all__ = [
    "NO_OVERRIDES",
    "Override",
    "Overrides",
    "OverridesError",
    "Price",
    "Pricer",
    "Usage",
    "load_overrides",
    "normalise_usage",
    "parse_overrides",
]
