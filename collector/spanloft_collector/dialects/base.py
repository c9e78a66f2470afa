"""What a dialect is: a pure translation of one emitter's span attributes into the canonical fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ..model import Canonical, RawSpan

STATUS_ERROR = 2
"""``RawSpan.status_code`` of a failed span (OTLP ``STATUS_CODE_ERROR``)."""


@runtime_checkable
class Dialect(Protocol):
    """One way of writing LLM spans.

    A dialect is pure and never raises, whatever the attributes hold: what it can't read is absent from its result.
    """

    name: str
    """Value of the ``dialect`` column."""

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Whether this dialect claims a span, by its scope or by marker keys among its attributes."""
        ...

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields of ``span``; a field the span does not state is absent."""
        ...
