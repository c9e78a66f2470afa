"""Sends what a person thinks of a finding to the collector, as a log event. The dashboard itself writes nothing."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request

from spanloft_collector.errors import SpanloftError
from spanloft_collector.location import announced_url

from spanloft_dashboard import data

EVENT = "spanloft.security.verdict"
TRUE_ALARM, FALSE_ALARM = "true_alarm", "false_alarm"
_TIMEOUT_S = 5.0


def collector_address() -> str:
    """OTLP/HTTP address of the collector that writes this store, else the one the dashboard was started with."""
    return announced_url(data.store_path()) or data.endpoint()


def send(finding_id: str, trace_id: str, span_id: str, verdict: str, *, comment: str = "", user: str = "") -> None:
    """Record a verdict; it appears with the finding once the collector has stored it, after about a second.

    Raises:
        SpanloftError: the collector can't be reached or refused; says what to do.
    """
    texts = {
        "spanloft.finding.id": finding_id,
        "gen_ai.evaluation.name": "security_finding",
        "gen_ai.evaluation.score.label": verdict,
        "gen_ai.evaluation.explanation": comment,
        "user.id": user,
    }
    record = {
        "timeUnixNano": str(time.time_ns()),
        "eventName": EVENT,
        "traceId": trace_id,
        "spanId": span_id,
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items() if text],
    }
    scope = {"scope": {"name": "spanloft.dashboard"}, "logRecords": [record]}
    service = {"key": "service.name", "value": {"stringValue": "spanloft-dashboard"}}
    body = {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": [scope]}]}
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("SPANLOFT_API_KEY", "").split(",")[0].rpartition(":")[2]:
        headers["Authorization"] = f"Bearer {key}"
    address = collector_address()
    request = urllib.request.Request(f"{address}/v1/logs", json.dumps(body).encode(), headers, method="POST")
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        raise SpanloftError(
            f"the collector at {address} refused the verdict (HTTP {error.code}); see its log"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise SpanloftError(
            f"no collector at {address} ({reason}); start it with: spanloft up, and try again"
        ) from None
