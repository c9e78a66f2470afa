"""What is said to have changed with a window: versions, releases, models and users."""

from __future__ import annotations

import numpy as np
from spanloft_collector.jobs.drift_rows import changes
from spanloft_collector.jobs.drift_series import Calls
from spanloft_collector.signals.drift.baseline import Sample


def calls(users: list[str | None], model: str = "gpt-4o") -> Calls:
    rows = [{"model": model, "prompt_version": None, "service_version": "1", "user_id": user} for user in users]
    texts = [""] * len(users)
    return Calls(rows, Sample(texts, np.zeros((len(users), 2), np.float32), np.arange(len(users))))


def said(baseline: Calls, window: Calls) -> list[tuple[str, str, float, float]]:
    found = changes(baseline, window)
    return [(row["what"], row["value"], round(row["share_before"], 2), round(row["share_after"], 2)) for row in found]


def test_a_user_who_takes_more_of_the_traffic_is_named() -> None:
    many = [f"user-{number % 50}" for number in range(200)]
    assert said(calls(many), calls(many[:120] + ["user-7"] * 80)) == [("user", "user-7", 0.02, 0.41)]


def test_new_users_are_said_where_they_are_more_than_usual() -> None:
    many = [f"user-{number % 50}" for number in range(200)]
    new = [f"guest-{number}" for number in range(40)]
    assert said(calls(many), calls(many[:160] + new)) == [("users", "not seen before", 0.0, 0.2)]


def test_where_most_users_come_once_new_ones_are_nothing_new() -> None:
    once = [f"visitor-{number}" for number in range(400)]
    assert said(calls(once[:200]), calls(once[200:])) == []


def test_nothing_is_said_of_users_that_nobody_names() -> None:
    assert said(calls([None] * 100), calls([None] * 100)) == []
    assert said(calls([None] * 100), calls(["user-1"] * 100)) == [("user", "user-1", 0.0, 1.0)]


def test_a_model_is_named_with_its_shares() -> None:
    assert said(calls([None] * 10), calls([None] * 10, "gpt-4o-mini")) == [
        ("model", "gpt-4o", 1.0, 0.0),
        ("model", "gpt-4o-mini", 0.0, 1.0),
    ]


def test_without_a_baseline_nothing_changed() -> None:
    assert said(calls([]), calls(["user-1"])) == []
