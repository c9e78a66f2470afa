"""The pages and their sections."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st
from streamlit.navigation.page import Page


class Entry(NamedTuple):
    """A page: its file, title, icon and path; the first one is the start page."""

    file: str
    title: str
    icon: str
    path: str = ""


SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Observe": (
        Entry("overview", "Overview", "space_dashboard"),
        Entry("traces", "Traces", "account_tree", "traces"),
        Entry("sessions", "Sessions", "forum", "sessions"),
    ),
    "Understand": (
        Entry("cost", "Cost", "payments", "cost"),
        Entry("latency", "Latency", "timer", "latency"),
        Entry("drift", "Drift", "moving", "drift"),
        Entry("security", "Security", "shield", "security"),
        Entry("prompts", "Prompts", "edit_note", "prompts"),
    ),
    "Work": (
        Entry("sql", "SQL", "database", "sql"),
        Entry("health", "Health", "monitor_heart", "health"),
    ),
}
"""A page is a line here and a file in ``pages/``."""
ENTRIES = tuple(entry for entries in SECTIONS.values() for entry in entries)
"""All pages, in order."""


def page_file(name: str) -> str:
    """Path of a page's file as Streamlit wants it: relative to ``app/main.py``."""
    return f"../pages/{name}.py"


def file_of(path: str | None) -> str | None:
    """Name of the page at a path such as ``/latency``; None when there is none."""
    return next((entry.file for entry in ENTRIES if path == f"/{entry.path}"), None)


def path_of(name: str) -> str:
    """Path of a page by the name of its file, without a slash; empty for the start page."""
    return next(entry.path for entry in ENTRIES if entry.file == name)


def pages() -> dict[str, list[Page]]:
    """Pages by section, for ``st.navigation``."""
    return {
        section: [
            st.Page(
                page_file(entry.file),
                title=entry.title,
                icon=f":material/{entry.icon}:",
                url_path=entry.path or None,
                default=not entry.path,
            )
            for entry in entries
        ]
        for section, entries in SECTIONS.items()
    }
