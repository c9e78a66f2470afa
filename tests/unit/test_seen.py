"""What was received lately is known, and only that; checked against Python's own sets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from spanloft_collector.receivers.seen import SeenSpans

CAPACITY = 8
# Few numbers, that meet in a small table, and the edges of what a hash can be.
KEYS = st.integers(-20, 20) | st.sampled_from([-(2**63), 2**63 - 1, 2**32, -(2**32), 32, 64, 96])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=120))
def test_as_two_generations_of_sets(steps: list[tuple[bool, int]]) -> None:
    seen = SeenSpans(CAPACITY)
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
            assert seen.add(key) is new
            if new:
                young.add(key)
                taken += 1
            if taken >= CAPACITY:
                old, young, taken = young, set(), 0
        else:
            seen.discard([key])
            young.discard(key)
            old.discard(key)


def test_a_key_lives_for_as_many_further_keys_as_said() -> None:
    seen = SeenSpans(1000)
    for number in range(10_000):
        assert seen.add(hash(str(number)))
        assert not seen.add(hash(str(max(0, number - 999))))
    assert seen.add(hash("0"))
