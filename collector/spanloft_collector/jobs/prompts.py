"""Which prompts the traffic uses, and which version of each: named by the app, or found by comparing the texts."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.jobs.base import Output
from spanloft_collector.jobs.prompt_templates import MIN_CALLS, Text, families, matches, versions
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import arrow_schema, rows_to_table

LOOKBACK = timedelta(days=1)
"""How long calls without a version are looked at again: a template shows only once enough calls have used it."""
TEXT_CHARS = 8_000
NAME_CHARS = 60
USER_CALLS = 5

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A distinct text with what the app said about it. ``text.text`` is empty when no text was received."""

    text: Text
    name: str | None
    version: str | None
    role: str
    service: str | None


class PromptsJob:
    """Writes ``prompt_versions`` (a row when a version is first seen) and ``prompt_calls`` (which call used which)."""

    name = "prompts"
    version = 1
    reads: Sequence[str] = ("llm_calls", "payloads", "prompt_versions", "prompt_calls")
    writes: Sequence[str] = ("prompt_versions", "prompt_calls")
    every_s = 60.0

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Give the calls of the window, and those of the day before that have none yet, their version."""
        # The first window begins at 1970, before which DuckDB's timestamps go on but Python's calls fail.
        window = {"since": max(since, datetime.fromisoformat("1971-01-01")) - LOOKBACK, "until": until}
        bounds = reader.query("job_prompts_bounds", window, timeout_s=600).to_pylist()[0]
        if bounds["first_time"] is None:
            return Output({})
        parameters = {"first": bounds["first_time"], "last": bounds["last_time"], "text_chars": TEXT_CHARS}
        calls = reader.query("job_prompts_calls", window | parameters, timeout_s=600)
        if not calls.num_rows:
            return Output({})
        known = reader.query("job_prompts_known", {}, timeout_s=600).to_pylist()
        catalog = Catalog(known)
        catalog.learn(samples(calls))
        return Output({"prompt_versions": catalog.new_rows(), "prompt_calls": assigned(calls, catalog.of_key)})


def samples(calls: pa.Table) -> list[Sample]:
    """The distinct texts of rows of ``job_prompts_calls``."""
    uses = calls.group_by("text_key").aggregate([("start_time", "count"), ("start_time", "min"), ("start_time", "max")])
    counted = {row["text_key"]: row for row in uses.to_pylist()}
    found = []
    for row in calls.filter(calls["leads"]).to_pylist():
        use = counted[row["text_key"]]
        text = Text(
            row["text_key"], row["text"] or "", use["start_time_count"], use["start_time_min"], use["start_time_max"]
        )
        found.append(Sample(text, row["prompt_name"], row["prompt_version"], row["role"], row["service_name"]))
    return found


def assigned(calls: pa.Table, of_key: Mapping[str, str]) -> pa.Table:
    """Rows of ``prompt_calls`` for the calls whose text has a version."""
    version_ids = pa.array([of_key.get(key) for key in calls["text_key"].to_pylist()], pa.string())
    schema = arrow_schema("prompt_calls")
    rows = calls.append_column("version_id", version_ids).filter(pc.is_valid(version_ids))
    return rows.select(schema.names).cast(schema)


def digest(*parts: str | None) -> str:
    """12 hex digits of some texts."""
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:12]


class Catalog:
    """The known versions, those found now, and which text belongs to which."""

    def __init__(self, known: Iterable[Row]) -> None:
        self.known = list(known)
        self.new: dict[str, Row] = {}
        self.of_key: dict[str, str] = {}

    def learn(self, found: Sequence[Sample]) -> None:
        """Find the version of every sample that has one."""
        unnamed: dict[tuple[str | None, str], list[Sample]] = defaultdict(list)
        named: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for sample in sorted(found, key=lambda sample: (sample.text.first, sample.text.key)):
            if sample.name and (sample.version or not sample.text.text):
                self._explicit(sample)
            elif sample.name:
                named[sample.name, sample.role].append(sample)
            else:
                unnamed[sample.service, sample.role].append(sample)
        for (name, role), group in named.items():
            known = [row for row in self._all() if row["prompt_id"] == digest(name) and row["role"] == role]
            rest = self._known(group, known)
            if rest:
                self._split(rest, known, prompt_id=digest(name), name=name)
        for (service, role), group in unnamed.items():
            known = [
                row
                for row in self._all()
                if row["source"] == "mined" and row["service_name"] == service and row["role"] == role
            ]
            self._families(self._known(group, known), known)

    def new_rows(self) -> pa.Table:
        """Rows of ``prompt_versions`` for what was not known before."""
        return rows_to_table("prompt_versions", self.new.values())

    def _all(self) -> Iterator[Row]:
        yield from self.known
        yield from self.new.values()

    def _explicit(self, sample: Sample) -> None:
        prompt_id = digest(sample.name)
        self._add(sample, prompt_id, sample.name or "", sample.text.text or None, sample.version, [sample.text.key])

    def _known(self, group: Sequence[Sample], known: Sequence[Row]) -> list[Sample]:
        """Give texts that are made from a known template its version; returns the others."""
        rest = []
        for sample in group:
            # Of several the one with the most constant text says most.
            fits = [row for row in known if row["template"] and matches(row["template"], sample.text.text)]
            if fits:
                self.of_key[sample.text.key] = max(fits, key=lambda row: len(row["template"]))["version_id"]
            else:
                rest.append(sample)
        return rest

    def _families(self, group: Sequence[Sample], known: Sequence[Row]) -> None:
        by_key = {sample.text.key: sample for sample in group}
        templates = [row["template"] or "" for row in known]
        for number, texts in families([sample.text for sample in group], templates):
            members = [by_key[text.key] for text in texts]
            if number is None:
                self._split(members, [], prompt_id=None, name=None)
            else:
                self._split(
                    members, [known[number]], prompt_id=known[number]["prompt_id"], name=known[number]["prompt"]
                )

    def _split(self, group: Sequence[Sample], known: Sequence[Row], *, prompt_id: str | None, name: str | None) -> None:
        """Tell the versions of one prompt apart and add those that are new."""
        by_key = {sample.text.key: sample for sample in group}
        role = group[0].role
        first = min(sample.text.first for sample in group)
        texts = [sample.text for sample in group]
        texts += [Text(row["version_id"], row["template"], 0, first, first) for row in known if row["template"]]
        # What people may have written themselves must show a variable; what the app reports is a template as it is.
        needed = {"user": USER_CALLS, "template": 1}.get(role, MIN_CALLS)
        found = versions(texts, min_calls=needed, needs_slot=role == "user")
        for one in found:
            keys = [key for key in one.keys if key in by_key]
            if keys:
                sample = min((by_key[key] for key in keys), key=lambda sample: sample.text.first)
                prompt_id = prompt_id or digest(sample.service, one.template)
                name = name or heading(one.template)
                self._add(sample, prompt_id, name, one.template, None, keys)

    def _add(
        self,
        sample: Sample,
        prompt_id: str,
        name: str,
        template: str | None,
        version: str | None,
        keys: Iterable[str],
    ) -> None:
        version_id = digest(prompt_id, version) if version else digest(prompt_id, None, template)
        if version_id not in self.new and all(row["version_id"] != version_id for row in self.known):
            self.new[version_id] = {
                "version_id": version_id,
                "prompt_id": prompt_id,
                "prompt": name,
                "version": version,
                "source": "explicit" if sample.name else "mined",
                "role": None if template is None else sample.role,
                "service_name": sample.service,
                "template": template,
                "first_time": sample.text.first,
            }
        self.of_key.update(dict.fromkeys(keys, version_id))


def heading(template: str) -> str:
    """The beginning of a text as its name."""
    line = " ".join(template.split())
    return line if len(line) <= NAME_CHARS else line[: NAME_CHARS - 1].rstrip() + "…"
