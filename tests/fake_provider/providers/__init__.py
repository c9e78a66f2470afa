"""One file per provider: a module here with ``ROUTES`` (method and path pattern to handler) is found by name."""

from __future__ import annotations

import importlib
import pkgutil
import re

from ..wire import Handler, Reply, Request

Route = tuple[re.Pattern[str], Handler]


def load_routes() -> list[Route]:
    """The routes of every module in this folder. ``ROUTES`` maps a regular expression of the path to a handler."""
    routes: list[Route] = []
    for module in pkgutil.iter_modules(__path__):
        provider = importlib.import_module(f"{__name__}.{module.name}")
        routes += [(re.compile(path + r"\Z"), handler) for path, handler in getattr(provider, "ROUTES", {}).items()]
    return routes


__all__ = ["Handler", "Reply", "Request", "load_routes"]
