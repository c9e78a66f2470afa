"""Drift on data with known answers: two Gaussians, a planted topic, sessions, forms, numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from spanloft_collector.signals.drift.baseline import Baseline, Sample
from spanloft_collector.signals.drift.cumulative import ALARM, accumulate
from spanloft_collector.signals.drift.form import FEATURES, features, language
from spanloft_collector.signals.drift.geometry import count_rows, draws
from spanloft_collector.signals.drift.numbers import compare_numbers
from spanloft_collector.signals.drift.picture import map_axes
from spanloft_collector.signals.drift.tails import MAX_EVIDENCE, Shape
from spanloft_collector.signals.drift.threads import on_one_thread
from spanloft_collector.signals.drift.verdict import judge
from spanloft_collector.signals.drift.words import document_counts, name_topic
from threadpoolctl import threadpool_info

TOPICS = 30
SUBJECTS = "parcel invoice refund password weather recipe flight hotel luggage battery printer garden"
WORDS = SUBJECTS.split()


class World:
    """Texts of topics, and vectors that lie around the topics' middles."""

    def __init__(self, seed: int = 5) -> None:
        self.rng = np.random.default_rng(seed)
        self.middles = self.rng.standard_normal((TOPICS + 1, 64))

    def sample(self, topics: np.ndarray, sessions: np.ndarray | None = None) -> Sample:
        vectors = self.middles[topics] + 0.8 * self.rng.standard_normal((len(topics), 64))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        numbers = self.rng.integers(100, 999, size=len(topics))
        texts = [
            f"my quantum entanglement {number}"
            if topic == TOPICS
            else f"about {WORDS[topic % len(WORDS)]} number {number}"
            for number, topic in zip(numbers, topics, strict=True)
        ]
        units = np.arange(len(topics)) if sessions is None else sessions
        return Sample(texts, vectors.astype(np.float32), units)

    def ordinary(self, count: int) -> Sample:
        return self.sample(self.rng.integers(TOPICS, size=count))

    def planted(self, count: int, new: int) -> Sample:
        topics = self.rng.integers(TOPICS, size=count)
        topics[:new] = TOPICS
        return self.sample(topics)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def baseline(world: World) -> Sample:
    return world.ordinary(1000)


@pytest.fixture(scope="module")
def fitted(baseline: Sample) -> Baseline:
    return Baseline.fit(baseline, 200)


def test_a_planted_topic_is_found_and_named_first(world: World, baseline: Sample, fitted: Baseline) -> None:
    window = world.planted(200, 24)
    verdict = judge(baseline, window, fitted=fitted)
    assert verdict.drifted
    assert verdict.p_value is not None
    assert verdict.p_value < 1e-3
    first = verdict.topics[0]
    assert first.change == "appeared"
    assert "quantum" in first.name
    assert first.share_before == 0
    assert first.share_after == pytest.approx(0.12, abs=0.02)
    assert all("quantum" in window.texts[row] for row in first.examples)
    assert len(first.examples) == 5
    assert verdict.kind == "topic"
    assert verdict.effect is not None
    assert 0 < verdict.effect.low < verdict.effect.size < verdict.effect.high


def test_nothing_changed_is_no_drift(world: World, baseline: Sample, fitted: Baseline) -> None:
    verdicts = [judge(baseline, world.ordinary(200), fitted=fitted) for _ in range(40)]
    assert sum(bool(verdict.drifted) for verdict in verdicts) <= 3
    p_values = np.array([verdict.p_value for verdict in verdicts])
    assert 0.25 < np.median(p_values) < 0.75


def test_two_gaussians_apart_are_a_drift_of_that_size(world: World) -> None:
    rng = np.random.default_rng(1)

    def gaussian(count: int, shift: float) -> Sample:
        vectors = rng.standard_normal((count, 16))
        vectors[:, 0] += shift
        texts = [f"text {number % 7}" for number in range(count)]
        return Sample(texts, vectors.astype(np.float32), np.arange(count))

    before = gaussian(1000, 0)
    fitted = Baseline.fit(before, 200)
    assert judge(before, gaussian(200, 0), fitted=fitted).drifted is False
    near, far = (judge(before, gaussian(200, shift), fitted=fitted) for shift in (0.8, 2.0))
    assert near.drifted
    assert far.drifted
    assert near.effect is not None
    assert far.effect is not None
    assert near.effect.size < far.effect.size


def test_a_topic_that_is_gone_is_named() -> None:
    world = World(11)
    topics = world.rng.integers(1, TOPICS, size=800)
    topics[:200] = 0
    before = world.sample(world.rng.permutation(topics))
    window = world.sample(world.rng.integers(1, TOPICS, size=200))
    verdict = judge(before, window)
    assert verdict.drifted
    gone = [topic for topic in verdict.topics if topic.change == "shrank"]
    assert WORDS[0] in gone[0].name
    assert gone[0].share_before > 0.1
    assert gone[0].share_after < 0.02
    assert all(WORDS[0] in before.texts[row] for row in gone[0].examples)


def test_style_is_told_from_topic(world: World, baseline: Sample, fitted: Baseline) -> None:
    window = world.ordinary(200)
    shouted = [text.upper() + "!!!" if place % 5 == 0 else text for place, text in enumerate(window.texts)]
    verdict = judge(baseline, Sample(shouted, window.vectors, window.units), fitted=fitted)
    assert verdict.drifted
    assert verdict.kind == "style"
    assert {"capitals", "exclamation_mark"} <= set(verdict.form)
    assert not verdict.topics


def test_long_sessions_raise_no_false_alarm() -> None:
    world = World(9)

    def traffic(sessions: int) -> Sample:
        topics = np.repeat(world.rng.integers(TOPICS, size=sessions), 10)
        return world.sample(topics, np.repeat(np.arange(sessions), 10))

    before = traffic(120)
    windows = [traffic(20) for _ in range(16)]
    by_session = Baseline.fit(before, 200)
    apart = Sample(before.texts, before.vectors, np.arange(len(before)))
    by_text = Baseline.fit(apart, 200)
    assert sum(by_session.measure(window).p_value <= 0.01 for window in windows) <= 2
    assert sum(by_text.measure(window).p_value <= 0.01 for window in windows) >= 10, "what the sessions are for"


def test_a_daily_rhythm_raises_no_alarm_and_a_new_topic_does() -> None:
    world = World(21)

    def traffic(first_h: float, last_h: float, count: int, new: int = 0) -> Sample:
        hours = np.sort(world.rng.uniform(first_h, last_h, count))
        night = (hours % 24 >= 18) | (hours % 24 < 6)
        topics = np.where(night, world.rng.integers(TOPICS // 3, size=count), world.rng.integers(TOPICS, size=count))
        topics[world.rng.choice(count, new, replace=False)] = TOPICS
        made = world.sample(topics)
        return Sample(made.texts, made.vectors, made.units, 3600 * hours)

    before = traffic(0, 10 * 24, 1000)
    without = Baseline.fit(Sample(before.texts, before.vectors, before.units), 200, rounds=299)
    fitted = Baseline.fit(before, 200, span_s=6 * 3600, rounds=299)
    windows = [traffic(day * 24 + 18, day * 24 + 24, 200) for day in range(10, 20)]
    assert sum(without.measure(window).p_value <= 0.01 for window in windows) >= 4, "what the time is for"
    assert sum(fitted.measure(window).p_value <= 0.01 for window in windows) <= 1
    found = [fitted.measure(traffic(day * 24 + 6, day * 24 + 12, 200, 30)).p_value <= 0.01 for day in range(10, 15)]
    assert all(found)
    # A whole day is no part of a rhythm, and what has no rhythm loses nothing.
    assert Baseline.fit(before, 200, span_s=24 * 3600, rounds=299).rhythm < fitted.rhythm / 2
    even = Sample(before.texts, before.vectors[world.rng.permutation(1000)], before.units, before.times)
    assert Baseline.fit(even, 200, span_s=6 * 3600, rounds=299).rhythm < 1.5


def test_too_few_is_said(world: World, baseline: Sample) -> None:
    verdict = judge(baseline, world.ordinary(199))
    assert verdict.status == "not enough data"
    assert verdict.drifted is None
    assert "199 texts" in verdict.reason
    assert "baseline has 10" in judge(world.ordinary(10), world.ordinary(300)).reason


def test_too_few_sessions_are_said(world: World, baseline: Sample) -> None:
    few = Sample(baseline.texts, baseline.vectors, np.arange(len(baseline)) % 19)
    assert "has 19 sessions; a verdict needs 20" in judge(few, world.ordinary(200)).reason
    one = Sample(baseline.texts, baseline.vectors, np.maximum(np.arange(len(baseline)) - 300, 0))
    assert judge(one, world.ordinary(200)).status == "not enough data"
    most = Sample(baseline.texts, baseline.vectors, np.arange(len(baseline)) // 50)
    assert judge(most, world.ordinary(200)).p_value is not None


def test_one_constant_text_has_a_verdict(baseline: Sample, fitted: Baseline) -> None:
    same = Sample(["hello"] * 300, np.tile(baseline.vectors[:1], (300, 1)), np.arange(300))
    assert judge(baseline, same.take(np.arange(200)), fitted=fitted).drifted
    assert judge(same, same).drifted is False


def test_the_same_seed_gives_the_same_verdict(world: World, baseline: Sample) -> None:
    window = world.planted(400, 20)
    first, second = judge(baseline, window, seed=4), judge(baseline, window, seed=4)
    assert first.p_value == second.p_value
    assert first.effect == second.effect
    assert "300 of the window's 400 texts" in first.reason


def test_draws_keep_sessions_together() -> None:
    units = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3])
    for rows in draws(units, 6, 50, np.random.default_rng(0)):
        assert len(rows) == 6
        cut = [unit for unit in set(units[rows]) if (units[rows] == unit).sum() < (units == unit).sum()]
        assert len(cut) <= 1


def test_numbers_that_changed_are_found() -> None:
    rng = np.random.default_rng(2)
    before = {"tokens": rng.normal(100, 20, 600), "refusals": (rng.random(600) < 0.02) * 1.0, "same": rng.random(600)}
    after = {"tokens": rng.normal(115, 20, 200), "refusals": (rng.random(200) < 0.12) * 1.0, "same": rng.random(200)}
    found = {row.name: row for row in compare_numbers(before, after, (np.arange(600), np.arange(200)))}
    assert found["tokens"].q_value < 0.01
    assert found["tokens"].effect == pytest.approx(0.4, abs=0.12)
    assert found["refusals"].q_value < 0.01
    assert found["refusals"].after == pytest.approx(0.12, abs=0.06)
    assert found["same"].q_value > 0.01
    unknown = {"tokens": np.full(600, np.nan)}
    assert compare_numbers(unknown, {"tokens": np.ones(200)}, (np.arange(600), np.arange(200))) == []


def test_numbers_of_sessions_are_exchanged_as_a_whole() -> None:
    rng = np.random.default_rng(8)
    p_values = []
    for _ in range(40):
        before, after = (np.repeat(rng.standard_normal(count), 20) for count in (30, 10))
        units = (np.repeat(np.arange(30), 20), np.repeat(np.arange(10), 20))
        p_values.append(compare_numbers({"x": before}, {"x": after}, units)[0].p_value)
    assert sum(value <= 0.05 for value in p_values) <= 6


def test_many_small_signs_add_up() -> None:
    rng = np.random.default_rng(0)
    level = 0.0
    for _ in range(100):
        level = accumulate(level, rng.random())
        assert level < ALARM
    windows = 0
    while level < ALARM:
        level = accumulate(level, 0.12)
        windows += 1
    assert windows <= 8


def test_the_map_stays_from_day_to_day(world: World) -> None:
    pool = world.ordinary(1400).vectors
    today, tomorrow = map_axes(pool[:1300]), map_axes(pool[100:])
    there, then = today.apply(pool[100:1300]), tomorrow.apply(pool[100:1300])
    assert np.corrcoef(there[:, 0], then[:, 0])[0, 1] > 0.8
    assert np.corrcoef(there[:, 1], then[:, 1])[0, 1] > 0.8


def test_the_form_of_texts() -> None:
    rows = dict(zip(FEATURES, features(["HELLO THERE! 12"])[0], strict=True))
    assert rows["capitals"] == 1
    assert rows["exclamation_mark"] == 1
    assert rows["digits"] == pytest.approx(2 / 15)
    assert features([]).shape == (0, len(FEATURES))
    assert [language(text) for text in ("where is the parcel", "wo ist das Paket", "где посылка", "12")] == [
        "en",
        "de",
        "cyrillic",
        "unknown",
    ]


def test_a_topic_is_named_by_its_own_words() -> None:
    others = document_counts(["the weather is fine", "weather report for today"])
    assert name_topic(["lost luggage at weather", "my luggage is lost"], others, 2).split(", ")[:2] == [
        "lost",
        "luggage",
    ]
    assert name_topic(["", "..."], others, 2) == "(no words)"


def test_evidence_is_what_scipy_says() -> None:
    values = np.linspace(-2, 40, 300)
    for skew in (0.05, 0.7, 4.0):
        theirs = -stats.pearson3.logsf((values - 0.5) / 1.3, skew) / np.log(10)
        assert Shape(0.5, 1.3, skew).evidence(values) == pytest.approx(np.minimum(theirs, MAX_EVIDENCE), abs=1e-9)


def test_rows_are_counted_by_bits(world: World) -> None:
    mask = world.rng.random((7, 203)) < 0.3
    assert list(count_rows(mask)) == list(mask.sum(1))


def test_a_verdict_keeps_to_one_thread() -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before = threads()
    assert on_one_thread(threads)() == {1}
    assert threads() == before


def test_rounding_between_copies_of_texts_is_no_drift() -> None:
    """A service that sends the same few texts again and again: all distances are ties, but for rounding.

    Another batch of the embedder, and a matrix of another shape, round the same text differently.
    """
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((3, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def sample(count: int, rounding: float = 0.0) -> Sample:
        chosen = rng.choice(3, count, p=(0.2, 0.3, 0.5))
        copies = vectors[chosen] * np.float32(1 + rounding)
        return Sample([WORDS[row] for row in chosen], copies, np.arange(count))

    for seed in range(2):
        fitted = Baseline.fit(sample(240), 70, seed, rounds=300)
        assert sum(fitted.measure(sample(70, 4e-7)).p_value <= 0.01 for _ in range(10)) <= 1
