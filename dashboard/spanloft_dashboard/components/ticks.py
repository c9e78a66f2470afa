"""Where an axis has ticks, and what they say."""

from __future__ import annotations

import datetime as dt
import math

Tick = tuple[float, str]

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the store's times are UTC without zone
DAY_S = 86_400
STEPS_S = (1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S, 28 * DAY_S)
ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def milliseconds(moment: dt.datetime) -> float:
    """A time without a zone as milliseconds since 1970."""
    return (moment - EPOCH) / dt.timedelta(milliseconds=1)


def of_time(low: float, high: float, count: int = 8, zone: dt.tzinfo = dt.UTC) -> list[Tick]:
    """Ticks between two UTC times in milliseconds, at round times of ``zone``: the hour, and a day's begin."""
    wanted = (high - low) / 1000 / count
    step = next((size for size in STEPS_S if size >= wanted), STEPS_S[-1] * max(1, math.ceil(wanted / STEPS_S[-1])))
    found: list[Tick] = []
    day: dt.date | None = None
    first, last = (_clock(moment, zone) for moment in (low, high))
    for place in range(math.floor(first / step) * step, math.ceil(last) + step, step):
        moment = EPOCH + dt.timedelta(seconds=place)
        at = milliseconds(moment.replace(tzinfo=zone).astimezone(dt.UTC).replace(tzinfo=None))
        if not low <= at <= high:
            continue
        if step >= DAY_S:
            label = f"{moment:%-d %b}"
        else:
            label = f"{moment:%H:%M:%S}" if step < 60 else f"{moment:%H:%M}"
            if moment.date() != day:
                label += f"\n{moment:%-d %b}"
            day = moment.date()
        found.append((at, label))
    return found


def _clock(ms: float, zone: dt.tzinfo) -> float:
    """What the clock of ``zone`` shows at a UTC time, in seconds since 1970."""
    moment = (EPOCH + dt.timedelta(milliseconds=ms)).replace(tzinfo=dt.UTC).astimezone(zone)
    return milliseconds(moment.replace(tzinfo=None)) / 1000


def of_numbers(low: float, high: float, *, prefix: str = "", suffix: str = "", count: int = 4) -> list[Tick]:
    """Round numbers from ``low`` to the first one that is not below ``high``."""
    if not high > low:
        high = low + 1
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in ROUND if size * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [(number * step, short(number * step, step, prefix, suffix)) for number in range(first, last + 1)]


def short(value: float, step: float, prefix: str = "", suffix: str = "") -> str:
    """A tick's number with as few digits as tell it from its neighbours: 2500 is '2.5k'."""
    for size, unit in UNITS:
        if abs(value) >= size and step >= size / 100:
            value, step, suffix = value / size, step / size, unit + suffix
            break
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{abs(value):,.{digits}f}"
    if step < 10**-digits or round(step * 10**digits) != step * 10**digits:
        text = f"{abs(value):,.{digits + 1}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{'−' if value < 0 else ''}{prefix}{text}{suffix}"
