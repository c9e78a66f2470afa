"""Expands templates: ``{name}`` stands for one of the texts of that name, drawn by chance, and those may go on."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from zlib import crc32

import yaml

_SHORT = 20
_EVERY = 6
_SLOT = re.compile(r"\{([a-z_0-9]+)\}")


class Part(Enum):
    """Which of the texts of a name are drawn from: calibration must not see the templates of the training."""

    ALL = "all"
    FITTED = "fitted"
    HELD = "held"

    def of(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts of this part; a short list is not divided."""
        if self is Part.ALL or len(texts) < _SHORT:
            return texts
        held = [text for text in texts if crc32(text.encode()) % _EVERY == 0]
        chosen = set(held) if self is Part.HELD else set(texts) - set(held)
        return [text for text in texts if text in chosen] or texts


class Grammar:
    """Templates with the words that fill them. The same ``chance`` gives the same texts."""

    def __init__(self, words: Mapping[str, Sequence[str]], chance: random.Random, part: Part = Part.ALL) -> None:
        self.words = {name: part.of(several) for name, several in words.items()}
        self.chance = chance

    def fill(self, template: str) -> str:
        """One text of the template."""
        for _ in range(12):
            filled = _SLOT.sub(lambda match: self.chance.choice(self.words[match[1]]), template)
            if filled == template:
                break
            template = filled
        return template

    def one(self, name: str) -> str:
        """One text of that name."""
        return self.fill(self.chance.choice(self.words[name]))


@cache
def texts(name: str) -> dict[str, list[str]]:
    """Texts by name of ``texts/<name>.yaml``."""
    file = Path(__file__).parent / "texts" / f"{name}.yaml"
    found: dict[str, list[str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found
