"""Where the marks of a chart are on a page, so that a test can click them, and what a link says."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from browsing import settle
from playwright.sync_api import Locator, Page, expect


class Spot(NamedTuple):
    """A place in the window of a page, in pixels."""

    page: Page
    x: float
    y: float

    @classmethod
    def middle(cls, page: Page, mark: Locator) -> Spot:
        """The middle of a mark that is a shape of its own."""
        box = mark.bounding_box()
        assert box is not None
        return cls(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def hover(self) -> None:
        self.page.mouse.move(self.x, self.y)

    def click(self) -> None:
        self.hover()
        self.page.mouse.click(self.x, self.y)


def first_bar(page: Page, panel: str, series: int = 0) -> Spot:
    """The middle of the first bar of a series: all bars of one are a single path."""
    left, low, right, high = _numbers(page, f".st-key-panel-{panel} svg path.sl-bars >> nth={series}", 4)
    return _in_window(page, panel, (left + right) / 2, (low + high) / 2)


def first_of_line(page: Page, panel: str, line: int = 0) -> Spot:
    """The first place of a line."""
    x, y = _numbers(page, f".st-key-panel-{panel} svg path[fill=none] >> nth={line}", 2)
    return _in_window(page, panel, x, y)


def _numbers(page: Page, path: str, count: int) -> list[float]:
    found = page.locator(path)
    expect(found).to_be_attached()
    drawn = found.get_attribute("d") or ""
    return [float(number) for number in re.findall(r"-?[\d.]+", drawn)[:count]]


def _in_window(page: Page, panel: str, x: float, y: float) -> Spot:
    plot = page.locator(f".st-key-panel-{panel} .sl-frame svg")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    return Spot(page, box["x"] + x, box["y"] + y)


def in_query(url: str, name: str) -> list[str]:
    """Values of a parameter of an address."""
    return parse_qs(urlsplit(url).query).get(name, [])


def query(page: Page) -> dict[str, list[str]]:
    """All parameters of a page's address."""
    return parse_qs(urlsplit(page.url).query)


def period(found: dict[str, list[str]]) -> tuple[dt.datetime, dt.datetime]:
    """Since when and until when, by the parameters of an address."""
    return dt.datetime.fromisoformat(found["from"][0]), dt.datetime.fromisoformat(found["to"][0])


def traces_of(spot: Spot) -> dict[str, list[str]]:
    """Click, wait for the list of traces, which must not be empty, and return what its link says."""
    spot.click()
    expect(spot.page.get_by_role("heading", name="Traces", exact=True)).to_be_visible()
    settle(spot.page)
    expect(spot.page.locator(".sl-table tbody tr").first).to_be_visible()
    return query(spot.page)
