"""What the signals say of one span: attacks and leaks, drift, alerts, feedback.

A signal that found nothing, one that did not look yet, and one that had nothing to look at are three different answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import alarms, finding, links, messages, tables
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.markup import put
from spanloft_dashboard.components.scope import Scope

Row = Mapping[str, Any]

QUERIES = ("trace_findings", "trace_drift", "trace_alerts", "trace_feedback")
TEXTS = ("input_messages", "output_messages", "system_instructions", "tool_arguments", "tool_result")
TEXTS_OF_CALLS = ("chat", "generate_content", "text_completion")
VERDICTS: dict[str, Literal["red", "green", "gray"]] = {"drifted": "red", "no drift": "green"}


def parameters(span: Row) -> dict[str, Any]:
    """Parameters of the queries of this tab."""
    return {
        "trace_id": span["trace_id"],
        "span_id": span["span_id"],
        "at": span["start_time"],
        "of_service": span["service_name"],
        "of_model": span["response_model"] or span["request_model"],
    }


def signals_tab(span: Row, payload: Row, scope: Scope) -> None:
    """Draw what is known of the span, each signal with its state."""
    judged = data.first("trace_judged", parameters(span))
    has_text = any(payload.get(name) for name in (*TEXTS, "retrieval_documents"))
    _security(span, judged, has_text, scope)
    _drift(span, judged, has_text, scope)
    _alerts(span, judged, scope)
    _feedback(span)


def state(span: Row, until: dt.datetime | None, job: str) -> str | None:
    """Why a job has not judged a span yet, as a sentence; None when it has.

    Args:
        span: a row of ``trace_spans``.
        until: time of ingest up to which the job has come; None when it never ran.
        job: its name.
    """
    if until is None:
        return f"Not judged yet: the job '{job}' has not run on this store."
    if span["ingest_time"] is not None and span["ingest_time"] > until:
        return f"Not judged yet: the job '{job}' has come to {fmt.clock(until)}; this span was stored after that."
    return None


def _security(span: Row, judged: Row, has_text: bool, scope: Scope) -> None:
    st.markdown("**Security**")
    found = data.rows("trace_findings", parameters(span))
    for place, row in enumerate(found):
        _finding(place, row, scope)
    if found:
        tables.say_hidden(len(found), found[0]["total"], "findings", "worst")
    elif waiting := state(span, judged.get("security_until"), "security"):
        st.caption(waiting)
    elif not has_text:
        st.caption("Nothing to judge: no text was received for this span.")
    else:
        origins = judged.get("scored_origins") or []
        where = f" in its texts ({fmt.label(', '.join(sorted(origins)), 80)})" if origins else ""
        st.caption(f"Nothing found{where}. That is no proof that nothing is there.")


def _finding(place: int, row: Row, scope: Scope) -> None:
    with st.container(key=f"row-signal-{place}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.badge(fmt.label(row["severity"]), color=finding.COLORS.get(row["severity"], "gray"))
            category, origin = (str(row[name]).replace("_", " ") for name in ("category", "origin"))
            where = f"in {origin}" if row["is_here"] else "elsewhere in this trace; this span shows its effect"
            st.markdown(f"{fmt.label(category, 60)} :gray[{fmt.label(where, 90)}]", width="content")
            if row["outcome"]:
                st.badge(fmt.label(row["outcome"]), color=finding.OUTCOME_COLORS.get(row["outcome"], "gray"))
            if row["verdict"]:
                st.badge(fmt.label(row["verdict"].replace("_", " ")), color="blue")
            links.link("security", "Finding", scope, finding=row["finding_id"])
        finding.marked(str(row["segment"] or ""), str(row["match"] or ""))
        st.caption(fmt.label(f"{row['detector']} · version {row['detector_version']} · score {row['score']:.2f}", 160))


def _drift(span: Row, judged: Row, has_text: bool, scope: Scope) -> None:
    st.markdown("**Drift**")
    rows = data.rows("trace_drift", parameters(span))
    if not rows:
        waiting = state(span, judged.get("embeddings_until"), "embeddings")
        if span["operation"] not in TEXTS_OF_CALLS:
            st.caption("Nothing to judge: drift is measured on the texts of model calls.")
        elif waiting:
            st.caption(waiting)
        elif not has_text:
            st.caption("Nothing to judge: no text was received for this span.")
        else:
            st.caption(
                "Nothing to judge: its texts were not embedded, such as those of a call that another one counts."
            )
        return
    for place, row in enumerate(rows):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"row-series-{place}"):
            _series(row, judged, scope)
        if row["topics"]:
            st.caption(f"Topics that grew: {fmt.label(', '.join(row['topics']), 300)}")
        if row["example_topics"]:
            st.caption(f"This call is an example of: {fmt.label(', '.join(row['example_topics']), 300)}")


def _series(row: Row, judged: Row, scope: Scope) -> None:
    if row["window_id"] is None:
        until = judged.get("drift_until")
        st.markdown(f"{fmt.label(row['side'])} :gray[Not judged yet: no window of its series covers this call.]")
        st.caption(
            "The job 'drift' has not run." if until is None else f"The job 'drift' has come to {fmt.clock(until)}."
        )
        return
    st.badge(fmt.label(row["status"]), color=VERDICTS.get(row["status"], "gray"))
    facts = [f"against {row['baseline']} baseline"]
    if row["effect"] is not None:
        facts.append(f"effect {row['effect']:.3f}")
    if row["q_value"] is not None:
        facts.append("q < 0.0001" if row["q_value"] < 1e-4 else f"q {row['q_value']:.4f}")
    if row["reason"]:
        facts.append(str(row["reason"]))
    st.markdown(f"{fmt.label(row['series'], 110)} :gray[{fmt.label(' · '.join(facts), 200)}]", width="content")
    links.link("drift", "Series", scope, window=row["window_id"])


def _alerts(span: Row, judged: Row, scope: Scope) -> None:
    st.markdown("**Alerts**")
    rows = data.rows("trace_alerts", parameters(span))
    named = [row for row in rows if row["is_named"]]
    around = [row for row in rows if not row["is_named"]]
    if named:
        put("".join(alarms.row(row, scope) for row in named))
    if around:
        st.caption("While it ran, of the same service and model:")
        put("".join(alarms.row(row, scope) for row in around))
    if rows:
        tables.say_hidden(len(rows), rows[0]["total"], "alerts", "worst")
    else:
        st.caption(state(span, judged.get("alerts_until"), "alerts") or "No alert names this call or covers its time.")


def _feedback(span: Row) -> None:
    st.markdown("**Feedback**")
    rows = data.rows("trace_feedback", parameters(span))
    for place, row in enumerate(rows):
        with st.container(key=f"row-feedback-{place}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                score = None if row["score"] is None else f"{row['score']:g}"
                st.badge(fmt.label(row["label"] or score or "given", 40), color="blue")
                by = f"by {row['user_id']}" if row["user_id"] else ""
                about = "on the whole trace" if row["of_trace"] else ""
                words = " · ".join(filter(None, (by, about, fmt.clock(row["time"]))))
                st.markdown(
                    f"{fmt.label(row['name'] or 'feedback', 60)} :gray[{fmt.label(words, 140)}]", width="content"
                )
            if row["comment"]:
                messages.text(str(row["comment"]))
    if rows:
        tables.say_hidden(len(rows), rows[0]["total"], "pieces of feedback", "newest")
    else:
        st.caption("Nobody has judged this answer.")
