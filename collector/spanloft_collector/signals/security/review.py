"""Rules of the user's that say which traces a person should look at: by severity, topic, user tag and the like."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2
import yaml

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.security.analysis import Record, make_record
from spanloft_collector.signals.security.findings import RULES_VERSION, Finding
from spanloft_collector.signals.security.pieces import Piece
from spanloft_collector.signals.security.rules import ORIGINS, SEVERITIES
from spanloft_collector.signals.security.scan import shown

CATEGORY = "review"
_OUTCOMES = ("attempted", "suspected", "successful")
_AROUND = 160
_LISTS = ("categories", "detectors", "outcomes", "origins", "user_tags", "users", "services")
_KEYS = frozenset([*_LISTS, "id", "title", "severity", "alert", "min_severity", "topic"])


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """All conditions that are given must hold in one trace; empty ones hold always.

    ``min_severity``, ``categories``, ``detectors`` and ``outcomes`` are asked of one finding; ``topic`` of one text of
    ``origins``; ``user_tags``, ``users`` and ``services`` of one span. Names may hold ``*``.
    """

    id: str
    title: str
    severity: str
    alert: bool
    min_severity: str | None
    topic: Any
    categories: tuple[str, ...]
    detectors: tuple[str, ...]
    outcomes: tuple[str, ...]
    origins: tuple[str, ...]
    user_tags: tuple[str, ...]
    users: tuple[str, ...]
    services: tuple[str, ...]

    @property
    def asks_finding(self) -> bool:
        """Whether a finding must be there."""
        return bool(self.min_severity or self.categories or self.detectors or self.outcomes)

    def holds_for(self, record: Record) -> bool:
        """Whether a finding is what the rule asks for."""
        finding = record.finding
        lowest = SEVERITIES.index(self.min_severity) if self.min_severity else 0
        return (
            SEVERITIES.index(finding.severity) >= lowest
            and _any_like((finding.category,), self.categories)
            and _any_like((finding.detector,), self.detectors)
            and (not self.outcomes or record.outcome in self.outcomes)
            and (self.topic is not None or not self.origins or record.origin in self.origins)
        )

    def about(self, piece: Piece) -> tuple[int, int] | None:
        """Where a text is about the topic."""
        if self.origins and piece.origin not in self.origins:
            return None
        match = self.topic.search(piece.text)
        return match.span() if match else None


def review_records(
    rules: Sequence[ReviewRule],
    trace_id: str,
    spans: Sequence[Mapping[str, Any]],
    pieces: Sequence[Piece],
    records: Sequence[Record],
) -> Iterator[tuple[ReviewRule, Record]]:
    """For each rule that a trace fulfils: one record of category ``review``, at what fulfilled it."""
    for rule in rules:
        span = next((span for span in spans if _is_of(span, rule)), None)
        finding = next((record for record in records if rule.holds_for(record)), None)
        if span is None or (rule.asks_finding and finding is None):
            continue
        place = next(((piece, at) for piece in pieces if (at := rule.about(piece))), None) if rule.topic else None
        if rule.topic and place is None:
            continue
        yield rule, _record(rule, trace_id, str(span["span_id"]), place, finding if rule.asks_finding else None)


def _record(
    rule: ReviewRule, trace_id: str, span_id: str, place: tuple[Piece, tuple[int, int]] | None, found: Record | None
) -> Record:
    evidence: dict[str, Any] = {"rule": rule.title}
    if found is not None:
        evidence |= {"finding": found.finding_id, "detector": found.finding.detector, "outcome": found.outcome}
    if place is not None:
        piece, (start, end) = place
        evidence["topic"] = shown(piece.text[start:end])
        text, where, origin = shown(piece.text[max(0, start - _AROUND) : end + _AROUND]), piece.span_id, piece.origin
    elif found is not None:
        start, end, text = found.finding.start, found.finding.end, found.finding.text
        where, origin = found.span_id, found.origin
    else:
        start, end, text, where, origin = 0, 0, rule.title, span_id, "user"
    finding = Finding(
        start, end, "span", CATEGORY, f"review:{rule.id}", RULES_VERSION, rule.severity, 1.0, text, evidence
    )
    return make_record(trace_id, where, origin, finding, None)


def _is_of(span: Mapping[str, Any], rule: ReviewRule) -> bool:
    return (
        _any_like(span.get("tags") or (), rule.user_tags)
        and _any_like((span.get("user_id") or "",), rule.users)
        and _any_like((span.get("service_name") or "",), rule.services)
    )


def _any_like(values: Sequence[str], patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns)


def load_review_rules(path: Path | None) -> tuple[ReviewRule, ...]:
    """Rules of a YAML file; none without a file.

    Raises:
        SpanloftError: the file can't be read or a rule is wrong; says which rule, which key and what is expected.
    """
    if path is None:
        return ()
    try:
        content = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise SpanloftError(f"SPANLOFT_REVIEW_RULES={path}: can't be read ({error.strerror or error})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpanloftError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    entries = content.get("review") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SpanloftError(f'{path}: expected a list of rules under "review:"')
    rules = tuple(_parse(entry, f"{path}, rule {number}") for number, entry in enumerate(entries, 1))
    if len({rule.id for rule in rules}) < len(rules):
        raise SpanloftError(f"{path}: two rules have the same id")
    return rules


def _parse(entry: Any, where: str) -> ReviewRule:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        raise SpanloftError(f"{where}: expected keys and values with an id of text")
    where = f"{where} ({entry['id']})"
    if unknown := sorted(set(map(str, entry)) - _KEYS):
        raise SpanloftError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}")
    lists = {name: _strings(entry.get(name), where, name) for name in _LISTS}
    for name, known in (("outcomes", _OUTCOMES), ("origins", ORIGINS)):
        if wrong := set(lists[name]) - set(known):
            raise SpanloftError(f"{where}: {name} {sorted(wrong)[0]!r}, expected some of {', '.join(known)}")
    for name in ("severity", "min_severity"):
        if entry.get(name) is not None and entry[name] not in SEVERITIES:
            raise SpanloftError(f"{where}: {name} {entry[name]!r}, expected one of {', '.join(SEVERITIES)}")
    if not isinstance(entry.get("alert", True), bool):
        raise SpanloftError(f"{where}: alert {entry['alert']!r}, expected true or false")
    rule = ReviewRule(
        entry["id"],
        str(entry.get("title") or entry["id"]),
        entry.get("severity") or "medium",
        entry.get("alert", True),
        entry.get("min_severity"),
        _topic(entry.get("topic"), where),
        **lists,
    )
    if not (rule.asks_finding or rule.topic or rule.user_tags or rule.users or rule.services):
        raise SpanloftError(f"{where}: has no condition and would ask for a review of everything")
    return rule


def _strings(value: Any, where: str, name: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise SpanloftError(f"{where}: {name} {value!r}, expected a text or a list of texts")
    return tuple(values)


def _topic(value: Any, where: str) -> Any:
    if value is None:
        return None
    try:
        return re2.compile(value)
    except (re2.error, TypeError) as error:
        raise SpanloftError(f"{where}: topic {value!r} is no pattern that RE2 reads ({error})") from None
