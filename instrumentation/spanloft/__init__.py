"""Spanloft's SDK: one line traces every LLM call of an app.

    import spanloft

    spanloft.instrument()

Importing this package is cheap: OpenTelemetry is loaded by the first call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import SpanloftError

if TYPE_CHECKING:
    import duckdb
    from opentelemetry.trace import Span, TracerProvider

    from .redaction import RedactFunction
    from .stamps import StampContext

__all__ = [
    "SpanloftError",
    "carry",
    "connect",
    "context",
    "feedback",
    "flush",
    "flush_on_return",
    "instrument",
    "uninstrument",
]

R = TypeVar("R")
F = TypeVar("F", bound="Callable[..., Any]")


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
    """Traces the LLM libraries of this process and sends the spans to a collector.

    Joins the app's ``TracerProvider`` if it has one. A library is instrumented when it is imported, with one
    instrumentor (``spanloft doctor`` shows which). Calling it again changes nothing; it never raises.

    Args:
        endpoint: OTLP endpoint; default ``OTEL_EXPORTER_OTLP_ENDPOINT``, else ``http://127.0.0.1:4318``.
        service_name: default ``OTEL_SERVICE_NAME``, else the name of the script.
        capture_content: whether message texts are recorded; default ``SPANLOFT_CAPTURE_CONTENT``, else yes.
        api_key: key of the collector, sent as ``Authorization: Bearer``; default ``SPANLOFT_API_KEY``.
        tracer_provider: an SDK provider to use instead of the global one.
        redact: what is taken out of spans before anything leaves the process: names of patterns (``"email,card"``,
            ``"all"``) or a function ``(key, text) -> text``; default ``SPANLOFT_REDACT``, else nothing.
        export: ``False`` sends nothing: the provider's own processors get the spans.
    """
    from . import core

    core.instrument(
        endpoint=endpoint,
        service_name=service_name,
        capture_content=capture_content,
        api_key=api_key,
        tracer_provider=tracer_provider,
        redact=redact,
        export=export,
    )


def uninstrument() -> None:
    """Undoes :func:`instrument` and leaves nothing behind; waiting spans are delivered or kept on disk first."""
    from . import core

    core.uninstrument()


def flush(timeout: float = 10.0) -> bool:
    """Sends all waiting spans now, those kept on disk included. ``True`` if none is left within ``timeout`` seconds."""
    from . import core

    return core.flush(timeout)


def flush_on_return(function: F | None = None, *, timeout: float = 2.0) -> Any:
    """Decorates a function (also async, also a generator) so that its spans are delivered before it returns.

        @spanloft.flush_on_return
        def handler(event, context):  # of AWS Lambda, Modal, Cloud Run: frozen or ended after the return
            ...

    What the collector does not take within ``timeout`` seconds stays in the spool for the next call.
    """
    if function is None:
        return lambda decorated: flush_on_return(decorated, timeout=timeout)
    from .short_lived import flushing

    return flushing(function, timeout)


def carry(function: Callable[..., R]) -> Callable[..., R]:
    """A picklable copy of ``function`` that runs in today's span and :func:`context`, instrumented, wherever it runs.

        ray.remote(spanloft.carry(work)).remote(x)

    For whatever starts processes in ways of its own: Ray, Dask, joblib, Celery. Threads, asyncio, ``subprocess``,
    ``multiprocessing`` and ``concurrent.futures`` need nothing.
    """
    from . import core

    return core.carried(function)


def feedback(
    score: float | bool | None = None,
    *,
    name: str = "user_feedback",
    label: str | None = None,
    comment: str | None = None,
    span: Span | None = None,
    trace_id: str | int | None = None,
    span_id: str | int | None = None,
    response_id: str | None = None,
    user: str | None = None,
) -> bool:
    """Sends what somebody thought of an answer; the latest of each user, name and call counts.

        answer = client.chat.completions.create(...)
        ...
        spanloft.feedback(True, response_id=answer.id, comment="solved it", user="u-17")

    Works in any process, also much later, instrumented or not.

    Args:
        score: a number, or ``True`` and ``False`` for a thumb up and down.
        name: what was judged, such as ``helpful``.
        label: the score in words.
        comment: free text.
        span: the span of the call; default the current one.
        trace_id: instead of ``span``, hexadecimal or a number; alone it judges the whole trace.
        span_id: a span of that trace.
        response_id: instead of both, the provider's id of the answer.
        user: who judges; default the one of the surrounding :func:`context`.

    Returns:
        Whether it is on its way: ``False`` if it names no call or says nothing (logged), or nothing is sent at all.
    """
    from . import core

    return core.feedback(
        score,
        name=name,
        label=label,
        comment=comment,
        span=span,
        trace_id=trace_id,
        span_id=span_id,
        response_id=response_id,
        user=user,
    )


def context(
    *,
    user: str | None = None,
    session: str | None = None,
    tags: Iterable[str] | None = None,
    prompt: str | tuple[str, str | int] | Mapping[str, str | int] | None = None,
) -> StampContext:
    """Stamps every span started inside the ``with`` block with who and what it was for.

        with spanloft.context(user="u-17", session="chat-4", tags=["beta"], prompt=("answer", 3)):
            client.chat.completions.create(...)

    Args:
        user: end user (``user.id``).
        session: session or conversation (``session.id``, ``gen_ai.conversation.id``).
        tags: labels (``spanloft.tags``); inner blocks add to outer ones.
        prompt: name of the prompt template, ``(name, version)`` or a mapping with these keys.
    """
    from .stamps import StampContext

    return StampContext(user=user, session=session, tags=tags, prompt=prompt)


def connect(store: str | os.PathLike[str] | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only DuckDB connection on a store: ``spanloft.connect().sql("FROM llm_calls")``.

    Args:
        store: the store's folder; default ``SPANLOFT_STORE``, else ``~/.spanloft``.

    Raises:
        SpanloftError: duckdb is not installed, or there is no store in the folder.
    """
    from .store import connect as open_store

    return open_store(store)
