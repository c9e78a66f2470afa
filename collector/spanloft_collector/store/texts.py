"""Python texts to Arrow string arrays, compiled where the installation found a C compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from spanloft_collector.compiled import compiled

_compiled = compiled("store._texts")


def string_array(values: Sequence[Any]) -> pa.Array:
    """``pa.array(values, pa.string())``.

    Raises:
        pa.ArrowException, TypeError, ValueError, OverflowError: as pyarrow, for what is no text.
    """
    if _compiled is not None and type(values) in (list, tuple):
        try:
            valid, offsets, data, nulls = _compiled.buffers(values)
        except (TypeError, ValueError, OverflowError):
            # pyarrow takes some other values too, and says which it does not.
            return pa.array(values, pa.string())
        buffers = [None if valid is None else pa.py_buffer(valid), pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), len(values), buffers, nulls)
    return pa.array(values, pa.string())
