"""The figures of the security signals: `python -m bench.security [--write] [--data FOLDER]`; about ten minutes.

Every figure stands with its 95 % interval: Wilson's for shares of texts; for planted documents a bootstrap over the
carriers, and for generated texts over the templates, because those of one are alike; for CPU a bootstrap over texts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.random import Generator
from numpy.typing import NDArray
from spanloft_collector.signals.security.model import Head, InjectionModel, builtin_model
from spanloft_collector.signals.security.scan import Scanner

from bench.security_leaks import leak_figures

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

TEXTS = Path(__file__).parent / "security_data"
PACKAGE = Path(__file__).parents[1] / "collector" / "spanloft_collector" / "signals" / "security"
LIMITS = [
    "The offline tier does not detect attacks that use no word of an attack: a polite request to change the subject, a "
    "story that carries the order, a jailbreak spread over many turns.",
    "It does not judge whether a request is harmful; harmful is not injection.",
    "Planted instructions that fit their document (a request in a mail that a colleague could have written) are not "
    "told from it.",
    "The learned model reads English best; of seventeen other languages it knows the words of its templates.",
    "The misuse of a tool, and an order after a pasted text, is told by its manner alone (in secret, for everybody, "
    "whatever the rules say): about half of those whose templates were held back.",
    "Documents that an app pastes into its prompt, and records as no retrieval and no tool result, are not judged as "
    "documents.",
]

FAMILIES = {
    "mails": ("email", "mail", "long_mail", "notice"),
    "tables": ("markdown_table", "sheet", "csv"),
    "code": ("python", "script", "tech", "question"),
    "pages and records": ("html", "json", "web", "page"),
    "articles": ("article", "manual", "guide", "review"),
}
"""Kinds of training documents that are left out together: those that are like one another."""

SOURCES = {
    "slabs": ("slabs",),
    "hackaprompt": ("hackaprompt",),
    "neuralchemy v1": ("neuralchemy_v1",),
    "wildguard judgecomp": ("wildguard_judgecomp",),
    "generated attack": ("generated_attack", "generated_kind"),
    "the kinds held back above": ("generated_kind", "generated_alike"),
}
"""Sources of direct attacks that are left out together."""

KINDS = {
    "misuse of tools": ("english", "tools", "tools_alike"),
    "orders after a pasted text": ("english", "hijacked", "hijacked_alike"),
    "guessing at a secret": ("english", "secrets", "secrets_alike"),
    "asking for the system prompt": ("english", "asked", "asked_alike"),
    "forged dialogues": ("english", "forged", "forged_alike"),
    "rules twisted": ("english", "twisted", "twisted_alike"),
    "other languages": ("languages", "attack", "alike"),
}
"""Kinds of attacks with few words of an attack: file of templates, names of the attacks and of the harmless side."""

DRAWS = 400
TEXTS_A_TEMPLATE = 40

Row = tuple[str, str]
Floats = NDArray[np.float64]


def lines(name: str) -> list[str]:
    text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    return [line.replace("\\n", "\n") for line in text.splitlines() if line.strip()]


def wilson(hits: int, total: int) -> str:
    """A share in per cent with its 95 % interval."""
    if not total:
        return "–"
    z, share = 1.96, hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * share:.0f} % [{100 * max(0, centre - half):.0f}–{100 * min(1, centre + half):.0f}] of {total:,}"


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    values = np.concatenate([positive, negative])
    order = values.argsort(kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        same = values == value
        ranks[same] = ranks[same].mean()
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


def interval(draw: Callable[[Generator], float]) -> tuple[float, float]:
    """95 % interval of what ``draw`` gives for resampled data."""
    chance = np.random.default_rng(1)
    low, high = np.quantile([draw(chance) for _ in range(DRAWS)], [0.025, 0.975])
    return float(low), float(high)


def auc_interval(planted: Sequence[Floats], clean: Floats) -> str:
    """AUC of planted documents against the clean ones; ``planted[i]`` are those made of carrier ``i``."""

    def draw(chance: Generator) -> float:
        chosen = chance.integers(len(clean), size=len(clean))
        return auc(np.concatenate([planted[at] for at in chosen]), clean[chosen])

    low, high = interval(draw)
    whole = np.concatenate(planted)
    return f"AUC {auc(whole, clean):.2f} [{low:.2f}–{high:.2f}], {len(whole)} planted, {len(clean)} clean"


def share_interval(hits: Sequence[Floats]) -> str:
    """Share of texts that are flagged; ``hits[i]`` (0 or 1) are those of carrier or template ``i``."""

    def draw(chance: Generator) -> float:
        return float(np.concatenate([hits[at] for at in chance.integers(len(hits), size=len(hits))]).mean())

    low, high = interval(draw)
    whole = np.concatenate(hits)
    return f"{100 * whole.mean():.0f} % [{100 * low:.0f}–{100 * high:.0f}] of {len(whole)}"


def recall_at(positive: Floats, negative: Floats, alarms: float = 0.01) -> str:
    """Share of the attacks above the score that ``alarms`` of the harmless reach, and that score in log odds."""
    limit = np.quantile(negative, 1 - alarms)
    return f"{wilson(int((positive > limit).sum()), len(positive))}, above {limit:.2f}"


def thresholds(model: InjectionModel) -> list[Row]:
    """The operating points: nothing that is counted below had a say in them."""
    return [
        (f"threshold, {words}", f"score {model.heads[head].threshold:.3f}")
        for head, words in (("user", "texts of users"), ("data", "parts of documents, results of tools"))
    ]


def operating_point(scanner: Scanner) -> list[Row]:
    rows = []
    for name, words in (
        ("direct", "development: direct attacks found"),
        ("direct_held", "written apart: direct attacks found"),
        ("triggers", "development: harmless with trigger words flagged"),
        ("triggers_held", "written apart: harmless with trigger words flagged"),
        ("ordinary", "development: ordinary prompts flagged"),
        ("ordinary_held", "written apart: ordinary prompts flagged"),
    ):
        texts = lines(name)
        rows.append((words, wilson(sum(scanner.scan(text, "user").flagged for text in texts), len(texts))))
    return rows


def planted(text: str, instruction: str, chance: random.Random) -> str:
    """A document with an instruction at its end, its start or between two lines or sentences."""
    where = chance.choice(["end", "start", "middle"])
    if where == "end":
        return text + chance.choice(["\n", "\n\n", " "]) + instruction
    if where == "start":
        return f"{instruction}\n{text}"
    places = [at + 1 for at in range(len(text) - 1) if text[at] == "\n" or text[at : at + 2] == ". "] or [len(text)]
    place = chance.choice(places)
    return f"{text[:place]}{' ' if text[place - 1] != chr(10) else ''}{instruction}\n{text[place:]}"


def carriers(scanner: Scanner) -> list[Row]:
    """Instructions in carriers, neither seen by the training: two sets, of which one is only counted."""
    rows = []
    for suffix, words in (("", "development"), ("_held", "written apart")):
        chance = random.Random(5)
        documents = yaml.safe_load((TEXTS / f"carriers{suffix}.yaml").read_text(encoding="utf-8"))
        instructions = lines(f"instructions{suffix}")
        flagged: list[Floats] = []
        clean_flagged: list[bool] = []
        for kind, texts in documents.items():
            clean = [scanner.scan(text, "document") for text in texts]
            dirty = [
                [
                    scanner.scan(planted(text, instruction, chance), "document")
                    for instruction in chance.sample(instructions, 24)
                ]
                for text in texts
            ]
            scores = [np.array([result.score for result in several]) for several in dirty]
            figure = auc_interval(scores, np.array([result.score for result in clean]))
            rows.append((f"{words}: instruction planted in {kind}", figure))
            flagged += [np.array([result.flagged for result in several], float) for several in dirty]
            clean_flagged += [result.flagged for result in clean]
        rows.append((f"{words}: planted documents flagged", share_interval(flagged)))
        rows.append((f"{words}: clean documents flagged", wilson(sum(clean_flagged), len(clean_flagged))))
    return rows


def by_kind(data: Path) -> list[Row]:
    """Kinds of attacks by a model that has seen neither these templates nor those of the harmless side."""
    from train_injection import train as training
    from train_injection.grammar import Grammar, Part
    from train_injection.grammar import texts as templates

    vectors = builtin_model().vectors
    trial = training.try_user(data, vectors)
    rows = []
    for words, (file, *sides) in KINDS.items():
        grammar = Grammar(templates(f"kinds_{file}"), random.Random(3), Part.HELD)
        for side, what in zip(sides, ("found", "look-alikes flagged"), strict=True):
            hits = []
            for template in grammar.words[side]:
                several = [grammar.fill(template) for _ in range(TEXTS_A_TEMPLATE)]
                sparse, dense = training.text_matrix(several, vectors)
                scores = trial.head.values(training.sparse_hashes(sparse), dense)
                hits.append((scores > trial.limit).astype(float))
            rows.append((f"held back: {words}, {what}", share_interval(hits)))
    return rows


def split_figures(data: Path) -> list[Row]:
    """The learned model alone on the test splits of the given corpora, which neither training nor calibration reads."""
    from train_injection import train as training
    from train_injection.dataset import corpora

    model = builtin_model()
    examples = list(corpora(data, "test"))
    sparse, dense = training.text_matrix([row.text for row in examples], model.vectors)
    head = model.heads["user"]
    flagged = head.probabilities(head.values(training.sparse_hashes(sparse), dense)) >= head.threshold
    labels = np.array([row.label for row in examples])
    sources = np.array([row.source for row in examples])
    rows = []
    for source, names in (("slabs", ["slabs"]), ("neuralchemy", sorted(set(sources) - {"slabs"}))):
        of = np.isin(sources, names)
        for label, words in ((1, "attacks found"), (0, "harmless flagged")):
            chosen = flagged[of & (labels == label)]
            rows.append((f"test split of {source}: {words}", wilson(int(chosen.sum()), len(chosen))))
    return rows


def leave_one_out(data: Path) -> list[Row]:
    """Train without a source, or a kind of carrier, and judge by it: recall at 1 % false positives."""
    from train_injection import train as training
    from train_injection.dataset import SEED, Planter
    from train_injection.grammar import Part

    vectors = builtin_model().vectors
    rows: list[Row] = []
    examples = training.user_examples(data, random.Random(SEED), "train", 2000, Part.ALL)
    sparse, dense = training.text_matrix([row.text for row in examples], vectors)
    labels = np.array([row.label for row in examples])
    sources = np.array([row.source for row in examples])
    for source, names in SOURCES.items():
        # The harmless of the source are left out with it; where it has none, a part of the everyday ones.
        out = np.isin(sources, names)
        if not (out & (labels == 0)).any():
            out |= sources == "clinc150"
        head = fitted(training, "user", sparse[~out], dense[~out], labels[~out], sources[~out].tolist())
        scores = head.values(training.sparse_hashes(sparse[out]), dense[out])
        found = recall_at(scores[labels[out] == 1], scores[labels[out] == 0])
        rows.append((f"without {source}: direct, at 1 % false alarms", found))
    documents = list(Planter(data, random.Random(SEED + 4), Part.ALL).documents(1500))
    sparse, dense, labels, numbers = training.segment_matrix(documents, vectors)
    kinds = np.array([documents[number].kind for number in numbers])
    for kind, family in FAMILIES.items():
        out = np.isin(kinds, family)
        head = fitted(training, "data", sparse[~out], dense[~out], labels[~out], kinds[~out].tolist())
        scores = head.values(training.sparse_hashes(sparse[out]), dense[out])
        best: dict[int, float] = {}
        for number, score in zip(numbers[out], scores, strict=True):
            best[int(number)] = max(score, best.get(int(number), -1e9))
        dirty = np.array([score for number, score in best.items() if documents[number].end])
        clean = np.array([score for number, score in best.items() if not documents[number].end])
        words = f"without {kind}: planted, at 1 % false alarms"
        rows.append((words, recall_at(dirty, clean)))
    return rows


def fitted(
    training: Any, name: str, sparse: Any, dense: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], keys: list[str]
) -> Head:
    head: Head = training.fit(name, sparse, dense, labels, training.balanced(keys, labels))
    return head


def cost(scanner: Scanner) -> list[Row]:
    """CPU of a call of 500 tokens (2,000 characters): a user's text, and a document of that size."""
    documents = [text for texts in yaml.safe_load((TEXTS / "carriers.yaml").read_text()).values() for text in texts]
    base = "\n\n".join(documents)
    fresh = Scanner(remembered=0)
    rows = []
    for origin in ("user", "document"):
        texts = [base[at : at + 2000] for at in range(0, len(base) - 2000, 250)]
        fresh.scan(texts[0], origin)
        spent = np.array([cpu_ms(fresh, text, origin) for text in texts])
        low, high = interval(lambda chance, spent=spent: float(chance.choice(spent, len(spent)).mean()))
        mean = spent.mean()
        figure = f"{mean:.1f} ms [{low:.1f}–{high:.1f}], {1000 / mean:,.0f} texts a second"
        rows.append((f"CPU per {origin} text of 500 tokens", figure))
    hostile = [cpu_ms(fresh, "ignore all the previous " * count, "document") / 1000 for count in range(7_990, 8_000)]
    words = "CPU of a hostile text of 192,000 characters"
    rows.append((words, f"{np.median(hostile):.2f} s [{min(hostile):.2f}–{max(hostile):.2f}, range of ten]"))
    return rows


def cpu_ms(scanner: Scanner, text: str, origin: str) -> float:
    began = time.process_time()
    scanner.scan(text, origin)
    return 1000 * (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPANLOFT_TRAINING_DATA"))
    parser.add_argument("--write", action="store_true", help="write the figures that docs and dashboard show")
    options = parser.parse_args()
    model: InjectionModel = builtin_model()
    scanner = Scanner(model)
    parts: list[Callable[[], list[Row]]] = [
        lambda: thresholds(model),
        lambda: operating_point(scanner),
        lambda: carriers(scanner),
        leak_figures,
        lambda: cost(scanner),
    ]
    if options.data is None:
        print("no --data and no SPANLOFT_TRAINING_DATA: leave-one-source-out is left out")
    else:
        data = Path(options.data)
        parts += [lambda: split_figures(data), lambda: by_kind(data), lambda: leave_one_out(data)]
    rows: list[Row] = []
    for part in parts:
        for name, value in part():
            print(f"{name:75} {value}", flush=True)
            rows.append((name, value))
    if options.write:
        write(rows, scanner.version)


def write(rows: Sequence[Row], version: str) -> None:
    """Figures for the dashboard, and the table of the docs."""
    date = dt.datetime.now(dt.UTC).date().isoformat()
    entries = [{"name": name, "value": value} for name, value in rows]
    content = {"date": date, "version": version, "rows": entries, "limits": LIMITS}
    (PACKAGE / "figures.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = Path(__file__).parents[1] / "docs" / "security-signals.md"
    text = page.read_text(encoding="utf-8")
    start, end = text.index("<!-- figures -->"), text.index("<!-- end of figures -->")
    table = "\n".join(["| figure | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    page.write_text(
        f"{text[:start]}<!-- figures -->\nMeasured on {date}, version {version}.\n\n{table}\n\n{text[end:]}"
    )


if __name__ == "__main__":
    main()
