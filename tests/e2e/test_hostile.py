"""Names and texts that attack the page: in lists, charts, tooltips, facets and the span panel they are only text."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest
from browsing import is_local, settle
from playwright.sync_api import Browser, Page, expect
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from synthetic_handmade import FOREIGN_HOST, HOSTILE_TEXT

pytestmark = pytest.mark.browser
TRACE, SESSION = "e5" * 16, f"s<img src=http://{FOREIGN_HOST}/s.png onerror=document.title='owned'>"
NAME = f"<script>document.title='owned'</script>![m](http://{FOREIGN_HOST}/m.png)\x1b[31m\u202eevil"
SHOWN = "<script>document.title='owned'</script>"
CALLS = 6
Serving = Callable[[Path, Path], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[str]:
    """A dashboard on calls in which everything that others can set is hostile; priced, so that it is drawn."""
    store = ParquetStore(tmp_path_factory.mktemp("hostile"))
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    ids = {
        "trace_id": [TRACE] * CALLS,
        "span_id": [f"{number:016x}" for number in range(CALLS)],
        "start_time": [now - dt.timedelta(minutes=6 * number + 3) for number in range(CALLS)],
    }
    names = ("name", "service_name", "response_model", "user_id", "prompt_name", "error_type", "scope_name")
    same = {
        **dict.fromkeys(names, NAME),
        "provider": f"![p](http://{FOREIGN_HOST}/p.png)",
        "session_id": SESSION,
        "operation": "chat",
        "duration_ms": 900.0,
        "ttft_ms": 90.0,
        "input_tokens": 100,
        "output_tokens": 50,
        "cost_usd": 0.25,
        "price_source": "exact",
        "input_preview": HOSTILE_TEXT[:200],
        "output_preview": HOSTILE_TEXT[:200],
        "tags": [NAME, f"feature:{NAME}"],
    }
    spans = ids | {name: [value] * CALLS for name, value in same.items()}
    spans |= {"status_code": ["error", *["unset"] * (CALLS - 1)], "status_message": [HOSTILE_TEXT] * CALLS}
    message = json.dumps([{"role": "user", "parts": [{"type": "text", "content": HOSTILE_TEXT + "x" * 1_000_000}]}])
    payloads = {
        **ids,
        "input_messages": [message] * CALLS,
        "attributes": [json.dumps({NAME: HOSTILE_TEXT + "y" * 1_000_000})] * CALLS,
        "resource": ["{}"] * CALLS,
        "events": ["[]"] * CALLS,
    }
    tables = {"spans": to_table("spans", spans), "payloads": to_table("payloads", payloads)}
    store.publish("ingest", tables, {"ingest_us": 1})
    log: Path = tmp_path_factory.mktemp("log") / "hostile.log"
    with serving(store.root, log) as url:
        yield url


@pytest.fixture(scope="module")
def tab(browser: Browser, hostile: str) -> Iterator[Page]:
    """One tab for all; at the end nothing foreign may have been asked for."""
    foreign: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.on("request", lambda request: foreign.append(request.url) if not is_local(request.url, hostile) else None)
    page = context.new_page()
    yield page
    context.close()
    assert foreign == []


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_test_id("stMainBlockContainer").wait_for()
    settle(page)


def _is_harmless(page: Page) -> None:
    assert page.title() != "owned"
    foreign = f"[src*='{FOREIGN_HOST}'], [href*='//{FOREIGN_HOST}'], a[href^='javascript']"
    assert page.locator(foreign).count() == 0
    shown = page.evaluate("document.body.innerText")
    assert not re.search("[\x1b\u202a-\u202e\u2066-\u2069]", shown), (
        "control characters and marks of direction are shown"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long line does not widen the page"
    assert page.get_by_test_id("stException").count() == 0


def test_charts_tooltips_and_facets(tab: Page, hostile: str) -> None:
    _open(tab, f"{hostile}/cost?range=1h&by=service")
    expect(tab.locator(".st-key-panel-over-time .sl-legend")).to_contain_text(SHOWN[:20])
    tab.locator(".st-key-panel-over-time .sl-frame").focus()
    tab.keyboard.press("ArrowLeft")
    expect(tab.locator(".st-key-panel-over-time .sl-tip")).to_contain_text("<script>")
    expect(tab.locator(".st-key-panel-who .sl-table")).to_contain_text(SHOWN)
    _is_harmless(tab)
    tab.keyboard.press("Escape")
    tab.locator(".st-key-filters").get_by_role("button", name="Service").click()
    expect(tab.get_by_role("button", name=re.compile(r"^<script>")).first).to_be_visible()
    _is_harmless(tab)


def test_lists_and_the_span_panel(tab: Page, hostile: str) -> None:
    _open(tab, f"{hostile}/traces?range=1h&kind=calls")
    expect(tab.locator(".sl-table")).to_contain_text(SHOWN)
    _is_harmless(tab)
    _open(tab, f"{hostile}/traces?trace={TRACE}&tab=attributes")
    expect(tab.locator(".st-key-panel-span .sl-table").last).to_contain_text("<script>")
    _is_harmless(tab)
    for name, sign in (("Signals", "Security"), ("Raw", "<script>"), ("Messages", "<script>")):
        tab.get_by_role("tab", name=name).click()
        expect(tab.locator(".st-key-panel-span")).to_contain_text(sign)
        settle(tab)
        _is_harmless(tab)


def test_a_session_and_an_answer_of_sql(tab: Page, hostile: str) -> None:
    _open(tab, f"{hostile}/sessions?session={quote(SESSION)}")
    expect(tab.get_by_test_id("stChatMessage").first).to_contain_text("<script>")
    _is_harmless(tab)
    statement = quote("SELECT name, status_message, cost_usd FROM llm_calls")
    _open(tab, f"{hostile}/sql?chart=bars&y=cost_usd&sql={statement}")
    tab.locator(".st-key-panel-answer .sl-frame").focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.locator(".st-key-panel-answer .sl-tip")).to_contain_text("<script>")
    _is_harmless(tab)
