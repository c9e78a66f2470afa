"""Our arithmetic against genai-prices' own, over every provider and model of its list."""

import warnings
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import data_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from spanloft_collector.pricing import Usage
from spanloft_collector.pricing.catalog import Match, tariff
from spanloft_collector.pricing.rates import charge, plain_charge, plain_rates

LIST = [(provider, model) for provider in data_snapshot.get_snapshot().providers for model in provider.models]
COUNT = st.integers(0, 3_000_000)


@st.composite
def usages(draw):
    """Usages whose parts fit into their totals, as providers report them."""
    total, output = draw(COUNT), draw(COUNT)
    read = draw(st.integers(0, total))
    write = draw(st.integers(0, total - read))
    hour = draw(st.integers(0, write))
    audio = draw(st.integers(0, (total - read - write)))
    image = draw(st.integers(0, (total - read - write - audio)))
    audio_out = draw(st.integers(0, output))
    image_out = draw(st.integers(0, output - audio_out))
    reasoning = draw(st.integers(0, output - audio_out - image_out))
    return Usage(
        input_tokens=total,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=hour,
        reasoning_tokens=reasoning,
        input_audio_tokens=audio,
        input_image_tokens=image,
        output_audio_tokens=audio_out,
        output_image_tokens=image_out,
        usage_source="reported",
    )


def theirs(usage, **more):
    return genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        output_image_tokens=usage.output_image_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        # Nothing of the audio and images came from the cache: usages() leaves room for both.
        cache_audio_read_tokens=0,
        cache_image_read_tokens=0,
        **more,
    )


def check(provider, model, usage, when, tier):
    rates = tariff(Match("exact", None, provider.id, provider, model), when, tier)
    context = {"batch": {"processing": "batch"}}.get(tier, {"service_tier": tier} if tier else None)
    if tier == "fast" and rates.note == "fast tier" and provider.id == "anthropic":
        context = {"speed": "fast"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.calc_price(theirs(usage), provider, genai_request_timestamp=when, price_context=context)
    cost = charge(rates.card, usage)
    assert cost.total == expected.total_price, (provider.id, model.id, rates.card)
    assert min(cost.input, cost.cache_read, cost.cache_write, cost.output, cost.other) >= 0


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(LIST),
    usages(),
    st.integers(0, 3 * 366 * 86_400).map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.sampled_from([None, "batch", "flex", "priority", "fast"]),
)
def test_any_model_any_usage_any_time_any_tier(entry, usage, when, tier):
    check(*entry, usage, when, tier)


@pytest.mark.parametrize("tier", [None, "batch", "priority"])
def test_every_model_of_the_list(tier):
    usage = Usage(250_000, 2_000, 64_000, 1_000, 400, 800, 0, 0, 0, 0, usage_source="reported")
    for provider, model in LIST:
        check(provider, model, usage, datetime(2026, 11, 1, 2, tzinfo=UTC), tier)


def test_the_sum_is_exact():
    usage = Usage(100_000, 2_000, 64_000, 1_000, usage_source="reported")
    provider, model = data_snapshot.get_snapshot().find_provider_model("gpt-4o", None, "openai", None)
    rates = tariff(Match("exact", None, "openai", provider, model), datetime(2026, 11, 1, tzinfo=UTC), None)
    assert charge(rates.card, usage).total == Decimal("0.19")


CARDS = [tariff(Match("exact", None, p.id, p, m), datetime(2026, 11, 1, tzinfo=UTC), None).card for p, m in LIST]
PLAIN = [(card, plain) for card in CARDS if (plain := plain_rates(card))]


def test_most_models_have_plain_rates():
    priced = [card for card in CARDS if card.input is not None and card.output is not None]
    assert len(PLAIN) > 0.8 * len(priced)


@settings(max_examples=300, deadline=None)
@given(card=st.sampled_from(PLAIN), usage=usages())
def test_whole_numbers_sum_up_to_the_same_float(card, usage):
    exact, plain = card
    rates = next(rates for start, rates in plain if usage.input_tokens > start)
    assert plain_charge(rates, usage) == float(charge(exact, usage).total)
