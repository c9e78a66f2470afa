"""Alerts that jobs raise: what one says, and how it becomes rows of the dataset ``alerts``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

import orjson
import pyarrow as pa

from spanloft_collector.jobs.base import utc_now
from spanloft_collector.store.schema import to_table

Kind = Literal["cost", "latency", "errors", "drift", "security"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something out of the ordinary. Times are naive UTC; the columns are explained in ``model.ALERTS``.

    ``key`` tells alerts of one job apart: raising one with the same key again updates it, so that it should name the
    series and where it began, not where it ends or how bad it is.
    """

    key: str
    time: datetime
    kind: Kind
    severity: Severity
    title: str
    page: str
    job: str
    series: str | None = None
    service_name: str | None = None
    model: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    trace_id: str | None = None
    span_id: str | None = None
    state: Literal["open", "resolved"] = "open"

    @property
    def alert_id(self) -> str:
        """16 hex digits, the same for the same job and key."""
        return hashlib.sha256(f"{self.job}\0{self.key}".encode()).hexdigest()[:16]


def alerts_table(alerts: Iterable[Alert], updated_at: datetime | None = None) -> pa.Table:
    """Rows of ``alerts``, one per alert.

    Args:
        alerts: what to write.
        updated_at: naive UTC time that decides which of two rows of an alert is the latest; now when not given.
    """
    written = updated_at or utc_now()
    found = list(alerts)
    plain = [item.name for item in fields(Alert) if item.name not in ("key", "evidence")]
    return to_table(
        "alerts",
        {
            **{name: [getattr(alert, name) for alert in found] for name in plain},
            "alert_id": [alert.alert_id for alert in found],
            "evidence": [orjson.dumps(alert.evidence).decode() for alert in found],
            "updated_at": [written] * len(found),
        },
    )
