"""A page of the dashboard by Streamlit's AppTest."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from spanloft_dashboard import data
from spanloft_dashboard.launch import MAIN
from spanloft_dashboard.navigation import page_file
from streamlit import cache_data, cache_resource
from streamlit.testing.v1 import AppTest


def open_page(monkeypatch: pytest.MonkeyPatch, store: Path, name: str = "overview", **query: str) -> AppTest:
    """The page, run once on a store with these query parameters and nothing cached; it must not raise."""
    cache_data.clear()
    cache_resource.clear()
    data.forget()
    monkeypatch.setenv("SPANLOFT_STORE", str(store))
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(page_file(name))
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    """All text of the page."""
    parts = [*app.markdown, *app.caption, *app.text, *app.code, *app.title, *app.subheader]
    return "\n".join([*(str(element.value) for element in parts), *(bare(shown) for shown in markup(app))])


def markup(app: AppTest) -> list[str]:
    """The HTML of the page, without what only acts."""
    found = [str(element.proto.body) for element in app.get("html")]
    return [text for text in found if "<style>" not in text]


def bare(shown: str) -> str:
    """The text that HTML shows."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r'<i class="sl-icon.*?</i>', "", shown)))


def figures(app: AppTest) -> dict[str, str]:
    """The cards of the page: label -> value."""
    found = re.compile(r'<div class="sl-card-label"><span>(.*?)</span>.*?<div class="sl-card-value">(.*?)</div>')
    return {html.unescape(label): html.unescape(value) for text in markup(app) for label, value in found.findall(text)}


def ways(app: AppTest) -> dict[str, str]:
    """The links in the HTML of the page: words -> address."""
    found = re.compile(r'<a [^>]*data-go="\w+" href="([^"]*)">(.*?)</a>')
    return {bare(words): html.unescape(address) for text in markup(app) for address, words in found.findall(text)}


def lists(app: AppTest) -> list[pd.DataFrame]:
    """The lists of the page in order, their values by column name."""
    found = []
    for element in app.get("bidi_component"):
        if element.proto.component_name == "spanloft_list":
            sent = json.loads(element.proto.json)
            names = [column["name"] for column in sent["columns"]]
            found.append(pd.DataFrame([row["values"] for row in sent["rows"]], columns=names))
    return found
