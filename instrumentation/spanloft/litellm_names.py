"""Arguments of litellm's functions by name: its instrumentor reads no others, and model and messages come first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from opentelemetry.trace import TracerProvider

BESIDE_OTHERS = True
"""Whether it is wanted, too, when the app itself switched an instrumentor on."""

_FUNCTIONS = ("completion", "acompletion", "text_completion", "responses", "aresponses", "embedding", "aembedding")
_undo: list[Callable[[], None]] = []


def install(capture_content: bool, provider: TracerProvider) -> None:
    """Stands before the instrumentor's wrappers. ``remove`` takes it away again."""
    if _undo:
        return
    litellm: Any = import_module("litellm")
    for name in _FUNCTIONS:
        function = getattr(litellm, name, None)
        if function is not None:
            _replace(litellm, name, _named(function, _own(name, function)))


def remove() -> None:
    """Puts the functions back; one that somebody else replaced meanwhile stays."""
    while _undo:
        _undo.pop()()


def _named(function: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with the positional parameters of the library's ``own`` one turned into keywords."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [name for name, spec in inspect.signature(own).parameters.items() if spec.kind in kinds]

    def keywords(args: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any] | None:
        """``None`` for a call that is wrong: then the library says so itself."""
        by_position = dict(zip(names, args, strict=False))
        return None if len(args) > len(names) or by_position.keys() & given.keys() else by_position | given

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        named = keywords(args, given) if args else None
        return function(*args, **given) if named is None else function(**named)

    @functools.wraps(function)
    async def call_async(*args: Any, **given: Any) -> Any:
        return await call(*args, **given)

    return call_async if inspect.iscoroutinefunction(own) else call


def _own(name: str, function: Any) -> Any:
    """The library's own function: the instrumentor keeps it beside its wrappers rather than in ``__wrapped__``."""
    try:
        instrumentor: Any = import_module("openinference.instrumentation.litellm").LiteLLMInstrumentor
        function = instrumentor.original_litellm_funcs.get(name, function)
    except (ImportError, AttributeError):
        pass
    return inspect.unwrap(function)


def _replace(owner: Any, name: str, value: Any) -> None:
    before = vars(owner)[name]
    setattr(owner, name, value)

    def restore() -> None:
        if vars(owner).get(name) is value:
            setattr(owner, name, before)

    _undo.append(restore)
