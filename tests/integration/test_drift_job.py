"""Embeddings and drift over a real store: texts embedded once, a planted topic found with its calls, since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from drifting import CALLS, CHANGE_DAY, DAYS, START, WordEmbedder, make
from spanloft_collector.errors import SpanloftError
from spanloft_collector.jobs.base import FIRST, utc_now
from spanloft_collector.jobs.drift import DriftJob
from spanloft_collector.jobs.drift_series import Pinned
from spanloft_collector.jobs.embedding_texts import is_refusal
from spanloft_collector.jobs.embeddings import EmbeddingsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.scheduling import create_jobs
from spanloft_collector.store.base import Reader
from spanloft_collector.store.parquet import ParquetStore
from stored import one, rows, settings_for


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ParquetStore, WordEmbedder]:
    return make(tmp_path_factory.mktemp("drift"))


def test_every_text_is_embedded_once(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, embedder = made
    assert one(store, "SELECT count(*) FROM call_texts") == 2 * DAYS * CALLS
    assert one(store, "SELECT count(*) FROM embeddings") == 2 * DAYS * CALLS
    different = one(store, "SELECT count(DISTINCT text_key) FROM call_texts")
    assert len(embedder.embedded) == len(set(embedder.embedded)) == different
    answers = "SELECT count(*) FROM text_vectors WHERE text = 'It is on its way.'"
    assert one(store, answers) == DAYS, "each day stands for itself when others expire"
    assert one(store, "SELECT DISTINCT embedding_version || quantization FROM text_vectors") == "1fp32"


class TwoDays:
    """A reader for which only the first and the last day have new calls; notes what it is asked for."""

    days = (START.date(), START.date() + timedelta(days=DAYS - 1))

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def query(self, name: str, parameters: Mapping[str, Any], *, timeout_s: float | None = None) -> pa.Table:
        self.asked.append((name, parameters))
        table = self.reader.query(name, parameters, timeout_s=timeout_s)
        if name != "job_drift_days":
            return table
        return table.filter(pa.array([day in self.days for day in table.column("day").to_pylist()]))


def test_days_that_are_judged_again_read_each_text_once_and_go_on_from_those_between(
    made: tuple[ParquetStore, WordEmbedder],
) -> None:
    store, _ = made
    reader = TwoDays(store.reader())
    output = DriftJob().run(reader, FIRST, utc_now())  # type: ignore[arg-type]
    assert [name for name, _ in reader.asked].count("job_drift_texts") == 2, "once for inputs, once for outputs"
    keys = [key for name, parameters in reader.asked if name == "job_drift_vectors" for key in parameters["keys"]]
    assert len(keys) == len(set(keys)) == one(store, "SELECT count(DISTINCT text_key) FROM call_texts")
    written = [row for row in output.tables["drift_windows"].to_pylist() if row["side"] == "input"]
    assert {row["day"] for row in written} == set(reader.days)
    last = [row for row in written if row["day"] == reader.days[1]]
    assert [row["since"].date() for row in last] == [START.date() + timedelta(days=CHANGE_DAY)]


def test_a_restart_embeds_nothing_again(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, _ = made
    before = rows(store, "SELECT * EXCLUDE (computed_at) FROM drift_windows ORDER BY ALL")
    again = WordEmbedder()
    runner = JobRunner(store, [EmbeddingsJob(lambda: again), DriftJob()])
    assert runner.run_until_idle("embeddings") == 0
    assert runner.run_until_idle("drift") == 0
    assert again.embedded == []
    assert rows(store, "SELECT * EXCLUDE (computed_at) FROM drift_windows ORDER BY ALL") == before


def test_the_planted_topic_is_a_drift(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, _ = made
    found = {
        (row["day"].day - 2, row["baseline"]): row for row in rows(store, "FROM drift_windows WHERE side = 'input'")
    }
    assert found[0, "rolling"]["status"] == "not enough data"
    assert found[0, "rolling"]["p_value"] is None
    for day in range(1, CHANGE_DAY):
        assert found[day, "rolling"]["status"] == "no drift", day
    for day in range(CHANGE_DAY, DAYS):
        for kind in ("rolling", "pinned"):
            row = found[day, kind]
            assert row["status"] == "drifted"
            assert row["q_value"] <= 0.01
            assert row["kind"] == "topic"
            assert row["effect_low"] < row["effect"] < row["effect_high"]
            assert row["since"].day - 2 == CHANGE_DAY
    changes = json.loads(found[CHANGE_DAY, "rolling"]["changes"])
    assert {"what": "release", "value": "1.1", "share_before": 0.0, "share_after": 1.0} in changes
    points = json.loads(found[CHANGE_DAY, "rolling"]["map"])
    assert {point["part"] for point in points} == {"baseline", "window"}


def test_the_topic_is_named_with_calls_that_show_it(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, _ = made
    topics = rows(
        store,
        "SELECT t.* FROM drift_topics AS t JOIN drift_windows AS w USING (window_id, day) "
        "WHERE side = 'input' AND baseline = 'rolling' ORDER BY t.day, rank",
    )
    assert topics[0]["topic"] == "luggage"
    assert topics[0]["change"] == "appeared"
    assert topics[0]["share_after"] == pytest.approx(1 / 6, abs=0.02)
    examples = json.loads(topics[0]["examples"])
    assert len(examples) == 5
    asked = one(store, f"SELECT input_preview FROM spans WHERE span_id = '{examples[0]['span_id']}'")
    assert "luggage" in asked


def test_refusals_are_counted_as_a_number(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, _ = made
    row = rows(store, "FROM drift_windows WHERE side = 'output' AND baseline = 'pinned' ORDER BY day DESC LIMIT 1")[0]
    numbers = {number["name"]: number for number in json.loads(row["numbers"])}
    assert numbers["refusals"]["before"] == 0
    assert numbers["refusals"]["after"] == pytest.approx(1 / 6, abs=0.02)
    assert is_refusal("I can't help with that")
    assert not is_refusal("I can recommend this hotel")


def test_a_drift_is_one_alert(made: tuple[ParquetStore, WordEmbedder]) -> None:
    store, _ = made
    alerts = rows(store, "FROM alerts WHERE kind = 'drift' AND title LIKE 'Inputs%'")
    assert len(alerts) == 2, "one of each baseline"
    assert all("luggage" in alert["title"] for alert in alerts)
    assert {alert["state"] for alert in alerts} == {"open"}
    assert {alert["page"] for alert in alerts} == {"/drift"}
    assert one(store, f"SELECT count(*) FROM spans WHERE span_id = '{alerts[0]['span_id']}'") == 1


def test_jobs_are_there_when_wanted(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    wanted = create_jobs(settings_for(tmp_path, embedding_model=None), store)
    assert {"embeddings", "drift", "similar"} <= {job.name for job in wanted}
    assert not {"embeddings", "drift", "similar"} & {job.name for job in create_jobs(settings_for(tmp_path), store)}
    with pytest.raises(SpanloftError, match=r"expected DAY\.\.DAY"):
        Pinned.parse("last week")
