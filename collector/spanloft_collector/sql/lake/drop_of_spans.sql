DELETE FROM lake.stored."{table}"
WHERE utc_day = $day::DATE AND (trace_id, span_id) IN (
    SELECT (trace_id, span_id)
    FROM lake.stored.spans
    WHERE utc_day = $day::DATE AND list_contains($projects::VARCHAR[], coalesce(project, 'default'))
);
