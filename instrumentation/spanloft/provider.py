"""Joins the app's TracerProvider or makes one, and takes everything back out again."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.util._once import Once

from ._log import logger
from .config import Settings

_kept: TracerProvider | None = None
"""The provider we made last. Tracers handed out before keep pointing to it, so it is used again."""


class Attachment:
    """Our processors on a provider; ``created`` tells whether the provider is ours."""

    def __init__(self, provider: TracerProvider, created: bool) -> None:
        self.provider = provider
        self.created = created
        self._processors: list[SpanProcessor] = []

    def add(self, processors: Sequence[SpanProcessor]) -> None:
        """Adds processors, after those that are there."""
        for processor in processors:
            self.provider.add_span_processor(processor)
            self._processors.append(processor)

    def remove(self) -> None:
        """Shuts our processors down and takes them out; a provider of ours is no longer the global one."""
        for processor in self._processors:
            atexit.unregister(processor.shutdown)
            processor.shutdown()
            _take_out(self.provider, processor)
        self._processors.clear()
        if self.created and trace._TRACER_PROVIDER is self.provider:
            trace._TRACER_PROVIDER = None
            trace._TRACER_PROVIDER_SET_ONCE = Once()


def attach(settings: Settings, given: trace.TracerProvider | None = None) -> Attachment | None:
    """Joins ``given`` or the global SDK provider; makes and sets one if there is none. ``None`` if that is impossible.

    A global provider that is not the SDK's (another vendor's) cannot be joined: that is logged.
    """
    global _kept
    current = given or _global_provider()
    if isinstance(current, TracerProvider):
        if current is _kept:
            trace.set_tracer_provider(current)
            return Attachment(current, created=True)
        if not settings.service_name_is_default:
            logger.info("the app has its own TracerProvider; service.name is set there, not by Spanloft")
        return Attachment(current, created=False)
    if current is not None:
        logger.warning("a TracerProvider of %s is set, which cannot be joined", type(current).__module__)
        return None
    resource = make_resource(settings)
    if _kept is None or _kept.resource.attributes.get(SERVICE_NAME) != settings.service_name:
        _kept = TracerProvider(resource=resource)
    trace.set_tracer_provider(_kept)
    return Attachment(_kept, created=True)


def exports_already(provider: TracerProvider, endpoint: str) -> bool:
    """Whether the app itself sends its spans to this endpoint, so that ours would be sent twice."""
    for processor in _processors_of(provider):
        exporter = getattr(processor, "span_exporter", None)
        if exporter is not None and getattr(exporter, "_endpoint", None) == endpoint:
            return True
    return False


def _global_provider() -> trace.TracerProvider | None:
    """The provider that is set, without setting one: ``get_tracer_provider`` would fix a proxy in its place."""
    provider = trace._TRACER_PROVIDER
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def make_resource(settings: Settings) -> Resource:
    """What describes this process: the service, this distribution, and what OpenTelemetry's variables say."""
    return Resource.create(
        {
            SERVICE_NAME: settings.service_name or "python",
            "telemetry.distro.name": "spanloft",
            "telemetry.distro.version": version("spanloft"),
        }
    )


def _processors_of(provider: TracerProvider) -> tuple[SpanProcessor, ...]:
    multi: Any = getattr(provider, "_active_span_processor", None)
    return tuple(getattr(multi, "_span_processors", ()))


def _take_out(provider: TracerProvider, processor: SpanProcessor) -> None:
    multi: Any = getattr(provider, "_active_span_processor", None)
    if multi is None or not hasattr(multi, "_span_processors"):
        logger.debug("a span processor stays behind, inactive: unknown kind of provider")
        return
    with multi._lock:
        multi._span_processors = tuple(p for p in multi._span_processors if p is not processor)
