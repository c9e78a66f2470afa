"""Health: do I lose data, how far behind are the jobs, and what do instrumentations leave out?"""

from __future__ import annotations

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.trend import Trend

BEHIND_S = 900.0
GAPS = {
    "counted_twice": ("Reports a call that another span reports, too", "Counted once: the copy is in no sum"),
    "no_model": ("Names no model", "The cost is unknown"),
    "no_tokens": ("Reports no token counts", "The cost is unknown"),
    "no_price": ("Names a model without a known price", "The cost is unknown; see Cost"),
    "not_parsed": (
        "Sends messages that can't be read: cut off, or in a form of its own",
        "They are shown as text; an SDK's limit for the length of attributes cuts them",
    ),
    "clock_ahead": ("Starts after it arrived: its clock is ahead", "Stands at the wrong time"),
    "exclusive": ("Counts cached tokens apart from the input", "Put right: they are added to the input"),
    "estimated": ("Estimates its token counts", "The cost is an estimate"),
    "no_response_model": ("Names only the model that was asked for", "Priced by that; an alias may be another model"),
    "no_content": ("Sends no messages", "Neither drift nor security can judge it"),
    "no_first_token": ("Streams without a time to first token", "Wait and generation can't be told apart"),
    "cut_off": ("Got answers that ended at the limit of tokens", "The answer is not whole"),
    "no_finish_reason": ("Does not say why the answer ended", "Answers that were cut off are not seen"),
}
"""What an instrumentation may get wrong, and what comes of it; names are those of ``health_gaps``."""


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("health_cards", scope.parameters()), scope)
    cards(
        [
            trend.card("Spans stored", "stored", fmt.count, "none", "Durable and visible", absent=0),
            trend.card("Refused", "refused", fmt.count, "down", "Spans that could not be read", absent=0),
            trend.card("Sent again", "repeated", fmt.count, "none", "Retries, dropped", absent=0),
            trend.card("Late", "late", fmt.count, "none", "Arrived over 10 minutes after they began", absent=0),
            trend.card("Counted once", "duplicate_calls", fmt.count, "none", "Calls that two spans reported", absent=0),
            trend.card("Not understood", "unclaimed", fmt.count, "none", "Spans that no dialect claimed", absent=0),
        ],
        scope,
        "health_cards",
    )


def _draw_outcomes(scope: Scope) -> None:
    table = data.query("health_outcomes", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing arrived in this period.")
    chart = charts.by_series(table, theme.INGEST, scope, charts.Axis("spans"), value="spans")
    picked = charts.pick(chart, "outcomes", scope, alt="Spans that arrived over time, by what became of them")
    if picked:
        links.go("traces", scope, kind="spans", **picked.url())


def _draw_refused(scope: Scope) -> None:
    table = data.query("health_refused", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing was refused in this period.")
    columns = {
        "reason": tables.column("Why", width=170),
        "spans": tables.number("Spans"),
        "last_time": tables.moment("Last"),
    }
    tables.table(table, columns, key="refused", height=tables.height_of(table.num_rows, 7))


def _draw_sources(scope: Scope) -> None:
    table = data.query("health_sources", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing arrived in this period.")
    columns = {
        "service_name": tables.column("Service", width=120),
        "scope_name": tables.column("Instrumentation", width=290),
        "dialect": tables.column("Dialect", width=105),
        "spans": tables.number("Spans"),
        "late": tables.number("Late"),
        "duplicate_calls": tables.number("Counted once"),
        "last_time": tables.moment("Last"),
    }
    tables.table(
        table, columns, key="sources", placeholder="not understood", height=tables.height_of(table.num_rows, 8)
    )


def _draw_storage(scope: Scope) -> None:
    table = data.query("health_storage", scope.parameters())
    columns = {
        "dataset": tables.column("Dataset", width=100),
        "rows": tables.number("Rows"),
        "bytes": tables.number("Size"),
        "files": tables.number("Files"),
        "first_day": tables.column("First day", fixed=True, spare=True),
        "last_day": tables.column("Last day", fixed=True),
    }
    tables.table(table, columns, key="storage", formats={"bytes": fmt.size}, height=tables.height_of(table.num_rows, 9))
    st.caption(f"{fmt.size(sum(table['bytes'].to_pylist()))} in {sum(table['files'].to_pylist()):,} files")


def _draw_writers(scope: Scope) -> None:
    table = data.query("health_writers", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing was written yet.")
    columns = {
        "writer": tables.column("Name", width=110),
        "role": tables.column("Role", width=80, spare=True),
        "behind_s": tables.number("Behind", help="Of what the collectors have stored; in time of ingest"),
        "until_time": tables.moment("Worked up to", help="Time of ingest of the newest span that it has seen"),
        "written_at": tables.moment("Last written", spare=True),
    }
    tables.table(
        table,
        columns,
        key="writers",
        placeholder="–",
        formats={"behind_s": lag},
        height=tables.height_of(table.num_rows, 13),
    )
    late = [str(row["writer"]) for row in table.to_pylist() if (row["behind_s"] or 0) > BEHIND_S]
    if late:
        st.caption(
            f":material/warning: Far behind: {fmt.label(', '.join(late), 200)}. Their pages show older figures. "
            "Is spanloft jobs running, and does its log say why?"
        )


def lag(seconds: float) -> str:
    """How far behind a job is, in words."""
    return "up to date" if seconds < 1 else fmt.ago(seconds)


def _draw_gaps(scope: Scope) -> None:
    table = data.query("health_gaps", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing: every successful call has a model, tokens, messages, a price and a sound clock.")
    rows = [row | dict(zip(("what", "effect"), GAPS[row["gap"]], strict=True)) for row in table.to_pylist()]
    row = tables.table(
        tables.from_rows(rows),
        {
            "scope_name": tables.column("Instrumentation", width=230),
            "dialect": tables.column("Dialect", width=100, spare=True),
            "what": tables.column("What it does", width=250, wrap=True),
            "calls": tables.number("Calls"),
            "share": tables.share("Share", help="Of its successful calls; first token: of its streams"),
            "effect": tables.column("What comes of it", width=250, wrap=True),
        },
        key="gaps",
        click=True,
        height=tables.height_of(len(rows), 10),
    )
    tables.say_hidden(len(rows), rows[0]["total"], "gaps", "gravest")
    links.open_trace(scope, table, row)


def _render() -> None:
    scope = header("Health", "Is anything lost or late, and what do instrumentations leave out?", filters=("service",))
    if scope is None:
        return
    apart(_draw_cards, scope, "health_cards")
    left, right = st.columns([3, 2], gap="small")
    with left:
        panel("outcomes", "Spans that arrived", _draw_outcomes, scope, queries=["health_outcomes"], note="click a bar")
    with right:
        panel("refused", "Why spans were refused", _draw_refused, scope, queries=["health_refused"])
    panel("sources", "Who sends", _draw_sources, scope, queries=["health_sources"])
    panel(
        "gaps",
        "What instrumentations leave out or get wrong",
        _draw_gaps,
        scope,
        queries=["health_gaps"],
        note="click a row for the latest call that shows it",
    )
    left, right = st.columns(2, gap="small")
    with left:
        panel("storage", "What the store holds", _draw_storage, scope, queries=["health_storage"])
    with right:
        panel("writers", "How far collectors and jobs got", _draw_writers, scope, queries=["health_writers"])


_render()
