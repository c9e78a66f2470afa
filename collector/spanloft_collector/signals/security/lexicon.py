"""The word lists of ``lexicon.yaml``: what tells an instruction to an assistant from other text."""

from __future__ import annotations

from importlib.resources import files

import yaml

LISTS: dict[str, frozenset[str]] = {
    name: frozenset(text.split())
    for name, text in yaml.safe_load(
        (files("spanloft_collector") / "signals" / "security" / "lexicon.yaml").read_text(encoding="utf-8")
    ).items()
}
MENTION = LISTS["mention"]
STOP = LISTS["stop"]
