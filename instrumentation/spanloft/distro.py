"""The OpenTelemetry distribution: ``opentelemetry-instrument python app.py`` then does what ``spanloft run`` does."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]

from . import instrument
from ._log import logger
from .choices import names_in_table


class SpanloftDistro(BaseDistro):  # type: ignore[misc]
    """Leaves the LLM libraries to :func:`spanloft.instrument` (one instrumentor each) and loads all others as usual.

    The SDK's configurator makes the provider; exporters are ours unless the user names some in ``OTEL_*_EXPORTER``.
    """

    _started = False
    _silenced: tuple[str, ...] = ()

    def _configure(self, **kwargs: Any) -> None:
        variables = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
        self._silenced = tuple(name for name in variables if name not in os.environ)
        # For the configurator only, which would add exporters of its own; the app sees its own environment again.
        os.environ.update(dict.fromkeys(self._silenced, "none"))
        from .config import _service_from_environment, script_name

        if _service_from_environment() is None:
            os.environ["OTEL_SERVICE_NAME"] = script_name()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Called for each installed instrumentor, once the provider stands."""
        if not SpanloftDistro._started:
            SpanloftDistro._started = True
            for variable in self._silenced:
                os.environ.pop(variable, None)
            instrument()
        name = entry_point.dist.name.lower().replace("_", "-") if entry_point.dist is not None else ""
        if name in names_in_table():
            logger.debug("%s is left to spanloft.instrument()", name)
            return
        super().load_instrumentor(entry_point, **kwargs)
