"""Small stores with one story each, for pages that compare."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
from spanloft_collector.jobs.alerts import AlertsJob
from spanloft_collector.jobs.prompts import PromptsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

SLOWEST = "Why does the harbour crane answer so slowly?"


def incident(root: Path) -> ParquetStore:
    """Six quiet days of one service, two hours in which it is slow, and SLOWEST asked in the slowest call of each."""
    store = ParquetStore(root)
    end = dt.datetime.now(dt.UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    began, hours, per_hour = end - dt.timedelta(days=6), 6 * 24, 25
    count = hours * per_hour
    random = np.random.default_rng(3)
    slow = (np.arange(count) // per_hour >= 4 * 24) & (np.arange(count) // per_hour < 4 * 24 + 2)
    durations = random.lognormal(7, 0.4, count) * np.where(slow, 5, 1)
    slowest = {int(durations[at : at + per_hour].argmax()) + at for at in range(0, count, per_hour) if slow[at]}
    ids = {
        "trace_id": [f"{place:032x}" for place in range(count)],
        "span_id": [f"{place:016x}" for place in range(count)],
        "start_time": [
            began + dt.timedelta(hours=place // per_hour, minutes=2 * (place % per_hour)) for place in range(count)
        ],
    }
    spans = {
        **ids,
        "name": ["chat gpt-5"] * count,
        "operation": ["chat"] * count,
        "service_name": ["harbour-bot"] * count,
        "provider": ["openai"] * count,
        "response_model": ["gpt-5"] * count,
        "status_code": ["ok"] * count,
        "duration_ms": durations.tolist(),
        "ingest_time": [end] * count,
    }
    texts = [SLOWEST if place in slowest else "Is the crane free?" for place in range(count)]
    asked = [json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}]) for text in texts]
    seen = (end - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # noqa: DTZ001
    tables = {"spans": to_table("spans", spans), "payloads": to_table("payloads", {**ids, "input_messages": asked})}
    store.publish("ingest", tables, {"seq": 1, "ingest_us": seen})
    JobRunner(store, [AlertsJob()]).run_until_idle("alerts")
    return store


def prompted(root: Path) -> ParquetStore:
    """A small store in which the system prompt gets another sentence and a call then costs twice as much."""
    store = ParquetStore(root)
    began = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=5)
    old = "You are the assistant of a shop. Answer in at most four sentences."
    new = old + " Be kind to <b>everybody</b>."
    count = 70
    ids = {
        "trace_id": [f"{place:032x}" for place in range(count)],
        "span_id": [f"{place:016x}" for place in range(count)],
        "start_time": [began + dt.timedelta(minutes=place) for place in range(count)],
    }
    spans = {
        **ids,
        "operation": ["chat"] * count,
        "service_name": ["shop"] * count,
        "provider": ["openai"] * count,
        "response_model": ["gpt-5"] * count,
        "status_code": ["ok"] * count,
        "duration_ms": [1000.0 + place % 10 for place in range(count)],
        "input_tokens": [100] * count,
        "output_tokens": [10] * count,
        "cost_usd": [0.01 if place < 40 else 0.02 for place in range(count)],
        "ingest_time": [began + dt.timedelta(hours=2)] * count,
    }
    told = [json.dumps([{"type": "text", "content": old if place < 40 else new}]) for place in range(count)]
    tables = {"spans": to_table("spans", spans), "payloads": to_table("payloads", {**ids, "system_instructions": told})}
    seen = (began + dt.timedelta(hours=2) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # noqa: DTZ001
    store.publish("ingest", tables, {"seq": 1, "ingest_us": seen})
    JobRunner(store, [PromptsJob()]).run_until_idle("prompts")
    return store
