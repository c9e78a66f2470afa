-- Totals of the period (bucket NULL) and of each bucket, beside those of the period before.
SELECT
    if(start_time >= $since, 'now', 'before') AS period,
    time_bucket(to_seconds($trend_s), start_time) AS bucket,
    count(*) AS calls,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    errors / calls AS error_rate,
    sum(cost_usd) AS cost_usd,
    count(*) FILTER (WHERE cost_usd IS NULL AND status_code IS DISTINCT FROM 'error') AS unpriced_calls,
    (sum(input_tokens) + sum(output_tokens))::BIGINT AS tokens,
    quantile_cont(duration_ms, 0.95) FILTER (WHERE status_code IS DISTINCT FROM 'error') AS p95_ms
FROM llm_calls
WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
