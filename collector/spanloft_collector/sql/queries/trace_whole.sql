-- All spans of a trace with what they carried, at most $row_limit. $near, a time close to it, spares a scan of every day.
SELECT
    s.trace_id, s.span_id, s.parent_span_id, s.name, s.kind, s.start_time, s.duration_ms, s.status_code, s.status_message,
    s.scope_name, s.scope_version, p.attributes, p.resource, p.events
FROM spans AS s
LEFT JOIN payloads AS p USING (trace_id, span_id, start_time)
WHERE s.trace_id = $trace_id
  AND s.start_time >= $near::TIMESTAMP - INTERVAL 1 DAY AND s.start_time < $near::TIMESTAMP + INTERVAL 1 DAY
ORDER BY s.start_time, s.span_id
LIMIT $row_limit;
