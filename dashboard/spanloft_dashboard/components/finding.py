"""One finding: the text with the match marked, the evidence, the chain of spans, and the verdict of a person."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st
from spanloft_collector.errors import SpanloftError

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import links, messages, verdicts
from spanloft_dashboard.components.panel import EmptyPanel, guarded, head
from spanloft_dashboard.components.scope import Scope, iso, set_url

Color = Literal["red", "orange", "gray"]
COLORS: dict[str, Color] = {"critical": "red", "high": "red", "medium": "orange", "low": "gray", "info": "gray"}
OUTCOME_COLORS: dict[str, Color] = {"successful": "red", "suspected": "orange", "attempted": "gray"}
_SHOWN = 500
# Shown in words or elsewhere.
_PLAIN = frozenset({"match", "decoded"})


def page(finding_id: str, scope: Scope) -> None:
    """Draw a finding in place of the list."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Findings", icon=":material/arrow_back:", on_click=lambda: set_url(finding=None), key="_back")
        st.subheader("Finding", anchor=False, width="content")
    guarded(lambda scope: _draw(finding_id, scope), scope)


def _draw(finding_id: str, scope: Scope) -> None:
    found = data.rows("security_finding", {"finding": finding_id})
    if not found:
        raise EmptyPanel(f"There is no finding {fmt.label(finding_id)} in this store. It may have been expired.")
    top = found[0]
    _facts(top, scope)

    def asked(_: Scope) -> dict[str, Any]:
        return {"finding": finding_id}

    with st.container(key="panel-segment", gap="xsmall"):
        head("segment", "Text", scope, ["security_finding"], asked)
        marked(top["segment"], str((messages.parse(top["evidence"]) or {}).get("match") or ""))
        st.caption("Secrets and personal data are replaced by their kind. Nothing in this text is followed or loaded.")
    with st.container(key="panel-evidence", gap="xsmall"):
        head("evidence", "Evidence", scope, ["security_finding"], asked)
        for row in found:
            _evidence(row)
    chain = messages.parse(top["chain"]) or []
    if chain:
        _chain(top, chain, scope)
    _verdict(top, scope)


def _facts(row: dict[str, Any], scope: Scope) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="facts"):
        st.badge(fmt.label(row["category"].replace("_", " ")), color="violet")
        st.badge(fmt.label(row["severity"]), color=COLORS.get(row["severity"], "gray"))
        if row["outcome"]:
            st.badge(fmt.label(row["outcome"]), color=OUTCOME_COLORS.get(row["outcome"], "gray"))
        facts = {
            "in": row["origin"].replace("_", " "),
            "at": f"{row['segment_start']:,}–{row['segment_end']:,}",
            "as": row["segment_kind"].replace("_", " "),
            "user": row["user_id"],
            "time": fmt.clock(row["start_time"]),
        }
        for name, value in facts.items():
            if value:
                st.markdown(f":gray[{name}] {fmt.label(value, 48)}", width="content")
        where = {"trace": row["trace_id"], "span": row["span_id"], "at": iso(row["start_time"])}
        links.link("traces", "Trace", scope, **where)


def marked(segment: str, match: str) -> None:
    """A segment with the matching part on a coloured ground. Both are foreign text: every character is escaped."""
    at = segment.find(match) if match else -1
    if at < 0:
        messages.text(segment)
        return
    before, after = segment[:at], segment[at + len(match) :]
    parts = [fmt.label(before, _SHOWN), f":orange-background[{fmt.label(match, _SHOWN)}]", fmt.label(after, _SHOWN)]
    st.markdown(" ".join(part for part in parts if part))


def _evidence(row: dict[str, Any]) -> None:
    evidence = messages.parse(row["evidence"]) or {}
    rank = f" · ranks above {fmt.percent(row['score_rank'])} of your texts" if row["score_rank"] is not None else ""
    words = f"{row['detector']} · version {row['detector_version']} · score {row['score']:.2f}{rank}"
    st.markdown(fmt.label(words, 160))
    if evidence.get("decoded"):
        st.caption(f"Decoded from {fmt.label(evidence.get('encoding'), 60)}:")
        messages.text(str(evidence["decoded"]))
    rest = {name: value for name, value in evidence.items() if name not in _PLAIN and value not in (None, "")}
    if rest:
        messages.block(rest)


def _chain(row: dict[str, Any], chain: list[dict[str, Any]], scope: Scope) -> None:
    parameters = {"trace_id": row["trace_id"], "span_ids": [step["span_id"] for step in chain]}
    spans = {span["span_id"]: span for span in data.rows("security_chain", parameters)}
    with st.container(key="panel-chain", gap="xsmall"):
        head("chain", "What it achieved", scope, ["security_chain"], lambda _: parameters)
        for place, step in enumerate(chain, 1):
            span = spans.get(step["span_id"], {})
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-step-{place}"):
                st.markdown(f"**{place}.** {fmt.label(step['what'], 80)}", width="content")
                if span:
                    st.caption(fmt.label(f"{span['name']} · {fmt.clock(span['start_time'])}", 120), width="content")
                where = {"trace": row["trace_id"], "span": step["span_id"], "at": iso(row["start_time"])}
                links.link("traces", "Span", scope, **where)
            if step["text"]:
                messages.text(step["text"])


def _verdict(row: dict[str, Any], scope: Scope) -> None:
    with st.container(key="panel-verdict", gap="xsmall"):
        head("verdict", "Verdict", scope, ["security_finding"], lambda _: {"finding": row["finding_id"]})
        if row["verdict"]:
            by = f" by {row['verdict_by']}" if row["verdict_by"] else ""
            st.caption(fmt.label(f"{row['verdict'].replace('_', ' ')}{by}, {fmt.clock(row['verdict_time'])}", 120))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for verdict, words, icon in (
                (verdicts.TRUE_ALARM, "True alarm", "gpp_bad"),
                (verdicts.FALSE_ALARM, "False alarm", "gpp_good"),
            ):
                if st.button(words, icon=f":material/{icon}:", key=f"_verdict_{verdict}"):
                    _send(row, verdict)


def _send(row: dict[str, Any], verdict: str) -> None:
    try:
        verdicts.send(row["finding_id"], row["trace_id"], row["span_id"], verdict)
    except SpanloftError as error:
        st.error(fmt.label(str(error), 300), icon=":material/error:")
        return
    st.success("Recorded. It is shown here once the collector has stored it.", icon=":material/check:")
