"""Characters that hide or dress up a text: invisible ones, look-alikes, letters made of digits."""

from __future__ import annotations

import re
import unicodedata

TAGS = range(0xE0020, 0xE007F)
"""Tag characters: an invisible copy of ASCII."""

# Cyrillic, Greek, Armenian and other letters that look like Latin ones.
_LOOK_ALIKES = {
    "a": "аαɑ", "b": "ЬьƄβ", "c": "сϲⅽ", "d": "ԁⅾɗ", "e": "еєεҽ€", "f": "ғϝƒ", "g": "ɡցԍ", "h": "һհ", "i": "іιıӏ",
    "j": "јϳ", "k": "κкⲕ", "l": "ⅼІ", "m": "мⅿ", "n": "ոռη", "o": "оοօסο", "p": "рρ", "q": "ԛզ", "r": "гᴦ", "s": "ѕꜱ",
    "t": "тτ", "u": "υսц", "v": "νѵⅴ", "w": "ѡԝω", "x": "хχⅹ", "y": "уүγ", "z": "ᴢʐ",
    "A": "АΑ", "B": "ВΒ", "C": "СϹ", "D": "Ⅾ", "E": "ЕΕ", "F": "Ϝ", "G": "Ԍ", "H": "НΗ", "I": "ІΙ", "J": "Ј", "K": "КΚ",
    "L": "Ⅼ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "Q": "Ԛ", "R": "Ꭱ", "S": "Ѕ", "T": "ТΤ", "U": "Ս", "V": "Ѵ",
    "W": "Ԝ", "X": "ХΧ", "Y": "УΥ", "Z": "Ζ",
}  # fmt: skip
HOMOGLYPHS = str.maketrans({alike: latin for latin, many in _LOOK_ALIKES.items() for alike in many})
LEET = str.maketrans("013456789@$!|+", "oieasgtbgasiit")
# A sign at the end of a word is punctuation.
_SIGN_WORD = re.compile(r"(?<![^ ])[^ 013456789@$!|+]*[013456789@$!|+][^ ]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
INVISIBLE = frozenset(
    chr(code)
    for code in (
        0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
        *range(0x2060, 0x2070), 0x3164, 0xFEFF, 0xFFA0, *range(0xFE00, 0xFE10),
    )
)  # fmt: skip
_JOINERS = frozenset("\u200c\u200d\ufe0f\ufe0e")
"""Invisible, but at home in emoji and in some scripts."""


_UNSEEN = dict.fromkeys([*map(ord, INVISIBLE), *TAGS])


def encodable(text: str) -> str:
    """The text with a place holder for each half of a character, which JSON can escape and nothing can store.

    The place holder is one character, so offsets stay.
    """
    return _SURROGATE.sub("\ufffd", text)


def visible(text: str) -> str:
    """``text`` without invisible characters."""
    return text if text.isascii() else text.translate(_UNSEEN)


def hidden_count(text: str) -> int:
    """Number of invisible characters that no script and no emoji needs there."""
    if text.isascii():
        return 0
    count = 0
    for at, character in enumerate(text):
        if character in INVISIBLE:
            before, after = text[at - 1 : at], text[at + 1 : at + 2]
            # Between ASCII letters a joiner joins nothing.
            count += character not in _JOINERS or (before.isascii() and before.isalpha() and after.isascii())
    return count


def tag_text(text: str) -> str:
    """What tag characters spell; "" without any. Flags of regions (🏴 and six tags) spell nothing."""
    if text.isascii():
        return ""
    spelled = "".join(chr(ord(character) - 0xE0000) for character in text if ord(character) in TAGS)
    return spelled if len(spelled) > 8 or "🏴" not in text else ""


def fold(text: str) -> str:
    """Compatibility forms (full width, mathematical letters, ligatures) and accents on Latin letters taken away."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text)


def latin(text: str) -> str:
    """Look-alikes replaced by the Latin letters they imitate, in words that mix scripts."""
    if text.isascii():
        return text
    words = []
    for word in fold(text).split(" "):
        mixed = not word.isascii() and any(character.isascii() and character.isalpha() for character in word)
        words.append(word.translate(HOMOGLYPHS) if mixed or _all_alike(word) else word)
    return " ".join(words)


def _all_alike(word: str) -> bool:
    """Whether every letter of a non-ASCII word looks Latin, as no longer word of another script does by chance."""
    return len(word) > 3 and not word.isascii() and word.translate(HOMOGLYPHS).isascii()


def plain_words(text: str) -> str:
    """Letters for the digits and signs that stand for them, in words that mix both."""
    return _SIGN_WORD.sub(_plain_word, text)


def _plain_word(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(LEET) if len(word) > 2 and any(map(str.isalpha, word)) else word
