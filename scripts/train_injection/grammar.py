"""Expands templates: ``{name}`` stands for one of the texts of that name, drawn by chance, and those may go on."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

_SLOT = re.compile(r"\{([a-z_0-9]+)\}")


class Grammar:
    """Templates with the words that fill them. The same ``chance`` gives the same texts."""

    def __init__(self, words: Mapping[str, Sequence[str]], chance: random.Random) -> None:
        self.words = words
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
