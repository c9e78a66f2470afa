"""Every recorded trace becomes the rows that were read and agreed on: a folder in ``sample_traces`` is a test."""

import json
from pathlib import Path

import pytest
from otlp_json import rows
from spanloft_collector.dialects import DIALECTS
from spanloft_collector.model import BILLABLE_OPERATIONS

ROOT = Path(__file__).parents[2] / "sample_traces"
CASES = sorted(path.parent for path in ROOT.glob("*/*/request.json"))
# A client and an agent's own spans are read by the dialect of their scope, whatever folder they were recorded for.
NAMES = {dialect.name for dialect in DIALECTS}


@pytest.fixture(params=CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def case(request):
    return request.param


def test_rows_are_the_expected_ones(case):
    request = json.loads((case / "request.json").read_text(encoding="utf-8"))
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    got = json.loads(json.dumps(rows(request)))
    assert [row["span_id"] for row in got] == [row["span_id"] for row in expected]
    for ours, theirs in zip(got, expected, strict=True):
        assert ours == theirs


def test_the_folder_names_the_dialect_that_claims_the_spans(case):
    claimed = {row["dialect"] for row in json.loads((case / "expected.json").read_text(encoding="utf-8"))} - {None}
    assert claimed == {case.parent.name}


def test_nothing_is_negative_or_empty(case):
    for row in json.loads((case / "expected.json").read_text(encoding="utf-8")):
        for field, value in row.items():
            if field in ("dialect", "cost_usd") or field.startswith("tool_"):
                continue
            assert value not in (None, "", [], {}), field
            assert not isinstance(value, (int, float)) or value >= 0, field


def test_every_dialect_has_a_recorded_call():
    folders = {path.parent.name for path in CASES}
    assert folders == NAMES
    for name in NAMES - {"mcp"}:
        rows_of = [
            row
            for path in CASES
            if path.parent.name == name
            for row in json.loads((path / "expected.json").read_text(encoding="utf-8"))
        ]
        billed = [row for row in rows_of if row.get("operation") in BILLABLE_OPERATIONS and row["cost_usd"]]
        assert billed, name
        assert any("output_messages" in row for row in billed), name


@pytest.mark.parametrize(
    "case",
    [path for path in CASES if (path / "bill.json").exists()],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_the_tokens_are_those_the_provider_billed(case):
    """``bill.json`` is the fake provider's own ledger of the calls in the recording."""
    bill = json.loads((case / "bill.json").read_text(encoding="utf-8"))
    counted = [
        row
        for row in json.loads((case / "expected.json").read_text(encoding="utf-8"))
        if row.get("usage_source") == "reported" and "duplicate_of" not in row
    ]
    fields = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens")
    ours = sorted(tuple(row.get(field, 0) for field in fields) for row in counted)
    assert ours == sorted(tuple(line[name] for name in names) for line in bill)
