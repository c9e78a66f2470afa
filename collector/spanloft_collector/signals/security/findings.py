"""What a detector reports about one text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RULES_VERSION = "1"
"""Raise it when rules, decoders or leak patterns change what they find."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters ``start`` to ``end`` of a text, what they are, and who says so.

    ``category`` is a value of semconv's ``gen_ai.guardrail.security.risk.category``; ``detector`` is ``rule:<id>``,
    ``learned``, ``leak:<kind>``, ``behaviour:<name>``, ``model:<name>``, ``moderation:<name>`` or ``review:<id>``;
    ``score`` is a probability; ``text`` is what may be shown of the segment, with leaks taken out.
    """

    start: int
    end: int
    kind: str
    category: str
    detector: str
    version: str
    severity: str
    score: float
    text: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def is_learned(self) -> bool:
        """Whether a model says so, which orders texts and raises no alarm."""
        return self.detector == "learned" or self.detector.startswith(("model:", "moderation:"))
