"""The word lists of ``lexicon.yaml``: what tells an instruction to an assistant from other text."""

from __future__ import annotations

from importlib.resources import files

import yaml

_LISTS = yaml.safe_load(
    (files("spanloft_collector") / "signals" / "security" / "lexicon.yaml").read_text(encoding="utf-8")
)
OVERRIDE = frozenset(_LISTS["override"].split())
RULES = frozenset(_LISTS["rules"].split())
BEFORE = frozenset(_LISTS["before"].split())
REVEAL = frozenset(_LISTS["reveal"].split())
SECRET = frozenset(_LISTS["secret"].split())
PERSONA = frozenset(_LISTS["persona"].split())
ASSISTANT = frozenset(_LISTS["assistant"].split())
AUTHORITY = frozenset(_LISTS["authority"].split())
ONLY = frozenset(_LISTS["only"].split())
SAY = frozenset(_LISTS["say"].split())
TASK = frozenset(_LISTS["task"].split())
QUESTION = frozenset(_LISTS["question"].split())
MENTION = frozenset(_LISTS["mention"].split())
YOU = frozenset(_LISTS["you"].split())
WE = frozenset(_LISTS["we"].split())
LETTER = frozenset(_LISTS["letter"].split())
STOP = frozenset(_LISTS["stop"].split())
