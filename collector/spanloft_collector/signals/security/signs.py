"""Hand-made signs of an attack: what is ordered, who is addressed, whose rules are meant, what speaks against it."""

from __future__ import annotations

import re
from functools import cached_property

from spanloft_collector.signals.security import lexicon as words_of

_NEAR = 6
_CLOSE = 3
# Each list of words has a bit, so that a word is looked up once for all of them.
_BITS = {name: 1 << at for at, name in enumerate(words_of.LISTS)}
_OF_WORD: dict[str, int] = {}
for _name, _words in words_of.LISTS.items():
    for _word in _words:
        _OF_WORD[_word] = _OF_WORD.get(_word, 0) | _BITS[_name]
_OVERRIDE_WORD = re.compile(rf"\b(?:{'|'.join(sorted(words_of.LISTS['override']))})\b")
_CLAUSE_ENDS = frozenset(".!?;:,\n")
_JOINS = frozenset(["and", "then", "now", "please", "also", "instead", "to"])
_ROLES = ("system", "admin", "assistant", "user:", "human:", "developer", "important", "attention", "note to", "ai")
_BRACKETS = frozenset("[({<*#")
_REQUESTS = (
    "can you", "could you", "would you", "will you", "i want you", "i need you", "i'd like you",
    "your task", "your job", "you must", "you should", "you will", "you have to", "you need to",
    "your new", "tell me", "give me", "show me", "help me", "let's", "make sure",
    "remind me", "how do i", "what is", "what's", "i want to", "i'd like to", "your answer",
    "your response", "in your", "do not", "don't", "when you", "after you", "before you",
)  # fmt: skip
_ASKED = ("can you", "could you", "would you", "will you")
_NOW_YOU = ("you are now", "you're now", "you will now", "you are no longer", "you now ")
_ROLE_PLAYS = ("act as", "act like", "pretend", "imagine", "you are", "role-play", "roleplay", "let's role")


class Signs:
    """Signs of one text, each 0 or 1 (or a share). ``folded`` and ``words`` are what ``prepare`` made of ``raw``."""

    NAMES = (
        "override_rules", "override_before", "reveal_secret", "reveal_your", "persona", "you_are_now",
        "from_now_on", "assistant", "authority", "only_say", "no_limits", "your_rules", "starts_task",
        "starts_please", "starts_question", "question_mark", "mention", "you", "we", "letter", "quoted", "has_url",
        "task_share", "has_rules", "has_override", "instead", "role_mark", "then_task", "starts_override",
        "request_phrase", "bracketed", "override_ordered", "override_told", "override_mine", "rules_named",
        "your_secret", "asks_about_others", "creative", "technical", "starts_reveal", "starts_role", "harm", "obey",
        "other_script", "everyday",
    )  # fmt: skip

    def __init__(self, folded: str, words: list[str], raw: str) -> None:
        self.words = words
        self.text = folded
        self.raw = raw
        self.masks = [_OF_WORD.get(word, 0) for word in words]
        self.present = 0
        for mask in self.masks:
            self.present |= mask

    def several(self, name: str) -> bool:
        """Whether two different words of the list occur."""
        bit = _BITS[name]
        if not self.present & bit:
            return False
        return len({word for word, mask in zip(self.words, self.masks, strict=True) if mask & bit}) > 1

    def in_other_script(self) -> bool:
        """Whether a third of the letters are not Latin."""
        if self.text.isascii():
            return False
        letters = [character for character in self.text[:400] if character.isalpha()]
        return sum(not letter.isascii() for letter in letters) * 3 > len(letters)

    def near(self, first: str, second: str, within: int = _NEAR) -> bool:
        """Whether a word of one list stands a few words before one of another."""
        one, other = _BITS[first], _BITS[second]
        if not (self.present & one and self.present & other):
            return False
        last = -within - 1
        for at, mask in enumerate(self.masks):
            if mask & other and at - last <= within and at > last:
                return True
            if mask & one:
                last = at
        return False

    @cached_property
    def opening(self) -> int:
        """Place of the first word that is no "please", "hi" or "now"; -1 when there is none."""
        opener = _BITS["opener"]
        return next((at for at, mask in enumerate(self.masks) if not mask & opener), -1)

    def starts(self, name: str) -> bool:
        """Whether the text opens with a word of the list."""
        return self.opening >= 0 and bool(self.masks[self.opening] & _BITS[name])

    def overriding(self) -> tuple[bool, bool, bool]:
        """Whether somebody is ordered to ignore, whether ignoring is spoken about, and whether the object is mine."""
        ordered = told = mine = False
        if self.present & _BITS["override"]:
            for match in _OVERRIDE_WORD.finditer(self.text):
                before = self.text[max(0, match.start() - 40) : match.start()].rstrip(" \"'([{*#>-")
                words = before.split()
                order = not before or before[-1] in _CLAUSE_ENDS or words[-1] in words_of.LISTS["order"]
                order = order or words[-2:] == ["you", "to"]
                ordered, told = ordered or order, told or not order
                after = self.text[match.end() : match.end() + 14].split()
                mine = mine or bool(after) and after[0] in words_of.LISTS["mine"]
        return ordered, told, mine

    def asks_about_others(self) -> bool:
        """A question whose subject is not the assistant: "how do I ignore", "can a manager override"."""
        first = self.opening
        return self.starts("question") and not any(mask & _BITS["you"] for mask in self.masks[first + 1 : first + 4])

    def vector(self) -> list[float]:
        """Values in the order of ``NAMES``."""
        words, text, masks, present = self.words, self.text, self.masks, self.present
        head = text.lstrip()
        ordered, told, mine = self.overriding()
        reveal_secret = self.near("reveal", "secret")
        task = _BITS["task"] if present & _BITS["task"] else 0
        asked = head.startswith(_ASKED)
        return [
            float(value)
            for value in (
                self.near("override", "rules"),
                self.near("override", "before"),
                reveal_secret,
                reveal_secret and present & _BITS["you"] > 0,
                self.several("persona"),
                any(phrase in text for phrase in _NOW_YOU),
                "from now on" in text or "from this point" in text,
                present & _BITS["assistant"] > 0,
                self.several("authority"),
                self.near("only", "say") or self.near("say", "only"),
                present & _BITS["rules"] > 0 and ("without" in words or "no" in words or "any" in words),
                self.near("your", "rules"),
                self.starts("task"),
                bool(words) and words[0] == "please",
                bool(words) and masks[0] & _BITS["question"] > 0,
                "?" in self.raw,
                present & _BITS["mention"] > 0,
                present & _BITS["you"] > 0,
                present & _BITS["we"] > 0,
                present & _BITS["letter"] > 0,
                '"' in self.raw or "'" in self.raw[:1] or "“" in self.raw,
                "http" in text or "www." in text,
                sum([mask & task > 0 for mask in masks]) / max(4, len(words)) if task else 0,
                present & _BITS["rules"] > 0,
                present & _BITS["override"] > 0,
                "instead" in words or "rather" in words,
                text[:30].lstrip(" [({<*#-").startswith(_ROLES),
                task > 0 and any(b & task and a in _JOINS for a, b in zip(words, masks[1:], strict=False)),
                self.starts("override"),
                head.startswith(_REQUESTS),
                head[:1] in _BRACKETS,
                ordered,
                told,
                mine,
                self.near("named", "rules", _CLOSE),
                self.near("your", "secret", _CLOSE),
                self.asks_about_others(),
                self.near("create", "work", 8),
                present & _BITS["technical"] > 0,
                self.starts("reveal") or (asked and any(mask & _BITS["reveal"] for mask in masks[2:4])),
                head.startswith(_ROLE_PLAYS),
                present & _BITS["harm"] > 0,
                self.several("obey"),
                self.in_other_script(),
                present & _BITS["everyday"] > 0,
            )
        ]
