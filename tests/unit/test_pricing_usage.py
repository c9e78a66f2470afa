"""Token footing: the table of (scope, provider), the proof by arithmetic, and what counts as missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spanloft_collector.pricing import normalise_usage

# One Anthropic call: 36 uncached + 14 read + 50 written = 100 in, 20 out (reference, section 0).
INCLUSIVE = {"input_tokens": 100, "cache_read_tokens": 14, "cache_write_tokens": 50, "output_tokens": 20}
EXCLUSIVE = {**INCLUSIVE, "input_tokens": 36}


@pytest.mark.parametrize(
    ("scope", "provider", "fields", "semantics"),
    [
        ("opentelemetry.instrumentation.genai.anthropic", "anthropic", INCLUSIVE, "inclusive"),
        ("com.anthropic.sdk.python", "anthropic", INCLUSIVE, "inclusive"),
        ("openinference.instrumentation.anthropic", "anthropic", INCLUSIVE, "inclusive"),
        ("opentelemetry.instrumentation.anthropic", "anthropic", INCLUSIVE, "inclusive"),
        ("openlit.instrumentation.anthropic", "anthropic", EXCLUSIVE, "exclusive"),
        ("openlit.otel.tracing", "anthropic", EXCLUSIVE, "exclusive"),
        ("opentelemetry.instrumentation.genai.bedrock", "aws.bedrock", EXCLUSIVE, "exclusive"),
        ("opentelemetry.instrumentation.bedrock", "aws.bedrock", EXCLUSIVE, "exclusive"),
        ("openinference.instrumentation.bedrock", "aws.bedrock", INCLUSIVE, "inclusive"),
        ("pydantic-ai", "anthropic", INCLUSIVE, "inclusive"),
        # Nobody knows this emitter, but 14 + 50 > 36 can't be inside the input.
        ("somebody.else", "anthropic", EXCLUSIVE, "exclusive"),
    ],
)
def test_every_emitter_ends_at_the_same_hundred(scope, provider, fields, semantics):
    usage = normalise_usage(scope, provider, fields)
    assert usage.input_tokens == 100
    assert usage.output_tokens == 20
    assert usage.token_semantics == semantics
    assert usage.input_tokens_raw == fields["input_tokens"]
    assert usage.usage_source == "reported"


def test_openlit_counts_openai_inside_the_input():
    fields = {"input_tokens": 100, "cache_read_tokens": 64, "output_tokens": 20}
    assert normalise_usage("openlit.instrumentation.openai", "openai", fields).input_tokens == 100


def test_without_cached_tokens_both_footings_are_the_same():
    usage = normalise_usage("openlit.instrumentation.anthropic", "anthropic", {"input_tokens": 7, "output_tokens": 1})
    assert (usage.input_tokens, usage.token_semantics) == (7, "inclusive")


def test_reasoning_is_part_of_the_output():
    assert (
        normalise_usage("", "openai", {"input_tokens": 1, "output_tokens": 20, "reasoning_tokens": 8}).output_tokens
        == 20
    )
    # Gemini's thoughts stand beside the candidates; more reasoning than output proves it.
    fields = {"input_tokens": 1, "output_tokens": 5, "reasoning_tokens": 8}
    assert normalise_usage("", "gcp.gemini", fields).output_tokens == 13


def test_cache_writes_include_those_of_one_hour():
    usage = normalise_usage("", "anthropic", {"input_tokens": 100, "output_tokens": 1, "cache_write_1h_tokens": 20})
    assert usage.cache_write_tokens == 20


@pytest.mark.parametrize("fields", [{}, {"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 0}])
def test_no_usage_is_missing_and_not_zero(fields):
    usage = normalise_usage("", "openai", fields)
    assert usage.usage_source == "missing"
    assert usage.input_tokens is None
    assert usage.output_tokens is None


def test_one_half_of_the_usage_is_reported_and_the_other_stays_unknown():
    usage = normalise_usage("", "openai", {"output_tokens": 3})
    assert (usage.input_tokens, usage.output_tokens, usage.usage_source) == (None, 3, "reported")


@given(
    st.sampled_from(["", "openlit.x", "opentelemetry.instrumentation.genai.bedrock", "langfuse-sdk"]),
    st.sampled_from([None, "anthropic", "openai", "aws.bedrock"]),
    st.fixed_dictionaries(
        {},
        optional={
            field: st.integers(0, 2**40)
            for field in (
                *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
                *("cache_write_1h_tokens", "reasoning_tokens"),
            )
        },
    ),
)
def test_the_parts_fit_into_the_whole(scope, provider, fields):
    usage = normalise_usage(scope, provider, fields)
    if usage.input_tokens is not None:
        assert usage.input_tokens >= (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
        assert usage.input_tokens >= usage.input_tokens_raw
    if usage.output_tokens is not None:
        assert usage.output_tokens >= (usage.reasoning_tokens or 0)
    assert (usage.cache_write_tokens or 0) >= (usage.cache_write_1h_tokens or 0)
