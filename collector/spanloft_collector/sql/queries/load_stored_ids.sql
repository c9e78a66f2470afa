SELECT trace_id, span_id
FROM spans
WHERE start_time >= $first::TIMESTAMP AND start_time <= $last::TIMESTAMP
  AND trace_id IN (SELECT unnest($trace_ids::VARCHAR[]));
