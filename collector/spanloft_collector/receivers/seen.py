"""Spans that were received lately, to tell a client's retry from a new span, in few bytes each."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

from spanloft_collector.compiled import compiled

_compiled = compiled("receivers._seen")
_FREE, _GONE = 0, 1
_RESERVED = 2
_BITS = (1 << 64) - 1


class SeenSpans:
    """Remembers spans by a number of 64 bits each.

    Two generations bound the memory; a key lives for at least ``capacity`` further keys. Tables of numbers, since a set
    of Python's integers takes 70 bytes a key: 56 MB more for what a busy collector remembers.
    """

    def __init__(self, capacity: int = 400_000) -> None:
        self._capacity = capacity
        self._young, self._old = _Numbers(capacity), _Numbers(capacity)

    def add(self, key: int) -> bool:
        """Remember ``key``; False when it was known."""
        if key in self._old or not self._young.add(key):
            return False
        self._took(1)
        return True

    def sort_out(self, keys: list[int | None]) -> tuple[list[int], list[int]]:
        """Remember ``keys``: those that were not known, in order, and the ordinals of all others, of None too."""
        fresh: list[int] = []
        skip: list[int] = []
        if _compiled is None:
            for ordinal, key in enumerate(keys):
                if key is not None and self.add(key):
                    fresh.append(key)
                else:
                    skip.append(ordinal)
            return fresh, skip
        at = 0
        while at < len(keys):
            room = self._capacity - self._young.taken
            at, added = _compiled.sort_out(self._young.slots, self._old.slots, keys, at, room, fresh, skip)
            self._took(added)
        return fresh, skip

    def discard(self, keys: Iterable[int]) -> None:
        """Forget keys whose spans were not kept after all."""
        for key in keys:
            self._young.discard(key)
            self._old.discard(key)

    def _took(self, keys: int) -> None:
        self._young.taken += keys
        if self._young.taken >= self._capacity:
            self._old, self._young = self._young, _Numbers(self._capacity)


class _Numbers:
    """A set of numbers of 64 bits: open addressing with linear probing, at most half full. Source: Knuth 6.4."""

    def __init__(self, capacity: int) -> None:
        slots = 1 << (2 * max(1, capacity)).bit_length()
        # Pages that no key has met yet take no memory.
        self.slots = memoryview(mmap.mmap(-1, 8 * slots)).cast("Q")
        self._mask = slots - 1
        self.taken = 0
        """Slots that are not free, those of discarded numbers included."""

    def _find(self, value: int) -> int:
        slots, mask = self.slots, self._mask
        at = value & mask
        while (found := slots[at]) != value and found != _FREE:
            at = (at + 1) & mask
        return at

    def __contains__(self, key: int) -> bool:
        value = _value(key)
        return self.slots[self._find(value)] == value

    def add(self, key: int) -> bool:
        """Add ``key``; False when it was there."""
        value = _value(key)
        at = self._find(value)
        if self.slots[at] == value:
            return False
        self.slots[at] = value
        return True

    def discard(self, key: int) -> None:
        """Remove ``key`` if it is there. Its slot stays taken, or what was put behind it would not be found."""
        value = _value(key)
        at = self._find(value)
        if self.slots[at] == value:
            self.slots[at] = _GONE


def _value(key: int) -> int:
    # Python's hashes are never -1, so almost nothing meets the reserved numbers.
    value = ~key & _BITS
    return value if value >= _RESERVED else value + _RESERVED
