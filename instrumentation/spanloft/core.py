"""``instrument()`` and ``uninstrument()``: puts the parts together, once, and takes them apart again."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import Token
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, detach
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import TracerProvider

from . import config
from ._log import contained, logger
from .activation import Activation
from .carrier import CarriedCall, Carrier, from_environment, picklable
from .choices import choose
from .content import UNSWITCHED_FIELDS, ContentSwitches
from .fallback import Fallback
from .import_hook import ImportHook
from .processor import EXIT_GRACE, DeliveringProcessor
from .propagation import Propagation
from .provider import Attachment, attach, exports_already
from .redaction import RedactFunction, RedactingProcessor, Redactor, make_redactor
from .sigterm import SigtermDelivery
from .spool import Spool
from .stamps import StampProcessor
from .transport import logs_destination, make_transport

if TYPE_CHECKING:
    from .judgements import FeedbackDelivery

_lock = threading.RLock()
_running: Running | None = None


class Running:
    """Everything one ``instrument()`` call set up."""

    def __init__(
        self,
        attachment: Attachment,
        settings: config.Settings,
        delivery: DeliveringProcessor | None,
        redactor: Redactor | None,
        exports: bool,
    ) -> None:
        self.attachment = attachment
        self.redactor = redactor
        self.settings = settings
        self.delivery = delivery
        self.switches = ContentSwitches()
        self.activation = Activation(attachment.provider, settings.capture_content)
        self.fallback = Fallback(attachment.provider, settings.capture_content) if settings.fallback else None
        self.usage_hook = ImportHook()
        self.exports = exports
        self.for_children: dict[str, Any] | None = None
        self._feedback: FeedbackDelivery | None = None
        self.propagation: Propagation | None = None
        self._inherited: Token[Context] | None = None
        self.sigterm = SigtermDelivery(self.deliver_now, EXIT_GRACE + 0.5)

    def start(self, for_children: dict[str, Any] | None) -> None:
        """Sets everything up: span processors first, then what makes spans.

        ``for_children`` are the arguments with which child processes are instrumented, if they are at all.
        """
        self.for_children = for_children
        processors: list[SpanProcessor] = [StampProcessor()]
        if self.redactor is not None:
            processors.append(RedactingProcessor(self.redactor))
        if self.fallback is not None:
            processors.append(self.fallback.watcher.claims)
        if self.delivery is not None:
            processors.append(self.delivery)
        self.attachment.add(processors)
        # The provider's own exit handler comes first or last or not at all; shutting down twice does nothing.
        atexit.register(self.deliver_now)
        self.switches.apply(self.settings.capture_content)
        self.activation.start(choose())
        if self.settings.stream_usage:
            from . import stream_usage

            # After the instrumentors: it must stand outside of theirs.
            self.usage_hook.watch("openai", stream_usage.install)
        if self.fallback is not None:
            self.fallback.start()
        if self.settings.propagate:
            self._inherited = from_environment()
            self.propagation = Propagation(for_children)
            self.propagation.start()
        if self.delivery is not None:
            self.sigterm.install()
            self.delivery.start()
            if self.settings.spool and Spool(self.settings.spool, logs_destination(self.settings), 0).pending():
                self.feedback().start()

    def feedback(self) -> FeedbackDelivery:
        """What delivers feedback; made when first needed."""
        if self._feedback is None:
            from .judgements import FeedbackDelivery

            self._feedback = FeedbackDelivery(self.settings, self.attachment.provider.resource)
        return self._feedback

    def flush(self, timeout: float) -> bool:
        """Delivers what waits; ``True`` if nothing is left."""
        deadline = time.monotonic() + timeout
        if self.fallback is not None:
            self.fallback.watcher.claims.force_flush()
        target = self.delivery or self.attachment.provider
        done = target.force_flush(int(timeout * 1000))
        if self._feedback is not None:
            done &= self._feedback.force_flush(int(max(deadline - time.monotonic(), 0) * 1000))
        return done

    def deliver_now(self) -> None:
        """At the end of the process: spans held back are written, then everything is sent or kept on disk."""
        if self.fallback is not None:
            self.fallback.watcher.claims.shutdown()
        for delivery in (self.delivery, self._feedback):
            if delivery is not None:
                delivery.shutdown()

    def stop(self) -> None:
        """Takes everything back, each part on its own so that one failure leaves no other behind."""
        with contained("removing the signal handler"):
            self.sigterm.remove()
        with contained("leaving streams as they are"):
            if self.settings.stream_usage:
                from . import stream_usage

                self.usage_hook.remove()
                stream_usage.remove()
        with contained("leaving threads and processes"):
            if self.propagation is not None:
                self.propagation.stop()
            if self._inherited is not None:
                detach(self._inherited)
        with contained("leaving the HTTP clients"):
            if self.fallback is not None:
                self.fallback.stop()
        with contained("removing instrumentors"):
            self.activation.stop()
        with contained("removing span processors"):
            self.attachment.remove()
            atexit.unregister(self.deliver_now)
        with contained("delivering feedback"):
            if self._feedback is not None:
                self._feedback.shutdown()
        with contained("restoring the environment"):
            self.switches.restore()


def running() -> Running | None:
    """What is set up now, or ``None``."""
    return _running


def instrument(
    *,
    endpoint: str | None = None,
    service_name: str | None = None,
    capture_content: bool | None = None,
    api_key: str | None = None,
    tracer_provider: TracerProvider | None = None,
    redact: RedactFunction | str | Iterable[str] | None = None,
    export: bool = True,
) -> None:
    """See :func:`spanloft.instrument`."""
    global _running
    with _lock, contained("spanloft.instrument()"):
        if _running is not None:
            return
        if config.sdk_disabled():
            logger.info("OTEL_SDK_DISABLED is set: nothing is instrumented")
            return
        settings = config.load(
            endpoint=endpoint, service_name=service_name, capture_content=capture_content, api_key=api_key
        )
        attachment = attach(settings, tracer_provider)
        if attachment is None:
            return
        hidden = settings.redact_fields if settings.capture_content else (*settings.redact_fields, *UNSWITCHED_FIELDS)
        redactor = make_redactor(redact, settings.redact, hidden)
        _running = Running(attachment, settings, _delivery(settings, attachment) if export else None, redactor, export)
        try:
            for_children = {
                "endpoint": endpoint,
                "service_name": settings.service_name,
                "capture_content": capture_content,
                "api_key": api_key,
                "redact": redact,
            }
            _running.start(for_children if export and tracer_provider is None else None)
        except Exception:
            broken, _running = _running, None
            broken.stop()
            raise


def uninstrument() -> None:
    """See :func:`spanloft.uninstrument`."""
    global _running
    with _lock:
        stopping, _running = _running, None
        if stopping is not None:
            stopping.stop()


def flush(timeout: float = 10.0) -> bool:
    """See :func:`spanloft.flush`."""
    current = _running
    with contained("spanloft.flush()"):
        if current is not None:
            return current.flush(timeout)
        judgements = sys.modules.get("spanloft.judgements")
        return judgements is None or bool(judgements.flush_alone(timeout))
    return False


def feedback(score: float | bool | None, **about: Any) -> bool:
    """See :func:`spanloft.feedback`."""
    with contained("spanloft.feedback()"):
        from .judgements import alone, judgement

        given = judgement(score, **about)
        current = _running
        if given is None or config.sdk_disabled() or (current is not None and not current.exports):
            return False
        delivery = current.feedback() if current is not None else alone()
        redactor = current.redactor if current is not None else delivery.redactor
        if redactor is not None:
            given = given._replace(attributes=redactor.attributes(given.attributes))
        delivery.submit(given)
        return True
    return False


def _delivery(settings: config.Settings, attachment: Attachment) -> DeliveringProcessor | None:
    import os

    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none" and attachment.created:
        return None
    if not attachment.created and exports_already(attachment.provider, settings.endpoint):
        logger.info("the app exports to %s already; Spanloft adds no second exporter", settings.endpoint)
        return None
    transport = make_transport(settings)
    spool = Spool(settings.spool, transport.destination, settings.spool_bytes) if settings.spool else None
    return DeliveringProcessor(
        transport,
        spool,
        timeout=settings.timeout,
        delay=settings.schedule_delay,
        max_queue=settings.max_queue,
        max_batch=settings.max_batch,
    )


def carried(function: Callable[..., Any]) -> CarriedCall:
    """See :func:`spanloft.carry`."""
    current = _running
    arguments = current.for_children if current is not None else None
    return CarriedCall(function, Carrier(arguments if picklable(arguments) else None), flush=EXIT_GRACE)
