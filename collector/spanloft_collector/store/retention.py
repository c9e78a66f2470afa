"""Retention: which days, or projects' parts of days, a store no longer keeps. Plans; the stores carry them out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from pydantic import ByteSize, TypeAdapter

_BYTES = TypeAdapter(ByteSize)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long data is kept, in whole UTC days, and how much of it, in compressed bytes; None is no limit."""

    days: int | None = None
    project_days: Mapping[str, int] = field(default_factory=dict)
    max_bytes: int | None = None
    project_bytes: Mapping[str, int] = field(default_factory=dict)

    @property
    def limited(self) -> bool:
        """Whether anything ever expires."""
        limits = (self.days, self.max_bytes)
        return any(limit is not None for limit in limits) or bool(self.project_days or self.project_bytes)

    def expired(self, project: str | None, day: str, today: date) -> bool:
        """Whether a project's data of a day is older than its term."""
        term = self.days if project is None else self.project_days.get(project, self.days)
        return term is not None and day < str(today - timedelta(days=term))


def parse_retention(days: str | None, size: str | None) -> Retention:
    """Terms and sizes from the settings, which have checked them: ``30``, ``30,demo=7``; ``50GB``, ``demo=5GB``."""
    term, projects = _entries(days, int)
    limit, project_limits = _entries(size, lambda text: int(_BYTES.validate_python(text)))
    return Retention(term, projects, limit, project_limits)


def _entries(text: str | None, read: Callable[[str], int]) -> tuple[int | None, dict[str, int]]:
    default: int | None = None
    projects: dict[str, int] = {}
    for entry in filter(None, (entry.strip() for entry in (text or "").split(","))):
        project, separator, value = entry.rpartition("=")
        if separator:
            projects[project.strip()] = read(value.strip())
        else:
            default = read(value)
    return default, projects


@dataclass(frozen=True, slots=True)
class Expiry:
    """What leaves of one day, and why. ``projects`` is empty when the day leaves as a whole.

    ``rows`` counts by dataset; ``bytes`` is the size of the files, for single projects their share of the spans.
    ``files`` are those of the day, where the store names files itself.
    """

    day: str
    reason: str
    rows: Mapping[str, int]
    bytes: int
    projects: frozenset[str] = frozenset()
    files: Sequence[Any] = ()


class DayContent:
    """What a store holds of one UTC day."""

    def __init__(
        self, rows: Mapping[str, int], size: int, span_size: int, count: Callable[[], Mapping[str, int]]
    ) -> None:
        """Describe a day.

        Args:
            rows: by dataset.
            size: bytes of all its files.
            span_size: bytes of the datasets whose rows belong to spans.
            count: spans by project, also those with 0; called when it matters, because it has to read.
        """
        self.rows, self.bytes, self.span_bytes = rows, size, span_size
        self._count = count

    @cached_property
    def projects(self) -> Counter[str]:
        """Spans by project."""
        return Counter(self._count())

    def share(self, project: str) -> int:
        """Bytes of a project: its share of the spans."""
        return self.span_bytes * self.projects[project] // max(1, self.projects.total())


def plan(days: Mapping[str, DayContent], retention: Retention, today: date) -> list[Expiry]:
    """What expires now, oldest day first."""
    planning = _Planning(days)
    for day in sorted(days):
        planning.by_age(day, retention, today)
    for project in sorted(retention.project_bytes):
        planning.by_project_size(project, retention.project_bytes[project])
    if retention.max_bytes is not None:
        planning.by_size(retention.max_bytes)
    return planning.result()


class _Planning:
    def __init__(self, days: Mapping[str, DayContent]) -> None:
        self.days = days
        self._whole: dict[str, str] = {}
        self._gone: dict[str, set[str]] = defaultdict(set)
        self._reasons: dict[str, list[str]] = defaultdict(list)

    def by_age(self, day: str, retention: Retention, today: date) -> None:
        if not retention.project_days:
            if retention.expired(None, day, today):
                self._whole[day] = f"older than {retention.days} days"
            return
        terms = [*retention.project_days.values(), *([] if retention.days is None else [retention.days])]
        if day >= str(today - timedelta(days=min(terms))):
            return
        projects = self.days[day].projects
        expired = {project for project in projects if retention.expired(project, day, today)}
        if expired == projects.keys() and (projects or retention.expired(None, day, today)):
            self._whole[day] = "older than its projects are kept"
        elif expired:
            self._gone[day] = expired
            self._reasons[day].append(f"project {', '.join(sorted(expired))}")

    def by_project_size(self, project: str, limit: int) -> None:
        sizes = {
            day: content.share(project)
            for day, content in self.days.items()
            if day not in self._whole and project not in self._gone[day]
        }
        total = sum(sizes.values())
        # The newest day stays whatever its size: it is being written.
        for day in sorted(sizes)[:-1]:
            if total <= limit:
                return
            if not sizes[day]:
                continue
            total -= sizes[day]
            self._gone[day].add(project)
            reason = f"project {project} has more bytes than are kept"
            self._reasons[day].append(reason)
            if self._gone[day] >= self.days[day].projects.keys():
                self._whole[day] = reason

    def by_size(self, limit: int) -> None:
        sizes = {day: self._left(day) for day in self.days if day not in self._whole}
        total = sum(sizes.values())
        for day in sorted(sizes)[:-1]:
            if total <= limit:
                return
            self._whole[day] = "more bytes than are kept"
            total -= sizes[day]

    def _left(self, day: str) -> int:
        return self.days[day].bytes - sum(self.days[day].share(project) for project in self._gone[day])

    def result(self) -> list[Expiry]:
        plans = []
        for day, content in sorted(self.days.items()):
            if day in self._whole:
                plans.append(Expiry(day, self._whole[day], dict(content.rows), content.bytes))
            elif gone := self._gone.get(day):
                spans = sum(content.projects[project] for project in gone)
                size = sum(content.share(project) for project in gone)
                plans.append(Expiry(day, "; ".join(self._reasons[day]), {"spans": spans}, size, frozenset(gone)))
        return plans
