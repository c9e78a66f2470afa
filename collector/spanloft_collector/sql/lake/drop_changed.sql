DELETE FROM lake.stored."{table}"
WHERE writer = $writer AND utc_day IN (SELECT start_time::DATE FROM changed)
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM changed);
