"""Windows with a known answer, made of labelled questions: what the drift bench judges."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from spanloft_collector.drift_command import embed_with_progress
from spanloft_collector.signals.drift.baseline import Sample
from spanloft_collector.signals.embedding.choice import DEFAULT_MODEL, create_embedder

VARIABLE = "SPANLOFT_BENCH_DATA"
WINDOW = 200
POLITE = (
    "hello there, could you please {} thank you so much",
    "good morning! i would be grateful if you could tell me: {}",
)
FOREIGN = """\
¿Dónde está mi pedido y cuándo llega?
Wie kann ich mein Passwort zurücksetzen?
Je voudrais réserver une table pour deux
¿Cuál es el saldo de mi cuenta?
Wann fährt der nächste Zug nach Berlin?
Comment puis-je annuler mon abonnement ?
Quiero cambiar mi dirección de correo
Bitte erinnere mich morgen an den Arzttermin
Quel temps fera-t-il demain à Lyon ?
Necesito un coche de alquiler para el fin de semana
Wie viele Kalorien hat ein Apfel?
Où se trouve la pharmacie la plus proche ?
Pon una alarma para las siete
Überweise hundert Euro auf mein Sparkonto
Combien coûte un billet pour Rome ?
¿Qué película me recomiendas?
Warum wurde meine Karte abgelehnt?
Raconte-moi une blague s'il te plaît
¿Cómo se dice gracias en japonés?
Ich habe meinen Koffer am Flughafen verloren
""".splitlines()


@dataclass(frozen=True)
class Corpus:
    """Labelled texts and their vectors; ``usable`` are the rows that have an intent."""

    name: str
    texts: np.ndarray
    intents: np.ndarray
    vectors: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        return np.flatnonzero(self.intents != "oos")

    def sample(self, rows: np.ndarray, units: np.ndarray | None = None) -> Sample:
        return Sample(list(self.texts[rows]), self.vectors[rows], np.arange(len(rows)) if units is None else units)


def load(name: str, folder: Path | None, cache: Path) -> Corpus:
    """Read and embed a corpus; one clear line where it is not."""
    place = folder or (Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None)
    path = place / f"{name}.jsonl" if place else None
    if path is None or not path.is_file():
        sys.exit(f"{path or name}: not there; name the folder of {name}.jsonl with --data or {VARIABLE}")
    rows = [json.loads(line) for line in path.open()]
    texts = [row["text"] for row in rows]
    vectors = embed_with_progress(create_embedder(DEFAULT_MODEL, cache, threads=2), texts, cache)
    return Corpus(name, np.array(texts, object), np.array([row["intent"] for row in rows]), vectors)


@dataclass(frozen=True)
class Trial:
    """A baseline and windows that did not go into it: (kind, window, rows of the planted texts)."""

    baseline: Sample
    windows: Iterator[tuple[str, Sample, np.ndarray]]


class Maker:
    """Makes trials; the same number gives the same trial."""

    def __init__(self, corpus: Corpus, other: Corpus, cache: Path, baseline: int) -> None:
        self.corpus, self.other, self.size = corpus, other, baseline
        self.labels = np.unique(corpus.intents[corpus.usable])
        embedder = create_embedder(DEFAULT_MODEL, cache, threads=2)
        self.foreign = (np.array(FOREIGN, object), embedder.embed(FOREIGN))
        self.embedder = embedder

    def trial(self, number: int, nulls: int, each: int) -> Trial:
        """A baseline with five intents held out, ``nulls`` windows of the same kind and ``each`` of every drift."""
        rng = np.random.default_rng(7_000 + number)
        held = rng.choice(self.labels, 5, replace=False)
        pool = rng.permutation(self.corpus.usable[~np.isin(self.corpus.intents[self.corpus.usable], held)])
        base, fresh = pool[: self.size], pool[self.size :]
        return Trial(self.corpus.sample(base), self._windows(rng, held, fresh, nulls, each))

    def _windows(
        self, rng: np.random.Generator, held: np.ndarray, fresh: np.ndarray, nulls: int, each: int
    ) -> Iterator[tuple[str, Sample, np.ndarray]]:
        corpus, intents = self.corpus, self.corpus.intents

        def mixed(rows: np.ndarray) -> Sample:
            return corpus.sample(np.concatenate([rows, rng.choice(fresh, WINDOW - len(rows), replace=False)]))

        for _ in range(nulls):
            yield "null", mixed(np.zeros(0, np.int64)), np.zeros(0, np.int64)
        for place in range(each):
            new = np.flatnonzero(intents == held[place % 5])
            for share in (5, 10, 20):
                count = WINDOW * share // 100
                yield f"new intent {share} %", mixed(rng.choice(new, count, replace=False)), np.arange(count)
            known = np.zeros(0, np.int64)
            while len(known) < WINDOW // 10:
                known = fresh[intents[fresh] == rng.choice(intents[fresh])]
            yield "known intent +10 %", mixed(rng.choice(known, WINDOW // 10, replace=False)), np.arange(20)
            yield "other domain 10 %", self._foreign_domain(rng, fresh, plain=False), np.arange(20)
            yield "the same, form removed", self._foreign_domain(rng, fresh, plain=True), np.arange(20)
            yield from self._styles(rng, fresh)

    def _foreign_domain(self, rng: np.random.Generator, fresh: np.ndarray, *, plain: bool) -> Sample:
        rows, others = rng.choice(fresh, 180, replace=False), rng.choice(len(self.other.texts), 20, replace=False)
        texts = [*self.other.texts[others], *self.corpus.texts[rows]]
        vectors = np.concatenate([self.other.vectors[others], self.corpus.vectors[rows]])
        # Case and punctuation alone would give the other corpus away: here its texts have the form of ordinary ones.
        shown = list(self.corpus.texts[rng.choice(fresh, WINDOW, replace=False)]) if plain else texts
        return Sample(shown, vectors, np.arange(WINDOW))

    def _styles(self, rng: np.random.Generator, fresh: np.ndarray) -> Iterator[tuple[str, Sample, np.ndarray]]:
        rows = rng.choice(fresh, WINDOW, replace=False)
        polite = [rng.choice(POLITE).format(text) for text in self.corpus.texts[rows[:40]]]
        foreign = rng.choice(len(FOREIGN), 40)
        for kind, texts, vectors in (
            ("style 20 %", polite, self.embedder.embed(polite)),
            ("language 20 %", list(self.foreign[0][foreign]), self.foreign[1][foreign]),
        ):
            rest = self.corpus.sample(rows[40:])
            joined = np.concatenate([vectors, rest.vectors])
            yield kind, Sample([*texts, *rest.texts], joined, np.arange(WINDOW)), np.arange(40)

    def sessions(self, number: int, windows: int) -> Trial:
        """Traffic in sessions of one to eight texts of one intent: nothing changes, but texts come in clumps."""
        rng = np.random.default_rng(9_000 + number)
        by_intent = {label: rng.permutation(np.flatnonzero(self.corpus.intents == label)) for label in self.labels}

        def traffic(part: slice, size: int) -> Sample:
            rows, units, session = [], [], 0
            while len(rows) < size:
                own = by_intent[rng.choice(self.labels)]
                half = own[: len(own) // 2] if part.stop else own[len(own) // 2 :]
                count = min(int(rng.integers(1, 9)), len(half))
                rows += list(rng.choice(half, count, replace=False))
                units += [session] * count
                session += 1
            return self.corpus.sample(np.array(rows[:size]), np.array(units[:size]))

        # Baseline and windows from different halves of each intent: no text of one stands in the other.
        first, second = slice(0, 1), slice(1, None)
        made = ((("sessions", traffic(second, WINDOW), np.zeros(0, np.int64))) for _ in range(windows))
        return Trial(traffic(first, self.size), made)

    def gradual(self, number: int) -> Trial:
        """One new intent, one percent more in each window, up to 20 %."""
        rng = np.random.default_rng(8_000 + number)
        held = rng.choice(self.labels)
        pool = rng.permutation(self.corpus.usable[self.corpus.intents[self.corpus.usable] != held])
        base, fresh = pool[: self.size], pool[self.size :]
        new = np.flatnonzero(self.corpus.intents == held)

        def windows() -> Iterator[tuple[str, Sample, np.ndarray]]:
            for share in range(1, 21):
                count = WINDOW * share // 100
                rows = np.concatenate([rng.choice(new, count, replace=False), rng.choice(fresh, WINDOW - count, False)])
                yield f"{share}", self.corpus.sample(rows), np.arange(count)

        return Trial(self.corpus.sample(base), windows())
