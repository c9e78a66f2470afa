"""A store in whose traffic a topic appears after some days, judged by the jobs with an embedder that knows words."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from spanloft_collector.jobs.drift import DriftJob
from spanloft_collector.jobs.drift_series import Pinned
from spanloft_collector.jobs.embeddings import EmbeddingsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.signals.embedding.base import ModelIdentity, Vectors
from spanloft_collector.store.parquet import ParquetStore
from stored import fill

NAMES = "parcel invoice refund password weather recipe flight hotel battery printer garden lamp"
SUBJECTS = NAMES.split()
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 4
CALLS = 210
CHANGE_DAY = 2
Span = dict[str, Any]


class WordEmbedder:
    """Texts of one subject lie close together; counts what it is asked for."""

    identity = ModelIdentity("words", "1", "fp32", 48)

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        vectors = np.zeros((len(texts), 48), np.float32)
        for row, text in enumerate(texts):
            subject = next((word for word in [*SUBJECTS, "luggage"] if word in text), text)
            vectors[row] = np.random.default_rng(zlib.crc32(subject.encode())).standard_normal(48)
            vectors[row] += 0.5 * np.random.default_rng(zlib.crc32(text.encode())).standard_normal(48)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def call(chance: random.Random, day: int, place: int) -> Span:
    new = day >= CHANGE_DAY and place % 6 == 0
    text = f"question {chance.randrange(100, 999)} about my {'luggage' if new else chance.choice(SUBJECTS)}"
    start = START + timedelta(days=day, minutes=6 * place)
    start_ns = int(start.timestamp()) * 1_000_000_000
    answer = "I'm sorry, but I can't help with that." if new else "It is on its way."
    messages = {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": text}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": answer}]}],
    }
    plain = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.conversation.id": f"s-{day}-{place // 2}",
        "user.id": f"u-{place % 40}",
        **{key: json.dumps(value) for key, value in messages.items()},
    }
    return {
        "traceId": f"{chance.getrandbits(128):032x}",
        "spanId": f"{chance.getrandbits(64):016x}",
        "name": "chat gpt-4o",
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 900_000_000),
        "attributes": [attribute(key, value) for key, value in plain.items()],
    }


def request(day: int) -> dict[str, Any]:
    chance = random.Random(day)
    spans = [call(chance, day, place) for place in range(CALLS)]
    version = "1.0" if day < CHANGE_DAY else "1.1"
    resource = [attribute("service.name", "support"), attribute("service.version", version)]
    scope = {"scope": {"name": "opentelemetry.instrumentation.genai.openai"}, "spans": spans}
    return {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}


def run(store: ParquetStore, embedder: WordEmbedder) -> None:
    pinned = Pinned.parse("2026-03-02..2026-03-03")
    runner = JobRunner(store, [EmbeddingsJob(lambda: embedder), DriftJob(pinned)])
    runner.run_until_idle("embeddings")
    runner.run_until_idle("drift")


def make(folder: Path) -> tuple[ParquetStore, WordEmbedder]:
    """A filled store and the embedder that its jobs used."""
    path = folder / "calls.jsonl"
    path.write_text("".join(json.dumps(request(day)) + "\n" for day in range(DAYS)))
    store = fill(folder / "store", [path], jobs=False)
    embedder = WordEmbedder()
    run(store, embedder)
    return store, embedder
