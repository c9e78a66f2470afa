"""A page of the dashboard by Streamlit's AppTest."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from spanloft_dashboard.launch import MAIN
from spanloft_dashboard.navigation import page_file
from streamlit import cache_data, cache_resource
from streamlit.testing.v1 import AppTest


def open_page(monkeypatch: pytest.MonkeyPatch, store: Path, name: str = "overview", **query: str) -> AppTest:
    """The page, run once on a store with these query parameters and nothing cached; it must not raise."""
    cache_data.clear()
    cache_resource.clear()
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
    return "\n".join(str(element.value) for element in parts)


def lists(app: AppTest) -> list[pd.DataFrame]:
    """The lists of the page in order, their values by column name."""
    found = []
    for element in app.get("bidi_component"):
        if element.proto.component_name == "spanloft_list":
            sent = json.loads(element.proto.json)
            names = [column["name"] for column in sent["columns"]]
            found.append(pd.DataFrame([row["values"] for row in sent["rows"]], columns=names))
    return found
