SELECT trace_id, span_id, start_time
FROM lake.stored.spans
WHERE utc_day = $day::DATE
QUALIFY row_number() OVER (PARTITION BY trace_id, span_id ORDER BY ingest_time) = 1
ORDER BY ingest_time, start_time, span_id;
