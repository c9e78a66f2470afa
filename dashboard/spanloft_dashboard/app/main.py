"""Entry point of the dashboard: the pages, and the sidebar that leads to them with the same filters."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from spanloft_dashboard import departures
from spanloft_dashboard.components import panel, theme
from spanloft_dashboard.components.sidebar import follow, sidebar
from spanloft_dashboard.navigation import pages

# A file of our own: Streamlit would fetch an icon by name from a font server.
ICON = str(Path(__file__).parent / "static" / "icon.svg")
SIDEBAR_PX = 208

departures.keep_quiet()
st.set_page_config(page_title="Spanloft", page_icon=ICON, layout="wide", initial_sidebar_state=SIDEBAR_PX)
page = st.navigation(pages(), position="hidden")
theme.apply()
follow()
sidebar(page.url_path)
panel.answer()
page.run()
