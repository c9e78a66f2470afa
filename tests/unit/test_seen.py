"""What was received lately is known, and only that; checked against Python's own sets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spanloft_collector.receivers import seen
from spanloft_collector.receivers.seen import SeenSpans

CAPACITY = 8
# Few numbers, that meet in a small table, and the edges of what a hash can be.
KEYS = st.integers(-20, 20) | st.sampled_from([-(2**63), 2**63 - 1, 2**32, -(2**32), 32, 64, 96])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=120))
def test_as_two_generations_of_sets(steps: list[tuple[bool, int]]) -> None:
    remembered = SeenSpans(CAPACITY)
    young: set[int] = set()
    old: set[int] = set()
    taken = 0

    def same(key: int) -> int:
        # Two numbers mark slots, so they share that of their neighbours: a span in 10^18 is taken for another.
        return key - 2 if key in (-1, -2) else key

    for remember, key in steps:
        key = same(key)
        if remember:
            new = key not in young and key not in old
            assert remembered.add(key) is new
            if new:
                young.add(key)
                taken += 1
            if taken >= CAPACITY:
                old, young, taken = young, set(), 0
        else:
            remembered.discard([key])
            young.discard(key)
            old.discard(key)


def test_a_key_lives_for_as_many_further_keys_as_said() -> None:
    remembered = SeenSpans(1000)
    for number in range(10_000):
        assert remembered.add(hash(str(number)))
        assert not remembered.add(hash(str(max(0, number - 999))))
    assert remembered.add(hash("0"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(KEYS | st.none(), max_size=40), max_size=12))
def test_many_at_once_as_one_by_one(batches: list[list[int | None]]) -> None:
    one, many = SeenSpans(CAPACITY), SeenSpans(CAPACITY)
    for keys in batches:
        new = [key is not None and one.add(key) for key in keys]
        fresh, skip = many.sort_out(keys)
        assert fresh == [key for key, is_new in zip(keys, new, strict=True) if is_new]
        assert skip == [ordinal for ordinal, is_new in enumerate(new) if not is_new]


def test_many_at_once_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [hash(str(number % 70)) if number % 9 else None for number in range(200)]
    expected = SeenSpans(50).sort_out(keys)
    monkeypatch.setattr(seen, "_compiled", None)
    assert SeenSpans(50).sort_out(keys) == expected
