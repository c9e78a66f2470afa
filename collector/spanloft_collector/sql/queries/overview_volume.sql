-- Calls over time: those that worked and those that failed.
SELECT
    time_bucket(to_seconds($bucket_s), start_time) AS bucket,
    if(status_code = 'error', 'failed', 'ok') AS series,
    count(*) AS calls
FROM llm_calls
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
GROUP BY bucket, series
ORDER BY series DESC, bucket;
