"""Prompts found in traffic: templates with known answers, and the job on stored calls."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from spanloft_collector.jobs.prompt_templates import Text, families, masked, matches, versions
from spanloft_collector.jobs.prompts import PromptsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

BEGIN = dt.datetime.fromisoformat("2026-03-02T08:00")
MINUTE = dt.timedelta(minutes=1)
NAMES = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Radia Perlman"]
PROMPT = "You are the support assistant of Harbour Lane. The customer is {name}. Answer in at most {n} sentences."


def texts(*found: tuple[str, int, int, int]) -> list[Text]:
    """Texts from (text, calls, first minute, last minute)."""
    return [
        Text(str(place), text, calls, BEGIN + first * MINUTE, BEGIN + last * MINUTE)
        for place, (text, calls, first, last) in enumerate(found)
    ]


def test_a_value_that_changes_from_call_to_call_is_a_variable() -> None:
    members = texts(*((PROMPT.format(name=name, n=4), 2, place, place + 9) for place, name in enumerate(NAMES)))
    (found,) = versions(members)
    assert found.template == PROMPT.format(name="{…}", n=4)
    assert len(found.keys) == len(NAMES)


def test_wording_that_changes_once_is_a_version_even_when_it_is_a_number() -> None:
    members = texts(
        *((PROMPT.format(name=name, n=4), 2, place, 20 + place) for place, name in enumerate(NAMES)),
        *((PROMPT.format(name=name, n=3), 2, 30 + place, 50 + place) for place, name in enumerate(NAMES)),
    )
    old, new = versions(members)
    assert (old.template, new.template) == (PROMPT.format(name="{…}", n=4), PROMPT.format(name="{…}", n=3))


def test_three_wordings_one_after_the_other_are_three_versions() -> None:
    members = texts(*((PROMPT.format(name="the caller", n=n), 50, n * 100, n * 100 + 90) for n in (1, 2, 3)))
    assert [one.template for one in versions(members)] == [PROMPT.format(name="the caller", n=n) for n in (1, 2, 3)]


def test_a_sentence_that_was_added_is_a_version() -> None:
    longer = PROMPT.format(name="the caller", n=4) + " Never promise a date."
    members = texts((PROMPT.format(name="the caller", n=4), 40, 0, 50), (longer, 30, 51, 90))
    assert [one.template for one in versions(members)] == [members[0].text, longer]


def test_sentences_side_by_side_are_versions_unless_there_are_many() -> None:
    base = PROMPT.format(name="the caller", n=4)
    added = ["", " Before you answer, check every order of the customer against the handbook of the shop.", " Be kind."]
    long = added[1] + " Name the rule that you apply and never answer from memory alone."
    wordings = [base + more for more in (*added[:2], long)]
    members = texts(*((text, 100, 0, 500) for text in wordings))
    assert {one.template for one in versions(members)} == set(wordings)
    documents = [f"{base} Use this: {'word ' * 12}{place:c} and the end." for place in range(97, 121)]
    (found,) = versions(texts(*((text, 1, place, place) for place, text in enumerate(documents))))
    assert found.template.startswith(base + " Use this: ")
    assert found.template.count("{…}") == 1


@pytest.mark.parametrize(
    ("template", "text", "made"),
    [
        ("plain", "plain", True),
        ("Hello {…}, bye", "Hello Ada, and Bob, bye", True),
        ("Hello {…}, bye", "Hello Ada", False),
        ("{…} a {…} b", "x a y b", True),
        ("{…} a {…} b", "x b y a", False),
        ("aa{…}aa", "aaa", False),
    ],
)
def test_what_is_made_from_a_template(template: str, text: str, made: bool) -> None:
    assert matches(template, text) is made


def test_identifiers_are_no_wording() -> None:
    found = masked("Order 123456 of 2026-03-02T08:00:00Z for ada@example.com, 3 items, deadbeef01, decade")
    assert found == "Order {…} of {…} for {…}, 3 items, {…}, decade"


def test_texts_without_common_words_are_different_prompts() -> None:
    members = texts((PROMPT, 3, 0, 1), ("Translate the following text into French, word for word.", 3, 0, 1))
    groups = families(members, ["Translate the following text into German, word for word."])
    assert sorted((number is None, len(found)) for number, found in groups) == [(False, 1), (True, 1)]


def _publish(store: ParquetStore, number: int, prompts: list[dict[str, Any]]) -> None:
    """Publish a call per prompt, a minute apart; columns beyond the system prompt as given."""
    count = len(prompts)
    ids = {
        "trace_id": [f"{number:016x}{place:016x}" for place in range(count)],
        "span_id": [f"{number:08x}{place:08x}" for place in range(count)],
        "start_time": [BEGIN + (number * 1000 + place) * MINUTE for place in range(count)],
    }
    ingest = BEGIN + (number * 1000 + count) * MINUTE
    spans = {
        **ids,
        "operation": ["chat"] * count,
        "service_name": ["shop"] * count,
        "status_code": ["ok"] * count,
        "cost_usd": [0.01] * count,
        "prompt_name": [prompt.get("name") for prompt in prompts],
        "prompt_version": [prompt.get("version") for prompt in prompts],
        "ingest_time": [ingest] * count,
    }
    told = [
        json.dumps([{"type": "text", "content": prompt["system"]}]) if "system" in prompt else None
        for prompt in prompts
    ]
    asked = [
        json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt["user"]}]}])
        if "user" in prompt
        else None
        for prompt in prompts
    ]
    payloads = {**ids, "system_instructions": told, "input_messages": asked}
    watermark = {"ingest_us": (ingest - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)}  # noqa: DTZ001
    tables = {"spans": to_table("spans", spans), "payloads": to_table("payloads", payloads)}
    store.publish("ingest", tables, watermark)


def _prompts(store: ParquetStore) -> list[tuple[Any, ...]]:
    JobRunner(store, [PromptsJob()]).run_until_idle("prompts")
    found = store.reader().sql(
        "SELECT prompt, version, source, template, calls FROM prompts ORDER BY first_time, version"
    )
    return [tuple(row.values()) for row in found.to_pylist()]


def test_the_job_carries_versions_over_from_one_run_to_the_next(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    four, three = PROMPT.format(name="{…}", n=4), PROMPT.format(name="{…}", n=3)
    heading = "You are the support assistant of Harbour Lane. The customer…"
    _publish(store, 0, [{"system": PROMPT.format(name=name, n=4)} for name in NAMES])
    assert _prompts(store) == [(heading, "v1", "mined", four, 6)]
    # A customer never seen before is no new version; a new number of sentences is one.
    _publish(store, 1, [{"system": PROMPT.format(name="Donald Knuth", n=4)}] * 2)
    assert _prompts(store) == [(heading, "v1", "mined", four, 8)]
    _publish(store, 2, [{"system": PROMPT.format(name=name, n=3)} for name in NAMES[:3]])
    assert _prompts(store) == [(heading, "v1", "mined", four, 8), (heading, "v2", "mined", three, 3)]


def test_what_the_app_names_is_not_guessed(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    _publish(store, 0, [{"name": "greeting", "version": "12", "system": "Greet the customer."}] * 2)
    _publish(store, 1, [{"name": "greeting", "version": "13"}, {"user": "Where is my order?"}])
    assert _prompts(store) == [
        ("greeting", "12", "explicit", "Greet the customer.", 2),
        ("greeting", "13", "explicit", None, 1),
    ]


def test_a_call_waits_until_its_template_shows(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for number, name in enumerate(NAMES[:3]):
        _publish(store, number, [{"system": PROMPT.format(name=name, n=4)}])
        found = _prompts(store)
        assert [row[3:] for row in found] == ([] if number < 2 else [(PROMPT.format(name="{…}", n=4), 3)])
