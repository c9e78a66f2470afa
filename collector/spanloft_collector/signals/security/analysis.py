"""Judges a whole trace: scans its texts, follows what attacks achieved, and gives one record per finding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spanloft_collector.signals.security.behaviour import (
    ATTEMPTED,
    SUCCESSFUL,
    SUSPECTED,
    Effect,
    Outcome,
    Step,
    Trace,
    tools_that_ran,
)
from spanloft_collector.signals.security.findings import RULES_VERSION, Finding
from spanloft_collector.signals.security.pieces import Piece, pieces_of
from spanloft_collector.signals.security.scan import ATTACK_ORIGINS, Scanner, shown

ATTACKS = frozenset({"prompt_injection", "jailbreak", "system_prompt_leakage"})


@dataclass(frozen=True, slots=True)
class Record:
    """A finding in its trace. ``outcome`` and ``chain`` are given for attacks and for what behaviour shows."""

    finding_id: str
    span_id: str
    origin: str
    finding: Finding
    outcome: str | None
    chain: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one text of a span: what a rank among the app's own traffic is made of."""

    span_id: str
    origin: str
    score: float


def analyse(
    trace_id: str, spans: Sequence[Mapping[str, Any]], scanner: Scanner, canaries: Sequence[str] = ()
) -> tuple[list[Record], list[Score]]:
    """Findings and scores of a trace; ``spans`` are rows of ``job_security_spans``, oldest first."""
    pieces = pieces_of(spans)
    trace = Trace(pieces, tools_that_ran(spans, pieces), canaries)
    records: list[Record] = []
    scores: list[Score] = []
    for piece in pieces:
        scanned = scanner.scan(piece.text, piece.origin)
        if piece.origin in ATTACK_ORIGINS:
            scores.append(Score(piece.span_id, piece.origin, scanned.score))
        for finding in scanned.findings:
            outcome = None
            if finding.category in ATTACKS and piece.origin in ATTACK_ORIGINS:
                outcome = trace.follow(piece, piece.text[finding.start : finding.end])
            records.append(_record(trace_id, piece, finding, outcome))
    records += _split_attacks(trace_id, pieces, records, scanner, trace)
    records += [_effect_record(trace_id, effect, records) for effect in trace.effects()]
    return records, scores


def _split_attacks(
    trace_id: str, pieces: Sequence[Piece], records: Sequence[Record], scanner: Scanner, trace: Trace
) -> Iterator[Record]:
    """An attack in pieces: harmless messages of a user that are one when they are read together."""
    users = [piece for piece in pieces if piece.origin == "user"]
    if len(users) < 2 or any(record.origin == "user" and _is_attack_by_rule(record.finding) for record in records):
        return
    for first in range(len(users) - 1):
        parts = users[first : first + 6]
        for joint in (" ", ""):
            joined = joint.join(part.text for part in parts)
            if len(joined) > 1500:
                continue
            found = next(
                (finding for finding in scanner.scan(joined, "user").findings if _is_attack_by_rule(finding)), None
            )
            if found is not None:
                evidence = {**found.evidence, "encoding": "split over messages", "decoded": shown(joined)}
                last = parts[-1]
                finding = Finding(
                    0, len(last.text), "split", found.category, "rule:split-attack", RULES_VERSION, found.severity,
                    found.score, shown(joined), evidence,
                )  # fmt: skip
                yield _record(trace_id, last, finding, trace.follow(last, joined))
                return


def _is_attack_by_rule(finding: Finding) -> bool:
    return finding.category in ATTACKS and not finding.is_learned and finding.score >= 0.8


def _record(trace_id: str, piece: Piece, finding: Finding, outcome: Outcome | None) -> Record:
    return make_record(trace_id, piece.span_id, piece.origin, finding, outcome)


def make_record(trace_id: str, span_id: str, origin: str, finding: Finding, outcome: Outcome | None) -> Record:
    """A record with an id that is the same when the trace is judged again."""
    key = f"{trace_id}{span_id}{origin}{finding.start}{finding.end}{finding.detector}{finding.text}"
    return Record(
        hashlib.sha256(key.encode()).hexdigest()[:16],
        span_id,
        origin,
        finding,
        outcome.outcome if outcome else None,
        tuple(outcome.chain) if outcome else (),
    )


def _effect_record(trace_id: str, effect: Effect, records: Sequence[Record]) -> Record:
    """What behaviour shows by itself; with the attack that came before it, if one was seen."""
    before = next((record for record in records if record.outcome is not None), None)
    text = shown(effect.piece.text[max(0, effect.start - 60) : effect.end + 60])
    finding = Finding(
        effect.start, effect.end, "span", effect.category, f"behaviour:{effect.name}", RULES_VERSION, effect.severity,
        effect.score, text, effect.evidence,
    )  # fmt: skip
    outcome = Outcome(SUCCESSFUL if before else SUSPECTED)
    source = effect.evidence.get("from")
    if before:
        outcome.chain += before.chain[:1]
    if isinstance(source, str):
        outcome.chain.append(Step(source, "data comes from here", ""))
    outcome.chain.append(Step(effect.piece.span_id, effect.name.replace("_", " "), text))
    return _record(trace_id, effect.piece, finding, outcome)


def worst(records: Sequence[Record]) -> str | None:
    """Outcome of a trace: the worst of its findings; None without an attack."""
    order = (SUCCESSFUL, SUSPECTED, ATTEMPTED)
    return next((outcome for outcome in order if any(record.outcome == outcome for record in records)), None)
