"""The mistralai SDK's own spans: GenAI keys; streams and failures show only in the HTTP keys.

Source: mistralai 3.7 ``extra/observability/otel.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import rules
from .otel_genai import FIELDS, infer_operation
from .values import as_count, as_str

RULES = rules.extend(FIELDS)


class MistralAI:
    """Native spans of the mistralai SDK."""

    name = "mistralai"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims the SDK's scope."""
        return scope_name == "mistralai_sdk_tracer"

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        if (as_str(attributes.get("http.url")) or "").endswith("#stream"):
            out["is_stream"] = True
        status = as_count(attributes.get("http.response.status_code"))
        if status is not None and status >= 400:
            rules.drop_empty(out, error_type=rules.exception_type(span.events) or str(status))
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        return rules.finish(out, span)
