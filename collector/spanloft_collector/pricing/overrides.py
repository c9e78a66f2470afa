"""Prices of one's own: a YAML file for self-hosted models, discounts, and models the list lacks.

    version: 2026-11                # any label; becomes part of price_version
    prices:
      - model: "llama-3.3-*"        # glob, required
        provider: ollama            # glob; any provider when left out
        server: "gpu-*.internal"    # glob on the host; any host when left out
        from: 2026-01-01            # UTC day from which it holds; always when left out
        input_per_mtok: 0.05        # US dollars per million tokens
        output_per_mtok: 0.10
      - model: "qwen3-*"
        per_hour: 2.40              # US dollars per hour of the call's duration
        concurrency: 8              # calls that share the machine at a time, 1 when left out

The first entry whose globs match counts; of entries with the same globs, the one with the latest ``from``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from .rates import Rate, RateCard

_RATES = {
    "input_per_mtok": "input",
    "output_per_mtok": "output",
    "cache_read_per_mtok": "cache_read",
    "cache_write_per_mtok": "cache_write",
    "cache_write_1h_per_mtok": "cache_write_1h",
    "input_audio_per_mtok": "input_audio",
    "output_audio_per_mtok": "output_audio",
    "input_image_per_mtok": "input_image",
    "output_image_per_mtok": "output_image",
    "output_reasoning_per_mtok": "output_reasoning",
}
_GLOBS = ("model", "provider", "server", "service_tier")
_KNOWN = frozenset({*_RATES, *_GLOBS, "from", "per_request", "per_hour", "concurrency", "note"})


class OverridesError(ValueError):
    """An overrides file that can't be used: the message names the file, the entry, the field and what is expected."""


@dataclass(frozen=True, slots=True)
class Override:
    """One entry: when it applies, from which day, and its rates."""

    model: str
    provider: str
    server: str
    service_tier: str
    since: date
    card: RateCard
    label: str

    def matches(self, provider: str | None, model: str, server_address: str | None, service_tier: str | None) -> bool:
        """Whether the globs fit a call; case does not matter."""
        return (
            fnmatchcase(model.lower(), self.model)
            and (self.provider == "*" or fnmatchcase((provider or "").lower(), self.provider))
            and (self.server == "*" or fnmatchcase((server_address or "").lower(), self.server))
            and (self.service_tier == "*" or fnmatchcase(service_tier or "standard", self.service_tier))
        )

    @property
    def globs(self) -> tuple[str, str, str, str]:
        """What makes two entries versions of each other."""
        return (self.model, self.provider, self.server, self.service_tier)


@dataclass(frozen=True, slots=True)
class Overrides:
    """A loaded file."""

    entries: tuple[Override, ...] = ()
    version: str = ""

    def find(
        self, provider: str | None, model: str, server_address: str | None, service_tier: str | None, day: date
    ) -> Override | None:
        """The entry that prices a call on a UTC day, or ``None``."""
        first: Override | None = None
        for entry in self.entries:
            if entry.since > day:
                continue
            if first is None:
                if entry.matches(provider, model, server_address, service_tier):
                    first = entry
            elif entry.globs == first.globs and entry.since > first.since:
                first = entry
        return first


NO_OVERRIDES = Overrides()


def load_overrides(path: Path) -> Overrides:
    """Read an overrides file.

    Raises:
        OverridesError: The file is missing, no YAML, or an entry is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OverridesError(f"{path}: can't be read: {error}") from error
    return parse_overrides(text, str(path))


def parse_overrides(text: str, source: str) -> Overrides:
    """Overrides from YAML text; ``source`` names the file in errors.

    Raises:
        OverridesError: The text is no YAML or an entry is wrong.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise OverridesError(f"{source}: is no valid YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return NO_OVERRIDES
    if not isinstance(document, dict) or not isinstance(document.get("prices"), list):
        raise OverridesError(f"{source}: expected a mapping with a list under 'prices'")
    entries = tuple(_entry(raw, f"{source}: entry {index}") for index, raw in enumerate(document["prices"], start=1))
    label = str(document.get("version") or hashlib.sha256(text.encode()).hexdigest()[:8])
    return Overrides(entries, f"overrides {label}")


def _entry(raw: Any, where: str) -> Override:
    if not isinstance(raw, dict):
        raise OverridesError(f"{where}: expected a mapping, got {_shown(raw)}")
    unknown = sorted(str(key) for key in raw if key not in _KNOWN)
    if unknown:
        raise OverridesError(f"{where}, field {unknown[0]!r}: unknown; expected one of {', '.join(sorted(_KNOWN))}")
    globs = {key: _glob(raw, key, where) for key in _GLOBS}
    rates = {field: _amount(raw, key, where) for key, field in _RATES.items() if key in raw}
    hour = _amount(raw, "per_hour", where) if "per_hour" in raw else None
    if "concurrency" in raw:
        share = _amount(raw, "concurrency", where)
        if hour is None or share <= 0:
            raise OverridesError(f"{where}, field 'concurrency': expected a number above 0 beside 'per_hour'")
        hour /= share
    request = _amount(raw, "per_request", where) if "per_request" in raw else None
    if "input" not in rates and "output" not in rates and hour is None and request is None:
        raise OverridesError(f"{where}: expected a price: input_per_mtok and output_per_mtok, per_request, or per_hour")
    own: dict[str, Any] = {field: Rate(amount.scaleb(-6)) for field, amount in rates.items()}
    card = RateCard(**own, request=request, hour=hour)
    label = f"{globs['provider']}/{globs['model']}"
    return Override(since=_since(raw, where), card=card, label=label, **globs)


def _glob(raw: Mapping[str, Any], key: str, where: str) -> str:
    value = raw.get(key, None if key == "model" else "*")
    if not isinstance(value, str) or not value.strip():
        raise OverridesError(f"{where}, field {key!r}: expected a name or glob as text, got {_shown(value)}")
    return value.strip().lower()


def _amount(raw: Mapping[str, Any], key: str, where: str) -> Decimal:
    value = raw[key]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise InvalidOperation
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 9:
        raise OverridesError(f"{where}, field {key!r}: expected a number from 0, got {_shown(value)}")
    return amount


def _since(raw: Mapping[str, Any], where: str) -> date:
    value = raw.get("from")
    if value is None:
        return date.min
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise OverridesError(f"{where}, field 'from': expected a day like 2026-01-31, got {_shown(value)}") from error


def _shown(value: Any) -> str:
    text = repr(value)
    return "nothing" if value is None else text if len(text) <= 60 else text[:57] + "..."
