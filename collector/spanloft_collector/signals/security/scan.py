"""Scans one text: rules, decoded texts, the learned model, leaks. The job and ``spanloft scan`` both call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from spanloft_collector.signals.security import lexicon
from spanloft_collector.signals.security.classifier import SequenceClassifier
from spanloft_collector.signals.security.decoding import decode, join_spaced
from spanloft_collector.signals.security.features import prepare
from spanloft_collector.signals.security.findings import RULES_VERSION, Finding
from spanloft_collector.signals.security.leaks import Leak, find_leaks, find_markers, redact
from spanloft_collector.signals.security.model import InjectionModel, builtin_model
from spanloft_collector.signals.security.rules import RuleMatch, RuleSet, builtin_set
from spanloft_collector.signals.security.segments import Segment, cut, overlapping
from spanloft_collector.signals.security.signs import Signs
from spanloft_collector.signals.security.unicode import encodable

LONGEST_TEXT = 100_000
"""Characters of a text that are scanned; what follows is not looked at, and the result says so."""

DATA_ORIGINS = frozenset({"document", "tool_result"})
"""Origins whose texts should hold no instructions at all."""

ATTACK_ORIGINS = frozenset({"user", "document", "tool_result", "tool_argument"})
SHOWN_CHARS = 400
_WINDOW = 420
_MENTIONED = 0.5
_DISAGREES = 0.2
_UNCONFIRMED = 0.7
_QUOTES = "\"'“‘«`"
_SURE = 0.8
_MODEL_THRESHOLD = 0.5
_MODEL_SURE = 0.9
_MOST_SEGMENTS = 600


@dataclass(frozen=True, slots=True)
class Scan:
    """Result for one text: ``score`` ranks it, ``flagged`` is the operating point, ``findings`` say where and why.

    ``model_scores`` are those of the user's own models by detector, found or not.
    """

    score: float
    category: str | None
    flagged: bool
    findings: tuple[Finding, ...]
    truncated: bool
    model_scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a user adds: a larger detector of injection, a moderation model, a finder of personal data.

    ``markers``: the store holds markers in place of leaks, and each of them is a finding.
    """

    detector: SequenceClassifier | None = None
    moderator: SequenceClassifier | None = None
    personal: Callable[[str], list[Leak]] | None = None
    markers: bool = False


class Scanner:
    """Scans texts, remembering the latest results: a conversation's history comes again with every call."""

    def __init__(
        self,
        model: InjectionModel | None = None,
        rules: RuleSet | None = None,
        remembered: int = 2048,
        extras: Extras | None = None,
    ) -> None:
        self.model = model or builtin_model()
        self.rules = rules or builtin_set()
        self.extras = extras or Extras()
        self.version = f"{RULES_VERSION}+{self.model.version}"
        self.scan = lru_cache(remembered)(self._scan)

    def _scan(self, text: str, origin: str = "user") -> Scan:
        """Scan ``text``; ``origin`` is user, system, document, tool_result, tool_argument or output."""
        whole, text = text, encodable(text[:LONGEST_TEXT])
        segments = cut(text)
        findings: list[Finding] = []
        score = 0.0
        if origin in ATTACK_ORIGINS:
            score, learned = self._learned(text, segments, origin)
            findings += learned
            findings += self._decoded(text, origin)
        findings += self._ruled(text, segments, origin, score)
        model_scores, by_models = self._by_models(text, origin)
        findings += by_models
        attacks = [finding for finding in findings if finding.category != "review"]
        leaks = [_leak_finding(text, leak) for leak in self._leaks(text)]
        best = max((finding.score for finding in attacks), default=0.0)
        # The learned score orders texts among themselves; a rule lifts a text above those that no rule knows.
        score = max(score, best)
        flagged = any(finding.is_learned or finding.score >= _SURE for finding in attacks)
        # A rule knows what it found, the model only that something is wrong.
        top = max(attacks, key=lambda finding: (not finding.is_learned, finding.score), default=None)
        category = top.category if top else (leaks[0].category if leaks else None)
        return Scan(round(score, 6), category, flagged, (*findings, *leaks), len(whole) > len(text), model_scores)

    def _by_models(self, text: str, origin: str) -> tuple[dict[str, float], list[Finding]]:
        """What the user's own models say; their scores stand beside the learned one and are not mixed with it."""
        asked = []
        if self.extras.detector is not None and origin in ATTACK_ORIGINS:
            asked.append(("model", self.extras.detector, learned_category(text)))
        if self.extras.moderator is not None and origin == "output":
            asked.append(("moderation", self.extras.moderator, "harmful_output"))
        scores, findings = {}, []
        for route, classifier, category in asked:
            (verdict,) = classifier.classify([text])
            detector = f"{route}:{classifier.short_name}"
            scores[detector] = verdict.score
            if verdict.score >= _MODEL_THRESHOLD:
                findings.append(
                    Finding(
                        0,
                        len(text),
                        "text",
                        category,
                        detector,
                        classifier.short_name,
                        "high" if verdict.score >= _MODEL_SURE else "medium",
                        round(verdict.score, 4),
                        shown(text),
                        {"label": verdict.label, "threshold": _MODEL_THRESHOLD},
                    )  # fmt: skip
                )
        return scores, findings

    def _leaks(self, text: str) -> list[Leak]:
        found = find_leaks(text)
        if self.extras.markers:
            found += find_markers(text)
        if self.extras.personal is not None:
            # Where both find the same, the built-in pattern has checked a checksum.
            found += [
                leak for leak in self.extras.personal(text)
                if not any(leak.start < other.end and other.start < leak.end for other in found)
            ]  # fmt: skip
        return found

    def _learned(self, text: str, segments: list[Segment], origin: str) -> tuple[float, list[Finding]]:
        if origin in DATA_ORIGINS:
            head = self.model.heads["data"]
            scores = self.model.score_segments(text, segments[:_MOST_SEGMENTS])
            pairs = list(zip(segments, scores, strict=False))
        else:
            head = self.model.heads["user"]
            windows = list(_windows(text, segments))
            scores = self.model.score_texts([text[window.start : window.end] for window in windows])
            pairs = list(zip(windows, scores, strict=True))
        findings = []
        for segment, score in pairs:
            if score >= head.threshold:
                piece = text[segment.start : segment.end]
                evidence = {"threshold": round(head.threshold, 4), "head": "data" if origin in DATA_ORIGINS else "user"}
                findings.append(
                    Finding(
                        segment.start,
                        segment.end,
                        segment.kind,
                        learned_category(piece),
                        "learned",
                        self.model.version,
                        "medium",
                        round(score, 4),
                        shown(piece),
                        evidence,
                    )  # fmt: skip
                )
        return max((score for _, score in pairs), default=0.0), findings

    def _ruled(self, text: str, segments: list[Segment], origin: str, learned: float) -> Iterator[Finding]:
        for match in self.rules.find(text, origin):
            places = overlapping(segments, match.start, match.end)
            segment = segments[places[0]] if places else Segment(match.start, match.end, "sentence")
            start, end = min(segment.start, match.start), max(segment.end, match.end)
            score, evidence = match.rule.score, {"match": shown(text[match.start : match.end])}
            if match.rule.confirm and learned < _DISAGREES:
                score *= _UNCONFIRMED
                evidence["unconfirmed"] = "the learned model sees nothing here"
            if _mentioned(text, match, text[start : match.start]) and learned < _SURE:
                score *= _MENTIONED
                evidence["mentioned"] = "quoted or asked about"
            yield Finding(
                start, end, segment.kind, match.rule.category, f"rule:{match.rule.id}", RULES_VERSION,
                match.rule.severity, round(score, 4), shown(text[start:end]), evidence,
            )  # fmt: skip

    def _decoded(self, text: str, origin: str) -> Iterator[Finding]:
        hidden = [(item.start, item.end, item.how, item.text) for item in decode(text)]
        joined = join_spaced(text)
        if joined != text:
            hidden.append((0, len(text), "letters put apart", joined))
        for start, end, how, plain in hidden:
            rule = max(self.rules.find(plain, origin), key=lambda match: match.rule.score, default=None)
            score = max(self.model.score_texts([plain])[0], rule.rule.score if rule else 0.0)
            # A hidden text that says something harmless is odd, but tag characters have no harmless use.
            if how.startswith("tag") or score >= max(self.model.heads["user"].threshold, 0.5):
                yield Finding(
                    start, end, "hidden", rule.rule.category if rule else learned_category(plain),
                    "rule:hidden-text", RULES_VERSION, "high", round(max(score, 0.85), 4), shown(text[start:end]),
                    {"encoding": how, "decoded": shown(plain), "rule": rule.rule.id if rule else None},
                )  # fmt: skip


def _windows(text: str, segments: list[Segment]) -> Iterator[Segment]:
    """The whole text, and stretches of some sentences of a long one, so that an attack at its end is not outvoted."""
    yield Segment(0, len(text), "text")
    if len(text) <= _WINDOW:
        return
    start = end = 0
    for segment in segments[:_MOST_SEGMENTS]:
        if end > start and segment.end - start > _WINDOW:
            yield Segment(start, end, "text")
            start = segment.start
        start, end = (segment.start if end == 0 else start), segment.end
    if end > start > 0:
        yield Segment(start, end, "text")


def _mentioned(text: str, match: RuleMatch, before: str) -> bool:
    """Whether a phrase is spoken about and not used: it is quoted, or the sentence asks about it."""
    quoted = text[max(0, match.start - 2) : match.start].strip()[-1:]
    closing = text[match.end : match.end + 40]
    if quoted and quoted in _QUOTES and any(quote in closing for quote in "\"'”’»`"):
        return True
    words = {word.lower().strip(",:'\"") for word in before.split()[:12]}
    return bool(words & lexicon.MENTION) or before.lower().lstrip().startswith(("how ", "why ", "can you explain"))


def learned_category(text: str) -> str:
    """Category of what only the learned model found, by its signs."""
    prepared = prepare(text)
    values = dict(zip(Signs.NAMES, Signs(prepared.folded, prepared.words, text).vector(), strict=True))
    if values["reveal_secret"] or values["reveal_your"]:
        return "system_prompt_leakage"
    return "jailbreak" if values["persona"] and not values["override_rules"] else "prompt_injection"


def shown(text: str) -> str:
    """What is stored of a segment: its beginning, without leaks."""
    return redact(text[:SHOWN_CHARS]) + ("…" if len(text) > SHOWN_CHARS else "")


def _leak_finding(text: str, leak: Leak) -> Finding:
    around = redact(text[max(0, leak.start - 30) : leak.start]) + leak.shown
    return Finding(
        leak.start, leak.end, "value", "sensitive_info_disclosure", f"leak:{leak.kind}", RULES_VERSION, leak.severity,
        leak.score, around, {"kind": leak.kind, "group": leak.group, "check": leak.check, "value": leak.shown},
    )  # fmt: skip
