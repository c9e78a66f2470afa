-- Latency of successful calls in the period (bucket NULL) and of each bucket, beside the period before.
SELECT
    * EXCLUDE (quantiles), quantiles[1] AS p50_ms, quantiles[2] AS p95_ms, quantiles[3] AS p99_ms
FROM (
    SELECT
        if(start_time >= $since, 'now', 'before') AS period,
        time_bucket(to_seconds($trend_s), start_time) AS bucket,
        count(*) AS calls,
        quantile_cont(duration_ms, [0.5, 0.95, 0.99]) FILTER (WHERE status_code IS DISTINCT FROM 'error') AS quantiles,
        quantile_cont(ttft_ms, 0.5) AS ttft_p50_ms,
        median(tokens_per_s) FILTER (WHERE status_code IS DISTINCT FROM 'error') AS tokens_per_s,
        count(*) FILTER (WHERE status_code = 'error') / count(*) AS error_rate
    FROM llm_calls
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
    GROUP BY GROUPING SETS ((period), (period, bucket))
)
ORDER BY period, bucket NULLS FIRST;
