-- Share of calls that failed over time, in percent: rate limits apart from everything else.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
measured AS (
    SELECT
        time_bucket(to_seconds($bucket_s), start_time) AS bucket,
        count(*) AS calls,
        count(*) FILTER (WHERE status_code = 'error') AS failed,
        count(*) FILTER (
            WHERE status_code = 'error' AND (error_type ILIKE '%ratelimit%' OR error_type ILIKE '%rate_limit%' OR error_type = '429' OR status_message LIKE '%429%')
        ) AS limited
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
    GROUP BY 1
)
SELECT bucket, calls, 100.0 * limited / calls AS rate_limited, 100.0 * (failed - limited) / calls AS other_errors
FROM grid
LEFT JOIN measured USING (bucket)
ORDER BY bucket;
