"""Drift: did inputs or outputs change, how sure is that, which topic grew, and since when?"""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from typing import Any, Literal

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, tables
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import Card, cards
from spanloft_dashboard.components.drift_charts import effect_chart, map_chart
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, guarded, panel
from spanloft_dashboard.components.scope import Scope, set_url

FILTERS = ("service", "model", "operation")
WAITING = (
    "No series was judged in this period. The job needs the texts of messages, the extra spanloft[signals] with its "
    "model's weights (spanloft doctor says what is missing), and 200 texts of a series before and in the window."
)
BASELINES = {
    "rolling": "the four weeks before",
    "pinned": "the pinned days",
    "version": "the version before",
}

COLORS: dict[str, Literal["red", "green"]] = {"drifted": "red", "no drift": "green"}

Row = dict[str, Any]


def _p_value(value: float | None) -> str:
    if value is None:
        return fmt.UNKNOWN
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _draw_cards(scope: Scope) -> None:
    row = data.first("drift_cards", scope.parameters())
    rate = row.get("texts_per_s")
    waiting = "Model calls whose texts are not embedded yet" + (f"; lately {rate:.0f} texts a second" if rate else "")
    cards(
        [
            Card(
                "Series",
                fmt.count(row["series"]),
                help="Service, operation, model and prompt; inputs and outputs apart",
            ),
            Card("Drifted", fmt.count(row["drifted"]), help="In their latest window, at 5 % false discoveries"),
            Card("Not enough data", fmt.count(row["too_few"]), help="A verdict needs 200 texts before and 200 after"),
            Card("Texts", fmt.count(row["texts"]), help="Inputs and outputs of the period that were embedded"),
            Card("Waiting", fmt.count(row["waiting"]), help=waiting),
        ],
        scope,
        "drift_cards",
    )


def _draw_series(scope: Scope) -> None:
    table = data.query("drift_series", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel(WAITING)
    row = tables.table(
        table,
        {
            "status": tables.column("Verdict", fixed=True),
            "side": tables.column("Side", width=60, fixed=True),
            "model": tables.column("Model", width=150),
            "service_name": tables.column("Service", width=150),
            "prompt_name": tables.column("Prompt", width=90, spare=True),
            "operation": tables.column("Operation", width=80, spare=True),
            "baseline": tables.column("Baseline", width=75),
            "topic": tables.column("Grew most", width=160),
            "kind": tables.column("Kind", width=80, spare=True),
            "effect": tables.number("Effect", help="Shift of the middle; about the share of texts that moved"),
            "p_value": tables.number("p", help="Chance of so large a difference where nothing has changed", spare=True),
            "q_value": tables.number("q", help="p adjusted for the number of series"),
            "since": tables.moment("Since", seconds=False),
            "n_window": tables.number("Texts"),
        },
        key="series",
        click=True,
        height=tables.height_of(table.num_rows, 8),
        formats={"effect": lambda value: f"{value:.3f}", "p_value": _p_value, "q_value": _p_value},
    )
    tables.say_hidden(table.num_rows, table["total"][0].as_py(), "series", "surest")
    if row is not None:
        set_url(window=table["window_id"][row].as_py())
        st.rerun()


def _chosen(scope: Scope) -> Row | None:
    """The window of the link, else the first of the list; None when there is none."""
    wanted = st.query_params.get("window")
    if wanted and (found := data.first("drift_window", {"window_id": wanted})):
        return found
    first = data.first("drift_series", scope.parameters())
    return data.first("drift_window", {"window_id": first["window_id"]}) if first else None


def _draw_window(scope: Scope) -> None:
    row = _chosen(scope)
    if row is None:
        return
    st.subheader(fmt.label(row["series"], 110), anchor=False)
    parameters = {"window_id": row["window_id"], "series_id": row["series_id"], "baseline": row["baseline"]}

    def more(scope: Scope) -> Row:
        return scope.parameters() | parameters

    panel("verdict", "Verdict", lambda scope: _draw_verdict(row), scope, queries=["drift_window"], more=more)
    if row["status"] == "not enough data":
        return
    left, right = st.columns([11, 9], gap="small")
    with left:
        panel("topics", "What moved", partial(_draw_topics, row), scope, queries=["drift_topics"], more=more)
    with right:
        panel(
            "map",
            "Map of texts",
            partial(_draw_map, row),
            scope,
            queries=["drift_window"],
            more=more,
            note="click a point for its trace",
        )
    left, right = st.columns([11, 9], gap="small")
    with left:
        panel(
            "effect",
            "Effect by window",
            lambda scope: _draw_effect(row, scope, more(scope)),
            scope,
            queries=["drift_over_time"],
            more=more,
            note="with its 95 % interval; click for its calls",
        )
    with right:
        panel(
            "numbers", "Numbers and form", lambda scope: _draw_numbers(row), scope, queries=["drift_window"], more=more
        )


def _draw_verdict(row: Row) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(row["status"], color=COLORS.get(row["status"], "gray"))
        if row["kind"]:
            st.badge(row["kind"], color="gray")
        if row["effect"] is not None:
            interval = f"[{row['effect_low']:.3f}, {row['effect_high']:.3f}]"
            st.markdown(
                f"effect **{row['effect']:.3f}** {fmt.label(interval)} · p {fmt.label(_p_value(row['p_value']))} · "
                f"q {fmt.label(_p_value(row['q_value']))}",
                width="content",
            )
    against = BASELINES.get(row["baseline"], "its baseline")
    window = f"{fmt.clock(row['window_start'])} – {fmt.clock(row['window_end'])}"
    text = f"{row['n_window']:,} texts of {window}, against {row['n_baseline']:,} of {against}"
    if row["baseline_start"]:
        text += f" ({fmt.clock(row['baseline_start'])} – {fmt.clock(row['baseline_end'])})"
    st.caption(fmt.label(text, 300))
    if row["reason"]:
        st.text(fmt.visible(row["reason"]))
    if row["since"]:
        st.markdown(f"Since **{fmt.clock(row['since'])}**")
    for change in json.loads(row["changes"] or "[]"):
        share = f"{fmt.percent(change['share_before'])} → {fmt.percent(change['share_after'])}"
        st.markdown(f"{fmt.label(change['what'])} **{fmt.label(change['value'])}**: {fmt.label(share)} of the calls")


def _draw_topics(row: Row, scope: Scope) -> None:
    found = data.rows("drift_topics", {"window_id": row["window_id"]})
    if not found:
        raise EmptyPanel("No single topic moved." if row["status"] == "drifted" else "Nothing moved.")
    for topic in found:
        change = f"{fmt.percent(topic['share_before'])} → {fmt.percent(topic['share_after'])}"
        title = f"{topic['topic']} {topic['change']}"
        with st.expander(f"**{fmt.label(title)}** · {fmt.label(change)}", expanded=topic["rank"] == 1):
            for place, example in enumerate(json.loads(topic["examples"])):
                with st.container(
                    horizontal=True,
                    wrap=False,
                    vertical_alignment="center",
                    gap="small",
                    key=f"row-{topic['rank']}-{place}",
                ):
                    st.text(fmt.shorten(example["text"], 110), width="stretch")
                    links.link("traces", "Trace", scope, trace=example["trace_id"], span=example["span_id"])


def _draw_map(row: Row, scope: Scope) -> None:
    points = json.loads(row["map"] or "[]")
    if not points:
        raise EmptyPanel("There is no map of this window.")
    mark = charts.pick_mark(map_chart(points), "map", alt="Texts of baseline and window in two dimensions")
    if mark:
        point = [point for point in points if point["part"] == mark.series][mark.place]
        links.go("traces", scope, trace=point["trace_id"], span=point["span_id"])


def _draw_effect(row: Row, scope: Scope, parameters: Row) -> None:
    table = data.query("drift_over_time", parameters)
    if not table.num_rows:
        raise EmptyPanel("No window of this period could be judged.")
    mark = charts.pick_mark(effect_chart(table, scope), "effect", alt="Effect of each window with its interval")
    if mark:
        chosen = [window for window in table.to_pylist() if window["status"] == mark.series][mark.place]
        period = charts.Picked(chosen["window_start"], chosen["bucket"] + dt.timedelta(seconds=1), None).url()
        narrowed = {
            name: [row[column]] if row[column] else None
            for name, column in (("service", "service_name"), ("model", "model"), ("operation", "operation"))
        }
        links.go("traces", scope, kind="calls", **period, **narrowed)


def _draw_numbers(row: Row) -> None:
    lines = [
        {
            "what": number["name"],
            "before": _figure(number["before"]),
            "after": _figure(number["after"]),
            "size": f"delta {number['effect']:+.2f}, q {_p_value(number['q_value'])}",
        }
        for number in json.loads(row["numbers"] or "[]")
    ]
    for name, shift in json.loads(row["form"] or "{}").items():
        lines.append(
            {"what": name.replace("_", " "), "before": "", "after": "", "size": f"{shift:+.1f} standard errors"}
        )
    if not lines:
        raise EmptyPanel("Lengths, tokens, languages, refusals, tools and form are as before.")
    tables.table(
        tables.from_rows(lines),
        {
            "what": tables.column("What", width=160),
            "before": tables.column("Before", width=70),
            "after": tables.column("After", width=70),
            "size": tables.column("Change", width=190, fixed=True),
        },
        key="numbers",
    )


def _render() -> None:
    scope = header(
        "Drift", "Did inputs or outputs change, how sure is that, which topic grew, and since when?", filters=FILTERS
    )
    if scope is None:
        return
    apart(_draw_cards, scope, "drift_cards")
    panel(
        "series",
        "Series",
        _draw_series,
        scope,
        queries=["drift_series"],
        note="click a row for what moved",
    )
    guarded(_draw_window, scope)


_render()
