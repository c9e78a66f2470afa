-- Names and times of the spans of a chain.
SELECT span_id, name, operation, start_time
FROM spans
WHERE trace_id = $trace_id AND list_contains($span_ids::VARCHAR[], span_id);
