"""Makes a recorded OTLP request repeatable: ids, times, ports and paths follow from the case, not from the run.

Durations are invented (the fake provider answers in milliseconds) but consistent: children lie inside their parents,
in the order they ran in, and the time to first token lies inside its call.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from datetime import UTC, datetime
from typing import Any

START = int(datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()) * 10**9
_IDS = re.compile(r"\b(chatcmpl-|resp_|msg_01|msg_|call_|toolu_01|req_01|fc_|rs_)([A-Za-z0-9]{20,})\b")
_TIME_TO_FIRST = "gen_ai.response.time_to_first_chunk"
_MILLISECOND = 10**6


def normalise(request: dict[str, Any], case: str) -> dict[str, Any]:
    """The request with everything that varies from run to run replaced; ``case`` seeds what is invented."""
    rng = random.Random(case)
    spans = [span for r in request["resourceSpans"] for s in r["scopeSpans"] for span in s["spans"]]
    spans.sort(key=lambda span: (int(span["startTimeUnixNano"]), -int(span["endTimeUnixNano"])))
    _retime(spans, rng)
    _rename(spans, case)
    for resource in request["resourceSpans"]:
        for attribute in resource["resource"]["attributes"]:
            if attribute["key"] in ("service.instance.id", "process.pid"):
                attribute["value"] = {"stringValue": _digest(case, "instance", 32)}
    for span in spans:
        _clean_attributes(span)
    text = json.dumps(request, ensure_ascii=False)
    known = _stable_ids(json.dumps(spans, ensure_ascii=False), case)
    return json.loads(_IDS.sub(lambda match: known.get(match.group(0), match.group(0)), text))


def _retime(spans: list[dict[str, Any]], rng: random.Random) -> None:
    children: dict[str, list[dict[str, Any]]] = {}
    ids = {span["spanId"] for span in spans}
    roots = []
    for span in spans:
        parent = span.get("parentSpanId", "")
        if parent in ids:
            children.setdefault(parent, []).append(span)
        else:
            roots.append(span)
    clock = START + rng.randrange(3600) * 10**9
    for root in roots:
        clock = _place(root, clock, children, rng) + rng.randint(200, 900) * _MILLISECOND


def _place(span: dict[str, Any], start: int, children: dict[str, list[dict[str, Any]]], rng: random.Random) -> int:
    inner = children.get(span["spanId"], [])
    end = start + rng.randint(2, 9) * _MILLISECOND
    for child in inner:
        end = _place(child, end, children, rng) + rng.randint(1, 6) * _MILLISECOND
    if not inner:
        end = start + _own_time(span, rng)
    duration = end - start
    first = start + int(duration * rng.uniform(0.15, 0.4))
    events = span.get("events", [])
    for index, event in enumerate(events):
        at = first if "First Token" in event["name"] else start + duration * (index + 1) // (len(events) + 1)
        event["timeUnixNano"] = str(at)
    for attribute in span.get("attributes", []):
        if attribute["key"] == _TIME_TO_FIRST:
            attribute["value"] = {"doubleValue": round((first - start) / 1e9, 6)}
    span["startTimeUnixNano"], span["endTimeUnixNano"] = str(start), str(end)
    return end


def _own_time(span: dict[str, Any], rng: random.Random) -> int:
    kinds = {attribute["value"].get("stringValue") for attribute in span.get("attributes", [])}
    if span.get("status", {}).get("code") == 2:
        return rng.randint(60, 400) * _MILLISECOND
    if kinds & {"execute_tool", "TOOL"}:
        return rng.randint(30, 220) * _MILLISECOND
    if kinds & {"embeddings", "EMBEDDING"}:
        return rng.randint(40, 180) * _MILLISECOND
    return rng.randint(700, 4200) * _MILLISECOND + rng.randrange(_MILLISECOND)


def _rename(spans: list[dict[str, Any]], case: str) -> None:
    """New trace and span ids, by order of start."""
    traces: dict[str, str] = {}
    ids: dict[str, str] = {}
    for number, span in enumerate(spans):
        traces.setdefault(span["traceId"], _digest(case, f"trace {len(traces)}", 32))
        ids[span["spanId"]] = _digest(case, f"span {number}", 16)
    for span in spans:
        span["traceId"], span["spanId"] = traces[span["traceId"]], ids[span["spanId"]]
        if parent := span.get("parentSpanId"):
            span["parentSpanId"] = ids.get(parent, parent)


def _clean_attributes(span: dict[str, Any]) -> None:
    """Real hosts instead of the fake one's, no port, and stack traces without the paths of this machine."""
    host = "api.anthropic.com" if "anthropic" in json.dumps(span) else "api.openai.com"
    span["attributes"] = [a for a in span.get("attributes", []) if a["key"] not in ("server.port", "url.port")]
    bags = [span["attributes"], *(event.get("attributes", []) for event in span.get("events", []))]
    for attribute in (attribute for bag in bags for attribute in bag):
        value = attribute["value"]
        if "stringValue" not in value:
            continue
        text = re.sub(r"http://127\.0\.0\.1:\d+", f"https://{host}", value["stringValue"])
        text = re.sub(r'File "[^"]*?/site-packages/', 'File "site-packages/', text)
        text = re.sub(r'File "/[^"]*/', 'File "', text)
        text = re.sub(r'"(created|created_at)":\s?\d{10}', rf'"\1":{START // 10**9}', text)
        value["stringValue"] = host if text == "127.0.0.1" else "https" if attribute["key"] == "url.scheme" else text


def _stable_ids(text: str, case: str) -> dict[str, str]:
    """A new id for each id in the text, by the order they come in: that of the spans, whatever their scopes."""
    known: dict[str, str] = {}
    for match in _IDS.finditer(text):
        if match.group(0) not in known:
            length = len(match.group(2))
            made = _digest(case, f"{match.group(1)} {len(known)}", 64)[:length]
            known[match.group(0)] = match.group(1) + made.ljust(length, "0")
    return known


def _digest(case: str, name: str, length: int) -> str:
    return hashlib.sha256(f"{case} {name}".encode()).hexdigest()[:length]
