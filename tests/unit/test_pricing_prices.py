"""Which price a call gets, and what is said about it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from spanloft_collector.derived import COSTS
from spanloft_collector.pricing import Price, Pricer, Usage, parse_overrides

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
USAGE = Usage(100_000, 2_000, 64_000, 1_000, usage_source="reported")
SMALL = Usage(1_000_000, 0, usage_source="reported")


def price(provider, model, usage=USAGE, *, request=None, server=None, tier=None, when=NOW, pricer=None, **more):
    return (pricer or Pricer()).price_call(
        provider=provider,
        response_model=model,
        request_model=request,
        server_address=server,
        usage=usage,
        service_tier=tier,
        start_time=when,
        **more,
    )


# 100k in (64k cached, 1k written), 2k out; checked by hand against the vendors' price pages (reference, section 6).
@pytest.mark.parametrize(
    ("provider", "model", "cost", "source"),
    [
        ("openai", "gpt-4o", "0.19", "exact"),
        ("openai", "gpt-5", "0.073", "exact"),
        ("openai", "gpt-4o-mini-2024-07-18", "0.0114", "exact"),
        ("anthropic", "claude-sonnet-4-5-20250929", "0.15795", "pattern"),
        ("gcp.gemini", "gemini-2.5-pro", "0.073", "exact"),
        ("mistral_ai", "mistral-large-latest", "0.212", "exact"),
        ("deepseek", "deepseek-chat", "0.0164", "exact"),
        ("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "0.173745", "pattern"),
    ],
)
def test_known_answers(provider, model, cost, source):
    # deepseek-chat has a night price: the known answer is for its daytime.
    found = price(provider, model)
    assert found.cost_usd == Decimal(cost)
    assert found.price_source == source
    assert found.price_version.startswith("genai-prices ")


def test_the_components_sum_up_and_name_their_tokens():
    found = price("anthropic", "claude-sonnet-4-5")
    assert (found.uncached_input_tokens, found.cache_read_tokens, found.cache_write_tokens) == (35_000, 64_000, 1_000)
    parts = (
        *(found.input_cost_usd, found.cache_read_cost_usd, found.cache_write_cost_usd),
        *(found.output_cost_usd, found.other_cost_usd),
    )
    assert sum(parts) == found.cost_usd
    assert found.cache_read_cost_usd == Decimal("0.0192")
    assert found.cache_write_cost_usd == Decimal("0.00375")


def test_a_price_has_the_columns_of_the_costs_dataset():
    columns = {column.name for column in COSTS} - {"trace_id", "span_id", "start_time", "priced_at"}
    assert columns == set(Price._fields)


def test_one_hour_cache_writes_have_their_own_rate():
    short = Usage(100_000, 0, 0, 10_000, usage_source="reported")
    long = Usage(100_000, 0, 0, 10_000, 10_000, usage_source="reported")
    assert price("anthropic", "claude-sonnet-4-5", short).cache_write_cost_usd == Decimal("0.0375")
    assert price("anthropic", "claude-sonnet-4-5", long).cache_write_cost_usd == Decimal("0.06")


@pytest.mark.parametrize(("tokens", "cost"), [(100_000, "0.145"), (200_000, "0.27"), (300_000, "0.78")])
def test_long_context_costs_more(tokens, cost):
    usage = Usage(tokens, 2_000, usage_source="reported")
    assert price("gcp.gemini", "gemini-2.5-pro", usage).cost_usd == Decimal(cost)


def test_the_price_of_the_day():
    before = price("openai", "o3", SMALL, when=datetime(2025, 5, 1, tzinfo=UTC))
    after = price("openai", "o3", SMALL)
    assert (before.cost_usd, before.price_date) == (Decimal(10), None)
    assert (after.cost_usd, after.price_date) == (Decimal(2), date(2025, 6, 10))


def test_the_price_of_the_hour():
    day = price("deepseek", "deepseek-chat", SMALL, when=datetime(2026, 11, 1, 12, tzinfo=UTC))
    night = price("deepseek", "deepseek-chat", SMALL, when=datetime(2026, 11, 1, 20, tzinfo=UTC))
    assert night.cost_usd < day.cost_usd


@pytest.mark.parametrize(
    ("tier", "cost", "note"),
    [
        (None, "1.25", None),
        ("standard", "1.25", None),
        ("flex", "0.625", "flex tier"),
        ("priority", "2.50", "priority tier"),
        ("batch", "0.625", "batch tier"),
        ("bronze", "1.25", "no price for the bronze tier: standard price"),
    ],
)
def test_service_tiers(tier, cost, note):
    found = price("openai", "gpt-5", SMALL, tier=tier)
    assert (found.cost_usd, found.price_note) == (Decimal(cost), note)


def test_times_are_nanoseconds_or_datetimes():
    ns = int(NOW.timestamp()) * 10**9
    assert (
        price("openai", "o3", when=ns) == price("openai", "o3") == price("openai", "o3", when=NOW.replace(tzinfo=None))
    )
    assert price("openai", "o3", when=2**63).cost_usd is not None


@pytest.mark.parametrize(
    ("provider", "model", "server", "provider_id", "source"),
    [
        ("x_ai", "grok-3", None, "x-ai", "exact"),
        ("azure.ai.openai", "gpt-4o", None, "azure", "exact"),
        ("azure.ai.openai", "text-embedding-3-large", None, "azure", "exact"),
        ("openai", "deepseek-chat", "api.deepseek.com", "deepseek", "exact"),
        ("openai", "anthropic/claude-sonnet-4.5", "openrouter.ai", "openrouter", "exact"),
        ("openai", "gpt-4o", "my-proxy.internal", "openai", "exact"),
        ("openai", "gpt-4o", "127.0.0.1", "openai", "exact"),
        ("openai", "gpt-4o", "acme.openai.azure.com", "azure", "exact"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", None, "google", "pattern"),
        ("gcp.gemini", "models/gemini-2.5-pro", None, "google", "pattern"),
        ("gcp.vertex_ai", "claude-3-5-sonnet@20240620", "us-east5-aiplatform.googleapis.com", "google", "pattern"),
        ("aws.bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "aws", "pattern"),
        ("aws.bedrock", "ca.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "aws", "pattern"),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            None,
            "aws",
            "pattern",
        ),
        ("litellm", "openai/gpt-4o", None, "openai", "pattern"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", None, "openai", "pattern"),
        (None, "gpt-4o", None, "openai", "pattern"),
        (None, "text-embedding-3-small", None, "openai", "pattern"),
        ("my-gateway", "claude-sonnet-4-5", None, "anthropic", "pattern"),
        ("my-openai-proxy", "gpt-4o", None, "openai", "pattern"),
    ],
)
def test_providers_hosts_and_spellings(provider, model, server, provider_id, source):
    found = price(provider, model, server=server)
    assert (found.price_provider, found.price_source) == (provider_id, source)
    assert found.cost_usd > 0
    assert source == "exact" or found.price_note or provider in ("aws.bedrock", "gcp.vertex_ai", "openai")


def test_a_fine_tuned_model_is_not_priced_as_its_base():
    assert price("openai", "ft:gpt-4.1-2025-04-14:acme::abc").cost_usd is None
    assert (
        price("openai", "ft:gpt-4o-mini-2024-07-18:acme::x", SMALL).cost_usd
        != price("openai", "gpt-4o-mini", SMALL).cost_usd
    )


@pytest.mark.parametrize(
    ("provider", "model", "note"),
    [
        ("openai", "gpt-99", "model 'gpt-99' is not in openai's price list"),
        ("ollama", "llama3.2", "ollama is self-hosted: price it with an overrides file"),
        ("vllm", "gpt-4o", "vllm is self-hosted: price it with an overrides file"),
        ("openai", None, "the span names no model"),
        ("azure.ai.openai", "my-deployment", "model 'my-deployment' is not in azure's price list"),
        ("openai", "whisper-1", "the price list has no price per token for 'whisper-1'"),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123:application-inference-profile/abc",
            "model 'arn:aws:bedrock:us-east-1:123:application-inference-profile/abc' is not in aws's price list",
        ),
        ("nobody", "thing-1", "provider 'nobody' is not in the price list and model 'thing-1' names no vendor"),
    ],
)
def test_what_has_no_price_has_no_cost_and_a_reason(provider, model, note):
    found = price(provider, model)
    assert (found.cost_usd, found.price_source, found.price_note) == (None, "none", note)


def test_the_request_model_helps_out():
    found = price("azure.ai.openai", "my-deployment", request="gpt-4o")
    assert found.model == "gpt-4o"
    assert "response model 'my-deployment' has no price" in found.price_note


def test_the_response_model_goes_first():
    found = price("openai", "gpt-4o-mini-2024-07-18", request="gpt-4o")
    assert (found.model, found.price_model) == ("gpt-4o-mini-2024-07-18", "gpt-4o-mini")


@pytest.mark.parametrize(
    ("usage", "note"),
    [
        (Usage(), "the span reports no usage"),
        (Usage(input_tokens=5, usage_source="reported"), "the span reports no output tokens"),
        (Usage(output_tokens=5, usage_source="reported"), "the span reports no input tokens"),
    ],
)
def test_half_a_usage_is_no_cost(usage, note):
    found = price("openai", "gpt-4o", usage)
    assert (found.cost_usd, found.price_note, found.price_model) == (None, note, "gpt-4o")


def test_embeddings_need_no_output():
    usage = Usage(input_tokens=1_000_000, usage_source="reported", input_only=True)
    assert price("openai", "text-embedding-3-small", usage).cost_usd == Decimal("0.02")
    assert price("mistral_ai", "mistral-embed", usage).cost_usd == Decimal("0.1")


def test_a_free_model_is_free_and_said_so():
    found = price("openai", "deepseek/deepseek-r1:free", server="openrouter.ai")
    assert (found.cost_usd, found.price_note) == (0, "free model")


def test_the_clients_cost_is_kept_and_used_only_for_want_of_another():
    known = price("openai", "gpt-4o", reported_cost_usd=7.5)
    assert (known.cost_usd, known.reported_cost_usd, known.price_source) == (Decimal("0.19"), 7.5, "exact")
    unknown = price("openai", "gpt-99", reported_cost_usd=7.5)
    assert (unknown.cost_usd, unknown.price_source) == (Decimal("7.5"), "reported")
    assert "not in openai's price list" in unknown.price_note


def test_audio_tokens_have_their_own_rate():
    usage = Usage(1_000, 1_000, input_audio_tokens=400, output_audio_tokens=300, usage_source="reported")
    found = price("openai", "gpt-audio", usage)
    text = price("openai", "gpt-audio", Usage(1_000, 1_000, usage_source="reported"))
    assert found.other_cost_usd > 0
    assert found.cost_usd > text.cost_usd
    assert found.price_note is None


def test_a_list_without_an_audio_rate_is_named():
    usage = Usage(1_000, 1_000, input_audio_tokens=400, usage_source="reported")
    assert price("openai", "gpt-4o", usage).price_note == "no rate for audio tokens: billed as text"


def test_the_shortcut_prices_by_the_bundled_list():
    found = Pricer().price_call(
        provider="openai",
        response_model="gpt-4o",
        request_model=None,
        server_address=None,
        usage=USAGE,
        service_tier=None,
        start_time=NOW,
    )
    assert found.cost_usd == Decimal("0.19")


def test_an_override_goes_before_the_list():
    pricer = Pricer(
        parse_overrides("version: mine\nprices: [{model: gpt-4o, input_per_mtok: 1, output_per_mtok: 0}]", "x")
    )
    found = price("openai", "gpt-4o", SMALL, pricer=pricer)
    assert (found.cost_usd, found.price_source, found.price_version) == (Decimal(1), "override", "overrides mine")
    assert price("openai", "gpt-5", SMALL, pricer=pricer).price_source == "exact"
    assert pricer.version.endswith("overrides mine")


def test_memory_stays_bounded():
    pricer = Pricer()
    for number in range(25_000):
        price("openai", f"made-up-{number}", pricer=pricer)
    assert len(pricer._memo) <= 20_000
