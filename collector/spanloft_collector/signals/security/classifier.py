"""Any sequence classifier that transformers loads by name or from a folder: a larger detector, or a moderation model.

PIGuard and Prompt Guard 2 are such models for injection; toxicity and moderation models for answers. transformers and
torch are imported when the first text comes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spanloft_collector.errors import SpanloftError

EXTRA = "spanloft[classifiers]"
MOST_TOKENS = 512
_BATCH = 16
_HARMLESS = frozenset(
    ["benign", "safe", "legit", "legitimate", "clean", "neutral", "normal", "ok", "none", "no_injection", "non_toxic",
     "not_toxic", "nontoxic", "not_injection", "no injection", "label_0", "0", "negative", "acceptable", "fine"]
)  # fmt: skip


class Verdict(NamedTuple):
    """Probability that a text is what the model looks for, and the label that says so most."""

    score: float
    label: str


class SequenceClassifier:
    """Scores texts; a long one is cut into pieces of the model's size, and its worst piece counts."""

    def __init__(self, name: str, setting: str) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            name: a model's name, or a folder that holds one.
            setting: the setting that named it, for messages.

        Raises:
            SpanloftError: a library is missing; says how to install it.
        """
        self.name = name
        self._setting = setting
        for library in ("torch", "transformers"):
            if importlib.util.find_spec(library) is None:
                raise SpanloftError(f'{setting}={name}: {library} is missing; pip install "{EXTRA}", or unset it')
        self._tokenizer: Any = None
        self._model: Any = None

    @property
    def short_name(self) -> str:
        """Name for findings: a folder by its last part."""
        return Path(self.name).name if Path(self.name).is_dir() else self.name

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text.

        Raises:
            SpanloftError: the model can't be loaded; says why and what is expected.
        """
        if self._model is None:
            self._load()
        pieces: list[str] = []
        owners: list[int] = []
        for owner, text in enumerate(texts):
            parts = self._cut(text)
            pieces += parts
            owners += [owner] * len(parts)
        verdicts = [Verdict(0.0, "")] * len(texts)
        for at in range(0, len(pieces), _BATCH):
            for owner, verdict in zip(owners[at:], self._batch(pieces[at : at + _BATCH]), strict=False):
                verdicts[owner] = max(verdicts[owner], verdict)
        return verdicts

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        # Beside a collector, one core is what a job may take.
        torch.set_num_threads(1)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self.name)
            self._model = AutoModelForSequenceClassification.from_pretrained(self.name).eval()
        except Exception as error:
            # transformers raises whatever its many loaders raise; none of it may stop the job with a traceback.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise SpanloftError(
                f"{self._setting}={self.name}: transformers can't load it ({reason}); expected the name of a sequence "
                "classifier that can be reached or is cached, or a folder with config.json, weights and tokenizer"
            ) from error
        labels = self._model.config.id2label
        self._labels = [str(labels[at]) for at in range(len(labels))]
        harmless = [at for at, label in enumerate(self._labels) if label.lower().replace("-", "_") in _HARMLESS]
        self._harmful = [at for at in range(len(self._labels)) if at not in harmless]
        self._many = self._model.config.problem_type == "multi_label_classification"
        if not self._harmful or (not harmless and not self._many):
            raise SpanloftError(
                f"{self._setting}={self.name}: can't tell which of its labels is harmless "
                f"({', '.join(self._labels)}); expected one like safe, benign or LABEL_0 among others"
            )

    def _cut(self, text: str) -> list[str]:
        size = min(int(self._tokenizer.model_max_length), MOST_TOKENS) - 2
        places = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = places["offset_mapping"]
        if len(offsets) <= size:
            return [text]
        # Pieces overlap by a quarter, so that a phrase at an edge is whole in one of them.
        step = size * 3 // 4
        starts = range(0, max(1, len(offsets) - size // 4), step)
        return [text[offsets[at][0] : offsets[min(at + size, len(offsets)) - 1][1]] for at in starts]

    def _batch(self, pieces: Sequence[str]) -> list[Verdict]:
        import torch

        encoded = self._tokenizer(
            list(pieces), padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = self._model(**encoded).logits.float()
        chances = (torch.sigmoid(logits) if self._many else torch.softmax(logits, -1)).tolist()
        verdicts = []
        for row in chances:
            top = max(self._harmful, key=lambda at: row[at])
            score = row[top] if self._many else sum(row[at] for at in self._harmful)
            verdicts.append(Verdict(round(float(score), 6), self._labels[top]))
        return verdicts
