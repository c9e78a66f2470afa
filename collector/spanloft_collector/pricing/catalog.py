"""Which model of the price list a call used: provider names, hosts and model ids as emitters write them.

The list is genai-prices' bundled snapshot; nothing is fetched. Every answer says whether the id was in the list
(``exact``) or matched by a looser rule (``pattern``), and notes what was assumed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import genai_prices
from genai_prices import data_snapshot
from genai_prices import types as gp

from .rates import RateCard, rate_card

PRICE_VERSION = f"genai-prices {genai_prices.__version__}"
"""Version of the bundled price list."""

_PROVIDER_IDS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "x_ai": "x-ai",
}
"""Canonical provider names that the list spells differently (or would resolve to another vendor's list)."""

SELF_HOSTED = frozenset(
    {"ollama", "vllm", "llama_cpp", "llama.cpp", "llamacpp", "lmstudio", "lm_studio", "sglang", "tgi", "localai"}
)
"""Servers one runs oneself: they have no list price, only an override can price them."""

_ROUTERS = frozenset({"litellm", "langchain", "llama_index", "llamaindex", "portkey", "unknown", "custom"})
"""Names that say which library made the call, not who served it."""

_VENDORS = frozenset(
    {"openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "voyageai", "moonshotai", "perplexity"}
)
"""Vendors that serve their own models: a model id found in one of their lists is most likely theirs."""

_BEDROCK_REGION = re.compile(r"^(?:[a-z]{2,6}|us-gov)\.(?=[a-z0-9]+\.)")
_PATHS = ("inference-profile/", "foundation-model/", "/models/", "models/")


@dataclass(frozen=True, slots=True)
class Match:
    """A model of the price list, or why there is none."""

    source: str
    """exact, pattern, or none."""
    note: str | None
    provider_id: str | None = None
    provider: Any = None
    model: Any = None


def load() -> None:
    """Load the price list now: half a second and some megabytes, which processes that are forked later share."""
    data_snapshot.get_snapshot()


def find(provider: str | None, model: str, server_address: str | None) -> Match:
    """The list's model for a call.

    Args:
        provider: Provider in the canonical spelling.
        model: Model id as the span has it: regional, dated, an ARN, a path, a LiteLLM ``vendor/model``.
        server_address: Host the client spoke to. It names the vendor better than the client library does, so it
            goes first; a host that is not in the list (a proxy, a test server) says nothing.
    """
    if provider in SELF_HOSTED:
        return Match("none", f"{provider} is self-hosted: price it with an overrides file")
    by_host = provider_of_host(server_address)
    list_provider, note = (by_host, None) if by_host is not None else _provider_of(provider, model)
    if list_provider is None:
        return Match("none", f"provider {provider!r} is not in the price list and model {model!r} names no vendor")
    found = _search(list_provider, model)
    if found is None and note is None and by_host is not None and provider is not None:
        other, _ = _provider_of(provider, model)
        if other is not None and other is not by_host:
            found, list_provider = _search(other, model), other
            note = f"priced by {other.id}'s list: {by_host.id}'s has no such model"
    if found is None:
        return Match("none", f"model {model!r} is not in {list_provider.id}'s price list", list_provider.id)
    list_model, exact, model_note = found
    if not any(list_model is item for item in list_provider.models):
        model_note = _join(model_note, f"{list_provider.id} has no price of its own: the model vendor's list price")
    exact = exact and note is None
    return Match("exact" if exact else "pattern", _join(note, model_note), list_provider.id, list_provider, list_model)


def _join(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


@lru_cache(maxsize=4096)
def provider_of_host(host: str | None) -> gp.Provider | None:
    """Provider of the list that serves at ``host``."""
    if not host or "." not in host:
        return None
    for url in (f"https://{host}", f"https://{host}/ai-gateway/", f"https://{host}/"):
        for provider in data_snapshot.get_snapshot().providers:
            if re.match(provider.api_pattern, url):
                return provider
    return None


@lru_cache(maxsize=4096)
def _provider_of(provider: str | None, model: str) -> tuple[gp.Provider | None, str | None]:
    """Provider of the list by name, else by what the model id says, with a note on what was assumed."""
    providers = data_snapshot.get_snapshot().providers
    if provider is not None and provider not in _ROUTERS:
        wanted = _PROVIDER_IDS.get(provider, provider)
        found = data_snapshot.find_provider_by_id(providers, wanted)
        if found is None and "_" in provider:
            wanted = provider.replace("_", "-")
            found = data_snapshot.find_provider_by_id(providers, wanted)
        if found is not None:
            return found, None if found.id == wanted else f"provider {provider!r} taken for {found.id}"
    head, slash, _ = model.lower().partition("/")
    if slash:
        vendor = data_snapshot.find_provider_by_id(providers, _PROVIDER_IDS.get(head, head))
        if vendor is not None:
            return vendor, None
    reason = "no provider on the span" if provider is None else f"provider {provider!r} is not in the price list"
    for ref in refs(model):
        for item in providers:
            if item.model_match is not None and item.model_match.is_match(ref):
                return item, f"{reason}: vendor guessed from the model id"
        for item in providers:
            if item.id in _VENDORS and any(_is_exact(entry, ref) for entry in item.models):
                return item, f"{reason}: vendor guessed from the model id"
    return None, None


def refs(model: str) -> list[str]:
    """Spellings of a model id to look up, from the span's own to the barest."""
    out = [model.strip().lower()]
    bare = out[0]
    if bare.startswith("arn:"):
        bare = bare.rpartition("/")[2] if "/" in bare else bare.rpartition(":")[2]
        out.append(bare)
    for marker in _PATHS:
        if marker in bare:
            bare = bare.rpartition(marker)[2]
            out.append(bare)
    head, slash, tail = bare.partition("/")
    if slash and tail:
        out.append(tail)
        bare = tail
    region = _BEDROCK_REGION.match(bare)
    if region:
        out.append(bare[region.end() :])
    return list(dict.fromkeys(ref for ref in out if ref))


def _search(provider: gp.Provider, model: str) -> tuple[gp.ModelInfo, bool, str | None] | None:
    """Model of a provider's list, whether the id itself is listed, and a note on a rewritten id."""
    everyone = data_snapshot.get_snapshot().providers
    for index, ref in enumerate(refs(model)):
        found = provider.find_model(ref, all_providers=everyone)
        if found is None:
            continue
        if "application-inference-profile" in model and index:
            return None
        exact = index == 0 and _is_exact(found, ref)
        note = None if index == 0 else f"looked up as {ref!r}"
        return found, exact, note
    return None


def _is_exact(model: gp.ModelInfo, ref: str) -> bool:
    """Whether the list has ``ref`` itself, as an id or an alias."""
    return ref == model.id.lower() or _lists(model.match, ref)


def _lists(match: Any, ref: str) -> bool:
    """Whether a match rule names ``ref`` literally, as the id or an alias."""
    if isinstance(match, gp.ClauseEquals):
        return match.equals.lower() == ref
    if isinstance(match, gp.ClauseOr):
        return any(_lists(clause, ref) for clause in match.or_)
    return False


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates of a list model at a time and tier."""

    card: RateCard
    valid_from: date | None
    note: str | None
    by_time_of_day: bool
    """Whether the rates depend on the hour, so that they hold for this very call only."""
    free: bool


def tariff(match: Match, when: datetime, service_tier: str | None) -> Tariff:
    """Rates of ``match.model`` at a UTC time, for a service tier; a tier without a price falls to standard, noted."""
    model: gp.ModelInfo = match.model
    context, note = _context(match, when, service_tier)
    prices = model.get_prices(when, context)
    values = {key: value for key, value in vars(prices).items() if not key.startswith("_")}
    timed = isinstance(model.prices, list) and any(
        isinstance(item.constraint, gp.TimeOfDateConstraint) for item in model.prices
    )
    card = rate_card(values)
    free = card.is_empty and not values and model.id.endswith(":free")
    return Tariff(card, _valid_from(model, when), note, timed, free)


def _context(match: Match, when: datetime, service_tier: str | None) -> tuple[dict[str, str] | None, str | None]:
    if service_tier is None or service_tier == "standard":
        return None, None
    own = any(match.model is item for item in match.provider.models)
    wanted = [{"processing": "batch"}] if service_tier == "batch" else [{"service_tier": service_tier}]
    if service_tier == "fast":
        wanted.append({"speed": "fast"})
    for context in wanted:
        for variant in match.model.price_variants or () if own else ():
            if variant.when == context and (variant.constraint is None or variant.constraint.active(when)):
                return context, f"{service_tier} tier"
    return None, f"no price for the {service_tier} tier: standard price"


def _valid_from(model: gp.ModelInfo, when: datetime) -> date | None:
    """Start of the price that holds at ``when``, where the list has a history."""
    if not isinstance(model.prices, list):
        return None
    starts = [
        item.constraint.start_date
        for item in model.prices
        if isinstance(item.constraint, gp.StartDateConstraint) and item.constraint.active(when)
    ]
    return max(starts, default=None)


def utc(ns: int) -> datetime:
    """UTC time of Unix nanoseconds; times that no calendar holds are the epoch."""
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
