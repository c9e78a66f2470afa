"""Every line of the ledger against what the store counts: the one place that decides a cell of the table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .prices import cost_of

COLUMNS = ("tokens", "cost", "content", "stream", "tool", "error", "async", "embeddings")
PROMPT = "clause 7 of the contract with Orlando"
"""Part of what every app asks."""
_TOKENS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "reasoning_tokens": "reasoning_tokens",
}
_FREE = ("count_tokens",)


@dataclass
class Outcome:
    """What one library's run came to. ``cells`` has the columns that apply; ``findings`` say why one is false."""

    cells: dict[str, bool] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    billed: int = 0
    counted: int = 0
    twice: int = 0
    tools_run: int = 0
    tools_seen: int = 0

    @property
    def passed(self) -> bool:
        """Whether the library is right in every cell, with no call missed or counted twice."""
        return not self.findings and self.twice == 0

    def check(self, columns: Iterable[str], case: str, problem: str | None) -> None:
        """A fact about a case that decides these columns; a problem makes them false."""
        for column in columns:
            self.cells[column] = self.cells.get(column, True) and problem is None
        if problem is not None and f"{case}: {problem}" not in self.findings:
            self.findings.append(f"{case}: {problem}")


def compare(
    cases: Sequence[Mapping[str, Any]],
    bills: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> Outcome:
    """Compares a run.

    Args:
        cases: ``case``, ``start`` and ``end`` (Unix seconds), ``error``, as the app printed them.
        bills: lines of the provider's ledger.
        calls: rows of ``llm_calls`` with the messages of ``payloads``; ``start`` is Unix seconds.
        tools: rows of ``tool_calls``; ``start`` is Unix seconds.
    """
    outcome = Outcome()
    for case in cases:
        billed = [bill for bill in _within(case, bills, "started_at") if not bill["endpoint"].endswith(_FREE)]
        counted = _within(case, calls, "start")
        outcome.billed += len(billed)
        outcome.counted += len(counted)
        outcome.twice += max(0, len(counted) - len(billed))
        _compare_case(outcome, case, billed, counted)
        for name in case.get("tools", ()):
            outcome.tools_run += 1
            seen = [tool for tool in _within(case, tools, "start") if tool["tool_name"] == name]
            outcome.tools_seen += len(seen)
            problem = None if len(seen) == 1 else f"tool {name} ran once and is in tool_calls {len(seen)} times"
            outcome.check(["tool"], case["case"], problem)
    assigned = sum(len(_within(case, calls, "start")) for case in cases)
    if len(calls) != assigned:
        outcome.findings.append(f"{len(calls) - assigned} calls lie outside of every case")
        outcome.twice += max(0, len(calls) - assigned)
    return outcome


def _within(case: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    return sorted((row for row in rows if case["start"] <= row[key] <= case["end"]), key=lambda row: row[key])


def _compare_case(
    outcome: Outcome,
    case: Mapping[str, Any],
    billed: list[Mapping[str, Any]],
    counted: list[Mapping[str, Any]],
) -> None:
    name = case["case"]
    if name.startswith("error"):
        _compare_error(outcome, name, billed, counted)
        return
    columns = [column for column in ("stream", "tool", "async", "embeddings") if column in name]
    if case["error"]:
        outcome.check(["tokens", *columns], name, f"the app failed: {case['error']}")
        return
    if len(billed) != len(counted):
        problem = f"{len(billed)} calls in the ledger, {len(counted)} in llm_calls"
        outcome.check(["tokens", "cost", *columns], name, problem)
    if "stream" in name and not any(bill["stream"] for bill in billed):
        outcome.check(["stream"], name, "the library did not stream")
    for bill, call in _pairs(billed, counted):
        extra = [column for column in columns if column in ("async", "embeddings")]
        outcome.check(["tokens", *extra], name, _tokens_differ(outcome, name, bill, call))
        if bill["usage_sent"]:
            outcome.check(["cost"], name, _cost_differs(bill, call))
        if "embed" not in bill["endpoint"].lower() and "embed" not in name:
            outcome.check(["content", *extra], name, _content_differs(bill, call))
        if bill["stream"]:
            outcome.check(["stream"], name, _stream_differs(outcome, name, call))
        if bill["tool_calls"]:
            outcome.check(["tool"], name, _tools_differ(bill, call))


def _compare_error(
    outcome: Outcome, name: str, billed: list[Mapping[str, Any]], counted: list[Mapping[str, Any]]
) -> None:
    failed = [call for call in counted if call["error_type"]]
    if not billed:
        outcome.check(["error"], name, "the ledger has no failed call")
    elif not 1 <= len(counted) <= len(billed):
        # One span covers the retries of a client.
        outcome.check(["error"], name, f"{len(billed)} failed calls in the ledger, {len(counted)} in llm_calls")
    elif len(failed) != len(counted):
        outcome.check(["error"], name, "no error_type")
    elif any(call["cost_usd"] for call in failed):
        outcome.check(["error"], name, "a failed call has a cost")
    else:
        outcome.check(["error"], name, None)


def _pairs(
    billed: list[Mapping[str, Any]], counted: list[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Bill and call by response id, the rest in order of time."""
    by_id: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for call in counted:
        by_id[call["response_id"] or ""].append(call)
    pairs, rest, used = [], [], set()
    for bill in billed:
        same = by_id.get(bill["response_id"]) if bill["response_id"] else None
        if same:
            call = same.pop(0)
            pairs.append((bill, call))
            used.add(call["span_id"])
        else:
            rest.append(bill)
    free = [call for call in counted if call["span_id"] not in used]
    return pairs + list(zip(rest, free, strict=False))


def _tokens_differ(outcome: Outcome, name: str, bill: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    if not bill["usage_sent"]:
        if call["usage_source"] not in ("estimated", "missing"):
            return f"the client was told no usage, usage_source is {call['usage_source']}"
        outcome.notes.append(f"{name}: the client is told no usage; usage_source = {call['usage_source']}")
        return None
    differing = [
        f"{ours} {call[ours]} (ledger {bill[theirs]})"
        for theirs, ours in _TOKENS.items()
        if (call[ours] or 0) != bill[theirs]
    ]
    return ", ".join(differing) or None


def _cost_differs(bill: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    expected = float(cost_of(bill))
    if call["cost_usd"] is None:
        return f"no cost (model {call['response_model'] or call['request_model']}, provider {call['provider']})"
    if abs(call["cost_usd"] - expected) > 1e-4 * expected:
        return f"cost {call['cost_usd']:.9f} (ledger {expected:.9f})"
    return None


def _content_differs(bill: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    if PROMPT not in (call["input_messages"] or ""):
        return "the prompt is not in input_messages"
    said = "".join(str(part.get("content", "")) for part in _parts(call) if part.get("type") == "text")
    if bill["text"].strip() not in said:
        return f"the answer is not in output_messages: {said[:80]!r}"
    return None


def _stream_differs(outcome: Outcome, name: str, call: Mapping[str, Any]) -> str | None:
    if call["ttft_ms"] is None:
        outcome.notes.append(f"{name}: no time to first token")
    return None if call["is_stream"] else "is_stream is not true"


def _tools_differ(bill: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    called = [part.get("name") for part in _parts(call) if part.get("type") == "tool_call"]
    return None if called == bill["tool_calls"] else f"tool calls {called} (ledger {bill['tool_calls']})"


def _parts(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [part for message in json.loads(call["output_messages"] or "[]") for part in message.get("parts", [])]
