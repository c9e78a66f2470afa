"""Dotted attribute keys with indexes (``llm.input_messages.0.message.role``) put back into trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Tree = dict[str, Any]


def trees(attributes: Mapping[str, Any], prefixes: Sequence[str]) -> dict[str, Tree]:
    """One tree per prefix (ending in a dot) that occurs; where two keys contradict each other the first stays."""
    found: dict[str, Tree] = {}
    heads = tuple(prefixes)
    for key, value in attributes.items():
        if not key.startswith(heads):
            continue
        for prefix in prefixes:
            if key.startswith(prefix):
                _insert(found.setdefault(prefix, {}), key[len(prefix) :].split("."), value)
                break
    return found


def _insert(node: Tree, path: list[str], value: Any) -> None:
    for step in path[:-1]:
        child = node.setdefault(step, {})
        if not isinstance(child, dict):
            return
        node = child
    node.setdefault(path[-1], value)


def items(node: Any) -> list[Any]:
    """Children of a tree with number keys, in order of the number; other keys are skipped."""
    if not isinstance(node, dict):
        return []
    numbered = [(int(key), child) for key, child in node.items() if key.isascii() and key.isdigit() and len(key) < 10]
    return [child for _, child in sorted(numbered, key=lambda pair: pair[0])]


def branch(node: Any, *path: str) -> Tree:
    """The subtree at ``path``; an empty one when there is none."""
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def leaf(node: Any, *path: str) -> Any:
    """The value at ``path``; ``None`` when there is none."""
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node
