-- Median, p95 and p99 of the duration of successful calls over time, in seconds; NULL where nothing was called.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
measured AS (
    SELECT
        time_bucket(to_seconds($bucket_s), start_time) AS bucket, count(*) AS calls,
        quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS quantiles
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND status_code IS DISTINCT FROM 'error'
    GROUP BY 1
)
SELECT bucket, calls, quantiles[1] / 1000 AS p50_s, quantiles[2] / 1000 AS p95_s, quantiles[3] / 1000 AS p99_s
FROM grid
LEFT JOIN measured USING (bucket)
ORDER BY bucket;
