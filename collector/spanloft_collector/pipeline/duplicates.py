"""Calls that two spans report, so that each is billed once.

Three rules, each named in the ``duplicate_rule`` column:

* ``parent``: a billable span encloses one billable span for the same call (a framework around an SDK).
* ``aggregate``: a billable span encloses several; it repeats their sum.
* ``response_id``: two spans of different scopes hold the provider's id of one response, in one trace or in two.

What was published counts for good, since stored rows do not change: a later span becomes the duplicate. Of spans
that arrive together the one with usage stays, then, when both agree on usage, the one that details it and the one with
messages, else the inner one, because it is nearest to the provider.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, cast

from ..model import BILLABLE_OPERATIONS

USAGE_DETAILS = ("cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
"""Columns that :attr:`CallKey.details` counts."""
_WINDOW_US = 600_000_000
"""Two reports of one call start within this time. Test servers that reuse ids do not."""
_MAX_DEPTH = 64
_MAX_TWINS = 32
_TOLERANCE = 0.1
"""Relative difference of token counts that still is the same call: emitters round, or count a chunk twice."""
BARRIERS = frozenset({"execute_tool"})
"""A call that a tool makes is a call of its own, even inside a call."""
_FAMILIES = {"azure.ai.openai": "openai", "azure.ai.inference": "openai", "gcp.gen_ai": "gcp", "gcp.gemini": "gcp"}
_FAMILIES |= {"gcp.vertex_ai": "gcp", "langchain": "", "litellm": ""}
"""Providers that emitters mix up for one endpoint; libraries name no provider at all."""


Verdict = tuple[str | None, str | None]
COUNTS: Verdict = (None, None)


class CallKey(NamedTuple):
    """What the rules need to know of a billable span."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    provider: str | None = None
    response_id: str | None = None
    operation: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    has_messages: bool = False
    scope_name: str = ""
    start_us: int = 0
    request_model: str | None = None
    response_model: str | None = None
    details: int = 0
    """How many of the counts with a price of their own are stated: read from the cache, written to it, for 1 hour."""


@lru_cache(maxsize=1024)
def _only(scope_name: str) -> frozenset[str]:
    return frozenset((scope_name,))


class _Call:
    """A billable span under consideration, or published and remembered."""

    __slots__ = ("children", "outer", "parent", "published", "root", "row", "rule", "scopes")

    def __init__(self, row: CallKey, parent: int | None) -> None:
        self.row = row
        self.parent = parent
        self.root: _Call | None = None
        self.rule: str | None = None
        self.published = False
        self.scopes = _only(row.scope_name)
        self.children: list[_Call] | None = None
        self.outer: _Call | None = None

    def kept(self) -> _Call:
        """The call that counts for this one: itself, or the end of the chain of duplicates."""
        call, steps = self, 0
        while call.root is not None and steps < _MAX_DEPTH:
            call, steps = call.root, steps + 1
        return call

    def becomes(self, other: _Call, rule: str) -> None:
        """Count this call as a duplicate of ``other``."""
        target = other.kept()
        if target is not self and self.root is None:
            self.root, self.rule = target, rule
            target.scopes |= self.scopes


class DuplicateFinder:
    """Marks duplicates batch by batch, with a bounded memory of what came before. Deterministic; not thread-safe.

    Args:
        capacity: Spans remembered; the oldest are forgotten first.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = max(1, capacity)
        # Above each span: the call that it is itself, else the key of its parent; None at a root and at a barrier.
        self._above: dict[int, _Call | int | None] = {}
        self._waiting: dict[int, list[_Call]] = {}
        self._responses: OrderedDict[str, list[_Call]] = OrderedDict()

    def mark(self, rows: Sequence[CallKey]) -> list[Verdict]:
        """(duplicate_of, duplicate_rule) per row, in order; (``None``, ``None``) for a span that counts.

        Args:
            rows: All spans of a batch about to be published, billable or not, each (trace_id, span_id) once.
        """
        keys = [hash((row.trace_id, row.span_id)) for row in rows]
        above = [
            None if not row.parent_span_id or row.operation in BARRIERS else hash((row.trace_id, row.parent_span_id))
            for row in rows
        ]
        calls = [(number, row) for number, row in enumerate(rows) if row.operation in BILLABLE_OPERATIONS]
        return self.mark_numbered(keys, above, calls)

    def mark_numbered(
        self, keys: Sequence[int], above: Sequence[int | None], calls: Sequence[tuple[int, CallKey]]
    ) -> list[Verdict]:
        """:meth:`mark` by numbers.

        Args:
            keys: The number of each span.
            above: That of each span's parent; None for a root, and for what stands in ``BARRIERS``.
            calls: The billable spans in order: their place among all, and what the rules need to know.
        """
        found, fresh = self._remember(keys, above, calls)
        reports = [row for row, report in enumerate(found) if isinstance(report, _Call)]
        below = [row for row, key in enumerate(keys) if key in self._waiting] if self._waiting else ()
        for row in sorted({*reports, *below}):
            self._link(keys[row], found[row])
        self._settle(fresh)
        self._trim()
        verdicts = [COUNTS] * len(keys)
        for row in reports:
            verdicts[row] = _verdict(cast(_Call, found[row]))
        return verdicts

    def _settle(self, fresh: Sequence[_Call]) -> None:
        # Innermost first, so that an outer call meets the one that counts below it.
        for call in sorted((call for call in fresh if call.children), key=lambda call: (-_depth(call), _order(call))):
            _settle_children(call)
        in_order = sorted((call for call in fresh if call.row.response_id), key=_order)
        for call in in_order:
            if call.root is not None:
                self._register(call.row.response_id, call.kept())
        for call in in_order:
            if call.root is None:
                self._settle_response(call)
        for call in fresh:
            call.published = True

    def _remember(
        self, keys: Sequence[int], above: Sequence[int | None], calls: Sequence[tuple[int, CallKey]]
    ) -> tuple[list[_Call | int | None], list[_Call]]:
        """What is above each span, remembered, and the calls among them that are new."""
        memory = self._above
        found: list[_Call | int | None] = list(above)
        fresh: dict[int, _Call] = {}
        for row, details in calls:
            fresh[row] = found[row] = _Call(details, above[row])
        different = set(keys)
        if len(different) == len(keys) and memory.keys().isdisjoint(different):
            memory.update(zip(keys, found, strict=True))
            return found, list(fresh.values())
        for row, key in enumerate(keys):
            if key in memory:
                # The same span again (a retried export): it keeps its verdict, and is young again.
                found[row] = memory.pop(key)
                fresh.pop(row, None)
            memory[key] = found[row]
        return found, list(fresh.values())

    def _link(self, key: int, above: _Call | int | None) -> None:
        """Connect a span's call, and the calls that waited for the span, to the nearest call above."""
        below = self._waiting.pop(key, ())
        if isinstance(above, _Call):
            for call in below:
                _adopt(above, call)
            if above.outer is None and not above.published:
                self._climb(above.parent, (above,))
        elif below:
            self._climb(above, below)

    def _climb(self, parent: int | None, calls: Sequence[_Call]) -> None:
        for _ in range(_MAX_DEPTH):
            if parent is None:
                return
            if parent not in self._above:
                self._waiting.setdefault(parent, []).extend(calls)
                return
            above = self._above[parent]
            if isinstance(above, _Call):
                for call in calls:
                    _adopt(above, call)
                return
            parent = above

    def _register(self, response_id: str | None, call: _Call) -> list[_Call]:
        """Calls that count and hold a response id, ``call`` among them."""
        seen = self._responses.setdefault(response_id or "", [])
        self._responses.move_to_end(response_id or "")
        if call not in seen:
            seen.append(call)
            # A test server may give every response the same id.
            del seen[:-_MAX_TWINS]
        return seen

    def _settle_response(self, call: _Call) -> None:
        seen = self._register(call.row.response_id, call)
        twins = [other for other in seen if other is not call and _same_response(other, call)]
        if not twins:
            return
        twin = min(twins, key=lambda other: (abs(other.row.start_us - call.row.start_us), _order(other)))
        if not twin.published and _preferred(twin, call) is call:
            twin.becomes(call, "response_id")
        else:
            call.becomes(twin, "response_id")

    def _trim(self) -> None:
        # About a quarter of the spans of an agent are calls; a remembered call takes the memory of ten other spans.
        memories: tuple[tuple[MutableMapping[Any, Any], int], ...] = (
            (self._above, self._capacity),
            (self._waiting, self._capacity),
            (self._responses, max(1, self._capacity // 4)),
        )
        for memory, capacity in memories:
            for key in list(islice(memory, max(0, len(memory) - capacity))):
                del memory[key]


def _verdict(call: _Call) -> Verdict:
    return COUNTS if call.root is None else (call.kept().row.span_id, call.rule)


def _order(call: _Call) -> tuple[int, str, str]:
    return call.row.start_us, call.row.trace_id, call.row.span_id


def _depth(call: _Call) -> int:
    depth = 0
    above = call.outer
    while above is not None and depth < _MAX_DEPTH:
        above, depth = above.outer, depth + 1
    return depth


def _adopt(outer: _Call, inner: _Call) -> None:
    """Make ``inner`` a child of ``outer`` where both can be reports of the same call."""
    if inner.outer is not None or inner is outer or not _nested_alike(outer.row, inner.row):
        return
    inner.outer = outer
    if outer.published:
        # The outer span was stored before its child came: it counts, unless it already stands for another call.
        if outer.root is None and not inner.published:
            inner.becomes(outer, "parent")
        return
    if outer.children is None:
        outer.children = []
    outer.children.append(inner)


def _settle_children(outer: _Call) -> None:
    if outer.root is not None:
        return
    children = sorted(outer.children or (), key=_order)
    if len(children) == 1:
        inner = children[0].kept()
        if inner.published or _preferred(inner, outer) is inner:
            outer.becomes(inner, "parent")
        else:
            inner.becomes(outer, "parent")
        return
    with_id = [child for child in children if child.row.response_id and child.row.response_id == outer.row.response_id]
    with_usage = [child for child in children if _has_usage(child.row)]
    outer.becomes((with_id or with_usage or children)[0], "aggregate")


def _preferred(inner: _Call, outer: _Call) -> _Call:
    """The better of two reports of one call; ``inner`` is the one nearer to the provider, where that is known."""
    if _has_usage(inner.row) != _has_usage(outer.row):
        return inner if _has_usage(inner.row) else outer
    if _tokens_agree(inner.row, outer.row):
        # A report without the cached tokens would be billed at the full price.
        if inner.row.details != outer.row.details:
            return inner if inner.row.details > outer.row.details else outer
        if inner.row.has_messages != outer.row.has_messages:
            return inner if inner.row.has_messages else outer
    return inner


def _has_usage(row: CallKey) -> bool:
    return row.input_tokens is not None or row.output_tokens is not None


def _nested_alike(outer: CallKey, inner: CallKey) -> bool:
    """Whether a call inside another can be the same one: same kind, same model, no contradicting response ids."""
    if (outer.operation == "embeddings") != (inner.operation == "embeddings"):
        return False
    if outer.response_id and outer.response_id == inner.response_id:
        return True
    models = _models_agree(outer, inner)
    if models is False:
        return _same_tokens(outer, inner)
    if outer.response_id and inner.response_id and not _same_tokens(outer, inner):
        # Two answers of the provider; unless the outer one sums up several, these are two calls.
        return (outer.output_tokens or 0) > (inner.output_tokens or 0)
    return True


def _same_response(one: _Call, other: _Call) -> bool:
    a, b = one.row, other.row
    if one.root is not None or abs(a.start_us - b.start_us) > _WINDOW_US or other.row.scope_name in one.scopes:
        return False
    if (a.operation == "embeddings") != (b.operation == "embeddings"):
        return False
    family_a, family_b = _family(a.provider), _family(b.provider)
    if family_a and family_b and family_a != family_b:
        return False
    return _tokens_agree(a, b) or _models_agree(a, b) is True


def _family(provider: str | None) -> str:
    return _FAMILIES.get(provider, provider) if provider else ""


def _same_tokens(a: CallKey, b: CallKey) -> bool:
    return bool(a.input_tokens) and a.input_tokens == b.input_tokens and a.output_tokens == b.output_tokens


def _tokens_agree(a: CallKey, b: CallKey) -> bool:
    """Whether the counts are about equal; an unknown count agrees with anything."""
    for one, other in ((a.input_tokens, b.input_tokens), (a.output_tokens, b.output_tokens)):
        if one is None or other is None:
            continue
        if abs(one - other) > max(2, _TOLERANCE * max(one, other)):
            return False
    return True


def _models_agree(a: CallKey, b: CallKey) -> bool | None:
    """Whether two calls name the same model; ``None`` when one of them names none."""
    ours = [model for model in (a.request_model, a.response_model) if model]
    theirs = [model for model in (b.request_model, b.response_model) if model]
    if not ours or not theirs:
        return None
    return any(_same_model(one, other) for one in ours for other in theirs)


@lru_cache(maxsize=8192)
def _same_model(a: str, b: str) -> bool:
    """Whether two ids name one model: equal but for a vendor prefix, a region, a date or ``latest``."""
    short, long = sorted((_bare(a), _bare(b)), key=len)
    if not long.startswith(short):
        return False
    rest = long[len(short) :]
    return not rest or rest == "-latest" or (rest[0] in "-@:" and not rest.strip("0123456789-@:.v"))


def _bare(model: str) -> str:
    name = model.strip().lower().rpartition("/")[2]
    for vendor in ("anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "openai.", "deepseek."):
        head, found, tail = name.partition(vendor)
        if found and len(head) < 8:
            return tail
    return name
