"""`spanloft up` on a DuckLake with Postgres and S3: commands of upkeep while all parts run, and pages in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import lakes as lakes_module
import pytest
from browsing import settle
from collecting import PROTOBUF, request_of
from lakes import BUCKET, Lakes
from playwright.sync_api import sync_playwright
from running import SPANLOFT, Running
from spanloft_dashboard.navigation import ENTRIES
from stored import SAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CASES = ("chat", "poisoned_agent", "support_agent")
OLD_NS = 40 * 86_400 * 10**9
PAGES = [(entry.title, entry.path) for entry in ENTRIES]


@pytest.fixture
def running(lakes: Lakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with lakes_module.object_storage() as endpoint:
        for name, value in lakes_module.s3_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        address = lakes.address(f"s3://{BUCKET}/up/").text
        monkeypatch.setenv("SPANLOFT_LOCAL", str(lakes.local(tmp_path / "machine")))
        monkeypatch.setenv("SPANLOFT_STORE", address)
        with Running(address) as running:
            yield running
        assert running.process.returncode == 0


def spanloft(*arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [*SPANLOFT, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def spans() -> int:
    return int(spanloft("sql", "SELECT count(*) FROM spans", "--format", "csv").split()[-1])


def test_everything_works_on_a_lake_while_it_is_written(running: Running) -> None:
    for case in CASES:
        body = (SAMPLES / "otel_genai" / case / "request.json").read_bytes()
        sent = httpx.post(f"{running.http}/v1/traces", content=body, headers={"Content-Type": "application/json"})
        assert sent.status_code == 200
    old = request_of(20, start_ns=time.time_ns() - OLD_NS).SerializeToString()
    assert httpx.post(f"{running.http}/v1/traces", content=old, headers=PROTOBUF).status_code == 200
    deadline = time.monotonic() + 60
    while (total := spans()) < 32:
        assert time.monotonic() < deadline, f"{total} spans"
    assert f"{total} spans" in spanloft("doctor")
    spanloft("compact")
    assert spans() == total
    assert "20 spans" in spanloft("expire", "--days", "30", "--dry-run")
    assert spans() == total
    assert "20 spans" in spanloft("expire", "--days", "30")
    assert spans() == total - 20
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(reduced_motion="reduce")
        for title, path in PAGES:
            page = context.new_page()
            page.goto(f"{running.dashboard}/{path}?range=14d")
            page.get_by_role("heading", name=title, exact=True).wait_for()
            settle(page)
            assert page.get_by_text("could not be").count() == 0, title
            assert page.get_by_test_id("stException").count() == 0, title
            page.close()
        browser.close()
