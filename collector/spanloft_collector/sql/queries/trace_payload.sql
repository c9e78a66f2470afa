-- What one span carried: messages, tool calls, documents, raw attributes.
SELECT *
FROM payloads
WHERE start_time = $at AND trace_id = $trace_id AND span_id = $span_id
LIMIT 1;
