-- Ids that were published in a window and are there more than once, now or a while before. Copies of a span have the
-- same start, which narrows what is read.
WITH fresh AS (
    SELECT DISTINCT trace_id, span_id, start_time
    FROM lake.stored.spans
    WHERE ingest_time > make_timestamp($since_us) AND ingest_time <= make_timestamp($until_us)
)
SELECT trace_id, span_id, start_time
FROM lake.stored.spans AS s
JOIN fresh USING (trace_id, span_id, start_time)
WHERE s.ingest_time > make_timestamp($since_us - $earlier_us) AND s.ingest_time <= make_timestamp($until_us)
    AND s.start_time BETWEEN (SELECT min(start_time) FROM fresh) AND (SELECT max(start_time) FROM fresh)
GROUP BY ALL
HAVING count(*) > 1;
