-- Without bounds, where a span tells no time of its own: it was stored under the time of its arrival.
SELECT trace_id, span_id
FROM spans
WHERE ($first::TIMESTAMP IS NULL OR (start_time >= $first::TIMESTAMP AND start_time <= $last::TIMESTAMP))
  AND trace_id IN (SELECT unnest($trace_ids::VARCHAR[]));
