"""Columns in the making: groups of rows that were read apart, one behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
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

    def order_by(self, name: str) -> list[int]:
        """Numbers of the rows by rising values of a column that all rows have."""
        return sorted(range(self.rows), key=self._columns.get(name, []).__getitem__)


def _pad(column: list[Any], rows: int) -> None:
    if len(column) < rows:
        column += [None] * (rows - len(column))
