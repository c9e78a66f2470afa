"""Texts of a family of series, read from the store once for all the windows and baselines that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import EllipsisType

import numpy as np
import pyarrow as pa

from spanloft_collector.jobs.drift_series import (
    BASELINE_REACH,
    MAX_WINDOW,
    WINDOW_REACH,
    Calls,
    Family,
    Pinned,
    Row,
    midnight,
)
from spanloft_collector.signals.drift.baseline import MAX_BASELINE, Sample
from spanloft_collector.signals.drift.geometry import Floats, Integers
from spanloft_collector.store.base import Reader

A_DAY = max(4 * MAX_WINDOW, 2 * MAX_BASELINE)
"""Texts of a day and model that are read: as many as any window or baseline takes."""
AHEAD = 20_000
"""Of so few texts all vectors are read at once; of more, those of each window when it is asked for."""


class FamilyTexts:
    """See ``drift_series.Texts``."""

    def __init__(
        self, reader: Reader, family: Family, model: Mapping[str, str], days: Iterable[date], pinned: Pinned | None
    ) -> None:
        """Read what the calls of a family are; texts and vectors follow.

        Args:
            reader: of the store.
            family: whose texts.
            model: that made the vectors: ``embedding_model``, ``embedding_version`` and ``quantization``.
            days: whose windows will be asked for, with their baselines.
            pinned: a baseline that may lie before what these days reach back to.
        """
        self._reader = reader
        self._model = model
        wanted = sorted(days)
        self._bounds = {
            "first": midnight(wanted[0]) - WINDOW_REACH - BASELINE_REACH,
            "last": midnight(wanted[-1] + timedelta(days=1)),
        }
        parts = [self._read(family, **self._bounds)]
        if pinned is not None and midnight(pinned.first) < self._bounds["first"]:
            until = min(midnight(pinned.last + timedelta(days=1)), self._bounds["first"])
            parts.insert(0, self._read(family, first=midnight(pinned.first), last=until))
            self._bounds["first"] = midnight(pinned.first)
        self._calls = pa.concat_tables(parts)
        self._times = self._calls.column("start_time").to_numpy()
        self._chance = self._calls.column("chance").to_numpy()
        self._models = np.array(self._calls.column("model").to_pylist(), object)
        self._known: dict[str, tuple[str, Floats] | None] = {}
        if len(self._times) <= AHEAD:
            self._learn(self._calls.column("text_key").to_pylist())

    def between(self, first: datetime, last: datetime, rows: int, *, model: str | None | EllipsisType = ...) -> Calls:
        """See ``drift_series.Texts``."""
        low, high = np.searchsorted(self._times, np.array([first, last], "datetime64[us]"))
        places: Integers = np.arange(low, high)
        if model is not ...:
            places = places[self._models[places] == model]
        if len(places) > rows:
            order = np.lexsort((places, self._chance[places]))
            places = np.sort(places[order[:rows]])
        chosen = self._calls.take(pa.array(places)).drop_columns(["chance"]).to_pylist()
        self._learn(row["text_key"] for row in chosen)
        return self._calls_of(chosen)

    def _read(self, family: Family, *, first: datetime, last: datetime) -> pa.Table:
        parameters = {"first": first, "last": last, "rows": A_DAY, **family._asdict()}
        return self._reader.query("job_drift_texts", parameters, timeout_s=600)

    def _learn(self, keys: Iterable[str]) -> None:
        """Read the vectors of texts that were not asked for before."""
        new = list(dict.fromkeys(key for key in keys if key not in self._known))
        if not new:
            return
        found = self._reader.query("job_drift_vectors", {"keys": new, **self._bounds, **self._model}, timeout_s=600)
        self._known.update(dict.fromkeys(new))
        if not found.num_rows:
            return
        values = found.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = np.asarray(values, np.float32).reshape(found.num_rows, -1)
        texts = found.column("text").to_pylist()
        self._known.update(zip(found.column("text_key").to_pylist(), zip(texts, vectors, strict=True), strict=True))

    def _calls_of(self, rows: Iterable[Row]) -> Calls:
        full: list[Row] = []
        vectors: list[Floats] = []
        for row in rows:
            known = self._known[row["text_key"]]
            if known is not None:
                full.append(row | {"text": known[0]})
                vectors.append(known[1])
        sessions: dict[str, int] = {}
        units = np.array([sessions.setdefault(row["session_id"], len(sessions)) for row in full], np.int64)
        times = np.array([row["start_time"].replace(tzinfo=UTC).timestamp() for row in full], np.float64)
        matrix = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
        return Calls(full, Sample([row["text"] for row in full], matrix, units, times))
