"""What the shipped detectors reach, as ``bench/security.py --write`` measured it; shown wherever findings are shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure in words, with its interval where it is a share."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one run of the bench, and what the detectors are known to miss."""

    date: str
    version: str
    rows: tuple[Figure, ...]
    limits: tuple[str, ...]


@cache
def published() -> Figures:
    """The figures that belong to the shipped rules and weights."""
    text = (files("spanloft_collector") / "signals" / "security" / "figures.json").read_text(encoding="utf-8")
    content = json.loads(text)
    rows = tuple(Figure(row["name"], row["value"]) for row in content["rows"])
    return Figures(content["date"], content["version"], rows, tuple(content["limits"]))
