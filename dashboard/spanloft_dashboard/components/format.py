"""How numbers, times and foreign text are written. Unknown is written as unknown, never as 0."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

UNKNOWN = "unknown"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&])")
# Markdown turns bare addresses into links even where every mark is escaped; an invisible joiner stops it.
_AUTOLINK = re.compile(r"://|www\.|.@", re.IGNORECASE)
JOINER = "\u2060"
_CONTROL = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "␡"}
# Marks that turn the reading direction around can make text look like other text: they are shown, not obeyed.
_BIDI = {code: f"⟨U+{code:04X}⟩" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}
_VISIBLE = _CONTROL | _BIDI


def count(value: float | None) -> str:
    """1234567 -> '1.23 M'; exact below 10,000."""
    if value is None:
        return UNKNOWN
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    for limit, divisor, unit in ((1e6, 1e3, "k"), (1e9, 1e6, "M"), (float("inf"), 1e9, "B")):
        if abs(value) < limit:
            scaled = value / divisor
            return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.1f} {unit}"
    return UNKNOWN


def money(value: float | None) -> str:
    """US dollars with as many digits as the size asks for."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    size = abs(value)
    digits = 0 if size >= 1000 else 2 if size >= 1 else 3 if size >= 0.1 else 4 if size >= 0.001 else 6
    return f"{'-' if value < 0 else ''}${size:,.{digits}f}"


def duration(ms: float | None) -> str:
    """Milliseconds as '840 ms', '4.98 s' or '3 min 20 s'."""
    if ms is None:
        return UNKNOWN
    if ms < 10:
        return f"{ms:.1f} ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 100_000:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def speed(tokens_per_s: float | None) -> str:
    """Tokens per second."""
    return UNKNOWN if tokens_per_s is None else f"{tokens_per_s:,.0f} tok/s"


def decimal(value: float | None) -> str:
    """A number with one decimal."""
    return UNKNOWN if value is None else f"{value:,.1f}"


def size(value: float | None) -> str:
    """Bytes as '12.3 MB'."""
    if value is None:
        return UNKNOWN
    for limit, divisor, unit in ((1e3, 1, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (float("inf"), 1e9, "GB")):
        if value < limit:
            return f"{value / divisor:.0f} {unit}" if unit in ("B", "kB") else f"{value / divisor:.1f} {unit}"
    return UNKNOWN


def percent(share: float | None) -> str:
    """A share of 1 as '1.2 %'."""
    if share is None:
        return UNKNOWN
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    return f"{share * 100:.2f} %" if 0 < share < 0.01 else f"{share * 100:.1f} %"


def change(now: float | None, before: float | None) -> str | None:
    """Relative change as '+12 %'; None when there is nothing to compare with."""
    if now is None or not before:
        return None
    relative = now / before - 1
    if abs(relative) < 0.0005:
        return "0 %"
    return signed(relative)


def signed(relative: float | None) -> str:
    """A relative change as '+12 %', from tenfold on as '×12'."""
    if relative is None:
        return UNKNOWN
    if relative >= 9:
        return f"×{relative + 1:,.0f}"
    return f"{relative * 100:+,.0f} %" if abs(relative) >= 0.1 else f"{relative * 100:+.1f} %"


def ago(seconds: float) -> str:
    """Age in one unit: '12 s', '4 min', '3 h', '2 d'."""
    seconds = max(seconds, 0)
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def viewer_zone() -> ZoneInfo:
    """Time zone of the viewer's browser; UTC when it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def local(moment: dt.datetime) -> dt.datetime:
    """A naive UTC time of the store in the viewer's zone."""
    return moment.replace(tzinfo=dt.UTC).astimezone(viewer_zone())


def clock(moment: dt.datetime, *, milliseconds: bool = False) -> str:
    """A naive UTC time as '2026-10-17 14:03:11' in the viewer's zone."""
    text = f"{local(moment):%Y-%m-%d %H:%M:%S.%f}"
    return text[:-3] if milliseconds else text[:-7]


def label(text: object, limit: int = 80) -> str:
    """Foreign text for a widget label: Markdown escaped, so that a name can neither format, link nor load anything."""
    return _MARKDOWN.sub(r"\\\1", _AUTOLINK.sub(lambda found: JOINER.join(found.group()), shorten(str(text), limit)))


def shorten(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def visible(text: str) -> str:
    """Text with control characters and direction marks made visible."""
    return text.translate(_VISIBLE)
