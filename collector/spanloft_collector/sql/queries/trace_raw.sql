-- One span with everything that is stored of it.
SELECT *
FROM spans
JOIN payloads USING (trace_id, span_id, start_time)
WHERE trace_id = $trace_id AND span_id = $span_id;
