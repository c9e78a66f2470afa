"""The context of now in a form that another process can take up: trace, baggage, stamp, and how it is instrumented."""

from __future__ import annotations

import functools
import json
import os
import pickle
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

from opentelemetry.baggage import get_all, set_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ._log import contained, logger
from .stamps import current_stamp, with_stamp

VARIABLE = "SPANLOFT_CONTEXT"
"""Marks the environment of a child process as written by us; holds the stamp as JSON."""

_TRACE, _BAGGAGE = TraceContextTextMapPropagator(), W3CBaggagePropagator()
_HEADERS = ("traceparent", "tracestate", "baggage")


class Carrier:
    """Picklable. Unpickling it instruments the process with ``arguments``, unless these are ``None``."""

    def __init__(self, arguments: Mapping[str, Any] | None) -> None:
        self.arguments = arguments
        self.headers = headers_of(get_current())
        self.stamp = dict(current_stamp())

    def __bool__(self) -> bool:
        """Whether there is any context to carry."""
        return bool(self.headers or self.stamp)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.arguments is None:
            return
        with contained("instrumenting a child process"):
            from . import core

            core.instrument(**self.arguments)

    def attach(self) -> Token[Context]:
        """Makes the carried context the current one; ``detach`` ends it."""
        return attach(context_of(self.headers, self.stamp))


class CarriedCall:
    """A function that runs in the carried context, wherever it runs; picklable if the function is."""

    def __init__(self, function: Callable[..., Any], carrier: Carrier, flush: float = 0.0) -> None:
        self._function = function
        self._carrier = carrier
        self._flush = flush
        with contained("naming a carried function"):
            functools.update_wrapper(self, function)
            vars(self).pop("__wrapped__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        token = None
        with contained("taking up a context"):
            token = self._carrier.attach()
        try:
            return self._function(*args, **kwargs)
        finally:
            with contained("leaving a context"):
                if token is not None:
                    detach(token)
                if self._flush:
                    from . import core

                    core.flush(self._flush)


def picklable(value: Any) -> bool:
    """Whether a child process can be given the value."""
    try:
        pickle.dumps(value)
    except Exception as error:
        logger.debug("not carried into a child process: %r", error)
        return False
    return True


def lasting(context: Context) -> Context:
    """What of a context may outlive a call: span, baggage and stamp, but no marks of the call itself."""
    kept = with_stamp(current_stamp(context), set_span_in_context(get_current_span(context), Context()))
    for name, value in get_all(context).items():
        kept = set_baggage(name, value, kept)
    return kept


def headers_of(context: Context) -> dict[str, str]:
    """The W3C headers of a context; none of an empty one."""
    headers: dict[str, str] = {}
    _TRACE.inject(headers, context)
    _BAGGAGE.inject(headers, context)
    return headers


def context_of(headers: Mapping[str, str], stamp: Mapping[str, Any]) -> Context:
    """The context of W3C headers and a stamp, over the current one."""
    context = _BAGGAGE.extract(headers, _TRACE.extract(headers, get_current()))
    # Lists come from JSON; attributes are tuples.
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in stamp.items()}
    return with_stamp(plain, context) if plain else context


def to_environment() -> dict[str, str]:
    """The variables that hand the current context to a child process; empty without a context."""
    headers, stamp = headers_of(get_current()), current_stamp()
    if not headers and not stamp:
        return {}
    return {**{name.upper(): value for name, value in headers.items()}, VARIABLE: json.dumps(dict(stamp), default=list)}


def from_environment() -> Token[Context] | None:
    """Takes up what :func:`to_environment` of the parent process wrote, once; ``None`` if it wrote nothing.

    A ``TRACEPARENT`` of somebody else's is left alone: it may be that of a whole deployment.
    """
    stamp = os.environ.pop(VARIABLE, None)
    if stamp is None:
        return None
    headers = {name: os.environ.pop(name.upper()) for name in _HEADERS if name.upper() in os.environ}
    return attach(context_of(headers, json.loads(stamp)))
