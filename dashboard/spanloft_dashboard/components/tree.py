"""The tree of a trace: order, depth, what is folded away, and what a subtree cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_ROWS = 300


@dataclass(eq=False)
class Branch:
    """A span in its tree. Costs and tokens of a branch are those of its own billable calls and all below it."""

    span: dict[str, Any]
    depth: int = 0
    children: list[Branch] = field(default_factory=list)
    hidden: int = 0
    cost_usd: float | None = None
    tokens: int = 0
    size: int = 1

    @property
    def span_id(self) -> str:
        """Span id."""
        return str(self.span["span_id"])


def build(spans: Sequence[dict[str, Any]]) -> list[Branch]:
    """Roots of the tree, each with its branches in order of time. A span whose parent is missing is a root."""
    branches = {str(span["span_id"]): Branch(span) for span in spans}
    children: dict[str, list[Branch]] = {}
    roots: list[Branch] = []
    for branch in branches.values():
        parent = str(branch.span.get("parent_span_id"))
        if parent in branches and parent != branch.span_id:
            children.setdefault(parent, []).append(branch)
        else:
            roots.append(branch)
    # Spans in a circle of parents hang below no root: the first of them becomes one, so that none is lost.
    seen: set[str] = set()
    for start in [*roots, *branches.values()]:
        if start.span_id in seen:
            continue
        if start not in roots:
            roots.append(start)
        _attach(start, children, seen)
    for root in roots:
        _sum(root)
    return roots


def _attach(root: Branch, children: dict[str, list[Branch]], seen: set[str]) -> None:
    stack = [root]
    seen.add(root.span_id)
    while stack:
        branch = stack.pop()
        branch.children = [child for child in children.get(branch.span_id, ()) if child.span_id not in seen]
        seen.update(child.span_id for child in branch.children)
        stack.extend(branch.children)


def _sum(root: Branch) -> None:
    order: list[Branch] = [root]
    for branch in order:
        for child in branch.children:
            child.depth = branch.depth + 1
            order.append(child)
    for branch in reversed(order):
        span = branch.span
        counted = span.get("duplicate_of") is None
        own = span.get("cost_usd") if counted else None
        costs = [own, *(child.cost_usd for child in branch.children)]
        known = [cost for cost in costs if cost is not None]
        branch.cost_usd = sum(known) if known else None
        tokens = (span.get("input_tokens") or 0) + (span.get("output_tokens") or 0) if counted else 0
        # An agent or workflow repeats the tokens of its calls: what is below it is what was really used.
        branch.tokens = sum(child.tokens for child in branch.children) or tokens
        branch.size = 1 + sum(child.size for child in branch.children)


def rows(roots: Iterable[Branch], focus: str | None, limit: int = MAX_ROWS) -> list[Branch]:
    """Branches to draw from top to bottom, at most about ``limit``.

    A small trace is drawn whole. Of a large one the upper levels are drawn, and the path to the span in ``focus``
    with its children; ``hidden`` of a drawn branch counts what is folded away below it.
    """
    roots = list(roots)
    total = sum(root.size for root in roots)
    depth = 10_000 if total <= limit else _affordable(roots, limit)
    opened = _path(roots, focus) if focus and total > limit else set()
    drawn: list[Branch] = []
    stack = list(reversed(roots))
    while stack:
        branch = stack.pop()
        if len(drawn) >= limit:
            break
        open_here = branch.depth < depth or branch.span_id in opened
        branch.hidden = 0 if open_here else branch.size - 1
        drawn.append(branch)
        if open_here:
            stack.extend(reversed(branch.children))
    return drawn


def _affordable(roots: list[Branch], limit: int) -> int:
    """Deepest level down to which all branches fit."""
    level, depth, seen = roots, 0, len(roots)
    while True:
        level = [child for branch in level for child in branch.children]
        seen += len(level)
        if not level or seen > limit * 0.7:
            return depth
        depth += 1


def _path(roots: list[Branch], focus: str) -> set[str]:
    """Ids from a root down to ``focus``."""
    parents: dict[str, str | None] = {}
    stack: list[tuple[Branch, str | None]] = [(root, None) for root in roots]
    while stack:
        branch, parent = stack.pop()
        parents[branch.span_id] = parent
        stack.extend((child, branch.span_id) for child in branch.children)
    path: set[str] = set()
    current: str | None = focus if focus in parents else None
    while current:
        path.add(current)
        current = parents[current]
    return path


def bounds(spans: Sequence[dict[str, Any]]) -> tuple[dt.datetime, float]:
    """Start of the trace and its length in milliseconds."""
    start = min(span["start_time"] for span in spans)
    ends = ((span["start_time"] - start).total_seconds() * 1000 + (span["duration_ms"] or 0.0) for span in spans)
    return start, max(max(ends), 0.001)


def by_name(spans: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Spans of the same name together, those that took longest first. Unknown cost stays None."""
    groups: dict[str, dict[str, Any]] = {}
    for span in spans:
        group = groups.setdefault(
            str(span["name"]),
            {"name": str(span["name"]), "spans": 0, "duration_ms": 0.0, "tokens": None, "cost_usd": None},
        )
        group["spans"] += 1
        group["duration_ms"] += span["duration_ms"] or 0.0
        if span["duplicate_of"] is not None:
            continue
        tokens = [value for value in (span["input_tokens"], span["output_tokens"]) if value is not None]
        if tokens:
            group["tokens"] = (group["tokens"] or 0) + sum(tokens)
        if span["cost_usd"] is not None:
            group["cost_usd"] = (group["cost_usd"] or 0.0) + span["cost_usd"]
    return sorted(groups.values(), key=lambda group: -group["duration_ms"])
