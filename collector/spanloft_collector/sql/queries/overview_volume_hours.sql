-- As overview_volume, of whole hours.
SELECT
    time_bucket(to_seconds($bucket_s), hour) AS bucket, if(failed, 'failed', 'ok') AS series, sum(calls)::BIGINT AS calls
FROM (
    SELECT *
    FROM usage_between($since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP)
    WHERE true
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
)
GROUP BY bucket, series
ORDER BY series DESC, bucket;
