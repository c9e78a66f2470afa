"""The form of a text, apart from what it is about: length, case, punctuation, script, language, courtesy."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from spanloft_collector.signals.drift.geometry import Doubles

FEATURES = (
    "characters",
    "word_length",
    "capitals",
    "starts_capital",
    "digits",
    "punctuation",
    "question_mark",
    "exclamation_mark",
    "ends_punctuated",
    "lines",
    "code_signs",
    "emoji",
    "other_script",
    "english_words",
    "foreign_words",
    "courtesy_words",
)
"""Columns of ``features``, in order."""

LANGUAGES = {
    "en": "the a an of to is are was i you my me it in on for and what how do does can have has with that this be at",
    "de": "der die das und ist nicht ich sie mein meine ein eine wie was wo kann zu mit auf für bitte habe von den dem",
    "fr": "le la les et est pas je vous mon ma un une comment que qui où pour avec sur dans de du des ai puis est-ce",
    "es": "el la los las y es no yo mi un una cómo que qué dónde por para con en de del puedo tengo está cuál se me",
    "it": "il lo la gli e è non io mio mia un una come che dove per con su di del della posso ho sono qual mi si",
    "pt": "o a os as e é não eu meu minha um uma como que onde por para com em de do da posso tenho está qual me se",
    "nl": "de het een en is niet ik mijn hoe wat waar kan voor met op van heb naar dat er je wordt aan te",
}
_COMMON = {language: frozenset(words.split()) for language, words in LANGUAGES.items()}
_FOREIGN = frozenset().union(*(words for name, words in _COMMON.items() if name != "en")) - _COMMON["en"]
_COURTESY_WORDS = "please kindly thanks thank sorry appreciate hello hi dear would could grateful hey"
_COURTESY = frozenset(_COURTESY_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CODE = frozenset("{}<>=;\\|`[]#_")
_KINDS = {"capital": 1, "digit": 2, "punctuation": 4, "code": 8, "emoji": 16, "other script": 32}
_KEPT_SIGNS = 4_096
_READ = 4_000
"""Characters of a text that are looked at: its form does not change after that."""


def features(texts: Sequence[str]) -> Doubles:
    """Form of each text, shape (n, len(FEATURES)); lengths are logarithms, the rest shares or 0 and 1."""
    return np.array([_features(text) for text in texts], np.float64).reshape(len(texts), len(FEATURES))


def _features(text: str) -> tuple[float, ...]:
    full, text = len(text), text[:_READ]
    words = _WORD.findall(text)
    lowered = [word.lower() for word in words]
    letters = sum(map(len, words)) or 1
    size, count = max(len(text), 1), max(len(words), 1)
    last = text.rstrip()[-1:]
    kinds = dict.fromkeys(_KINDS, 0)
    for signs, times in Counter(text.translate(_MARKS)).items():
        for kind, bit in _KINDS.items():
            if ord(signs) & bit:
                kinds[kind] += times
    return (
        math.log1p(full),
        letters / count if words else 0.0,
        kinds["capital"] / letters,
        float(text.lstrip()[:1].isupper()),
        kinds["digit"] / size,
        kinds["punctuation"] / size,
        float("?" in text or "？" in text),
        float("!" in text),
        float(bool(last) and bool(_kinds(last) & _KINDS["punctuation"])),
        math.log1p(text.count("\n")),
        kinds["code"] / size,
        float(kinds["emoji"] > 0),
        kinds["other script"] / letters,
        sum(map(_COMMON["en"].__contains__, lowered)) / count,
        sum(map(_FOREIGN.__contains__, lowered)) / count,
        float(not _COURTESY.isdisjoint(lowered)),
    )


def _kinds(sign: str) -> int:
    """Sum of the bits of a sign's kinds."""
    category = unicodedata.category(sign)
    found = {
        "capital": sign.isupper(),
        "digit": sign.isdigit(),
        "punctuation": category[0] == "P",
        "code": sign in _CODE,
        "emoji": category == "So",
        "other script": sign.isalpha() and ord(sign) > 0x24F,
    }
    return sum(_KINDS[kind] for kind, true in found.items() if true)


class _Marks(dict[int, str]):
    """What ``str.translate`` needs to put in place of each sign the sum of its kinds' bits; filled as signs come."""

    def __missing__(self, code: int) -> str:
        mark = chr(_kinds(chr(code)))
        if len(self) < _KEPT_SIGNS:
            self[code] = mark
        return mark


_MARKS = _Marks()


def language(text: str) -> str:
    """Code of the language whose common words the text has most of; a script's name where there are no such words.

    ``unknown`` where the text says too little. Good enough for a share that changes, not for a single text.
    """
    words = {word.lower() for word in _WORD.findall(text[:_READ])}
    scores = {name: len(words & common) for name, common in _COMMON.items()}
    best = max(scores, key=lambda name: (scores[name], name == "en"))
    if scores[best]:
        return best
    for char in text[:_READ]:
        if char.isalpha() and ord(char) > 0x24F:
            return unicodedata.name(char, "unknown").split()[0].lower()
    return "unknown"
