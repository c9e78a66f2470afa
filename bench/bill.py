"""Is the bill right, whoever emitted the span?

    python bench/bill.py [--calls 500] [--seed 7] [--json FILE]

Calls are generated over providers, cache rules, tiers and emitters; a fifth of them is reported by a second
instrumentor as well (around the first span, or in a trace of its own). Three bills are compared per emitter:

* the ledger: what the provider charges, from the call itself and a price table written down here by hand;
* ours: spans -> dialect -> usage -> price -> duplicates, as the collector does it;
* naive: every span that has tokens, times the list price of input and output, as dashboards do it.

Fails (exit 1) when ours is off by more than 0.01 % anywhere or a call is counted twice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bill_emitters import ALL, ANTHROPIC, EMITTERS, ONE_HOUR, TIERS, Call, Emitted
from spanloft_collector.dialects import find_dialect
from spanloft_collector.model import BILLABLE_OPERATIONS, RawSpan
from spanloft_collector.pipeline.duplicates import CallKey, DuplicateFinder
from spanloft_collector.pricing import Pricer, normalise_usage

# US dollars per million tokens on 2026-11-01: input, cache read, cache write 5 m, cache write 1 h, output.
# From the vendors' price pages; not read from the list that the collector uses.
PRICES: dict[tuple[str, str], tuple[str, str, str, str, str]] = {
    ("openai", "gpt-4o-2024-08-06"): ("2.5", "1.25", "2.5", "2.5", "10"),
    ("openai", "gpt-4o-mini-2024-07-18"): ("0.15", "0.075", "0.15", "0.15", "0.6"),
    ("openai", "gpt-5-2025-08-07"): ("1.25", "0.125", "1.25", "1.25", "10"),
    ("openai", "o3-2025-04-16"): ("2", "0.5", "2", "2", "8"),
    ("openai", "text-embedding-3-small"): ("0.02", "0.02", "0.02", "0.02", "0"),
    ("anthropic", "claude-sonnet-4-5-20250929"): ("3", "0.3", "3.75", "6", "15"),
    ("anthropic", "claude-haiku-4-5-20251001"): ("1", "0.1", "1.25", "2", "5"),
    ("anthropic", "claude-opus-4-1-20250805"): ("15", "1.5", "18.75", "30", "75"),
    ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"): ("3.3", "0.33", "4.125", "6.6", "16.5"),
    ("gcp.gemini", "gemini-2.5-pro"): ("1.25", "0.125", "1.25", "1.25", "10"),
    ("mistral_ai", "mistral-large-latest"): ("2", "2", "2", "2", "6"),
    ("x_ai", "grok-3"): ("3", "0.75", "3", "3", "15"),
}
LONG_CONTEXT = {("gcp.gemini", "gemini-2.5-pro"): (200_000, ("2.5", "0.25", "2.5", "2.5", "15"))}
TIER_FACTORS = {("gpt-5-2025-08-07", "flex"): Decimal("0.5"), ("gpt-5-2025-08-07", "priority"): Decimal(2)}
MILLION = Decimal(10**6)
NOVEMBER_NS = 1_793_534_400 * 10**9


def ledger(call: Call) -> Decimal:
    """What the provider charges for a call."""
    rates = PRICES[call.provider, call.model]
    limit, long_rates = LONG_CONTEXT.get((call.provider, call.model), (None, rates))
    if limit is not None and call.total > limit:
        rates = long_rates
    counts = (call.uncached, call.read, call.write_5m, call.write_1h, call.output)
    cost = sum((Decimal(rate) * count for rate, count in zip(rates, counts, strict=True)), Decimal(0)) / MILLION
    return cost * TIER_FACTORS.get((call.model, call.tier or ""), Decimal(1))


def calls(count: int, seed: int) -> Iterator[tuple[str, Call, str | None]]:
    """(emitter, call, how a second instrumentor reports it)."""
    rng = random.Random(seed)
    emitters = list(EMITTERS)
    for number in range(count):
        emitter = emitters[number % len(emitters)]
        provider = rng.choice(EMITTERS[emitter][1])
        model = rng.choice([name for vendor, name in PRICES if vendor == provider])
        embedding = "embed" in model
        caches = not embedding and rng.random() < 0.6
        hour = rng.randrange(4_000) if provider == "anthropic" and emitter in ONE_HOUR and rng.random() < 0.3 else 0
        big = provider == "gcp.gemini" and rng.random() < 0.3
        output = 0 if embedding else rng.randrange(1, 3_000)
        call = Call(
            number=number,
            provider=provider,
            model=model,
            uncached=rng.randrange(1, 300_000 if big else 4_000),
            read=rng.randrange(60_000) if caches and provider != "mistral_ai" else 0,
            write_5m=rng.randrange(8_000) if caches and provider in ANTHROPIC else 0,
            write_1h=hour if caches else 0,
            output=output,
            reasoning=rng.randrange(output) if output > 1 and "gpt-5" in model else 0,
            tier=rng.choice([None, "flex", "priority"]) if "gpt-5" in model and emitter in TIERS else None,
            start_ns=NOVEMBER_NS + number * 60 * 10**9,
        )
        twice = rng.random() < 0.2 and not embedding and emitter not in ("langfuse_handler", "langfuse_wrapper")
        yield emitter, call, rng.choice(["around", "apart"]) if twice else None


def second_report(call: Call, first: Emitted, how: str) -> list[Emitted]:
    """The spans of a call when a second instrumentor is on: around the first one's, or in a trace of its own."""
    if how == "around" and first.scope.startswith("openinference"):
        # A framework's span around the SDK's, without the provider's id.
        return [Emitted("openinference.instrumentation.langchain", "ChatOpenAI", _no_id(first.attributes), (first,))]
    other = EMITTERS["openllmetry" if not first.scope.startswith("opentelemetry.instrumentation.") else "openinference"]
    return [first, other[0](call)]


def _no_id(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key != "output.value"}


@dataclass
class Row:
    calls: int = 0
    spans: int = 0
    counted: int = 0
    unpriced: int = 0
    ledger: Decimal = Decimal(0)
    ours: Decimal = Decimal(0)
    naive: Decimal = Decimal(0)
    worst: Decimal = field(default=Decimal(0))


class Bill:
    """Runs spans through the collector's own code, one call per batch, like a collector that sees them arrive."""

    def __init__(self) -> None:
        self.pricer = Pricer()
        self.finder = DuplicateFinder()
        self.span_number = 0

    def add(self, row: Row, call: Call, traces: list[Emitted]) -> None:
        row.calls += 1
        row.ledger += ledger(call)
        keys: list[CallKey] = []
        costs: list[Decimal | None] = []
        for index, root in enumerate(traces):
            self._walk(row, call, root, f"{call.number:030x}{index:02x}", None, keys, costs)
        ours = Decimal(0)
        for key, cost, (duplicate_of, _) in zip(keys, costs, self.finder.mark(keys), strict=True):
            if duplicate_of is None and key.operation in BILLABLE_OPERATIONS:
                row.counted += 1
                row.unpriced += cost is None
                ours += cost or 0
        row.ours += ours
        row.worst = max(row.worst, abs(ours - ledger(call)) / ledger(call))

    def _walk(
        self,
        row: Row,
        call: Call,
        span: Emitted,
        trace_id: str,
        parent: str | None,
        keys: list[CallKey],
        costs: list[Decimal | None],
    ) -> None:
        self.span_number += 1
        span_id = f"{self.span_number:016x}"
        raw = RawSpan(span.name, span.scope, "", span.attributes, start_ns=call.start_ns, end_ns=call.start_ns + 10**9)
        dialect = find_dialect(span.scope, span.attributes)
        fields: Any = dialect.map(raw) if dialect else {}
        usage = normalise_usage(span.scope, fields.get("provider"), fields)
        price = self.pricer.price_call(
            provider=fields.get("provider"),
            response_model=fields.get("response_model"),
            request_model=fields.get("request_model"),
            server_address=fields.get("server_address"),
            usage=usage,
            service_tier=fields.get("service_tier"),
            start_time=call.start_ns,
        )
        keys.append(
            CallKey(
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=parent,
                provider=fields.get("provider"),
                response_id=fields.get("response_id"),
                operation=fields.get("operation"),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                has_messages="output_messages" in fields,
                scope_name=span.scope,
                start_us=call.start_ns // 1000,
                request_model=fields.get("request_model"),
                response_model=fields.get("response_model"),
            )
        )
        costs.append(price.cost_usd)
        row.spans += 1
        if "input_tokens" in fields:
            rates = PRICES[call.provider, call.model]
            tokens = fields["input_tokens"], fields.get("output_tokens", 0)
            row.naive += (Decimal(rates[0]) * tokens[0] + Decimal(rates[4]) * tokens[1]) / MILLION
        for child in span.children:
            self._walk(row, call, child, trace_id, span_id, keys, costs)


def error(value: Decimal, truth: Decimal) -> float:
    return float((value - truth) / truth * 100) if truth else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bill = Bill()
    rows: dict[str, Row] = defaultdict(Row)
    for emitter, call, twice in calls(options.calls, options.seed):
        first = EMITTERS[emitter][0](call)
        bill.add(rows[emitter], call, second_report(call, first, twice) if twice else [first])
    total = Row()
    for row in rows.values():
        for name in ("calls", "spans", "counted", "unpriced", "ledger", "ours", "naive"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
        total.worst = max(total.worst, row.worst)
    heads = f"{'emitter':18}{'calls':>6}{'spans':>6}{'counted':>8}"
    print(f"{heads}{'ledger $':>11}{'ours $':>11}{'off %':>9}{'naive off %':>13}")
    for name, row in [*sorted(rows.items()), ("all", total)]:
        print(
            f"{name:18}{row.calls:6}{row.spans:6}{row.counted:8}{row.ledger:11.4f}{row.ours:11.4f}"
            f"{error(row.ours, row.ledger):9.4f}{error(row.naive, row.ledger):13.1f}"
        )
    worst = f"{float(total.worst) * 100:.6f}"
    print(f"largest error of one call: {worst} %; unpriced: {total.unpriced}; providers: {len(ALL)}")
    if options.json:
        found = {
            name: {
                "calls": row.calls,
                "ours_off": error(row.ours, row.ledger),
                "naive_off": error(row.naive, row.ledger),
            }
            for name, row in [*rows.items(), ("all", total)]
        }
        options.json.write_text(json.dumps(found, indent=1))
    if total.worst > Decimal("0.0001") or total.counted != total.calls:
        sys.exit(1)


if __name__ == "__main__":
    main()
