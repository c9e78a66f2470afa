-- Traces with a span that was published in the window, and how far they reach.
SELECT trace_id, count(*) AS spans, min(start_time) AS first_time, max(start_time) AS last_time
FROM spans
WHERE ingest_time <= $until
  AND trace_id IN (SELECT trace_id FROM spans WHERE ingest_time > $since AND ingest_time <= $until)
GROUP BY trace_id
ORDER BY first_time, trace_id;
