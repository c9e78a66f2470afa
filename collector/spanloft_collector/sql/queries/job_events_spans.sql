-- Stored spans with GenAI log events, where the span or an event was published in the window. An event that comes more
-- than an hour after its span, or before it, is left to spanloft remap.
WITH events AS (
    SELECT trace_id, span_id, max(ingest_time) AS published
    FROM logs
    WHERE ingest_time > $since::TIMESTAMP - INTERVAL 1 HOUR AND ingest_time <= $until::TIMESTAMP
      AND span_id IS NOT NULL AND starts_with(event_name, 'gen_ai.')
    GROUP BY ALL
)
SELECT trace_id, span_id, start_time
FROM spans
JOIN events USING (trace_id, span_id)
WHERE ingest_time > $since::TIMESTAMP - INTERVAL 1 HOUR AND ingest_time <= $until::TIMESTAMP
  AND greatest(ingest_time, published) > $since::TIMESTAMP
ORDER BY start_time;
