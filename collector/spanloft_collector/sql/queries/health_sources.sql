-- Who sends: service, instrumentation and the dialect that understood it; spans, late ones, calls counted already.
SELECT
    coalesce(service_name, 'unknown') AS service_name, coalesce(scope_name, 'unknown') AS scope_name, dialect,
    sum(spans)::BIGINT AS spans, sum(late)::BIGINT AS late, sum(duplicate_calls)::BIGINT AS duplicate_calls,
    max(minute) AS last_time
FROM ingest_health
WHERE minute >= $since AND minute < $until AND outcome = 'stored'
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY ALL
ORDER BY spans DESC
LIMIT 100;
