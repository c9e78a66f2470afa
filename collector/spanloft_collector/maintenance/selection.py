"""Which spans a maintenance command is about: a time range and patterns of names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.errors import SpanloftError
from spanloft_collector.store.rewrite import between

DAY_US = 86_400_000_000
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Selection:
    """A range ``[since, until)`` of start times in Unix microseconds, and globs; None selects everything."""

    since_us: int | None = None
    until_us: int | None = None
    model: str | None = None
    scope: str | None = None
    dialect: str | None = None
    service: str | None = None

    def covers_day(self, day: str) -> bool:
        """Whether any time of a UTC day ("YYYY-MM-DD") is in the range."""
        first = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000
        return (self.until_us is None or first < self.until_us) and (
            self.since_us is None or first + DAY_US > self.since_us
        )

    def mask(self, spans: pa.Table) -> pa.ChunkedArray:
        """Which rows of ``spans`` are selected."""
        chosen = between(spans.column("start_time"), self.since_us, self.until_us)
        if self.model is not None:
            chosen = pc.and_(
                chosen,
                pc.or_(
                    glob_mask(spans.column("response_model"), self.model),
                    glob_mask(spans.column("request_model"), self.model),
                ),
            )
        for pattern, column in ((self.scope, "scope_name"), (self.dialect, "dialect"), (self.service, "service_name")):
            if pattern is not None:
                chosen = pc.and_(chosen, glob_mask(spans.column(column), pattern))
        return chosen


def glob_mask(values: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    """Which texts fit a glob, letter case aside; NULL fits none, except that ``none`` asks for it."""
    if pattern == "none":
        return pc.is_null(values)
    fitting = [
        value
        for value in pc.unique(values).to_pylist()
        if value is not None and fnmatchcase(value.lower(), pattern.lower())
    ]
    return pc.is_in(values, value_set=pa.array(fitting, pa.string()))


def parse_time(text: str | None, option: str, now: datetime | None = None) -> int | None:
    """Unix microseconds of ``2026-03-01``, ``2026-03-01T12:00`` (UTC unless it says otherwise), or ``7d`` ago.

    Raises:
        SpanloftError: the text is none of these.
    """
    if text is None:
        return None
    now = now or datetime.now(UTC)
    if match := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip()):
        when = now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    else:
        try:
            when = datetime.fromisoformat(text.strip())
        except ValueError:
            raise SpanloftError(
                f"{option} {text}: expected a day or time like 2026-03-01 or 2026-03-01T12:00 (UTC), or 7d, 12h, 30m"
            ) from None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
