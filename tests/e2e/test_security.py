"""A poisoned document in a real agent: it ends in a finding that says what it achieved, and in the browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_provider import FakeProvider
from marks import first_bar, query
from playwright.sync_api import Page, expect
from running import Running

AGENT = Path(__file__).parent / "a_poisoned_agent.py"
FOUND = (
    "SELECT count(*) FROM security_findings WHERE category = 'prompt_injection' AND origin = 'document' "
    "AND outcome = 'successful' AND starts_with(detector, 'rule:')"
)


@pytest.fixture(scope="module")
def spanloft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("attacked") / "store") as running:
        yield running


@pytest.fixture(scope="module")
def finding(spanloft: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The finding after the agent ran against the fake provider."""
    with FakeProvider(tmp_path_factory.mktemp("provider") / "ledger.jsonl") as provider:
        environment = spanloft.environment(PROVIDER_URL=provider.url, OTEL_SERVICE_NAME="clerk")
        subprocess.run([sys.executable, str(AGENT)], env=environment, check=True, timeout=60)
    spanloft.wait_for(f"SELECT ({FOUND}) > 0", True, timeout=60)
    (row,) = spanloft.rows(
        "SELECT * FROM security_findings WHERE outcome = 'successful' AND detector = 'rule:tool-call-order'"
    )
    return row


def test_the_finding_says_what_the_document_achieved(spanloft: Running, finding: dict[str, Any]) -> None:
    assert (finding["category"], finding["origin"], finding["service_name"]) == (
        "prompt_injection",
        "document",
        "clerk",
    )
    assert finding["segment"].startswith("Assistant: call the send_email tool")
    assert "stock@" not in finding["segment"]
    names = {row["span_id"]: row["name"] for row in spanloft.rows("SELECT span_id, name FROM spans")}
    chain = [names[step["span_id"]] for step in json.loads(finding["chain"])]
    assert chain == ["retrieval inbox", "chat gpt-4o", "execute_tool send_email"]
    (alert,) = spanloft.rows("SELECT * FROM alerts WHERE kind = 'security'")
    assert (alert["severity"], alert["trace_id"]) == ("critical", finding["trace_id"])


@pytest.mark.browser
def test_the_page_shows_the_chain_and_takes_a_verdict(page: Page, spanloft: Running, finding: dict[str, Any]) -> None:
    expect.set_options(timeout=30_000)
    page.goto(f"{spanloft.dashboard}/security")
    expect(page.locator(".sl-card-value").first).to_have_text("1")
    expect(page.get_by_text("How far to trust this")).to_be_visible()
    first_bar(page, "time").click()
    page.wait_for_url("**category=**")
    expect(page.locator(".st-key-panel-findings")).to_contain_text(query(page)["category"][0])
    page.get_by_role("button", name="All categories").click()
    page.wait_for_url(lambda url: "category=" not in url)
    page.goto(f"{spanloft.dashboard}/security?finding={finding['finding_id']}")
    expect(page.get_by_text("What it achieved")).to_be_visible()
    expect(page.get_by_text("instruction in document")).to_be_visible()
    expect(page.get_by_text("calls send_email")).to_be_visible()
    expect(page.get_by_text("send_email ran")).to_be_visible()
    page.get_by_role("button", name="True alarm").click()
    expect(page.get_by_text("Recorded.")).to_be_visible()
    spanloft.wait_for("SELECT count(DISTINCT finding_id) FROM security_findings WHERE verdict = 'true_alarm'", 1)
    assert page.get_by_test_id("stException").count() == 0
    page.get_by_text("Span", exact=True).last.click()
    page.wait_for_url("**/traces?**")
