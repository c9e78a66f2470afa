"""Cost of one call, with where the price came from.

Order: an override, the response model in the price list, the request model in the price list, the cost the client
reported. What none of them prices has no cost (``None``), never 0, and a note that says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ..model import Canonical
from . import catalog
from .overrides import NO_OVERRIDES, Overrides
from .rates import MAX_PLAIN_TOKENS, ZERO, Components, PlainRates, RateCard, charge, plain_charge, plain_rates
from .usage import Usage

_DAY_NS = 86_400_000_000_000
_Names = tuple[str | None, str | None, str | None, str | None, str | None]
"""Provider, response model, request model, server address and service tier: what a price is looked up by."""
_MAX_MEMO = 20_000
_PRICED_BY_LIST = ("exact", "pattern")


class Price(NamedTuple):
    """The columns of the ``costs`` dataset that pricing decides. Costs are US dollars; ``None`` is unknown."""

    provider: str | None
    model: str | None
    price_model: str | None = None
    price_provider: str | None = None
    uncached_input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    input_cost_usd: Decimal | None = None
    cache_read_cost_usd: Decimal | None = None
    cache_write_cost_usd: Decimal | None = None
    output_cost_usd: Decimal | None = None
    other_cost_usd: Decimal | None = None
    cost_usd: Decimal | None = None
    reported_cost_usd: float | None = None
    usage_source: str = "missing"
    price_source: str = "none"
    price_note: str | None = None
    price_date: date | None = None
    price_version: str | None = None


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A price found for (provider, models, host, tier, day): all that does not depend on the tokens."""

    source: str
    note: str | None
    model: str | None
    price_model: str | None = None
    price_provider: str | None = None
    card: RateCard | None = None
    valid_from: date | None = None
    version: str | None = None
    by_time_of_day: bool = False
    plain: tuple[tuple[int, PlainRates], ...] = ()


class Pricer:
    """Prices calls with the bundled list and an overrides file; resolved prices are memoised per day.

    Not thread-safe in the sense of exact cache bounds, but any interleaving gives right prices.
    """

    def __init__(self, overrides: Overrides = NO_OVERRIDES) -> None:
        self._overrides = overrides
        self._memo: dict[tuple[str | None, str | None, str | None, str | None, str | None, int], _Resolved] = {}

    @property
    def version(self) -> str:
        """Version of the prices in use: the list's, and the overrides' when there are any."""
        own = self._overrides.version
        return f"{catalog.PRICE_VERSION}, {own}" if own else catalog.PRICE_VERSION

    def price_call(
        self,
        *,
        provider: str | None,
        response_model: str | None,
        request_model: str | None,
        server_address: str | None,
        usage: Usage,
        service_tier: str | None,
        start_time: int | datetime,
        duration_s: float | None = None,
        reported_cost_usd: float | None = None,
    ) -> Price:
        """Price one call.

        Args:
            provider: Provider in the canonical spelling.
            response_model: Model that answered; looked up first.
            request_model: Model that was asked for; looked up when the other is unknown.
            server_address: Host the client spoke to.
            usage: Tokens on the inclusive footing.
            service_tier: standard, flex, priority, batch; ``None`` is standard.
            start_time: Start of the call, Unix nanoseconds or a datetime (UTC when naive).
            duration_s: Duration in seconds; only per-hour overrides need it.
            reported_cost_usd: Cost the client reported; used only when nothing else prices the call.
        """
        start_ns = start_time if isinstance(start_time, int) else _ns(start_time)
        found = self._find((provider, response_model, request_model, server_address, service_tier), start_ns)
        return _priced(found, provider, usage, duration_s, reported_cost_usd)

    def cost_of(
        self, fields: Canonical, usage: Usage, start_ns: int, duration_s: float | None
    ) -> tuple[float | None, str, str | None]:
        """``cost_usd``, ``price_source`` and ``price_version`` as :meth:`price_call` says them, in less time.

        Args:
            fields: what the dialect read.
            usage: tokens on the inclusive footing.
            start_ns: start of the call, Unix nanoseconds.
            duration_s: duration in seconds, where it is known.
        """
        get: Any = fields.get
        provider = get("provider")
        names = (provider, get("response_model"), get("request_model"), get("server_address"), get("service_tier"))
        found = self._find(names, start_ns)
        tokens, output = usage[:2]
        if found.plain and tokens is not None and output is not None and tokens + output < MAX_PLAIN_TOKENS:
            for start, rates in found.plain:
                if tokens > start:
                    return plain_charge(rates, usage), found.source, found.version
        price = _priced(found, provider, usage, duration_s, get("reported_cost_usd"))
        return None if price.cost_usd is None else float(price.cost_usd), price.price_source, price.price_version

    def _find(self, names: _Names, start_ns: int) -> _Resolved:
        """The price of :meth:`_resolve`, remembered."""
        key = (*names, start_ns // _DAY_NS)
        found = self._memo.get(key)
        if found is None:
            found = self._resolve(names, start_ns)
            if found.card is not None:
                found = replace(found, plain=plain_rates(found.card))
            if not found.by_time_of_day:
                if len(self._memo) >= _MAX_MEMO:
                    self._memo.clear()
                self._memo[key] = found
        return found

    def _resolve(self, names: _Names, start_ns: int) -> _Resolved:
        provider, response_model, request_model, server_address, service_tier = names
        models = [model for model in dict.fromkeys((response_model, request_model)) if model]
        if not models:
            return _Resolved("none", "the span names no model", None)
        when = catalog.utc(start_ns)
        for model in models:
            entry = self._overrides.find(provider, model, server_address, service_tier, when.date())
            if entry is not None:
                since = None if entry.since == date.min else entry.since
                return _Resolved(
                    "override", None, model, entry.label, provider, entry.card, since, self._overrides.version
                )
        first: _Resolved | None = None
        for model in models:
            found = _from_list(provider, model, server_address, service_tier, when)
            if found.card is not None:
                if first is not None:
                    note = f"response model {models[0]!r} has no price: priced by the request model"
                    return _with_note(found, note)
                return found
            first = first or found
        return first or _Resolved("none", "the span names no model", None)


def _from_list(
    provider: str | None, model: str, server_address: str | None, service_tier: str | None, when: datetime
) -> _Resolved:
    match = catalog.find(provider, model, server_address)
    if match.model is None:
        return _Resolved("none", match.note, model, price_provider=match.provider_id)
    tariff = catalog.tariff(match, when, service_tier)
    card: RateCard | None = tariff.card
    if tariff.card.is_empty and not tariff.free:
        return _Resolved(
            "none",
            f"the price list has no price per token for {match.model.id!r}",
            model,
            price_provider=match.provider_id,
        )
    return _Resolved(
        match.source,
        _join(match.note, tariff.note, "free model" if tariff.free else None),
        model,
        match.model.id,
        match.provider_id,
        card,
        tariff.valid_from,
        catalog.PRICE_VERSION,
        tariff.by_time_of_day,
    )


def _with_note(found: _Resolved, note: str) -> _Resolved:
    return _Resolved(
        found.source,
        f"{found.note}; {note}" if found.note else note,
        found.model,
        found.price_model,
        found.price_provider,
        found.card,
        found.valid_from,
        found.version,
        found.by_time_of_day,
    )


def _priced(
    found: _Resolved, provider: str | None, usage: Usage, duration_s: float | None, reported: float | None
) -> Price:
    lack = _lacking(found, usage, duration_s)
    card = found.card
    if card is None or lack is not None:
        return _unpriced(found, provider, usage, lack, reported)
    cost: Components = charge(card, usage, duration_s)
    read, write, uncached = _split(usage)
    return Price(
        provider=provider,
        model=found.model,
        price_model=found.price_model,
        price_provider=found.price_provider,
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=usage.output_tokens,
        input_cost_usd=cost.input,
        cache_read_cost_usd=cost.cache_read,
        cache_write_cost_usd=cost.cache_write,
        output_cost_usd=cost.output,
        other_cost_usd=cost.other,
        cost_usd=cost.total,
        reported_cost_usd=reported,
        usage_source=usage.usage_source,
        price_source=found.source,
        price_note=_join(found.note, _unrated(card, usage)),
        price_date=found.valid_from,
        price_version=found.version,
    )


def _unpriced(found: _Resolved, provider: str | None, usage: Usage, lack: str | None, reported: float | None) -> Price:
    """No cost, or the client's own where it sent one."""
    read, write, uncached = _split(usage)
    return Price(
        provider=provider,
        model=found.model,
        price_model=found.price_model,
        price_provider=found.price_provider,
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=usage.output_tokens,
        other_cost_usd=Decimal(repr(reported)) if reported is not None else None,
        cost_usd=Decimal(repr(reported)) if reported is not None else None,
        reported_cost_usd=reported,
        usage_source=usage.usage_source,
        price_source="reported" if reported is not None else "none",
        price_note=_join(found.note, lack),
        price_version=found.version,
    )


def _join(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _unrated(card: RateCard, usage: Usage) -> str | None:
    """Tokens of a kind that vendors bill apart, but the list does not know a rate for."""
    if not card.per_token:
        return None
    audio = (usage.input_audio_tokens and card.input_audio is None) or (
        usage.output_audio_tokens and card.output_audio is None
    )
    return "no rate for audio tokens: billed as text" if audio else None


def _lacking(found: _Resolved, usage: Usage, duration_s: float | None) -> str | None:
    """What a priced model still needs to be charged; a sum of half the tokens would look like a cost."""
    card = found.card
    if card is None or card.is_empty:
        return None
    if card.hour is not None and duration_s is None:
        return "priced per hour, but the duration is unknown"
    if not card.per_token:
        return None
    if usage.usage_source == "missing":
        return "the span reports no usage"
    if card.input is not None and usage.input_tokens is None:
        return "the span reports no input tokens"
    if card.output is not None and usage.output_tokens is None and not usage.input_only:
        return "the span reports no output tokens"
    return None


def _split(usage: Usage) -> tuple[int | None, int | None, int | None]:
    tokens = usage.input_tokens
    if tokens is None:
        return usage.cache_read_tokens, usage.cache_write_tokens, None
    write = min(usage.cache_write_tokens or 0, tokens)
    read = min(usage.cache_read_tokens or 0, tokens - write)
    return (
        None if usage.cache_read_tokens is None else read,
        None if usage.cache_write_tokens is None else write,
        tokens - read - write,
    )


def _ns(when: datetime) -> int:
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000


__all__ = ["ZERO", "Price", "Pricer"]
