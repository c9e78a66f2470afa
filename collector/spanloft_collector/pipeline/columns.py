"""Columns in the making: groups of rows that were read apart, one behind the other."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import compress
from operator import itemgetter, not_
from typing import Any

Columns = dict[str, Sequence[Any]]
"""Column name -> a value per row; a column that is absent is all NULL."""


class Stacked:
    """Columns to which groups of rows are added."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, list[Any]] = {}

    def add(self, columns: Mapping[str, Sequence[Any]], rows: int) -> None:
        """Add ``rows`` rows; columns that are absent are NULL in them."""
        for name, values in columns.items():
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = []
            _pad(column, self.rows)
            column += values
        self.rows += rows

    def columns(self, order: Sequence[int]) -> Columns:
        """All columns, their rows in ``order``; a column that no group had is absent."""
        for column in self._columns.values():
            _pad(column, self.rows)
        if self.rows < 2:
            return dict(self._columns)
        # In one call a column: sorting Arrow tables afterwards copies their texts twice.
        pick = itemgetter(*order)
        return {name: pick(column) for name, column in self._columns.items()}

    def order_by(self, name: str, *, first: tuple[str, Container[Any]]) -> list[int]:
        """Numbers of the rows by rising values of a column that all rows have; those with a value of ``first`` lead."""
        column, values = first
        order = sorted(range(self.rows), key=self._columns.get(name, []).__getitem__)
        leading = self._columns.get(column, [])
        _pad(leading, self.rows)
        leads = [leading[row] in values for row in order]
        return [*compress(order, leads), *compress(order, map(not_, leads))]


def _pad(column: list[Any], rows: int) -> None:
    if len(column) < rows:
        column += [None] * (rows - len(column))
