"""What a page shows instead of empty charts: how to begin, or what is wrong."""

from __future__ import annotations

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt

SNIPPET = "import spanloft\nspanloft.instrument()"


def onboarding() -> None:
    """The two lines to paste, while nothing has arrived yet."""
    endpoint = data.endpoint()
    with st.container(key="plate-onboarding", gap="small"):
        st.subheader("Waiting for the first call", anchor=False)
        st.markdown("Put these two lines at the start of your app. Its LLM calls then appear here within seconds.")
        st.code(SNIPPET, language="python")
        st.markdown("Or change nothing and start it with")
        st.code("spanloft run app.py", language="bash")
        st.markdown("Any other OpenTelemetry SDK sends here as well:")
        st.code(f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}", language="bash")
        st.caption(f"Store: {fmt.label(data.store_location(), 200)}")
        st.button("Look again", icon=":material/refresh:", type="primary", on_click=data.forget)


def broken(message: str) -> None:
    """The store is missing or can't be read: what is wrong and what to do, as plain text."""
    with st.container(key="plate-broken", gap="small"):
        st.subheader(":material/error: The store can't be read", anchor=False)
        st.text(fmt.visible(message[:2000]))
        st.caption(
            "The dashboard only reads. Nothing is lost; it shows your calls again as soon as the store is there."
        )
        st.button("Try again", icon=":material/refresh:", type="primary", on_click=data.forget)
