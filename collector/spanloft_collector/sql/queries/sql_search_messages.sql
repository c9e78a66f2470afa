-- Calls whose messages contain a text; the time bound keeps it fast
SELECT start_time, trace_id, span_id, input_messages
FROM payloads
WHERE start_time > now()::TIMESTAMP - INTERVAL 7 DAY AND contains(lower(input_messages::VARCHAR), 'refund')
ORDER BY start_time DESC
LIMIT 20;
