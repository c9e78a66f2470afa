SELECT writer, {columns}
FROM lake.stored."{table}"
WHERE start_time BETWEEN $first AND $last AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM keys);
