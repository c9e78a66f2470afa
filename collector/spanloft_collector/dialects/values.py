"""Coercions of attribute values. Each returns ``None`` for what it can't read, and none of them raises."""

from __future__ import annotations

import ast
import math
from typing import Any
from urllib.parse import urlsplit

import orjson

MAX_INT = 2**63 - 1
"""Largest value of a BIGINT column; a greater count is a bug of the emitter and counts as unknown."""


_REMEMBERED_CHARS = 1_000_000
_REMEMBERED_EACH = 100_000
_remembered: dict[str, Any] = {}
_remembered_chars = 0


def parse_json(text: str) -> Any:
    """Value of JSON text. It is shared by all who parse the same text: never change it in place.

    The texts read last are remembered: an agent, its model calls and its tools repeat each other's messages.

    Raises:
        ValueError: the text is no JSON.
    """
    global _remembered_chars
    try:
        return _remembered[text]
    except KeyError:
        value = orjson.loads(text)
    if len(text) <= _REMEMBERED_EACH:
        if _remembered_chars > _REMEMBERED_CHARS:
            _remembered.clear()
            _remembered_chars = 0
        _remembered[text] = value
        _remembered_chars += len(text)
    return value


def as_str(value: Any) -> str | None:
    """Non-empty text; numbers become text, bytes are decoded, anything else is unknown."""
    if type(value) is str:
        return value or None
    if isinstance(value, str):
        return str(value) or None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if -MAX_INT <= value <= MAX_INT else None
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    return None


def as_count(value: Any) -> int | None:
    """A count: an integer from 0 to ``MAX_INT``; integral floats and numeric text are converted."""
    if type(value) is int:
        return value if 0 <= value <= MAX_INT else None
    if isinstance(value, str):
        try:
            value = int(value) if len(value) < 24 and value.strip().lstrip("+").isdigit() else float(value)
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    if isinstance(value, int):
        return value if 0 <= value <= MAX_INT else None
    return None


def as_float(value: Any) -> float | None:
    """A finite number; numeric text is converted."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_amount(value: Any) -> float | None:
    """A finite number that is not negative: a duration or a cost."""
    number = as_float(value)
    return number if number is not None and number >= 0 else None


def as_cost(value: Any) -> float | None:
    """A cost in US dollars. Emitters write 0 when their price list lacks the model, so 0 is unknown."""
    return as_amount(value) or None


def seconds_as_ms(value: Any) -> float | None:
    """A duration in seconds, as milliseconds."""
    number = as_amount(value)
    if number is None:
        return None
    return number * 1000 if math.isfinite(number * 1000) else None


def as_bool(value: Any) -> bool | None:
    """A truth value; the texts true, false, 1 and 0 are converted."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BOOL_TEXTS.get(value.strip().lower())
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    return None


_BOOL_TEXTS = {"true": True, "1": True, "false": False, "0": False}


def as_json(value: Any) -> Any:
    """``value`` with JSON text parsed; text that is no JSON object or array stays text, empty text is ``None``."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if not value:
            return None
        head = value[0] if value[0] in "[{" else value.lstrip()[:1]
        if head in ("[", "{"):
            try:
                return parse_json(value)
            except ValueError:
                return value
    return value


def as_json_any(value: Any) -> Any:
    """Like ``as_json``, and JSON scalars and doubly encoded JSON are parsed too."""
    for _ in range(3):
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str) or not value:
            break
        try:
            value = orjson.loads(value)
        except ValueError:
            break
    return None if value == "" else value


def as_dict(value: Any) -> dict[str, Any] | None:
    """A mapping with text keys, parsed from JSON text where needed; empty ones are unknown."""
    value = as_json_any(value) if isinstance(value, (str, bytes)) else value
    if isinstance(value, dict) and value:
        return {key: item for key, item in value.items() if isinstance(key, str)} or None
    return None


def as_list(value: Any) -> list[Any] | None:
    """A list, parsed from JSON text where needed; empty ones are unknown."""
    value = as_json(value)
    if isinstance(value, (list, tuple)) and value:
        return list(value)
    return None


def as_texts(value: Any) -> list[str] | None:
    """A list of texts; a JSON array is parsed, one text is a list of one."""
    value = as_json(value)
    if isinstance(value, (list, tuple)):
        texts = [text for item in value if (text := as_str(item)) is not None]
        return texts or None
    text = as_str(value)
    return None if text is None else [text]


def as_host(value: Any) -> str | None:
    """Host of a URL, or the text itself when it has no scheme."""
    text = as_str(value)
    if text is None:
        return None
    if "//" not in text:
        host, colon, port = text.partition(":")
        return host or None if colon and port.isdigit() else text
    try:
        return urlsplit(text).hostname or None
    except ValueError:
        return None


def as_structure(value: Any) -> Any:
    """A mapping or list from JSON text or from the ``repr`` that Python emitters write; otherwise ``None``."""
    value = as_json(value)
    if isinstance(value, str) and len(value) < _MAX_REPR:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return value if isinstance(value, (dict, list)) and value else None


_MAX_REPR = 20_000


def part(tree: Any, *path: str) -> Any:
    """The value at ``path`` in nested mappings; ``None`` when there is none."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def dumps(value: Any) -> str:
    """Compact JSON text of a value; what JSON can't express is written as its ``str``."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return str(value)
    except (ValueError, RecursionError):
        return ""
