"""What would save money: caches, shorter prompts, another model; each with how it was reckoned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st
from spanloft_collector.signals.embedding import similar

from spanloft_dashboard import data
from spanloft_dashboard.components import choices, links, tables
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.intervals import wilson
from spanloft_dashboard.components.moves import KINDS, query_name
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import Scope

Row = Mapping[str, Any]
METHODS = {
    "exact": (
        "Answer cache, same request",
        "The same request within 24 hours: model, limits, instructions, tools and messages are equal. An upper bound: "
        "a cache gives the same answer again, which is not wanted everywhere.",
    ),
    "near": (
        "Answer cache, same words",
        "As above, but case, marks and blanks may differ.",
    ),
    "prefix": (
        "Provider's prompt cache",
        "Simulated: prompts of a service and model that begin like one of the 5 minutes before, from 1,024 tokens on, "
        "less what the provider's cache served anyway. Characters are taken for tokens in proportion.",
    ),
}
OUTPUT_RANGE = (0.7, 1.5)
"""How many times as much another model may write: an assumption, since no call shows it."""


def savings_parameters(scope: Scope) -> dict[str, Any]:
    """Parameters of the queries behind ``savings``."""
    return scope.parameters() | {"alike": similar.ALIKE}


def savings(scope: Scope) -> None:
    """Draw one row per way to save, with its method."""
    cost = data.first("cost_cards", scope.parameters()).get("cost_usd")
    found = {row["kind"]: row for row in data.rows("cost_savings", scope.parameters())}
    rows = [_row(name, method, found.get(kind), cost) for kind, (name, method) in METHODS.items()]
    rows.insert(2, similar_row(data.first("cost_similar", savings_parameters(scope)), cost))
    bloat = data.first("cost_bloat", scope.parameters())
    if bloat.get("calls"):
        share = bloat["constant_tokens"] / bloat["input_tokens"] if bloat["input_tokens"] else 0.0
        method = (
            f"Text that stands in every call of a prompt, {fmt.percent(share)} of the input of these calls, at the "
            "price of uncached input: what it costs, not what can be cut. Four characters are taken for a token."
        )
        row = {"calls": bloat["calls"], "saved_tokens": bloat["constant_tokens"], "saved_usd": bloat["constant_usd"]}
        rows.append(_row("Prompt text that never changes", method, row, cost))
    tables.table(
        tables.from_rows(rows),
        {
            "way": tables.column("Way", width=190, fixed=True),
            "calls": tables.number("Calls"),
            "tokens": tables.number("Tokens"),
            "usd": tables.number("Worth", help="US dollars in this period; the ways overlap, so don't add them"),
            "share": tables.share("Of the cost"),
            "method": tables.column("How it was reckoned", width=420, wrap=True),
        },
        key="savings",
        formats={"usd": fmt.money},
        placeholder="unknown",
    )
    st.caption("The ways overlap: their sums must not be added.")


def similar_row(found: Row, cost: float | None) -> dict[str, Any]:
    """The row of a cache that compares meanings, with how often its answer would have been like the real one.

    Args:
        found: row of ``cost_similar``.
        cost: dollars of the period; None where unknown.
    """
    name = "Answer cache, same meaning"
    waiting = None
    if found["embeddings_until"] is None:
        waiting = "no embeddings are made on this store. spanloft doctor says what the extra spanloft[signals] misses"
    elif found["similar_until"] is None:
        waiting = "the job 'similar' has not run on this store"
    if waiting:
        unknown = dict.fromkeys(("calls", "tokens", "usd", "share"))
        return {"way": name, **unknown, "method": f"Not known: {waiting}."}
    method = (
        f"Simulated: the vectors of the last messages are at least {similar.THRESHOLD} alike (cosine), everything else "
        "is equal, words with digits too, within 24 hours; not counted above. "
        f"Messages over {similar.MAX_CHARACTERS:,} characters take no part."
    )
    if found["answered"]:
        ends = wilson(found["alike"], found["answered"])
        share, low, high = (fmt.percent(value) for value in (found["alike"] / found["answered"], *ends))
        method += (
            f" How wrong it would be: of {found['answered']:,} pairs with both answers, these were alike (at least "
            f"{similar.ALIKE}) in {share} (95 % interval {low} to {high}); "
            "in the others the cache would have said something else. Alike is not the same: vectors hardly tell one "
            "weekday or name from another."
        )
    elif found["calls"]:
        method += " How often its answers would have been right is not known: the answers were not received."
    return _row(name, method, found, cost)


def _row(name: str, method: str, found: Row | None, cost: float | None) -> dict[str, Any]:
    usd = float(found["saved_usd"]) if found and found["saved_usd"] is not None else None
    return {
        "way": name,
        "calls": found["calls"] if found else 0,
        "tokens": found["saved_tokens"] if found else 0,
        "usd": usd if found else 0.0,
        "share": (min(usd / cost, 1.0) if cost else None) if usd is not None else None if found else 0.0,
        "method": method,
    }


def repeats(scope: Scope) -> None:
    """Draw the requests that were made again most dearly."""
    table = data.query("cost_repeats", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("No request of this period was made twice within a day, or messages were not received.")
    row = tables.table(
        table,
        {
            "input_preview": tables.column("Request", width=190),
            "model": tables.column("Model", width=105),
            "calls": tables.number("Repeats"),
            "saved_usd": tables.number("Worth"),
            "age_ms": tables.number("After", help="Median time since the call before"),
        },
        key="repeats",
        click=True,
        height=tables.height_of(table.num_rows, 7),
        formats={"saved_usd": fmt.money, "age_ms": fmt.duration},
    )
    st.caption(tables.limited(table.num_rows, table["total"][0].as_py(), "requests", "dearest"))
    links.open_trace(scope, table, row)


class WhatIf(NamedTuple):
    """Dollars of a model's calls as they were, and as another's: with the same tokens, and the ends of a range."""

    now: float
    same: float
    low: float
    high: float


def what_if(row: Row, other: Row) -> WhatIf | None:
    """Prices the calls of ``row`` (of ``cost_moves``) like those of ``other``; None where a price is not known."""
    parts = {}
    for kind in KINDS:
        tokens = row[f"{kind}_tokens"] or 0.0
        if tokens and not other[f"{kind}_tokens"]:
            # A model that was never asked to cache: its cached tokens are priced as uncached ones.
            fallback = "uncached" if kind in ("read", "write") else kind
            if not other[f"{fallback}_tokens"]:
                return None
            parts[kind] = tokens * (other[f"{fallback}_usd"] or 0.0) / other[f"{fallback}_tokens"]
        else:
            parts[kind] = tokens * (other[f"{kind}_usd"] or 0.0) / other[f"{kind}_tokens"] if tokens else 0.0
    inputs = parts["uncached"] + parts["read"] + parts["write"]
    low, high = (inputs + parts["output"] * factor for factor in OUTPUT_RANGE)
    return WhatIf(row["cost_usd"], inputs + parts["output"], low, high)


def model_choice(scope: Scope) -> None:
    """Draw what the calls of one model would have cost as those of the others, cheapest first."""
    parameters = scope.parameters()
    # The query compares two periods; here only this one counts.
    rows = [row for row in data.rows(query_name(scope), parameters | {"before": parameters["since"]}) if row["model"]]
    chats = [row for row in rows if row["output_tokens"] and row["cost_usd"]]
    if len(chats) < 2:
        raise EmptyPanel("There is only one model with a price in this period, so there is nothing to compare it with.")
    names = {str(row["model"]): fmt.shorten(str(row["model"]), 28) for row in chats[:5]}
    chosen = choices.segmented("instead_of", "Model", names, next(iter(names)))
    row = next(row for row in chats if row["model"] == chosen)
    tables.table(
        tables.from_rows(_alternatives(row, chats)),
        {
            "model": tables.column("Instead", width=165),
            "same": tables.number("Same tokens"),
            "range": tables.column("Likely range", width=125, alignment="right"),
            "change": tables.number("Change"),
        },
        key=f"whatif-{chosen}",
        height=tables.height_of(len(chats) - 1, 6),
        formats={"same": fmt.money, "change": fmt.signed},
    )
    low, high = OUTPUT_RANGE
    st.caption(
        fmt.label(f"Its {row['calls']:,} calls cost {fmt.money(row['cost_usd'])}.", 120)
        + " The same tokens at the prices that the other models' calls had. Range: the other model writes between "
        f"{low} and {high} times as much, an assumption; it also counts tokens in its own way. "
        "Whether its answers are good enough is not in these figures."
    )


def _alternatives(row: Row, chats: Sequence[Row]) -> list[dict[str, Any]]:
    found = []
    for other in chats:
        if other["model"] == row["model"]:
            continue
        result = what_if(row, other)
        if result is not None:
            found.append(
                {
                    "model": other["model"],
                    "same": result.same,
                    "range": f"{fmt.money(result.low)} to {fmt.money(result.high)}",
                    "change": result.same / result.now - 1,
                }
            )
    return sorted(found, key=lambda item: float(item["same"]))
