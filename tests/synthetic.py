"""A synthetic store: what a small company's LLM traffic of 14 days looks like, made in seconds at any size.

Everything is drawn in columns, so a million spans take a few seconds. The traffic has stories in it which the
pages must show: gpt-5 becomes slow, the coding agent moves to a dearer model, Anthropic answers 429 for an hour,
a fine-tuned model has no price. Handmade traces with fixed ids stand beside it for tests to link to.

Run by hand: ``python tests/synthetic.py STORE --spans 300000``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import synthetic_text as text
from spanloft_collector.jobs.alerts import AlertsJob
from spanloft_collector.jobs.latency import LatencyJob
from spanloft_collector.jobs.prompts import PromptsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.jobs.savings import SavingsJob
from spanloft_collector.jobs.usage import UsageJob
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import arrow_schema, to_table
from synthetic_drift import drift
from synthetic_handmade import handmade
from synthetic_shapes import INDEX, MODELS, TEMPLATES, Node, Template
from synthetic_shapes import size as spans_of

DAYS = 14
SCOPES = {
    "openai": "opentelemetry.instrumentation.genai.openai",
    "anthropic": "opentelemetry.instrumentation.anthropic",
}


def _ids(random: np.random.Generator, count: int, digits: int) -> np.ndarray:
    width = digits // 2
    raw = random.bytes(count * width)
    return np.array([raw[at : at + width].hex() for at in range(0, len(raw), width)], dtype=object)


def _starts(random: np.random.Generator, count: int, until: dt.datetime) -> np.ndarray:
    """Start times in µs: more by day than by night and at weekends, growing a little, up to ``until``."""
    hours = DAYS * 24
    clock = np.arange(hours) + (until - dt.timedelta(days=DAYS)).hour
    daily = 1.0 + 0.75 * np.sin((clock % 24 - 8) / 24 * 2 * np.pi)
    weekday = (until - dt.timedelta(days=DAYS)).weekday()
    weekly = np.where((weekday + clock // 24) % 7 >= 5, 0.55, 1.0)
    weights = daily * weekly * np.linspace(0.85, 1.15, hours)
    hour = random.choice(hours, size=count, p=weights / weights.sum())
    end = int(until.timestamp() * 1e6)
    return np.sort(end - (hours - hour) * 3_600_000_000 + (random.random(count) * 3.6e9).astype(np.int64))


class Builder:
    """Collects the columns of all spans, template by template."""

    def __init__(self, random: np.random.Generator, until: dt.datetime, sample: bool) -> None:
        self.random = random
        self.end = int(until.timestamp() * 1e6)
        self.sample = sample
        self.parts: list[dict[str, Any]] = []

    def add(self, template: Template, count: int, until: dt.datetime) -> None:
        random = self.random
        start = _starts(random, count, until)
        user = random.zipf(1.6, count) % 400
        turns = random.integers(1, 5, count)
        shared = {
            "trace_id": _ids(random, count, 32),
            "user_id": np.array([f"user-{n:03d}" for n in user], dtype=object) if template.user_facing else None,
            "session_id": np.array(
                [f"s-{u:03d}-{s // 1_800_000_000:x}-{t}" for u, s, t in zip(user, start, turns, strict=True)],
                dtype=object,
            )
            if template.user_facing
            else None,
            "service": template.service,
        }
        self._node(template.root, None, start, shared)

    def _node(self, node: Node, parent: np.ndarray | None, start: np.ndarray, shared: dict[str, Any]) -> np.ndarray:
        """Lay out ``node`` and its children one after another; returns the end times in µs."""
        random, count = self.random, len(start)
        part: dict[str, Any] = {
            **shared,
            "node": node,
            "start": start,
            "parent": parent,
            "span_id": _ids(random, count, 16),
        }
        if node.models:
            self._call(part, start)
            end = start + (part["duration_ms"] * 1000).astype(np.int64)
        else:
            end = start + (random.lognormal(np.log(node.median_ms), 0.5, count) * 1000).astype(np.int64)
            part["failed"] = random.random(count) < (0.02 if node.operation == "execute_tool" else 0.0)
        for child in node.children:
            begin = (start if child is node.children[0] else end) + random.integers(800, 4000, count)
            end = self._node(child, part["span_id"], begin, shared)
        if node.children:
            end = end + random.integers(500, 3000, count)
        part["duration_ms"] = (end - start) / 1000
        self.parts.append(part)
        return end

    def _call(self, part: dict[str, Any], start: np.ndarray) -> None:
        random, count, node = self.random, len(start), part["node"]
        names = list(node.models)
        model = np.array([INDEX[name] for name in names])[
            random.choice(len(names), count, p=list(node.models.values()))
        ]
        age_h = (self.end - start) / 3.6e9
        # Two days ago the coding agent was moved to the dearer model.
        moved = (model == INDEX["claude-haiku-4-5"]) & (age_h < 44)
        model = np.where(moved, INDEX["claude-sonnet-4-5"], model)
        tokens_in = random.lognormal(np.log(node.tokens[0]), 0.35, count).astype(np.int64)
        tokens_out = random.lognormal(np.log(max(node.tokens[1], 1)), 0.5, count).astype(np.int64) * (
            node.tokens[1] > 0
        )
        cached = (tokens_in * node.cached * (random.random(count) < 0.7)).astype(np.int64)
        speed = np.array([max(m.tokens_per_s, 1.0) for m in MODELS])[model]
        ttft = np.array([m.ttft_ms for m in MODELS])[model] * random.lognormal(0, 0.3, count)
        generation = tokens_out / speed * 1000 * random.lognormal(0, 0.2, count)
        # Since thirty hours ago gpt-5 has been slow.
        slow = np.where((model == INDEX["gpt-5"]) & (age_h < 30), 2.3, 1.0)
        base = np.where(tokens_out > 0, ttft + generation, random.lognormal(np.log(node.median_ms), 0.3, count))
        anthropic = np.array([m.provider == "anthropic" for m in MODELS])[model]
        limited = random.random(count) < np.where(anthropic & (age_h > 7) & (age_h < 8.5), 0.35, 0.004)
        timed_out = ~limited & (random.random(count) < 0.002)
        failed = limited | timed_out
        duration = np.where(limited, random.uniform(80, 300, count), np.where(timed_out, 30_000.0, base * slow))
        part.update(
            model=model,
            failed=failed,
            limited=limited,
            duration_ms=duration,
            ttft_ms=np.where(failed | (tokens_out == 0) | (not node.stream), np.nan, ttft * slow),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cached=cached,
        )

    def tables(self) -> Iterator[dict[str, pa.Table]]:
        """Yield spans, payloads and costs of one kind of span at a time."""
        for part in self.parts:
            yield _tables(part, self.random, self.sample)


def _strings(values: list[str | None], index: np.ndarray) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(index))


def _table(dataset: str, rows: int, columns: dict[str, Any]) -> pa.Table:
    """Table of a dataset from arrays, numpy columns or single values."""
    schema, arrays = arrow_schema(dataset), []
    for column in schema:
        value = columns.get(column.name)
        storage = pa.string() if isinstance(column.type, pa.JsonType) else column.type
        if value is None:
            array = pa.nulls(rows, storage)
        elif isinstance(value, (pa.Array, np.ndarray)):
            array = value.cast(storage) if isinstance(value, pa.Array) else pa.array(value, storage, from_pandas=True)
        else:
            array = pa.repeat(pa.scalar(value, storage), rows)
        arrays.append(pa.ExtensionArray.from_storage(column.type, array) if storage != column.type else array)
    return pa.Table.from_arrays(arrays, schema=schema)


def _tables(part: dict[str, Any], random: np.random.Generator, sample: bool) -> dict[str, pa.Table]:
    node: Node = part["node"]
    rows = len(part["start"])
    failed = part["failed"]
    start = pa.array(part["start"]).cast(pa.timestamp("us"))
    pool = text.pool(node.operation, node.name)
    choice = random.integers(0, len(pool), rows)
    preview_in, preview_out = ([item[key] for item in pool] for key in ("input_preview", "output_preview"))
    shared = {"trace_id": part["trace_id"], "span_id": part["span_id"], "start_time": start}
    spans: dict[str, Any] = {
        **shared,
        "parent_span_id": part["parent"],
        "name": node.name,
        "kind": "client" if node.models else "internal",
        "duration_ms": part["duration_ms"],
        "status_code": _strings(["unset", "error"], failed.astype(int)),
        "service_name": part["service"],
        "service_version": "1.4.2",
        "environment": "sample" if sample else "production",
        "project": "default",
        "operation": node.operation,
        "dialect": "otel_genai" if node.operation else None,
        "scope_name": "app",
        "user_id": part["user_id"],
        "session_id": part["session_id"],
        "input_preview": _strings(preview_in, choice),
        "output_preview": pa.array(np.where(failed, None, np.array(preview_out, dtype=object)[choice]), pa.string()),
        "tool_name": node.name.split()[-1] if node.operation == "execute_tool" else None,
        "agent_name": node.name.split()[-1] if node.operation == "invoke_agent" else None,
        "error_type": _strings([None, "TimeoutError"], failed.astype(int)),
        "status_message": _strings([None, "deadline exceeded"], failed.astype(int)),
        "ingest_time": pa.array(part["start"] + 2_000_000).cast(pa.timestamp("us")),
    }
    tables = {}
    if node.models:
        costs = _costs(part)
        spans.update(_call_columns(part, costs))
        tables["costs"] = _table("costs", rows, {**shared, **costs}).filter(pa.array(~failed))
    keys = (
        "input_messages",
        "output_messages",
        "system_instructions",
        "tool_definitions",
        "tool_arguments",
        "tool_result",
        "retrieval_query",
        "retrieval_documents",
    )
    payload = {key: _strings([item.get(key) for item in pool], choice) for key in keys}
    payload["output_messages"] = pa.compute.if_else(pa.array(failed), None, payload["output_messages"])
    payload |= {"attributes": text.attributes(node.operation, node.name), "resource": text.resource(part["service"])}
    return tables | {
        "spans": _table("spans", rows, spans),
        "payloads": _table("payloads", rows, {**shared, **payload, "events": "[]", "links": "[]"}),
    }


def _costs(part: dict[str, Any]) -> dict[str, Any]:
    model = part["model"]
    price = np.array([m.price or (np.nan,) * 3 for m in MODELS])[model] / 1e6
    uncached = part["input_tokens"] - part["cached"]
    components = {
        "input_cost_usd": uncached * price[:, 0],
        "cache_read_cost_usd": part["cached"] * price[:, 1],
        "output_cost_usd": part["output_tokens"] * price[:, 2],
    }
    priced = ~np.isnan(price[:, 0])
    names = [m.name for m in MODELS]
    return {
        **components,
        "provider": _strings([m.provider for m in MODELS], model),
        "model": _strings(names, model),
        "price_model": _strings([m.name if m.price else None for m in MODELS], model),
        "price_provider": _strings([m.provider if m.price else None for m in MODELS], model),
        "uncached_input_tokens": uncached,
        "cache_read_tokens": part["cached"],
        "output_tokens": part["output_tokens"],
        "cost_usd": sum(components.values()),
        "usage_source": "reported",
        "price_source": _strings(["none", "exact"], priced.astype(int)),
        "price_note": _strings(["no price for this model", None], priced.astype(int)),
        "price_version": "synthetic",
        "priced_at": dt.datetime(2026, 1, 1),  # noqa: DTZ001 - the column is UTC without zone
    }


def _call_columns(part: dict[str, Any], costs: dict[str, Any]) -> dict[str, Any]:
    failed, model = part["failed"], part["model"]
    names = _strings([m.name for m in MODELS], model)
    ok = np.where(failed, np.nan, 1.0)
    prefix = part["node"].operation
    return {
        "name": pa.compute.binary_join_element_wise(prefix, names, " "),
        "scope_name": SCOPES["openai"],
        "provider": costs["provider"],
        "request_model": names,
        "response_model": pa.compute.if_else(pa.array(failed), None, names),
        "response_id": pa.array(part["span_id"], pa.string()),
        "is_stream": part["node"].stream,
        "finish_reason": _strings(["stop", None], failed.astype(int)),
        "input_tokens": pa.array(part["input_tokens"] * ok, from_pandas=True).cast(pa.int64()),
        "output_tokens": pa.array(part["output_tokens"] * ok, from_pandas=True).cast(pa.int64()),
        "cache_read_tokens": pa.array(part["cached"] * ok, from_pandas=True).cast(pa.int64()),
        "usage_source": _strings(["reported", "missing"], failed.astype(int)),
        "cost_usd": costs["cost_usd"] * ok,
        "price_source": pa.compute.if_else(pa.array(failed), "none", costs["price_source"]),
        "price_version": "synthetic",
        "ttft_ms": part["ttft_ms"],
        "error_type": pa.array(
            np.where(part["limited"], "RateLimitError", np.where(failed, "APITimeoutError", None)), pa.string()
        ),
        "status_message": pa.array(
            np.where(
                part["limited"], "Error code: 429 - rate limit reached", np.where(failed, "Request timed out.", None)
            ),
            pa.string(),
        ),
        "server_address": "api.example.com",
    }


def publish(
    store: ParquetStore | Path,
    spans: int = 5_000,
    *,
    seed: int = 7,
    sample: bool = False,
    hostile: bool = True,
    until: dt.datetime | None = None,
) -> ParquetStore:
    """Publish about ``spans`` spans and the handmade traces; returns the store.

    Args:
        store: a store or its directory.
        spans: number of spans, give or take one trace of each kind.
        seed: same seed, same store.
        sample: mark the rows as sample data (``environment = 'sample'``).
        hostile: add the trace with hostile texts.
        until: end of the traffic; now when not given.
    """
    if not isinstance(store, ParquetStore):
        store = ParquetStore(store)
    until = until or dt.datetime.now(dt.UTC)
    builder = Builder(np.random.default_rng(seed), until, sample)
    size = sum(template.weight * spans_of(template.root) for template in TEMPLATES)
    for template in TEMPLATES:
        builder.add(template, max(1, round(spans / size * template.weight)), until)
    merged: dict[str, list[pa.Table]] = {}
    for tables in builder.tables():
        for dataset, table in tables.items():
            merged.setdefault(dataset, []).append(table)
    for dataset, columns in handmade(until, hostile=hostile).items():
        merged[dataset].append(to_table(dataset, columns))
    whole = {dataset: pa.concat_tables(tables) for dataset, tables in merged.items()}
    newest = pa.compute.max(whole["spans"]["ingest_time"]).cast(pa.int64()).as_py()
    received = {name: table for name, table in whole.items() if name != "costs"}
    store.publish("ingest", received, {"seq": 1, "ingest_us": newest})
    store.publish("cost", {"costs": whole["costs"]}, {"until": until.isoformat()})
    store.publish("health", {"ingest_health": _health(store)})
    store.publish("job-drift", drift(until))
    runner = JobRunner(store, [LatencyJob(), UsageJob(), AlertsJob(), PromptsJob(), SavingsJob()])
    for name in runner.jobs:
        runner.run_until_idle(name)
    return store


HEALTH = """
SELECT time_bucket(INTERVAL 1 MINUTE, ingest_time) AS minute, 'default' AS project, service_name, scope_name, dialect,
    'stored' AS outcome, NULL::VARCHAR AS reason, count(*) AS spans, 0::BIGINT AS late,
    count(duplicate_of) AS duplicate_calls
FROM spans GROUP BY ALL
UNION ALL
SELECT time_bucket(INTERVAL 1 MINUTE, ingest_time), 'default', NULL, NULL, NULL, outcome, reason, count(*), 0, 0
FROM spans, (VALUES ('refused', 'trace id is not 16 bytes', 997), ('repeated', NULL, 211)) AS x (outcome, reason, every)
WHERE hash(span_id) % every = 0 GROUP BY ALL
"""


def _health(store: ParquetStore) -> pa.Table:
    """What the collector would have counted on the way."""
    schema = arrow_schema("ingest_health")
    return store.reader().sql(HEALTH, timeout_s=600).select(schema.names).cast(schema)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a synthetic store.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-hostile", action="store_true", help="leave out the trace with hostile texts")
    parser.add_argument("--sample", action="store_true", help="mark the rows as sample data")
    arguments = parser.parse_args()
    began = time.perf_counter()
    publish(
        arguments.store, arguments.spans, seed=arguments.seed, sample=arguments.sample, hostile=not arguments.no_hostile
    )
    print(f"{arguments.spans:,} spans in {time.perf_counter() - began:.1f} s -> {arguments.store}")


if __name__ == "__main__":
    main()
