"""The critical path of a trace: the work that its length is made of. What is not on it could be faster in vain."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from spanloft_dashboard.components.tree import Branch

Segment = tuple[float, float]
"""Begin and end in milliseconds after the start of the trace."""


def critical_path(roots: Sequence[Branch], start: dt.datetime) -> dict[str, list[Segment]]:
    """Stretches of each span that lie on the critical path of the longest root, by span id.

    Seen from the end of a span, the child that ended last before it is what the span waited for; from that child's
    start on the same is asked again. What no child covers is the span's own time. Children that outlive their parent
    count up to its end.
    """
    if not roots:
        return {}
    times = _times(roots, start)
    root = max(roots, key=lambda branch: times[branch.span_id][1] - times[branch.span_id][0])
    found: dict[str, list[Segment]] = defaultdict(list)
    stack = [(root, times[root.span_id][1])]
    while stack:
        branch, until = stack.pop()
        begin = times[branch.span_id][0]
        cursor = until
        for child in sorted(branch.children, key=lambda child: times[child.span_id][1], reverse=True):
            child_begin, child_end = times[child.span_id]
            if child_begin >= cursor or child_end <= begin:
                continue
            waited_to = min(child_end, cursor)
            if cursor > waited_to:
                found[branch.span_id].append((waited_to, cursor))
            stack.append((child, waited_to))
            cursor = max(child_begin, begin)
        if cursor > begin:
            found[branch.span_id].append((begin, cursor))
    return dict(found)


def _times(roots: Sequence[Branch], start: dt.datetime) -> dict[str, Segment]:
    times: dict[str, Segment] = {}
    stack = list(roots)
    while stack:
        branch = stack.pop()
        begin = (branch.span["start_time"] - start).total_seconds() * 1000
        times[branch.span_id] = (begin, begin + (branch.span["duration_ms"] or 0.0))
        stack.extend(branch.children)
    return times


def by_name(path: dict[str, list[Segment]], names: dict[str, str]) -> list[tuple[str, float]]:
    """Milliseconds on the path by name of the span, most first."""
    totals: dict[str, float] = defaultdict(float)
    for span_id, segments in path.items():
        totals[names[span_id]] += sum(end - begin for begin, end in segments)
    return sorted(totals.items(), key=lambda item: -item[1])
