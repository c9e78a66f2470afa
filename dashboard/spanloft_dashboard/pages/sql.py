"""SQL: anything else, and the way out of this tool."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import streamlit as st
from spanloft_collector.errors import SpanloftError
from spanloft_collector.store.reader import named_query

from spanloft_dashboard import data, sandbox
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import tables
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import failed, guarded
from spanloft_dashboard.components.scope import Scope, set_url

EXAMPLES = {
    "sql_spend_by_user": "Spend by user",
    "sql_dearest_calls": "Dearest calls",
    "sql_slow_tools": "Slow tools",
    "sql_errors_by_type": "Errors by type",
    "sql_search_messages": "Search messages",
    "sql_cost_by_day": "Cost by day",
}
FIRST = "sql_spend_by_user"
URL_LIMIT = 4_000


def _statement() -> str:
    """The statement of the link; without one the statement that was too long for a link, else the first example."""
    return st.query_params.get("sql") or st.session_state.get("_sql_kept") or named_query(FIRST).strip()


def _changed() -> None:
    _keep(st.session_state["_sql"])


def _keep(text: str) -> None:
    # A link holds the statement while an address can; a longer one stays in the session only.
    fits = len(text) <= URL_LIMIT
    st.session_state["_sql_kept"] = None if fits else text
    set_url(sql=text if fits else None)


def _example() -> None:
    chosen = st.session_state["_example"]
    if chosen:
        _keep(named_query(chosen).strip())
    st.session_state["_example"] = None


def _editor() -> str:
    with st.container(key="panel-editor", gap="xsmall"):
        st.pills(
            "Examples",
            list(EXAMPLES),
            key="_example",
            format_func=EXAMPLES.__getitem__,
            on_change=_example,
            label_visibility="collapsed",
        )
        st.session_state["_sql"] = _statement()
        # A form sends text and click together; Ctrl+Enter runs it as well.
        with st.form("statement", border=False):
            text = st.text_area("Statement", key="_sql", height=210, label_visibility="collapsed")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.form_submit_button("Run", type="primary", icon=":material/play_arrow:", on_click=_changed)
                limits = f"stops after {sandbox.TIMEOUT_S:.0f} s and {sandbox.ROW_LIMIT:,} rows"
                st.caption(f"One SELECT, read-only; {limits}.", width="content")
    return text


def _answer(text: str) -> None:
    with st.container(key="panel-answer", gap="xsmall"):
        if not (st.query_params.get("sql") or st.session_state.get("_sql_kept")):
            # An example over months of calls is nobody's question until somebody asks it.
            st.caption("Nothing has been asked yet: choose an example, or write a statement and run it.")
            return
        try:
            with st.spinner("Running"):
                answer = sandbox.run(data.store_path() / data.VIEW_FILE, text, lake=data.lake())
        except SpanloftError as error:
            failed(str(error))
            return
        rows = f"{answer.rows.num_rows:,} {'row' if answer.rows.num_rows == 1 else 'rows'}"
        note = "; cut off by the limit, there are more" if answer.cut else ""
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="head-answer"
        ):
            st.caption(f"{rows} in {answer.seconds * 1000:,.0f} ms{note}", width="content")
            with st.container(horizontal=True, gap="xsmall", width="content"):
                for kind in ("csv", "parquet"):
                    st.download_button(
                        kind.upper() if kind == "csv" else kind.capitalize(),
                        _writer(answer.rows, kind),
                        f"answer.{kind}",
                        key=f"_{kind}",
                        type="tertiary",
                        on_click="ignore",
                    )
        tables.any_rows(answer.rows, key="answer")
    st.caption("The same in a terminal")
    st.code(data.shell_command(), language="bash")


def _writer(rows: pa.Table, kind: str) -> Callable[[], bytes]:
    """A function that writes the file: it runs when the button is clicked, not before."""

    def write() -> bytes:
        sink = io.BytesIO()
        if kind == "csv":
            pacsv.write_csv(tables.plain(rows), sink)
        else:
            pq.write_table(rows, sink)
        return sink.getvalue()

    return write


def _schema(_: Scope) -> None:
    with st.container(key="panel-schema", gap="xsmall"):
        st.markdown("**What there is**")
        found: dict[str, list[dict[str, str]]] = {}
        for row in data.rows("sql_schema"):
            found.setdefault(row["table_name"], []).append(row)
        for name, columns in found.items():
            with st.expander(fmt.label(name)):
                if columns[0]["table_comment"]:
                    st.caption(fmt.label(columns[0]["table_comment"], 400))
                for column in columns:
                    comment = f" · {fmt.label(column['comment'], 300)}" if column["comment"] else ""
                    st.caption(
                        f"**{fmt.label(column['column_name'])}** {fmt.label(column['data_type'].lower())}{comment}"
                    )


def _render() -> None:
    scope = header("SQL", "Anything else: the same rows, in your own words.", filters=(), ranges=False)
    if scope is None:
        return
    left, right = st.columns([7, 3], gap="small")
    with left:
        _answer(_editor())
    with right:
        guarded(_schema, scope)


_render()
