-- Spans that arrived over time, by what became of them.
SELECT time_bucket(to_seconds($bucket_s), minute) AS bucket, outcome AS series, sum(spans)::BIGINT AS spans
FROM ingest_health
WHERE minute >= $since AND minute < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
GROUP BY bucket, series
ORDER BY series DESC, bucket;
