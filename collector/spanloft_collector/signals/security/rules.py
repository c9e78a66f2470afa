"""Rules as data: patterns with the examples they must and must not match, run by a linear-time engine.

google-re2 does not backtrack: its time grows with the text, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any

import re2
import yaml

from spanloft_collector.errors import SpanloftError

SEVERITIES = ("info", "low", "medium", "high", "critical")
ORIGINS = ("user", "system", "document", "tool_result", "tool_argument", "output")
MOST_MATCHES = 200
"""Matches of one rule in one text: who repeats an attack ten thousand times must not fill the store with findings."""


_TERM = re.compile(r"<([a-z]+)>")


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what a match of it means.

    ``score`` is the share of matches that are attacks, estimated on the development data; ``origins`` are where the
    rule looks; ``confirm`` lowers the score where the learned model sees nothing, for what harmless texts say, too.
    """

    id: str
    category: str
    severity: str
    score: float
    origins: frozenset[str]
    pattern: str
    match: tuple[str, ...]
    no_match: tuple[str, ...]
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that matched characters ``start`` to ``end``."""

    rule: Rule
    start: int
    end: int


class RuleSet:
    """Rules compiled for one pass over a text. Safe to share between threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Compile.

        Raises:
            SpanloftError: a pattern is not valid; names the rule.
        """
        self.rules = tuple(rules)
        self._set = re2.Set.SearchSet()
        self._patterns = []
        for rule in rules:
            try:
                self._patterns.append(re2.compile(rule.pattern))
                self._set.Add(rule.pattern)
            except re2.error as error:
                raise SpanloftError(f"security rule {rule.id}: the pattern is not valid ({error})") from None
        self._set.Compile()

    def find(self, text: str, origin: str) -> Iterator[RuleMatch]:
        """Matches in ``text`` of the rules for ``origin``, in order; at most MOST_MATCHES of a rule."""
        if not self.rules:
            return
        # The set says which rules match at all; most texts match none, and are read once.
        for number in self._set.Match(text) or ():
            rule = self.rules[number]
            if origin in rule.origins:
                for match in islice(self._patterns[number].finditer(text), MOST_MATCHES):
                    yield RuleMatch(rule, match.start(), match.end())


def parse_rules(text: str, where: str) -> list[Rule]:
    """Rules of a YAML text.

    Raises:
        SpanloftError: a rule is incomplete or has an unknown value; says which and what was expected.
    """
    content = yaml.safe_load(text)
    terms: dict[str, str] = {}
    for name, pattern in content.get("terms", {}).items():
        terms[name] = _fill(pattern, terms, f"{where}, term {name}")
    return [_rule(entry, terms, where) for entry in content["rules"]]


def _rule(entry: dict[str, Any], terms: dict[str, str], where: str) -> Rule:
    name = f"{where}, rule {entry.get('id', '?')}"
    missing = {"id", "category", "severity", "pattern", "match", "no_match"} - entry.keys()
    if missing:
        raise SpanloftError(f"{name}: {', '.join(sorted(missing))} is missing")
    if entry["severity"] not in SEVERITIES:
        raise SpanloftError(f"{name}: severity {entry['severity']!r}, expected one of {', '.join(SEVERITIES)}")
    origins = frozenset(entry.get("origins", ORIGINS))
    if unknown := origins - set(ORIGINS):
        raise SpanloftError(f"{name}: origin {', '.join(sorted(unknown))}, expected some of {', '.join(ORIGINS)}")
    return Rule(
        entry["id"],
        entry["category"],
        entry["severity"],
        float(entry.get("score", 0.95)),
        origins,
        _fill(entry["pattern"], terms, name),
        tuple(entry["match"]),
        tuple(entry["no_match"]),
        bool(entry.get("confirm", False)),
    )


def _fill(pattern: str, terms: dict[str, str], name: str) -> str:
    """A pattern with its terms, ``<name>``, filled in; written over several lines it is joined without white space."""

    def term(match: re.Match[str]) -> str:
        if match[1] not in terms:
            raise SpanloftError(f"{name}: there is no term <{match[1]}>; there are {', '.join(terms) or 'none'}")
        return f"(?:{terms[match[1]]})"

    return _TERM.sub(term, "".join(line.strip() for line in pattern.splitlines()))


@cache
def builtin_rules() -> tuple[Rule, ...]:
    """The rules that come with the package: ``rules/*.yaml``."""
    folder = files("spanloft_collector") / "signals" / "security" / "rules"
    found: list[Rule] = []
    for file in sorted(folder.iterdir(), key=lambda path: path.name):
        if file.name.endswith(".yaml"):
            found += parse_rules(file.read_text(encoding="utf-8"), file.name)
    return tuple(found)


@cache
def builtin_set() -> RuleSet:
    """The built-in rules, compiled once per process."""
    return RuleSet(builtin_rules())
