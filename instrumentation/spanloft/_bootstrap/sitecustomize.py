"""Found first on ``PYTHONPATH`` by processes that an app under ``spanloft run`` starts.

Costs a process that makes no LLM call next to nothing: OpenTelemetry is loaded when a traced library is imported.
"""

import os
import sys


def _next_sitecustomize() -> None:
    """Runs the environment's own ``sitecustomize``, which this file stands in front of."""
    ours = os.path.dirname(os.path.abspath(__file__))
    kept = list(sys.path)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.getcwd()) != ours]
    mine = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        if mine is not None:
            sys.modules["sitecustomize"] = mine
    finally:
        sys.path[:] = kept


def _watch() -> None:
    try:
        from spanloft.import_hook import ImportHook
        from spanloft.modules import MODULES
    except ImportError:
        return
    import spanloft

    hook = ImportHook()

    def start() -> None:
        hook.remove()
        spanloft.instrument()

    for module in MODULES:
        hook.watch(module, start)


_next_sitecustomize()
_watch()
