"""A span to take along: as SQL, as curl, as OTLP/JSON. What is written is text; nothing of it is run here."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from spanloft_collector.otlp_json import key_values

from spanloft_dashboard import data
from spanloft_dashboard.components import choices
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.messages import LIMIT, parse

FORMS = {"sql": "SQL", "curl": "curl", "otlp": "OTLP JSON"}
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUS = {"unset": 0, "ok": 1, "error": 2}
TRACE_SPANS = 10_000
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the store's times are UTC without zone

Row = Mapping[str, Any]


def copy_tab(span: Row, payload: Row) -> None:
    """Draw the forms to choose from and the chosen one, with its button to copy it."""
    form = choices.segmented("copy", "Copy as", FORMS, "sql")
    if form == "sql":
        st.caption("The row and what it carried, in the DuckDB shell.")
        text = data.query_text("trace_raw", {"trace_id": span["trace_id"], "span_id": span["span_id"]})
        st.code(text, language="sql", wrap_lines=True)
    elif form == "curl":
        call = model_call(span, payload)
        st.caption(
            "Makes this call again, with your own key."
            if call
            else "Sends this span to a collector again. The call itself can't be repeated from what was received."
        )
        _shown(call or resend(span, payload), "curl.sh", "bash")
    else:
        st.caption("The span as any OTLP receiver takes it.")
        _shown(json.dumps(request([(span, payload)]), indent=1, ensure_ascii=False), "span.json", "json")
    st.download_button(
        "Whole trace as OTLP JSON",
        lambda: whole_trace(str(span["trace_id"]), span["start_time"]),
        file_name=f"trace-{span['trace_id']}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="_trace_otlp",
    )


def _shown(text: str, name: str, language: str) -> None:
    if len(text) <= LIMIT:
        st.code(text, language=language, wrap_lines=True)
        return
    st.caption(f"{len(text):,} characters, too long to show.")
    st.download_button("Save it", text.encode(), file_name=name, key="_copy_file", on_click="ignore")


def whole_trace(trace_id: str, near: dt.datetime) -> bytes:
    """All spans of a trace as one OTLP/JSON request, at most ten thousand; one that is larger says so in its name."""
    rows = data.rows("trace_whole", {"trace_id": trace_id, "near": near, "row_limit": TRACE_SPANS})
    return json.dumps(request([(row, row) for row in rows]), ensure_ascii=False).encode()


def request(pairs: Iterable[tuple[Row, Row]]) -> dict[str, Any]:
    """An OTLP/JSON request with the spans of ``pairs`` (row of ``spans``, row of ``payloads``)."""
    groups = []
    for span, payload in pairs:
        resource = parse(payload.get("resource")) or {}
        scope = {"name": span.get("scope_name") or "", "version": span.get("scope_version") or ""}
        groups.append(
            {
                "resource": {"attributes": key_values(resource)},
                "scopeSpans": [{"scope": scope, "spans": [_span(span, payload)]}],
            }
        )
    return {"resourceSpans": groups}


def _span(span: Row, payload: Row) -> dict[str, Any]:
    start_ns = (span["start_time"] - EPOCH) // dt.timedelta(microseconds=1) * 1000
    written: dict[str, Any] = {
        "traceId": span["trace_id"],
        "spanId": span["span_id"],
        "name": span["name"] or "",
        "kind": KINDS.get(span["kind"], 0),
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + round((span["duration_ms"] or 0.0) * 1e6)),
        "attributes": key_values(parse(payload.get("attributes")) or {}),
        "status": {"code": STATUS.get(span["status_code"], 0), "message": span["status_message"] or ""},
    }
    if span["parent_span_id"]:
        written["parentSpanId"] = span["parent_span_id"]
    events = parse(payload.get("events"))
    if events:
        written["events"] = [
            {
                "name": event.get("name") or "",
                "timeUnixNano": str(event.get("time_ns") or 0),
                "attributes": key_values(event.get("attributes") or {}),
            }
            for event in events
        ]
    return written


def resend(span: Row, payload: Row) -> str:
    """Curl that sends the span to the collector of this dashboard."""
    body = json.dumps(request([(span, payload)]), ensure_ascii=False)
    return _curl(f"{data.endpoint()}/v1/traces", ["Content-Type: application/json"], body)


def model_call(span: Row, payload: Row) -> str | None:
    """Curl that makes a chat call again at OpenAI or Anthropic; None for other providers, or without messages."""
    messages = parse(payload.get("input_messages")) or []
    model = span["request_model"] or span["response_model"]
    if span["operation"] != "chat" or not messages or not model or not isinstance(messages, list):
        return None
    system = plain(parse(payload.get("system_instructions")) or [])
    body: dict[str, Any] = {"model": model}
    for key in ("max_tokens", "temperature"):
        if span.get(key) is not None:
            body[key] = span[key]
    turns = [
        {"role": message.get("role") or "user", "content": plain(message.get("parts") or [])}
        for message in messages
        if isinstance(message, Mapping)
    ]
    if span["provider"] == "openai":
        body["messages"] = [*([{"role": "system", "content": system}] if system else []), *turns]
        key, url = '"Authorization: Bearer $OPENAI_API_KEY"', "https://api.openai.com/v1/chat/completions"
        return _curl(url, ["Content-Type: application/json"], json.dumps(body, ensure_ascii=False), key)
    if span["provider"] == "anthropic":
        body |= {"max_tokens": span.get("max_tokens") or 1024, "messages": turns}
        if system:
            body["system"] = system
        key, url = '"x-api-key: $ANTHROPIC_API_KEY"', "https://api.anthropic.com/v1/messages"
        headers = ["Content-Type: application/json", "anthropic-version: 2023-06-01"]
        return _curl(url, headers, json.dumps(body, ensure_ascii=False), key)
    return None


def plain(parts: Any) -> str:
    """Parts of a message as one text; calls and results of tools as their JSON."""
    if not isinstance(parts, list):
        return str(parts)
    texts = []
    for part in parts:
        content = part.get("content") if isinstance(part, Mapping) else part
        texts.append(content if isinstance(content, str) else json.dumps(part, ensure_ascii=False))
    return "\n".join(texts)


def _curl(url: str, headers: Iterable[str], body: str, secret: str | None = None) -> str:
    # The shell must not read anything of the texts: everything is quoted but the name of the key's variable.
    lines = [f"curl {shlex.quote(url)}", *(f"-H {shlex.quote(header)}" for header in headers)]
    if secret:
        lines.append(f"-H {secret}")
    lines.append(f"--data-raw {shlex.quote(fmt.visible(body))}")
    return " \\\n  ".join(lines)
