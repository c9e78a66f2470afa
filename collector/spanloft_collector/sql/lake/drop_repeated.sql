DELETE FROM lake.stored."{table}"
WHERE rowid IN (
    SELECT rowid
    FROM lake.stored."{table}" AS stored
    JOIN repeated USING (trace_id, span_id, start_time)
    QUALIFY row_number() OVER (PARTITION BY trace_id, span_id ORDER BY writer, rowid) > 1
);
