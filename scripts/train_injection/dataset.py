"""Puts the training texts together: the given corpora, cleaned of what is no injection, and what is generated."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .carriers import WHOLE, Carriers
from .grammar import Grammar, Part, texts

SEED = 20261124
# Not injection, whatever the label says: plain harmful requests, a control group, questions about chemistry.
_NO_INJECTION = frozenset({"harmbench", "harmbench_benign"})
_NO_ATTACK = frozenset({"control", "crescendo", "model_fingerprinting"})


_FIELD = re.compile(r'": "')


class Example(NamedTuple):
    """A text that a user wrote: 1 when it attacks the assistant's instructions."""

    text: str
    label: int
    source: str


class Document(NamedTuple):
    """A document; characters ``start`` to ``end`` were planted, nothing where both are 0."""

    text: str
    start: int
    end: int
    kind: str
    source: str


def read(path: Path) -> list[dict[str, object]]:
    """Rows of a JSON-lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def corpora(data: Path, split: str) -> Iterator[Example]:
    """Rows of a split (train, validation, test) of the given corpora, each with its source."""
    for row in read(data / f"pi_slabs_{split}.jsonl"):
        yield Example(str(row["text"]), int(str(row["label"])), "slabs")
    for row in read(data / f"pi_neuralchemy_core_{split}.jsonl"):
        source, label, text = str(row["source"]), int(str(row["label"])), str(row["text"])
        if source in _NO_INJECTION or (label and row["category"] in _NO_ATTACK):
            continue
        if source == "wildguard_judgecomp" and not label and len(text) > 200:
            # Long role plays that are labelled harmless look like attacks to any reader.
            continue
        yield Example(text, label, source)


def everyday(data: Path, chance: random.Random, count: int) -> Iterator[Example]:
    """What people ask assistants and banks."""
    for name in ("clinc150", "banking77"):
        rows = read(data / f"{name}.jsonl")
        for row in chance.sample(rows, min(count, len(rows))):
            yield Example(str(row["text"]), 0, name)


def generated(chance: random.Random, carriers: Carriers, count: int, part: Part) -> Iterator[Example]:
    """Attacks and harmless prompts from templates, alone and around documents, in equal parts."""
    attacks = [Grammar(texts(name), chance, part) for name in ("attacks", "styles")]
    triggers = [Grammar(texts(name), chance, part) for name in ("harmless", "triggers", "triggers")]
    ordinary = [Grammar(texts(name), chance, part) for name in ("harmless", "chats", "chats")]
    requests, separators = ordinary[1], attacks[0]
    for number in range(count):
        attack = _dressed(attacks[number % 2].one("attack"), chance)
        trigger, plain = triggers[number % 3].one("trigger"), ordinary[number % 3].one("ordinary")
        yield Example(_dressed(trigger, chance), 0, "generated_trigger")
        yield Example(_dressed(plain, chance), 0, "generated_ordinary")
        yield Example(attack, 1, "generated_attack")
        if number % 4 == 0:
            _, document = carriers.draw()
            joint = chance.choice(["\n\n", "\n", ": ", " "])
            yield Example(f"{requests.one('verb')}{joint}{document[:1500]}", 0, "generated_pasted")
            yield Example(f"{plain} {trigger}", 0, "generated_trigger")
        if number % 6 == 1:
            _, document = carriers.draw()
            yield Example(f"{document[: chance.randint(100, 900)]}\n{attack}", 1, "generated_attack")
        if number % 6 == 2:
            yield Example(f"{plain}{separators.one('sep')}{attack}", 1, "generated_attack")
        if number % 6 == 3:
            yield Example(f"{attack}{separators.one('sep')}{plain}", 1, "generated_attack")


def kinds(chance: random.Random, count: int, part: Part) -> Iterator[Example]:
    """Attacks with few words of an attack, or in other languages; harmless texts that look like them; everyday work."""
    sides = [Grammar(texts(f"kinds_{name}"), chance, part) for name in ("english", "english", "languages")]
    plain = Grammar(texts("plain"), chance, part)
    for _ in range(count):
        side = chance.choice(sides)
        yield Example(_dressed(side.one("attack"), chance), 1, "generated_kind")
        yield Example(_dressed(side.one("alike"), chance), 0, "generated_alike")
        yield Example(_dressed(plain.one("ordinary"), chance), 0, "generated_plain")


def _dressed(text: str, chance: random.Random) -> str:
    """Case and punctuation by chance, the same for attacks and for harmless texts."""
    dice = chance.random()
    if dice < 0.15:
        return text.lower()
    if dice < 0.2:
        return text.upper()
    if dice < 0.3:
        return text.rstrip(".!?")
    return f"{text[:1].upper()}{text[1:]}"


class Planter:
    """Plants instructions into clean documents."""

    def __init__(self, data: Path, chance: random.Random, part: Part) -> None:
        self.chance = chance
        self.carriers = make_carriers(data, chance, part)
        self.tasks = Grammar(texts("tasks"), chance, part)
        self.attacks = Grammar(texts("attacks"), chance, part)
        self.requests = [str(row["text"]) for row in read(data / "clinc150.jsonl") if len(str(row["text"]).split()) > 3]
        self.given = [row.text for row in corpora(data, "train") if row.label and 20 < len(row.text) < 300]

    def instruction(self) -> str:
        """Something to plant: an everyday request, a task for an assistant, or an attack."""
        dice = self.chance.random()
        if dice < 0.2:
            text = self.chance.choice(self.requests)
            text = _dressed(text, self.chance) + self.chance.choice(["", "?", ".", "."])
        elif dice < 0.65:
            lead = self.tasks.one("lead")
            task = self.tasks.one("task")
            text = f"{lead} {task[:1].lower() + task[1:] if lead[-1:] == ',' else task}".strip()
        elif dice < 0.75:
            text = self.tasks.one("code_task")
        elif dice < 0.84:
            text = self.tasks.one("wrapped")
        elif dice < 0.92:
            text = self.attacks.one("attack")
        else:
            text = self.chance.choice(self.given)
        return text

    def documents(self, count: int, kinds: frozenset[str] | None = None) -> Iterator[Document]:
        """``count`` clean documents, and each once more with an instruction in it."""
        names = [kind for kind in (*self.carriers.kinds, *WHOLE) if kinds is None or kind in kinds]
        for _ in range(count):
            kind, text = self.carriers.draw(self.chance.choice(names))
            yield Document(text, 0, 0, kind, "carrier")
            yield self.plant(text, kind)

    def plant(self, text: str, kind: str) -> Document:
        """A document with an instruction at its start, its end, or between two of its lines or sentences."""
        instruction = self.instruction()
        dice = self.chance.random()
        if kind in ("html", "page") and dice < 0.25:
            instruction, place, joint = f"<!-- {instruction} -->", self._gap(text), "\n"
        elif kind in ("python", "script") and dice < 0.4:
            instruction, place, joint = f"# {instruction}", self._line(text), "\n"
        elif kind == "json" and dice < 0.7 and (at := text.rfind('"message": "')) >= 0:
            place, joint = at + len('"message": "'), ""
            instruction = json.dumps(instruction, ensure_ascii=False)[1:-1] + " "
        elif text.startswith("{") and dice < 0.7 and '": "' in text:
            # Into a field, as who controls one field of a record would do.
            place, joint = self.chance.choice([match.end() for match in _FIELD.finditer(text)]), ""
            instruction = json.dumps(instruction, ensure_ascii=False)[1:-1] + " "
        elif kind in ("sheet", "markdown_table") and dice < 0.3:
            place, joint = self._line(text), ""
            instruction = f"| {instruction} |\n"
        elif dice < 0.6:
            place, joint = len(text), self.chance.choice(["\n", "\n\n", " "])
        elif dice < 0.75:
            place, joint = 0, self.chance.choice(["\n", "\n\n"])
        else:
            place, joint = self._gap(text), self.chance.choice([" ", "\n"])
        before, after = text[:place], text[place:]
        start = len(before) + (len(joint) if before else 0)
        whole = f"{before}{joint if before else ''}{instruction}{joint if after else ''}{after}"
        return Document(whole, start, start + len(instruction), kind, "planted")

    def _line(self, text: str) -> int:
        places = [at + 1 for at, character in enumerate(text) if character == "\n"]
        return self.chance.choice(places) if places else len(text)

    def _gap(self, text: str) -> int:
        places = [at + 1 for at, character in enumerate(text[:-1]) if character == "\n" or text[at : at + 2] == ". "]
        return self.chance.choice(places) if places else len(text)


def make_carriers(data: Path, chance: random.Random, part: Part) -> Carriers:
    """Carriers whose tickets hold what customers of a bank wrote."""
    return Carriers(chance, [str(row["text"]) for row in read(data / "banking77.jsonl")], part)
