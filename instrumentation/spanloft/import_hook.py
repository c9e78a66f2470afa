"""Calls back when a module is imported for the first time, so that nobody pays for a library the app never uses."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from ._log import contained

_executed: set[str] = set()
"""Modules whose code has run and whose callback is running: complete, though the import system is not done yet."""


class ImportHook(MetaPathFinder):
    """A finder that finds nothing itself: it lets the others find a watched module and wraps its loader.

    ``watch`` before :meth:`install`; a module that is already imported is called back at once. :meth:`remove`
    leaves ``sys.meta_path`` as it was.
    """

    def __init__(self) -> None:
        self._callbacks: dict[str, Callable[[], None]] = {}
        self._busy = threading.local()

    def watch(self, module: str, callback: Callable[[], None]) -> None:
        """Calls ``callback`` once ``module`` is loaded: now, if it already is. Its exceptions are logged."""
        loaded = sys.modules.get(module)
        # A module that is being imported right now is in sys.modules too, but half empty.
        unfinished = getattr(getattr(loaded, "__spec__", None), "_initializing", False) and module not in _executed
        if loaded is not None and not unfinished:
            with contained(f"instrumenting {module}"):
                callback()
            return
        self._callbacks[module] = callback
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Forgets every module and leaves ``sys.meta_path``."""
        self._callbacks.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec the other finders give, with a loader that calls back; ``None`` for all other modules."""
        if fullname not in self._callbacks or getattr(self._busy, "name", None) == fullname:
            return None
        self._busy.name = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy.name = None
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        spec.loader = _CallingLoader(spec.loader, fullname, self)
        return spec

    def loaded(self, module: str) -> None:
        """Runs and forgets the callback of ``module``."""
        callback = self._callbacks.pop(module, None)
        if callback is not None:
            with contained(f"instrumenting {module}"):
                callback()


class _CallingLoader(Loader):
    def __init__(self, loader: Loader, module: str, hook: ImportHook) -> None:
        self._loader = loader
        self._module = module
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps its own loader: importlib.resources and inspect ask it for files and source.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _executed.add(self._module)
        try:
            self._hook.loaded(self._module)
        finally:
            _executed.discard(self._module)
