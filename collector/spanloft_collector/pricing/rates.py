"""A model's rates and the arithmetic of one call: exact decimals, one component per kind of token.

The rules are genai-prices' own (a unit that is priced apart is taken out of the unit that contains it; a long
context moves all tokens to the higher tier), so both give the same sum; a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from .usage import Usage

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per token, with long-context tiers: (input tokens above which it applies, rate), rising."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """Rate for a call with so many input tokens."""
        rate = self.base
        for start, price in self.tiers:
            if input_tokens > start:
                rate = price
        return rate


@dataclass(frozen=True, slots=True)
class RateCard:
    """Rates of a model; ``None`` means that the unit has no rate of its own and is billed with its parent unit."""

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    input_audio: Rate | None = None
    cache_audio_read: Rate | None = None
    input_image: Rate | None = None
    cache_image_read: Rate | None = None
    output_audio: Rate | None = None
    output_image: Rate | None = None
    output_reasoning: Rate | None = None
    request: Decimal | None = None
    """US dollars per request."""
    hour: Decimal | None = None
    """US dollars per hour of the call's duration (self-hosted)."""

    @property
    def per_token(self) -> bool:
        """Whether any rate is per token."""
        return self.input is not None or self.output is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is priced."""
        return not self.per_token and self.request is None and self.hour is None


class PlainRates(NamedTuple):
    """Rates of a card that has five at most, as whole numbers of ``1 / scale`` US dollars per token."""

    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    scale: int


@lru_cache(maxsize=4096)
def plain_rates(card: RateCard) -> tuple[tuple[int, PlainRates], ...]:
    """(input tokens above which they apply, rates), falling, where nothing but tokens of text is priced; else empty."""
    if card.input is None or card.output is None:
        return ()
    if any(getattr(card, each.name) is not None for each in fields(card) if each.name not in PlainRates._fields):
        return ()
    given = (card.input, card.cache_read, card.cache_write, card.cache_write_1h, card.output)
    starts = {-1, *(start for rate in given if rate is not None for start, _ in rate.tiers)}
    found = [(start, _whole(card, start + 1)) for start in sorted(starts, reverse=True)]
    if any(rates is None for _, rates in found):
        return ()
    return tuple((start, rates) for start, rates in found if rates is not None)


def _whole(card: RateCard, tokens: int) -> PlainRates | None:
    """Rates of a call with so many input tokens; None where they have too many places."""

    def rate(own: Rate | None, instead: Decimal) -> Decimal:
        return instead if own is None else own.at(tokens)

    base = rate(card.input, ZERO)
    write = rate(card.cache_write, base)
    rates = (base, rate(card.cache_read, base), write, rate(card.cache_write_1h, write), rate(card.output, ZERO))
    places = max(0, *(-int(each.as_tuple().exponent) for each in rates))
    if places > _MAX_PLACES:
        return None
    own, of_read, of_write, of_hour, of_output = (int(each.scaleb(places)) for each in rates)
    return PlainRates(own, of_read, of_write, of_hour, of_output, 10**places)


_MAX_PLACES = 15
MAX_PLAIN_TOKENS = 10**12
"""More tokens than this times a rate could have more digits than a decimal keeps."""


def plain_charge(rates: PlainRates, usage: Usage) -> float:
    """What :func:`charge` sums up to, as the nearest float, for a usage with input and output.

    All is whole numbers, and Python's division of those rounds once: as exact as decimals and a sixth of the time.
    """
    # Unpacked at once: asking a tuple for its fields by name is most of what this costs.
    tokens, output, read, write, hour, *_ = usage
    tokens = tokens or 0
    write = min(write, tokens) if write else 0
    read = min(read, tokens - write) if read else 0
    hour = min(hour, write) if hour else 0
    own, of_read, of_write, of_hour, of_output, scale = rates
    return (
        (tokens - read - write) * own
        + read * of_read
        + (write - hour) * of_write
        + hour * of_hour
        + (output or 0) * of_output
    ) / scale


class Components(NamedTuple):
    """Cost of one call in US dollars, split; the components sum up to the cost."""

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    other: Decimal
    """Audio, images, per-request and per-hour charges."""

    @property
    def total(self) -> Decimal:
        """Sum of the components."""
        return self.input + self.cache_read + self.cache_write + self.output + self.other


def charge(card: RateCard, usage: Usage, duration_s: float | None = None) -> Components:
    """Cost of a call. Counts that contradict each other are cut to what their total allows, never negative."""
    tokens = usage.input_tokens or 0
    write = min(usage.cache_write_tokens or 0, tokens)
    read = min(usage.cache_read_tokens or 0, tokens - write)
    audio, audio_read = _modality(tokens, read, write, usage.input_audio_tokens or 0)
    image, image_read = _modality(tokens, read, write, usage.input_image_tokens or 0, audio)
    other = ZERO
    uncached = tokens - read - write
    cost_read = ZERO

    if card.input_audio is not None and audio:
        other += (audio - audio_read) * card.input_audio.at(tokens)
        uncached -= audio - audio_read
        extra, read = _cached(card.cache_audio_read, card, audio_read, read, tokens)
        cost_read += extra
    if card.input_image is not None and image:
        other += (image - image_read) * card.input_image.at(tokens)
        uncached -= image - image_read
        extra, read = _cached(card.cache_image_read, card, image_read, read, tokens)
        cost_read += extra

    base = card.input.at(tokens) if card.input is not None else ZERO
    cost_read += read * (card.cache_read.at(tokens) if card.cache_read is not None else base)
    cost_output, other_output = _output(card, usage, tokens)
    if card.request is not None:
        other += card.request
    if card.hour is not None and duration_s is not None:
        other += card.hour * Decimal(repr(float(duration_s))) / 3600
    return Components(
        input=uncached * base,
        cache_read=cost_read,
        cache_write=_cache_writes(card, usage, write, base, tokens),
        output=cost_output,
        other=other + other_output,
    )


def _modality(tokens: int, read: int, write: int, count: int, taken: int = 0) -> tuple[int, int]:
    """Tokens of a modality, and how many of them must have come from the cache because nothing else fits."""
    count = min(count, tokens - taken - write)
    count = max(count, 0)
    return count, max(0, count + taken - (tokens - read - write))


def _cached(own: Rate | None, card: RateCard, count: int, read: int, tokens: int) -> tuple[Decimal, int]:
    """Cost of a modality's cache reads at their own rate and the cache reads that are left."""
    if own is None or not count:
        return ZERO, read
    return count * own.at(tokens), read - count


def _cache_writes(card: RateCard, usage: Usage, write: int, base: Decimal, tokens: int) -> Decimal:
    rate = card.cache_write.at(tokens) if card.cache_write is not None else base
    if card.cache_write_1h is None:
        return write * rate
    hour = min(usage.cache_write_1h_tokens or 0, write)
    return (write - hour) * rate + hour * card.cache_write_1h.at(tokens)


def _output(card: RateCard, usage: Usage, tokens: int) -> tuple[Decimal, Decimal]:
    """Cost of text output and of audio and image output."""
    left = usage.output_tokens or 0
    cost = other = ZERO
    if card.output_audio is not None and usage.output_audio_tokens:
        count = min(usage.output_audio_tokens, left)
        other += count * card.output_audio.at(tokens)
        left -= count
    if card.output_image is not None and usage.output_image_tokens:
        count = min(usage.output_image_tokens, left)
        other += count * card.output_image.at(tokens)
        left -= count
    if card.output_reasoning is not None and usage.reasoning_tokens:
        count = min(usage.reasoning_tokens, left)
        cost += count * card.output_reasoning.at(tokens)
        left -= count
    if card.output is not None:
        cost += left * card.output.at(tokens)
    return cost, other


def rate_card(prices: Mapping[str, object]) -> RateCard:
    """Rates from genai-prices' price keys (``input_mtok`` etc., US dollars per million)."""
    found: dict[str, Any] = {field: _rate(prices[key]) for key, field in _KEYS.items() if key in prices}
    request = prices.get("requests_kcount")
    return RateCard(**found, request=request / 1000 if isinstance(request, Decimal) else None)


def _rate(price: object) -> Rate | None:
    if isinstance(price, Decimal):
        return Rate(price.scaleb(-6))
    base = getattr(price, "base", None)
    if not isinstance(base, Decimal):
        return None
    tiers = tuple((int(tier.start), tier.price.scaleb(-6)) for tier in getattr(price, "tiers", ()))
    return Rate(base.scaleb(-6), tiers)


_KEYS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cache_audio_read",
    "input_image_mtok": "input_image",
    "cache_image_read_mtok": "cache_image_read",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
}
