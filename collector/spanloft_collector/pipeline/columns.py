"""Columns in the making: groups of rows read apart, put back into the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Columns = dict[str, Sequence[Any]]
"""Column name -> a value per row; a column that is absent is all NULL."""


class Gathered:
    """Columns of ``rows`` rows, filled by groups of them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._columns: dict[str, list[Any]] = {}
        self._whole: Columns | None = None

    def put(self, index: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        """Fill the rows ``index`` (rising) with ``columns``; no row is filled twice."""
        if len(index) == self._rows:
            self._whole = dict(columns)
            return
        for name, values in columns.items():
            if values.count(None) == len(values):
                continue
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = [None] * self._rows
            for row, value in zip(index, values, strict=True):
                column[row] = value

    def columns(self) -> Columns:
        """All columns; what no group filled is absent."""
        return dict(self._columns) if self._whole is None else self._whole
