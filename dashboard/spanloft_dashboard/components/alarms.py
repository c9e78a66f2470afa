"""Alerts as rows: what happened, since when, and the way to the page and to the call that show it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import tables
from spanloft_dashboard.components.markup import badge, esc, icon, link, put
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import Scope, iso
from spanloft_dashboard.navigation import file_of

ICONS = {"cost": "payments", "latency": "timer", "errors": "error", "drift": "show_chart", "security": "shield"}
COLORS = {"critical": "red", "warning": "orange", "info": "blue"}
SHOWN = 6
DRIFT_HISTORY = dt.timedelta(days=14)
"""Time before a drift that is shown with it: its windows are days apart."""


def alarms(scope: Scope) -> None:
    """Draw the alerts of the period; those beyond the first few unfold on a click."""
    found = data.rows("overview_alerts", scope.parameters())
    if not found:
        raise EmptyPanel("Nothing went out of the ordinary in this period.")
    rows = [row(alert, scope) for alert in found]
    rest = rows[SHOWN:]
    more = f"<details><summary>{len(rest):,} more</summary>{''.join(rest)}</details>" if rest else ""
    put(f'<div class="sl-rows">{"".join(rows[:SHOWN])}{more}</div>')
    tables.say_hidden(len(found), found[0]["total"], "alarms", "worst")


def row(alert: dict[str, Any], scope: Scope) -> str:
    """One alert, a row of ``overview_alerts`` or ``trace_alerts``, as HTML."""
    open_now = alert["state"] == "open"
    color = COLORS.get(alert["severity"], "gray") if open_now else "gray"
    word = badge(alert["severity"] or "info", color, ICONS.get(alert["kind"], "notifications"))
    words = esc(alert["title"] or alert["kind"], 160)
    if alert["service_name"]:
        words += f" <small>· {esc(alert['service_name'], 40)}</small>"
    if alert["times"] > 1:
        words += f" <small>· {alert['times']:,} times</small>"
    target = file_of(alert["page"])
    title = link(target, words, scope, **_narrow(alert)) if target else f"<span>{words}</span>"
    when = f"<small>{esc(_when(alert))}{'' if open_now else ' · over'}</small>"
    call = ""
    if alert["trace_id"]:
        where = {"trace": alert["trace_id"], "span": alert["span_id"], "at": iso(alert["time"]), "q": None}
        # What a finding says of the call stands in its signals; of the others the messages tell most.
        tab = "signals" if alert["kind"] == "security" else None
        call = link("traces", f"Call{icon('arrow_forward')}", scope, tab=tab, **where)
    return f'<div class="sl-row sl-alarm">{word}{title}{when}{call}</div>'


def _when(alert: dict[str, Any]) -> str:
    """'20 Nov 02:00 – 08:00' in the viewer's zone."""
    start = fmt.local(alert["window_start"] or alert["time"])
    if alert["window_end"] is None:
        return f"{start:%d %b %H:%M}"
    end = fmt.local(alert["window_end"])
    return (
        f"{start:%d %b %H:%M} – {end:%H:%M}"
        if end.date() == start.date()
        else f"{start:%d %b %H:%M} – {end:%d %b %H:%M}"
    )


def _narrow(alert: dict[str, Any]) -> dict[str, Any]:
    """Query parameters that show the alert's window, with as much before it to compare, and its series."""
    narrowed: dict[str, Any] = {
        "service": [alert["service_name"]] if alert["service_name"] else None,
        "model": [alert["model"]] if alert["model"] else None,
        "status": ["error"] if alert["kind"] == "errors" else None,
        # Several series of one service and model may have drifted: the page shows the one that is meant.
        "window": alert["window_id"],
    }
    if alert["window_start"] and alert["window_end"]:
        length = alert["window_end"] - alert["window_start"]
        if alert["window_id"]:
            length = max(length, DRIFT_HISTORY)
        narrowed |= {"from": iso(alert["window_start"] - length), "to": iso(alert["window_end"]), "range": None}
    return narrowed
