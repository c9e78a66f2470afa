"""For users' tests: the spans of a block, in memory, without a collector.

with spanloft.testing.capture() as spans:
    my_app.answer("hello")
assert spans.calls[0].attributes["gen_ai.request.model"] == "gpt-4o"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from . import core, provider
from .redaction import RedactFunction

_CALLS = frozenset({"chat", "generate_content", "text_completion", "embeddings"})


class CapturedSpans:
    """The ended spans of a :func:`capture` block, in the order they ended; also readable inside the block."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """All ended spans."""
        return self._exporter.get_finished_spans()

    @property
    def calls(self) -> list[ReadableSpan]:
        """Those that are LLM calls: chat, completions, embeddings; in either convention's spelling."""
        return [span for span in self.spans if _is_call(span)]

    def clear(self) -> None:
        """Forgets what was captured so far."""
        self._exporter.clear()

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[ReadableSpan]:
        return iter(self.spans)


@contextmanager
def capture(
    *, capture_content: bool | None = None, redact: RedactFunction | str | Iterable[str] | None = None
) -> Iterator[CapturedSpans]:
    """Instruments the block and captures its spans. Nothing is sent, unless ``instrument()`` was called before.

    Args:
        capture_content: whether message texts are recorded; as in :func:`spanloft.instrument`.
        redact: what is taken out; as in :func:`spanloft.instrument`.
    """
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    captured = CapturedSpans(exporter)
    running = core.running()
    if running is not None:
        attachment = provider.Attachment(running.attachment.provider, created=False)
        attachment.add([processor])
        try:
            yield captured
        finally:
            attachment.remove()
        return
    own = TracerProvider(shutdown_on_exit=False)
    own.add_span_processor(processor)
    core.instrument(tracer_provider=own, export=False, capture_content=capture_content, redact=redact)
    try:
        yield captured
    finally:
        core.uninstrument()


def _is_call(span: ReadableSpan) -> bool:
    attributes = span.attributes or {}
    return attributes.get("gen_ai.operation.name") in _CALLS or attributes.get("openinference.span.kind") in (
        "LLM",
        "EMBEDDING",
    )
