"""Live: a call that an app makes appears in the browser by itself, and no longer does once the page is paused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_provider import FakeProvider
from playwright.sync_api import Page, expect
from running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CALLER = Path(__file__).parent / "a_caller.py"
WITHIN_S = 3.0
TRIES = 4


@pytest.fixture(scope="module")
def spanloft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("live") / "store") as running:
        yield running


@pytest.fixture(scope="module")
def call(spanloft: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], float]]:
    """Makes one call of an instrumented app; returns when it was over."""
    with FakeProvider(tmp_path_factory.mktemp("provider") / "ledger.jsonl") as provider:
        environment = spanloft.environment(PROVIDER_URL=provider.url, OTEL_SERVICE_NAME="a-caller")
        with subprocess.Popen(
            [sys.executable, str(CALLER)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as app:
            assert app.stdin is not None
            assert app.stdout is not None
            stdin, stdout = app.stdin, app.stdout

            def make() -> float:
                stdin.write("Which knot holds a tarp?\n")
                stdin.flush()
                return float(stdout.readline())

            make()
            spanloft.wait_for("SELECT count(*) FROM llm_calls", 1)
            yield make
            stdin.close()


def test_a_call_appears_within_three_seconds_and_pause_holds_it(
    page: Page, spanloft: Running, call: Callable[[], float]
) -> None:
    page.goto(f"{spanloft.dashboard}/traces?range=15m&kind=calls&live=1")
    expect(page.get_by_text("1 model calls")).to_be_visible(timeout=60_000)
    took = []
    for number in range(2, 2 + TRIES):
        over = call()
        expect(page.get_by_text(f"{number} model calls")).to_be_visible(timeout=20_000)
        took.append(time.time() - over)
    # Other processes share the machine: one slow try says nothing about the way of a call.
    assert sorted(took)[TRIES // 2 - 1] <= WITHIN_S, took
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    assert "live" not in page.url
    call()
    spanloft.wait_for("SELECT count(*) FROM llm_calls", 2 + TRIES)
    page.wait_for_timeout(2_500)
    expect(page.get_by_text(f"{1 + TRIES} model calls")).to_be_visible()
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_text(f"{2 + TRIES} model calls")).to_be_visible(timeout=20_000)
    print("seconds from call to sight:", [round(value, 2) for value in took])
