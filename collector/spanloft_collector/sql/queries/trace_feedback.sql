-- What people and evaluators said of one span, or of its trace as a whole; the newest first.
SELECT time, name, score, label, comment, user_id, span_id IS NULL AS of_trace, count(*) OVER () AS total
FROM feedback
WHERE trace_id = $trace_id AND (span_id = $span_id OR span_id IS NULL)
ORDER BY time DESC
LIMIT 20;
