"""Messages that came as log events long after, or before, their span: written where everybody looks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa

from spanloft_collector.jobs.base import FIRST, Output
from spanloft_collector.store.base import Reader


class EventsJob:
    """Joins log events and spans that were published apart. Its output is the spans themselves."""

    name = "events"
    version = 1
    reads: Sequence[str] = ("logs", "spans", "payloads")
    writes: Sequence[str] = ()
    every_s = 60.0

    def __init__(self, join: Callable[[pa.Table], int]) -> None:
        """Prepare; ``join`` writes the stored events of spans (trace_id, span_id, start_time) into their rows."""
        self.join = join

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Join what was published in the window; running it again changes nothing."""
        window = {"since": max(since, FIRST), "until": until}
        if reader.query("job_events_any", window, timeout_s=600).column("events")[0].as_py():
            spans = reader.query("job_events_spans", window, timeout_s=600)
            if spans.num_rows:
                self.join(spans)
        return Output({})
