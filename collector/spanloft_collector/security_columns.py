"""Columns of what the ``security`` job writes."""

from __future__ import annotations

from spanloft_collector.columns import IDENTITY, Column

SECURITY_DETECTIONS = (
    Column("finding_id", "VARCHAR", "Id of the finding; the same when the trace is judged again"),
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the span, UTC"),
    Column("service_name", "VARCHAR", "Resource attribute service.name"),
    Column("user_id", "VARCHAR", "End user the call was made for"),
    Column("session_id", "VARCHAR", "Session or conversation id"),
    Column("origin", "VARCHAR", "Where the text stood: user, system, document, tool_result, tool_argument, output"),
    Column("segment", "VARCHAR", "The part of the text that was found, secrets and personal data taken out"),
    Column("segment_start", "BIGINT", "Where the part begins in its text, characters from 0"),
    Column("segment_end", "BIGINT", "Where it ends; the character there is not part of it"),
    Column(
        "segment_kind", "VARCHAR", "sentence, line, table_cell, code_comment, html_comment, hidden, split, value, ..."
    ),
    Column(
        "category",
        "VARCHAR",
        "Value of gen_ai.guardrail.security.risk.category: prompt_injection, jailbreak, sensitive_info_disclosure, ...",
    ),
    Column("detector", "VARCHAR", "rule:<id>, learned, leak:<kind> or behaviour:<name>"),
    Column("detector_version", "VARCHAR", "Version of the rules or of the weights"),
    Column("score", "DOUBLE", "Calibrated probability that the finding is right"),
    Column("score_rank", "DOUBLE", "Learned findings: share of the app's own texts of this origin that scored lower"),
    Column("severity", "VARCHAR", "info, low, medium, high, critical"),
    Column("evidence", "JSON", "What it rests on: match, decoding, checksum, values carried"),
    Column("outcome", "VARCHAR", "Attacks: attempted, suspected or successful; NULL for leaks and reviews"),
    Column("chain", "JSON", "Spans that show the outcome [{span_id, what, text}]"),
    Column("campaign_id", "VARCHAR", "Attacks that are nearly the same share it, over users and days"),
    Column("signature", "VARCHAR", "MinHash of the segment, hex"),
    Column("detected_at", "TIMESTAMP", "When the trace was judged, UTC"),
)

SECURITY_SCORES = (
    *IDENTITY,
    Column("start_time", "TIMESTAMP", "Start of the span, UTC"),
    Column("service_name", "VARCHAR", "Resource attribute service.name"),
    Column("origin", "VARCHAR", "Where the text stood: user, document, tool_result, tool_argument"),
    Column("score", "DOUBLE", "Score of the text: the highest of its segments and of the rules"),
    Column("detected_at", "TIMESTAMP", "When the trace was judged, UTC"),
)
