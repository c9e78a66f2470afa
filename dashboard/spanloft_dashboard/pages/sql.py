"""SQL: anything else, and the way out of this tool."""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import streamlit as st
from spanloft_collector.errors import SpanloftError
from spanloft_collector.store.reader import named_query

from spanloft_dashboard import data, sandbox
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import links, result_chart, tables
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import failed, guarded
from spanloft_dashboard.components.scope import Scope, set_url
from spanloft_dashboard.saved_queries import SavedQueries

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


def _load() -> None:
    chosen = st.session_state["_saved"]
    if chosen:
        st.session_state["_saved_name"] = chosen
        _attempt(lambda: _keep(_saved().read(chosen).strip()))
    st.session_state["_saved"] = None


def _save() -> None:
    name, text = st.session_state["_save_as"].strip(), st.session_state["_sql"]
    _keep(text)
    st.session_state["_saved_name"] = name
    _attempt(lambda: _saved().save(name, text), f"Saved as {name}.")


def _delete(name: str) -> None:
    st.session_state["_saved_name"] = None
    _attempt(lambda: _saved().delete(name), f"{name} is deleted.")


def _saved() -> SavedQueries:
    return SavedQueries(data.store_path())


def _attempt(act: Callable[[], None], done: str | None = None) -> None:
    """Do something with files; how it went is said once, below the editor."""
    try:
        act()
    except SpanloftError as error:
        st.session_state["_saved_note"] = (str(error), True)
    else:
        st.session_state["_saved_note"] = (done, False) if done else None


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
        _saved_pills()
        st.session_state["_sql"] = _statement()
        # A form sends text and click together; Ctrl+Enter runs it as well.
        with st.form("statement", border=False):
            text = st.text_area("Statement", key="_sql", height=210, label_visibility="collapsed")
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
            ):
                with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                    st.form_submit_button("Run", type="primary", icon=":material/play_arrow:", on_click=_changed)
                    limits = f"stops after {sandbox.TIMEOUT_S:.0f} s and {sandbox.ROW_LIMIT:,} rows"
                    st.caption(f"One SELECT, read-only; {limits}.", width="content")
                with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
                    st.text_input(
                        "Name",
                        key="_save_as",
                        label_visibility="collapsed",
                        placeholder="Name to save it by",
                        width=190,
                    )
                    st.form_submit_button("Save", icon=":material/save:", on_click=_save)
        note = st.session_state.pop("_saved_note", None)
        if note:
            st.caption(f":material/{'error' if note[1] else 'check'}: {fmt.label(note[0], 300)}")
    return text


def _saved_pills() -> None:
    """The saved queries, shared by all who see this store; the one that was loaded can be deleted."""
    names = _saved().names()
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.pills(
            "Saved",
            names,
            key="_saved",
            format_func=lambda name: f":material/bookmark: {fmt.label(name)}",
            on_change=_load,
            label_visibility="collapsed",
            width="content",
        )
        loaded = st.session_state.get("_saved_name")
        if loaded in names:
            st.button(
                f"Delete {fmt.label(loaded, 40)}",
                icon=":material/delete:",
                type="tertiary",
                key="_delete",
                on_click=_delete,
                args=(loaded,),
            )


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
        result_chart.draw(answer.rows)
        _rows(answer.rows)
    st.caption("The same in a terminal")
    st.code(shell_line(text), language="bash", wrap_lines=True)


def _rows(rows: pa.Table) -> None:
    """The rows of an answer; one that names a trace leads to it."""
    if "trace_id" not in result_chart.columns_of_text(rows):
        tables.any_rows(rows, key="answer")
        return
    row = tables.any_rows(rows, key="answer", click=True)
    st.caption("Choose a row to open its trace.")
    if row is not None and row < rows.num_rows:
        chosen = rows.slice(row, 1).to_pylist()[0]
        if chosen["trace_id"]:
            links.go("traces", Scope(), trace=chosen["trace_id"], span=chosen.get("span_id"))


def shell_line(statement: str) -> str:
    """A line for a terminal that runs the statement: the shell reads nothing of it, and a comment is no option."""
    quoted = shlex.quote(statement.strip())
    if data.lake() is not None:
        return f"spanloft sql -- {quoted}"
    return f"{data.shell_command()} -c {quoted}"


def _writer(rows: pa.Table, kind: str) -> Callable[[], bytes]:
    """A function that writes the file: it runs when the button is clicked, not before."""

    def write() -> bytes:
        sink = io.BytesIO()
        if kind == "csv":
            pacsv.write_csv(tables.plain(rows), sink)
        else:
            pq.write_table(tables.without_intervals(rows), sink)
        return sink.getvalue()

    return write


def _schema(_: Scope) -> None:
    with st.container(key="panel-schema", gap="xsmall"):
        st.markdown("**What there is**")
        found: dict[str, list[dict[str, str]]] = {}
        for row in data.rows("sql_schema"):
            found.setdefault(row["table_name"], []).append(row)
        for name, columns in found.items():
            st.fragment(_relation)(name, columns)


def _relation(name: str, columns: list[dict[str, str]]) -> None:
    """A view and, once it is opened, its columns: all columns of all views are some six hundred."""
    shown = st.expander(fmt.label(name), key=f"schema-{name}", on_change="rerun")
    if shown.open:
        with shown:
            if columns[0]["table_comment"]:
                st.caption(fmt.label(columns[0]["table_comment"], 400))
            for column in columns:
                comment = f" · {fmt.label(column['comment'], 300)}" if column["comment"] else ""
                st.caption(f"**{fmt.label(column['column_name'])}** {fmt.label(column['data_type'].lower())}{comment}")


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
