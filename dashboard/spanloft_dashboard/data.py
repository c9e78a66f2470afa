"""Cached calls of named queries. The only module that knows where the store is and how it is read."""

from __future__ import annotations

import datetime as dt
import functools
import math
import os
import re
import shlex
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow as pa
import streamlit as st
from spanloft_collector.errors import StoreError
from spanloft_collector.location import LakeAddress, Location, local_folder, parse_location, setting_of
from spanloft_collector.store.opening import open_reader
from spanloft_collector.store.reader import DuckDBReader, has_query, named_query

from spanloft_dashboard.launch import ENDPOINT_VARIABLE, LOCAL_VARIABLE, STORE_VARIABLE

VIEW_FILE = "spanloft.duckdb"
MANIFESTS = "manifest"
FRESH_SECONDS = 3
"""How old an answer may be when something new was stored meanwhile."""
LIVE_SECONDS = 0.5
"""The same for a page that plays."""
COSTLY, LIVE_COSTLY = 8.0, 2.0
"""An answer may be as many times as old as its query took, if that is longer: what takes a second is asked for once in
eight, however many people look."""
OLDEST_SECONDS = 15.0
"""But never older."""
CACHE_SECONDS = 1_800
"""How long an answer is kept while nothing new is stored."""
CACHE_ENTRIES = 500
TIMEOUT_S = 15.0
HOURS = "_hours"
"""Ending of the queries that read sums of whole hours."""
HOUR_S = 3_600
AT_ONCE = 2
"""Queries that run at the same time; each uses all cores, so more would only make every one of them late."""
LAG_S = 7_200.0
"""How far behind, in seconds of ingest, the sums may be and still be quicker than the calls."""
Key = tuple[str, str, int, str, tuple[tuple[str, Hashable], ...]]
"""Store, this machine's folder of it, version of its data, query, parameters."""


def store_location() -> Location:
    """Where the store is that is shown.

    Raises:
        StoreError: when none was named.
    """
    value = os.environ.get(STORE_VARIABLE)
    if not value:
        raise StoreError(f"no store was named; start the dashboard with: spanloft dashboard, or set {STORE_VARIABLE}")
    return _location(value)


def store_path() -> Path:
    """Directory with the view file: the store's, or this machine's where the store is a DuckLake."""
    return _folder(store_location(), os.environ.get(LOCAL_VARIABLE))


def lake() -> LakeAddress | None:
    """The DuckLake, where the store is one."""
    location = store_location()
    return location if isinstance(location, LakeAddress) else None


def shell_command() -> str:
    """How the same is queried in a terminal."""
    if lake() is not None:
        return 'spanloft sql "FROM llm_calls"'
    return f"duckdb -readonly {shlex.quote(str(store_path() / VIEW_FILE))}"


def endpoint() -> str:
    """OTLP/HTTP address of the collector."""
    return os.environ.get(ENDPOINT_VARIABLE, "http://127.0.0.1:4318")


@functools.lru_cache(maxsize=8)
def _location(value: str) -> Location:
    return parse_location(value)


@functools.lru_cache(maxsize=8)
def _folder(location: Location, local: str | None) -> Path:
    return local_folder(location, Path(local) if local else None)


@functools.lru_cache(maxsize=8)
def _setting(location: Location) -> str:
    return setting_of(location)


@st.cache_resource(show_spinner=False)
def _reader(place: str, folder: str) -> DuckDBReader:
    return open_reader(parse_location(place), Path(folder))


# What a query returns is small, since charts are bucketed and lists limited. Results are kept until something new is
# published, and then for some seconds: all panels and viewers of one moment share them. Tables never change, so
# everybody gets the same one. A page asks thirty times, so the key is made of what Python hashes by itself.
_turns = threading.Semaphore(AT_ONCE)
_lock = threading.Lock()
_answers: OrderedDict[Key, tuple[float, Future[pa.Table]]] = OrderedDict()
_costs: dict[str, float] = {}
"""Seconds that each query took the last time."""


@functools.lru_cache(maxsize=64)
def _version(store: str, moment: int) -> int:
    """A number that changes when something was published; where the store can't tell, it changes with ``moment``."""
    try:
        return (Path(store) / MANIFESTS).stat().st_mtime_ns
    except OSError:
        return moment


def _answer(key: Key, parameters: Mapping[str, Any]) -> pa.Table:
    """The answer that is known, or that somebody else is waiting for, or a new one."""
    now = time.monotonic()
    with _lock:
        began_at, future = _answers.get(key, (-math.inf, Future()))
        mine = now - began_at > CACHE_SECONDS
        if mine:
            _answers[key] = now, (future := Future())
            while len(_answers) > CACHE_ENTRIES:
                _answers.popitem(last=False)
        _answers.move_to_end(key)
    if mine:
        place, folder, _, name, _ = key
        try:
            with _turns:
                began = time.perf_counter()
                future.set_result(_compact(_reader(place, folder).query(name, parameters, timeout_s=TIMEOUT_S)))
                _costs[name] = time.perf_counter() - began
        except BaseException as error:
            # The next one tries again; who waits for this one fails with it.
            with _lock:
                _answers.pop(key, None)
            future.set_exception(error)
    return future.result()


def _compact(answer: pa.Table) -> pa.Table:
    """A copy in the memory that its rows need: DuckDB's own holds that of a whole batch, 2 MB for a few wide rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, answer.schema) as writer:
        writer.write_table(answer)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _frozen(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


def forget() -> None:
    """Ask everything anew from now on."""
    with _lock:
        _answers.clear()
    _version.cache_clear()


def _fresh_s(name: str) -> float:
    """How old an answer of ``name`` may be in seconds, where something new is stored all the time."""
    playing = bool(st.query_params.get("live"))
    least, times = (LIVE_SECONDS, LIVE_COSTLY) if playing else (FRESH_SECONDS, COSTLY)
    allowed = min(max(times * _costs.get(name, 0.0), least), OLDEST_SECONDS)
    # In steps, so that an answer keeps its key while its query takes a little more or less.
    return float(least * 2 ** math.floor(math.log2(allowed / least)))


def query(name: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
    """Rows of ``sql/queries/<name>.sql``.

    Raises:
        StoreError: when there is no store, or the query fails or takes too long.
    """
    return _answer(*_key(*routed(name, parameters)))


def known(name: str, parameters: Mapping[str, Any] | None = None) -> bool:
    """Whether the answer of a query is there already.

    Raises:
        StoreError: when there is no store.
    """
    key, _ = _key(*routed(name, parameters))
    found = _answers.get(key)
    return found is not None and found[1].done() and time.monotonic() - found[0] < CACHE_SECONDS


def _key(name: str, parameters: Mapping[str, Any]) -> tuple[Key, dict[str, Any]]:
    """What an answer is known by, and the parameters that the query uses: others would only split the cache."""
    used = {key: parameters[key] for key in sorted(_uses(name) & parameters.keys())}
    store = str(store_path())
    version = _version(store, int(time.time() / _fresh_s(name)))
    values = tuple((key, _frozen(value)) for key, value in used.items())
    return (_setting(store_location()), store, version, name, values), used


@functools.cache
def _uses(name: str) -> frozenset[str]:
    """Names of the parameters in the text of a query."""
    return frozenset(re.findall(r"\$([a-z_]\w*)", named_query(name)))


def routed(name: str, parameters: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
    """The query that answers ``name`` with least work, and its parameters.

    Over whole hours ``<name>_hours`` gives the same rows from what the job ``usage`` has summed up and from the calls
    that came since; where the job is far behind, reading every call is quicker.
    """
    values = dict(parameters or {})
    if not _whole_hours(values) or not has_query(f"{name}{HOURS}"):
        return name, values
    try:
        found = first("common_rolled")
    except StoreError:
        # A store whose views are older than this page.
        return name, values
    if found.get("rolled_until") is None or (found["behind_s"] or 0.0) > LAG_S:
        return name, values
    return f"{name}{HOURS}", values | {"rolled_until": found["rolled_until"]}


def _whole_hours(values: Mapping[str, Any]) -> bool:
    if values.get("group_by") == "user" or "since" not in values or "until" not in values:
        return False
    moments = [values["since"], values["until"], values.get("before") or values["since"]]
    steps = [
        values.get("bucket_s", HOUR_S),
        values.get("trend_s", HOUR_S),
        values.get("offset_s", 0),
        values.get("earlier_s", 0),
    ]
    return all(moment.minute == moment.second == moment.microsecond == 0 for moment in moments) and all(
        step % HOUR_S == 0 for step in steps
    )


def rows(name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Rows of a named query as dicts."""
    result: list[dict[str, Any]] = query(name, parameters).to_pylist()
    return result


def first(name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """First row of a named query; empty when there is none."""
    found = query(name, parameters).slice(0, 1).to_pylist()
    return dict(found[0]) if found else {}


def query_text(name: str, parameters: Mapping[str, Any] | None = None) -> str:
    """Text of a named query with its parameters filled in: what one can paste into the DuckDB shell."""
    name, values = routed(name, parameters)
    text = _without_unset(named_query(name), values)
    for key in sorted(values, key=len, reverse=True):
        text = text.replace(f"${key}", _literal(values[key]))
    return text.strip()


def _without_unset(text: str, parameters: Mapping[str, Any]) -> str:
    """Leave out conditions of filters that are not set: ``AND ($name IS NULL OR ...)``."""
    for key in (key for key, value in parameters.items() if value is None):
        start = text.find(f"AND (${key} IS NULL OR ")
        while start >= 0:
            end = _closing(text, text.index("(", start))
            text = text[:start].rstrip() + text[end + 1 :]
            start = text.find(f"AND (${key} IS NULL OR ")
    return text


def _closing(text: str, opening: int) -> int:
    """Place of the bracket that closes the one at ``opening``."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text) - 1


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"
