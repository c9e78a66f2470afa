-- Latency by model, beside the p95 of the period before. Percentiles are of successful calls.
WITH sides AS (
    SELECT
        provider, model,
        count(*) FILTER (WHERE start_time >= $since) AS calls,
        quantile_cont(duration_ms, [0.5, 0.95, 0.99]) FILTER (WHERE start_time >= $since AND status_code IS DISTINCT FROM 'error') AS q,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE start_time < $since AND status_code IS DISTINCT FROM 'error') AS p95_before,
        quantile_cont(ttft_ms, 0.5) FILTER (WHERE start_time >= $since) AS ttft_ms,
        median(tokens_per_s) FILTER (WHERE start_time >= $since AND status_code IS DISTINCT FROM 'error') AS tokens_per_s,
        count(*) FILTER (WHERE start_time >= $since AND status_code = 'error') AS errors
    FROM llm_calls
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
    GROUP BY provider, model
)
SELECT
    provider, coalesce(model, 'unknown') AS model, calls, q[1] AS p50_ms, q[2] AS p95_ms, q[3] AS p99_ms,
    ttft_ms, tokens_per_s, errors / calls AS error_rate,
    if($before IS NULL, NULL, q[2] / nullif(p95_before, 0) - 1) AS relative_change
FROM sides
WHERE calls > 0
ORDER BY p95_ms DESC NULLS LAST, calls DESC, provider, model
LIMIT 100;
