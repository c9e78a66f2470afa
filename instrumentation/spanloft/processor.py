"""The span processor that delivers: batches in the background, spools what is not taken, never holds up the exit.

The stock batch processor retries for 30 s at exit and then loses everything. Here a batch is sent once; if the
collector does not take it, it goes to the disk spool, and whoever runs next delivers it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, detach, set_value
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from ._log import contained, logger, warn_once
from .spool import Spool
from .transport import Answer, Outcome, Transport

EXIT_GRACE = 1.0
"""Seconds the exit of the app waits for the collector before the rest is spooled."""

MAX_REQUEST = 8 * 1024 * 1024
"""Bytes of one request: whole conversations in 512 spans can exceed what a collector accepts."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SPOOL_SLICE = 2.0
_SPOOL_CHECK = 15.0


class DeliveringProcessor(SpanProcessor):
    """Queues ended spans and sends them in batches from one daemon thread, which starts with the first span.

    Args:
        transport: where batches go.
        spool: where they wait when the collector does not take them; ``None`` keeps them in memory only.
        timeout: seconds for one request.
        delay: seconds to gather a batch.
        max_queue: spans in memory; beyond it the oldest go to the spool, or are dropped without one.
        max_batch: spans in one request.
    """

    def __init__(
        self,
        transport: Transport,
        spool: Spool | None,
        *,
        timeout: float = 10.0,
        delay: float = 1.0,
        max_queue: int = 2048,
        max_batch: int = 512,
    ) -> None:
        self._transport = transport
        self._spool = spool
        self._timeout = timeout
        self._delay = delay
        self._max_queue = max_queue
        self._max_batch = min(max_batch, max_queue)
        self._queue: deque[Any] = deque()
        self._stopping = False
        self._down_until = 0.0
        self._pause = _FIRST_PAUSE
        self._lost = 0
        self._reset_threads()
        if hasattr(os, "register_at_fork"):
            after_fork = weakref.WeakMethod(self._after_fork)

            def in_child() -> None:
                if (method := after_fork()) is not None:
                    method()

            os.register_at_fork(after_in_child=in_child)

    def _reset_threads(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._flushed = threading.Condition()
        self._flush_wanted = self._flush_done = 0
        self._in_flight: Sequence[ReadableSpan] | None = None
        self._worker: threading.Thread | None = None
        self._pid = os.getpid()

    def _after_fork(self) -> None:
        # The parent delivers what it had queued; the child starts empty, with locks nobody holds.
        self._reset_threads()
        self._queue.clear()
        self._transport.close()

    # --- the app's side ---------------------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do: spans are delivered when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queues the span. Costs the app an append, and a wake-up when the queue was empty."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.submit(span)

    def submit(self, item: Any) -> None:
        """Queues what :meth:`encode` can write; for spans that are their own."""
        if self._stopping:
            return
        queue = self._queue
        queue.append(item)
        waiting = len(queue)
        if self._worker is None:
            self._start_worker()
        if not self._wake.is_set():
            self._wake.set()
        if waiting >= self._max_batch and not self._hurry.is_set():
            self._hurry.set()
        if waiting > self._max_queue:
            self._relieve()

    def encode(self, batch: Sequence[ReadableSpan]) -> bytes:
        """One request with the batch; subclasses may send other things than spans."""
        return encode(batch)

    def start(self) -> None:
        """Starts delivering what earlier processes left in the spool, if they left anything."""
        with contained("looking into the spool"):
            if self._spool is not None and self._spool.pending():
                self._start_worker()
                self._wake.set()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Sends everything queued and spooled now. ``True`` if nothing is left within the time."""
        deadline = time.monotonic() + timeout_millis / 1000
        if self._stopping:
            return not self._queue
        self._down_until = 0.0
        if not self._start_worker():
            self._work_once(deadline)
            return not self._left_over()
        with self._flushed:
            self._flush_wanted += 1
            ticket = self._flush_wanted
            self._wake.set()
            self._hurry.set()
            done = self._flushed.wait_for(lambda: self._flush_done >= ticket, deadline - time.monotonic())
        return done and not self._left_over()

    def shutdown(self) -> None:
        """Sends what it can within :data:`EXIT_GRACE` and spools the rest."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        self._hurry.set()
        worker = self._worker
        with contained("delivering spans at exit"):
            if worker is not None and worker.is_alive() and worker is not threading.current_thread():
                worker.join(EXIT_GRACE)
                if worker.is_alive():
                    self._rescue()
            else:
                self._work_once(time.monotonic() + EXIT_GRACE)
                self._rescue()
        if self._lost:
            logger.warning("%d spans were lost: the collector did not take them and there is no spool", self._lost)

    # --- the worker's side ------------------------------------------------------------------------------------

    def _start_worker(self) -> bool:
        with self._lock:
            if self._worker is not None:
                return True
            worker = threading.Thread(target=self._run, name="spanloft-delivery", daemon=True)
            try:
                worker.start()
            except RuntimeError:
                return False  # The interpreter is shutting down; shutdown() delivers in its own thread.
            self._worker = worker
        # A forked multiprocessing child leaves by os._exit, which runs its finalizers but nothing of atexit.
        if (util := sys.modules.get("multiprocessing.util")) is not None:
            reference = weakref.ref(self)
            util.Finalize(None, lambda: (p := reference()) and p.force_flush(int(EXIT_GRACE * 1000)), exitpriority=1)
        return True

    def _run(self) -> None:
        while not self._stopping:
            idle = not self._queue and self._flush_wanted == self._flush_done
            self._wake.wait(_SPOOL_CHECK if idle and not self._spool_waits() else self._pause_length())
            self._wake.clear()
            if not self._stopping and self._flush_wanted == self._flush_done:
                self._hurry.wait(self._delay)
            self._hurry.clear()
            wanted = self._flush_wanted
            with contained("delivering spans"):
                self._work_once()
            if self._flush_done != wanted:
                with self._flushed:
                    self._flush_done = wanted
                    self._flushed.notify_all()
        with contained("delivering spans at exit"):
            self._work_once(time.monotonic() + EXIT_GRACE)

    def _spool_waits(self) -> bool:
        return self._spool is not None and bool(self._spool.pending())

    def _pause_length(self) -> float:
        return min(max(self._down_until - time.monotonic(), self._delay), _LONGEST_PAUSE)

    def _work_once(self, deadline: float | None = None) -> None:
        """Sends the queue, then the spool; ``deadline`` (``time.monotonic``) also bounds each request."""
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            while self._queue and self._deliver(self._take(), deadline):
                pass
            if self._spool is not None and not self._stopping and time.monotonic() >= self._down_until:
                until = deadline or time.monotonic() + _SPOOL_SLICE
                self._spool.deliver(lambda body: self._send(body, deadline), until)
        finally:
            detach(token)

    def _take(self) -> list[ReadableSpan]:
        batch: list[ReadableSpan] = []
        with self._lock:
            while self._queue and len(batch) < self._max_batch:
                batch.append(self._queue.popleft())
            self._in_flight = batch
        return batch

    def _deliver(self, batch: list[ReadableSpan], deadline: float | None) -> bool:
        """Sends or keeps one batch; ``False`` when it is back in the queue and it makes no sense to go on."""
        unsent: list[bytes] = []
        for body in encode_in_parts(batch, self.encode):
            answer = self._send(body, deadline)
            if answer.outcome is Outcome.TRY_AGAIN:
                unsent.append(body)
            elif answer.outcome is Outcome.REFUSED:
                warn_once(f"refused {answer.reason}", "spans were refused and are dropped: %s", answer.reason)
        with self._lock:
            mine, self._in_flight = self._in_flight is batch, None
        if not mine or not unsent:
            return mine  # Not mine: the exit has spooled it meanwhile.
        if self._spool is not None and all(self._spool.put(body) for body in unsent):
            return True
        with self._lock:
            self._queue.extendleft(reversed(batch))
        return False

    def _send(self, body: bytes, deadline: float | None) -> Answer:
        now = time.monotonic()
        if now < self._down_until:
            return Answer(Outcome.TRY_AGAIN, "the collector did not answer a moment ago")
        timeout = self._timeout if deadline is None else max(min(self._timeout, deadline - now), 0.1)
        answer = self._transport.send(body, timeout)
        if answer.outcome is Outcome.TRY_AGAIN:
            self._down_until = time.monotonic() + (answer.retry_after or self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            kept = "kept on disk" if self._spool is not None else "kept in memory"
            warn_once("down", "the collector does not take spans (%s); they are %s", answer.reason, kept)
        else:
            self._down_until, self._pause = 0.0, _FIRST_PAUSE
        return answer

    def _relieve(self) -> None:
        """Too many spans in memory: the oldest batch goes to the spool, in the thread that ended one too many."""
        with contained("keeping spans"), self._lock:
            if len(self._queue) <= self._max_queue:
                return
            batch = [self._queue.popleft() for _ in range(self._max_batch)]
        with contained("keeping spans"):
            if not self._keep(batch):
                self._lost += len(batch)
                warn_once("lost", "spans are lost: the collector does not take them and there is no spool")

    def _rescue(self) -> None:
        """At exit: what is queued or still being sent goes to the spool."""
        with self._lock:
            batch, self._in_flight = self._in_flight, None
            rest = [*(batch or ()), *self._queue]
            self._queue.clear()
        for start in range(0, len(rest), self._max_batch):
            part = rest[start : start + self._max_batch]
            if not self._keep(part):
                self._lost += len(part)

    def _keep(self, batch: Sequence[ReadableSpan]) -> bool:
        return self._spool is not None and all(self._spool.put(body) for body in encode_in_parts(batch, self.encode))

    def _left_over(self) -> bool:
        return bool(self._queue or self._in_flight or self._spool_waits())


def encode_in_parts(items: Sequence[Any], write: Callable[[Sequence[Any]], bytes]) -> list[bytes]:
    """The items as requests of at most :data:`MAX_REQUEST` bytes each, unless a single one is larger."""
    body = write(items)
    if len(body) <= MAX_REQUEST or len(items) < 2:
        return [body] if body else []
    half = len(items) // 2
    return [*encode_in_parts(items[:half], write), *encode_in_parts(items[half:], write)]


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """An ``ExportTraceServiceRequest``; a span that cannot be encoded is left out and logged."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    try:
        return encode_spans(spans).SerializeToString()
    except Exception as error:
        if len(spans) == 1:
            warn_once("encode", "a span %r cannot be encoded: %r", spans[0].name, error)
            return b""
        # Requests are protobuf: their concatenation is their merge.
        return b"".join(encode([span]) for span in spans)
