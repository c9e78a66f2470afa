-- $measure over time of the six most used models: p95 duration or time to first token in seconds, or tokens/s.
-- Buckets without calls are NULL, so that a line has a gap there.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
calls AS (
    SELECT time_bucket(to_seconds($bucket_s), start_time) AS bucket, provider, model, duration_ms, ttft_ms, tokens_per_s
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND status_code IS DISTINCT FROM 'error' AND model IS NOT NULL
      AND ($measure != 'ttft' OR ttft_ms IS NOT NULL) AND ($measure != 'speed' OR tokens_per_s IS NOT NULL)
),
shown AS (
    SELECT model, any_value(provider) AS provider, row_number() OVER (ORDER BY count(*) DESC, model) AS place
    FROM calls
    GROUP BY model
    ORDER BY place
    LIMIT 6
),
measured AS (
    SELECT
        bucket, model,
        CASE $measure
            WHEN 'ttft' THEN quantile_cont(ttft_ms, 0.5) / 1000
            WHEN 'speed' THEN median(tokens_per_s)
            ELSE quantile_cont(duration_ms, 0.95) / 1000
        END AS measured
    FROM calls
    GROUP BY bucket, model
)
SELECT bucket, model AS series, provider, place, measured
FROM grid
CROSS JOIN shown
LEFT JOIN measured USING (bucket, model)
ORDER BY place, bucket;
