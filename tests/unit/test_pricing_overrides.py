"""The overrides file: what it can say, and what it answers when it is wrong."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from spanloft_collector.pricing import OverridesError, Pricer, Usage, load_overrides, parse_overrides

FILE = """
version: 2026-11
prices:
  - model: "llama-3.3-*"
    provider: ollama
    input_per_mtok: 0.05
    output_per_mtok: 0.10
  - model: "llama-3.3-*"
    provider: ollama
    from: 2026-10-01
    input_per_mtok: 0.07
    output_per_mtok: 0.10
  - model: "qwen3-*"
    server: "gpu-*.internal"
    per_hour: 2.40
    concurrency: 8
  - model: "claude-*"
    service_tier: batch
    input_per_mtok: 1
    output_per_mtok: 2
    cache_read_per_mtok: 0.5
    per_request: 0.001
"""
USAGE = Usage(1_000_000, 1_000_000, usage_source="reported")


def cost(provider, model, *, day=1, server=None, tier=None, duration_s=None, usage=USAGE, month=11):
    return Pricer(parse_overrides(FILE, "prices.yaml")).price_call(
        provider=provider,
        response_model=model,
        request_model=None,
        server_address=server,
        usage=usage,
        service_tier=tier,
        start_time=datetime(2026, month, day, tzinfo=UTC),
        duration_s=duration_s,
    )


def test_by_glob_and_day():
    found = cost("ollama", "Llama-3.3-70b")
    assert found.cost_usd == Decimal("0.17")
    assert (found.price_date, found.price_version) == (date(2026, 10, 1), "overrides 2026-11")
    assert cost("ollama", "llama-3.3-70b", month=9).cost_usd == Decimal("0.15")
    assert cost("vllm", "llama-3.3-70b").cost_usd is None


def test_by_the_hour():
    found = cost("vllm", "qwen3-32b", server="gpu-7.internal", duration_s=30.0)
    assert found.cost_usd == Decimal("0.0025")
    assert found.other_cost_usd == found.cost_usd
    # Time is what is paid for: tokens need not be known.
    assert cost("vllm", "qwen3-32b", server="gpu-7.internal", duration_s=30.0, usage=Usage()).cost_usd == Decimal(
        "0.0025"
    )
    unknown = cost("vllm", "qwen3-32b", server="gpu-7.internal")
    assert (unknown.cost_usd, unknown.price_note) == (None, "priced per hour, but the duration is unknown")
    assert cost("vllm", "qwen3-32b", server="cpu-1.internal", duration_s=30.0).cost_usd is None


def test_by_tier_and_request():
    usage = Usage(1_000_000, 0, 1_000_000, usage_source="reported")
    assert cost("anthropic", "claude-sonnet-4-5", tier="batch", usage=usage).cost_usd == Decimal("0.501")
    assert cost("anthropic", "claude-sonnet-4-5", usage=usage).price_source == "exact"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prices: [", "prices.yaml: is no valid YAML"),
        ("- a", "prices.yaml: expected a mapping with a list under 'prices'"),
        ("prices: {}", "prices.yaml: expected a mapping with a list under 'prices'"),
        ("prices: [7]", "prices.yaml: entry 1: expected a mapping, got 7"),
        ("prices: [{input_per_mtok: 1}]", "entry 1, field 'model': expected a name or glob as text, got nothing"),
        ("prices: [{model: a, provider: 3, per_hour: 1}]", "entry 1, field 'provider': expected a name or glob"),
        ("prices: [{model: a}]", "entry 1: expected a price: input_per_mtok and output_per_mtok"),
        ("prices: [{model: a, input: 3}]", "entry 1, field 'input': unknown; expected one of"),
        (
            "prices: [{model: a, per_hour: 1}, {model: b, per_hour: dear}]",
            "entry 2, field 'per_hour': expected a number from 0, got 'dear'",
        ),
        ("prices: [{model: a, input_per_mtok: -1}]", "field 'input_per_mtok': expected a number from 0, got -1"),
        ("prices: [{model: a, input_per_mtok: .nan}]", "field 'input_per_mtok': expected a number from 0, got nan"),
        ("prices: [{model: a, input_per_mtok: true}]", "field 'input_per_mtok': expected a number from 0, got True"),
        ("prices: [{model: a, per_hour: 1, from: soon}]", "field 'from': expected a day like 2026-01-31, got 'soon'"),
        ("prices: [{model: a, input_per_mtok: 1, concurrency: 2}]", "field 'concurrency': expected a number above 0"),
        ("prices: [{model: a, per_hour: 1, concurrency: 0}]", "field 'concurrency': expected a number above 0"),
    ],
)
def test_errors_name_file_entry_field_and_what_is_expected(text, message):
    with pytest.raises(OverridesError) as error:
        parse_overrides(text, "prices.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files(tmp_path):
    path = tmp_path / "prices.yaml"
    with pytest.raises(OverridesError, match="can't be read"):
        load_overrides(path)
    path.write_text(FILE)
    assert len(load_overrides(path).entries) == 4
    path.write_text("")
    assert load_overrides(path).entries == ()
    path.write_bytes(b"\xff")
    with pytest.raises(OverridesError, match="can't be read"):
        load_overrides(path)


def test_a_file_without_a_version_is_named_by_its_content():
    one = parse_overrides("prices: [{model: a, per_request: 1}]", "x").version
    assert one != parse_overrides("prices: [{model: a, per_request: 2}]", "x").version
