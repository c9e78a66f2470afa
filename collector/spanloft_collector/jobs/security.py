"""Attacks in traffic, what they achieved, and secrets that leave: ``security_detections`` and ``security_scores``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import orjson

from spanloft_collector.jobs.alerting import Alert, alerts_table
from spanloft_collector.jobs.base import Output, utc_now
from spanloft_collector.signals.security.analysis import ATTACKS, Record, Score, analyse, worst
from spanloft_collector.signals.security.behaviour import SUCCESSFUL, SUSPECTED
from spanloft_collector.signals.security.campaigns import Campaigns, Known
from spanloft_collector.signals.security.pieces import pieces_of
from spanloft_collector.signals.security.review import ReviewRule, review_records
from spanloft_collector.signals.security.scan import Scanner
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import rows_to_table

CHUNK_SPANS = 2_000
CAMPAIGN_DAYS = 30
RANK_DAYS = 14
_ALARMING = frozenset({"high", "critical"})
_LEAVING = frozenset({"user", "output", "tool_argument"})


class SecurityJob:
    """Judges whole traces: one that gets a late span is judged again, and its later rows count."""

    name = "security"
    version = 1
    reads: Sequence[str] = ("spans", "payloads")
    writes: Sequence[str] = ("security_detections", "security_scores", "alerts")
    every_s = 5.0

    def __init__(
        self,
        canaries: Sequence[str] = (),
        create: Callable[[], Scanner] = Scanner,
        reviews: Sequence[ReviewRule] = (),
    ) -> None:
        """Prepare.

        Args:
            canaries: texts that must never leave a system prompt.
            create: makes the detectors, when the first span comes.
            reviews: which traces a person should look at.
        """
        self.canaries = tuple(canaries)
        self.reviews = tuple(reviews)
        self._create = create
        self._scanner: Scanner | None = None

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Judge the traces that the window touches."""
        window = {"since": since, "until": until}
        traces = reader.query("job_security_traces", window, timeout_s=600).to_pylist()
        if not traces:
            return Output({})
        self._scanner = self._scanner or self._create()
        rows: list[dict[str, Any]] = []
        scores: list[dict[str, Any]] = []
        alerts: list[Alert] = []
        now = utc_now()
        for chunk in chunks(traces):
            for trace_id, spans in self._spans(reader, chunk, until):
                records, judged = analyse(trace_id, spans, self._scanner, self.canaries)
                by_id = {span["span_id"]: span for span in spans}
                asked = self._reviews(trace_id, spans, records)
                alerts += [review_alert(trace_id, rule, record, by_id) for rule, record in asked if rule.alert]
                records += [record for _, record in asked]
                rows += [finding_row(trace_id, record, by_id[record.span_id], now) for record in records]
                scores += [score_row(trace_id, score, by_id[score.span_id], now) for score in judged]
                alerts += trace_alerts(trace_id, records, by_id)
        rank(rows, scores, reader, now)
        group(rows, reader, now)
        tables = {
            "security_detections": rows_to_table("security_detections", rows),
            "security_scores": rows_to_table("security_scores", scores),
        }
        if alerts:
            tables["alerts"] = alerts_table(alerts)
        return Output({name: table for name, table in tables.items() if table.num_rows})

    def _reviews(
        self, trace_id: str, spans: Sequence[Mapping[str, Any]], records: Sequence[Record]
    ) -> list[tuple[ReviewRule, Record]]:
        if not self.reviews:
            return []
        return list(review_records(self.reviews, trace_id, spans, pieces_of(spans), records))

    def _spans(
        self, reader: Reader, traces: Sequence[Mapping[str, Any]], until: datetime
    ) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        parameters = {
            "trace_ids": [trace["trace_id"] for trace in traces],
            "first": min(trace["first_time"] for trace in traces),
            "last": max(trace["last_time"] for trace in traces),
            "until": until,
        }
        rows = reader.query("job_security_spans", parameters, timeout_s=600).to_pylist()
        for trace_id, spans in groupby(rows, key=lambda row: str(row["trace_id"])):
            yield trace_id, owned(list(spans))


def owned(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Spans that name no user or session, with the first one that their trace names: retrievals and tools rarely do."""
    for name in ("user_id", "session_id"):
        known = next((span[name] for span in spans if span[name] is not None), None)
        for span in spans:
            span[name] = known if span[name] is None else span[name]
    return spans


def chunks(traces: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Traces in groups of about CHUNK_SPANS spans: their texts are in memory together."""
    group: list[Mapping[str, Any]] = []
    spans = 0
    for trace in traces:
        group.append(trace)
        spans += trace["spans"]
        if spans >= CHUNK_SPANS:
            yield group
            group, spans = [], 0
    if group:
        yield group


def finding_row(trace_id: str, record: Record, span: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Row of ``security_detections``; rank and campaign are filled in later."""
    finding = record.finding
    return {
        "finding_id": record.finding_id,
        "trace_id": trace_id,
        "span_id": record.span_id,
        **{name: span[name] for name in ("start_time", "service_name", "user_id", "session_id")},
        "origin": record.origin,
        "segment": finding.text,
        "segment_start": finding.start,
        "segment_end": finding.end,
        "segment_kind": finding.kind,
        "category": finding.category,
        "detector": finding.detector,
        "detector_version": finding.version,
        "score": finding.score,
        "score_rank": None,
        "severity": finding.severity,
        "evidence": orjson.dumps(finding.evidence).decode(),
        "outcome": record.outcome,
        "chain": orjson.dumps([step._asdict() for step in record.chain]).decode(),
        "campaign_id": None,
        "signature": None,
        "detected_at": now,
    }


def score_row(trace_id: str, score: Score, span: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Row of ``security_scores``."""
    return {
        "trace_id": trace_id,
        "span_id": score.span_id,
        "start_time": span["start_time"],
        "service_name": span["service_name"],
        "origin": score.origin,
        "score": score.score,
        "detected_at": now,
    }


def rank(rows: Sequence[dict[str, Any]], scores: Sequence[Mapping[str, Any]], reader: Reader, now: datetime) -> None:
    """Fill in what share of the app's own texts of the same origin scored lower, of the last days and this window."""
    since = now - timedelta(days=RANK_DAYS)
    known = {row["origin"]: row["scores"] for row in reader.query("job_security_scores", {"since": since}).to_pylist()}
    levels: dict[str, np.ndarray[Any, Any]] = {}
    for row in rows:
        if row["detector"] != "learned":
            continue
        origin = row["origin"]
        if origin not in levels:
            own = [score["score"] for score in scores if score["origin"] == origin]
            levels[origin] = np.sort(np.array([*known.get(origin, ()), *own]))
        row["score_rank"] = float(np.searchsorted(levels[origin], row["score"]) / len(levels[origin]))


def group(rows: Sequence[dict[str, Any]], reader: Reader, now: datetime) -> None:
    """Fill in the campaign of each attack: near-duplicates share one, over users and days."""
    attacks = [row for row in rows if row["category"] in ATTACKS and row["origin"] != "output"]
    if not attacks:
        return
    since = now - timedelta(days=CAMPAIGN_DAYS)
    known = reader.query("job_security_campaigns", {"since": since}).to_pylist()
    campaigns = Campaigns(Known(row["campaign_id"], row["signature"]) for row in known)
    for row in attacks:
        row["campaign_id"], row["signature"] = campaigns.of(row["segment"])


def trace_alerts(trace_id: str, records: Sequence[Record], spans: Mapping[str, Mapping[str, Any]]) -> list[Alert]:
    """At most one alert of a trace; rules and behaviour raise alarms, the learned score does not."""
    firm = [record for record in records if not record.finding.is_learned and record.finding.severity in _ALARMING]
    attacks = [record for record in firm if record.outcome is not None and record.finding.score >= 0.8]
    leaks = [
        record for record in firm
        if record.finding.detector.startswith("leak:") and record.finding.evidence["group"] == "secret"
        and record.origin in _LEAVING
    ]  # fmt: skip
    harmful = [record for record in firm if record.finding.category == "harmful_output"]
    if not attacks and not leaks and not harmful:
        return []
    outcome = worst(attacks)
    top = next((record for record in attacks if record.outcome == outcome), None) or (leaks + harmful)[0]
    span = spans[top.span_id]
    return [
        Alert(
            key=trace_id,
            time=span["start_time"],
            kind="security",
            severity="critical" if outcome in (SUCCESSFUL, SUSPECTED) or top in harmful else "warning",
            title=title_of(top, outcome),
            page="/security",
            job=SecurityJob.name,
            service_name=span["service_name"],
            evidence={
                "detector": top.finding.detector,
                "origin": top.origin,
                "outcome": outcome,
                "score": top.finding.score,
                "findings": len(records),
            },
            trace_id=trace_id,
            span_id=top.span_id,
        )
    ]


def review_alert(trace_id: str, rule: ReviewRule, record: Record, spans: Mapping[str, Mapping[str, Any]]) -> Alert:
    """A rule of the user's asks for a person."""
    span = spans[record.span_id]
    return Alert(
        key=f"{trace_id}/{rule.id}",
        time=span["start_time"],
        kind="security",
        severity="warning" if rule.severity in _ALARMING else "info",
        title=f"To be reviewed: {rule.title}",
        page="/security",
        job=SecurityJob.name,
        service_name=span["service_name"],
        evidence={**record.finding.evidence, "detector": record.finding.detector},
        trace_id=trace_id,
        span_id=record.span_id,
    )


def title_of(record: Record, outcome: str | None) -> str:
    """What happened, in one sentence."""
    category = record.finding.category.replace("_", " ")
    where = record.origin.replace("_", " ")
    if record.finding.detector.startswith("leak:"):
        return f"Secret in a {where}: {record.finding.evidence['kind'].replace('_', ' ')}"
    if outcome in (SUCCESSFUL, SUSPECTED):
        return f"{category.capitalize()} in a {where}, {outcome}: {record.chain[-1].what}"
    return f"{category.capitalize()} in a {where}"
