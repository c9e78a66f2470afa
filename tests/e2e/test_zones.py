"""Times in zones west of UTC and half an hour beside it: what is shown, and the UTC period that a click means."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from browsing import settle
from marks import Spot, first_bar, in_query, period, query, traces_of
from playwright.sync_api import Browser, Page, expect
from spanloft_collector.store.reader import DuckDBReader
from synthetic_handmade import RICH_ANSWER, RICH_TRACE

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)
Open = Callable[[str], Page]
HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=["America/New_York", "Asia/Kolkata"], scope="module")
def zone(request: pytest.FixtureRequest) -> ZoneInfo:
    return ZoneInfo(request.param)


@pytest.fixture(scope="module")
def visit(browser: Browser, full_dashboard: str, zone: ZoneInfo) -> Iterator[Open]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, timezone_id=zone.key, reduced_motion="reduce"
    )

    def visit(path: str) -> Page:
        page = context.new_page()
        page.goto(full_dashboard + path)
        expect(page.get_by_test_id("stMainBlockContainer")).to_be_visible()
        settle(page)
        return page

    yield visit
    context.close()


@pytest.fixture(scope="module")
def began(full_store: Path) -> dt.datetime:
    """When the trace with the lamp began, UTC."""
    reader = DuckDBReader(full_store / "spanloft.duckdb")
    found = reader.sql(f"SELECT min(start_time) AS began FROM spans WHERE trace_id = '{RICH_TRACE}'").to_pylist()
    moment: dt.datetime = found[0]["began"]
    return moment.replace(tzinfo=dt.UTC)


def test_lists_and_traces_show_the_viewers_clock(visit: Open, zone: ZoneInfo, began: dt.datetime) -> None:
    local = began.astimezone(zone)
    page = visit("/traces?q=lamp+ships+tomorrow&range=24h")
    # Browsers know Kolkata by its old name, too.
    expect(page.get_by_text(re.compile("New York|Kolkata|Calcutta"))).to_be_visible()
    row = page.locator(".sl-table tbody tr")
    expect(row.first).to_contain_text(f"{local:%-d %b %H:%M:%S}")
    page = visit(f"/traces?trace={RICH_TRACE}")
    expect(page.get_by_text(f"{local:%Y-%m-%d %H:%M:%S}").first).to_be_visible()
    expect(page.get_by_text(RICH_ANSWER).first).to_be_visible()


def test_a_bar_is_named_in_the_zone_and_leads_to_its_utc_time(visit: Open, zone: ZoneInfo, began: dt.datetime) -> None:
    # A window of 36 hours has buckets of an hour.
    start = began.replace(minute=0, second=0, microsecond=0) - 35 * HOUR
    page = visit(f"/?from={start:%Y-%m-%dT%H:%M:%SZ}&to={start + 36 * HOUR:%Y-%m-%dT%H:%M:%SZ}")
    spot = first_bar(page, "volume")
    spot.hover()
    title = page.locator(".st-key-panel-volume .sl-tip b").inner_text()
    since, until = period(traces_of(spot))
    assert until - since == HOUR
    assert since.minute == 0, "buckets are those of UTC"
    assert f"{since.astimezone(zone):%H:%M}" in title
    assert f"{since.astimezone(zone):%-d %b}" in title
    rows = page.locator(".sl-table tbody tr")
    expect(rows.first).to_contain_text(f"{since.astimezone(zone):%-d %b %H}"[:-2])


def test_ticks_stand_at_round_hours_of_the_zone(visit: Open, zone: ZoneInfo, began: dt.datetime) -> None:
    midnight = began.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (moment.astimezone(dt.UTC) for moment in (midnight - 6 * HOUR, midnight + 6 * HOUR))
    page = visit(f"/traces?kind=spans&from={start:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}")
    texts = page.locator(".st-key-panel-histogram svg text")
    expect(texts.filter(has_text="00:00")).to_be_visible()
    expect(texts.filter(has_text=f"{midnight:%-d %b}")).to_be_visible()


def test_a_stretch_that_was_drawn_is_the_same_in_sql(visit: Open, began: dt.datetime) -> None:
    start = began.replace(minute=0, second=0, microsecond=0) - 35 * HOUR
    end = start + 36 * HOUR
    page = visit(f"/traces?kind=spans&from={start:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}")
    box = page.locator(".st-key-panel-histogram .sl-frame svg").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 8, middle, steps=5)
    page.mouse.up()
    page.wait_for_url(lambda url: f"{start:%Y-%m-%dT%H:%M:%SZ}" not in in_query(url, "from"))
    settle(page)
    since, until = period(query(page))
    assert abs(until - end) < 0.2 * HOUR
    assert abs(since - (start + 18 * HOUR)) < 1.5 * HOUR
    page.locator(".st-key-panel-histogram .sl-sql").click()
    expect(page.get_by_text(f"TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}").first).to_be_visible()


def test_a_slow_hour_is_an_hour_of_the_zone(visit: Open, zone: ZoneInfo) -> None:
    page = visit("/latency?range=7d")
    cell = page.locator(".st-key-panel-heat svg rect[rx='3']").first
    expect(cell).to_be_visible()
    cell.scroll_into_view_if_needed()
    spot = Spot.middle(page, cell)
    spot.hover()
    title = page.locator(".st-key-panel-heat .sl-tip b").inner_text()
    since, until = period(traces_of(spot))
    local = since.astimezone(zone)
    assert title.startswith(f"{local:%a} {local.hour}:00,")
    assert (local.minute, until - since) == (0, HOUR)
    expect(page.locator(".sl-table tbody tr").first).to_contain_text(f"{local:%-d %b %H}:")
