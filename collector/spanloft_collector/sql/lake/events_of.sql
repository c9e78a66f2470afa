SELECT trace_id, span_id, time, event_name, attributes, body
FROM lake.stored.logs
WHERE utc_day BETWEEN $first::DATE AND $last::DATE + 1 AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM keys);
