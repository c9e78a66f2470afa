-- What changed most against the period before, by service and model: cost, p95 latency, error rate, calls.
-- Small samples are left out: a change needs twenty calls on both sides, or a cost of five cents.
WITH sides AS (
    SELECT
        service_name, provider, model,
        count(*) FILTER (WHERE start_time >= $since) AS calls,
        count(*) FILTER (WHERE start_time < $since) AS calls_before,
        sum(cost_usd) FILTER (WHERE start_time >= $since) AS cost,
        sum(cost_usd) FILTER (WHERE start_time < $since) AS cost_before,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE start_time >= $since AND status_code IS DISTINCT FROM 'error') AS p95,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE start_time < $since AND status_code IS DISTINCT FROM 'error') AS p95_before,
        count(*) FILTER (WHERE start_time >= $since AND status_code = 'error') AS errors,
        count(*) FILTER (WHERE start_time < $since AND status_code = 'error') AS errors_before
    FROM llm_calls
    WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND model IS NOT NULL
    GROUP BY ALL
),
changes AS (
    SELECT service_name, provider, model, 'cost' AS metric, coalesce(cost_before, 0) AS before_value, coalesce(cost, 0) AS now_value
    FROM sides
    WHERE greatest(coalesce(cost, 0), coalesce(cost_before, 0)) >= 0.05
    UNION ALL
    SELECT service_name, provider, model, 'p95 latency', p95_before, p95
    FROM sides
    WHERE calls >= 20 AND calls_before >= 20
    UNION ALL
    SELECT service_name, provider, model, 'error rate', errors_before / calls_before, errors / calls
    FROM sides
    WHERE calls >= 20 AND calls_before >= 20 AND greatest(errors, errors_before) >= 3
)
SELECT *, now_value / nullif(before_value, 0) - 1 AS relative_change
FROM changes
WHERE $before IS NOT NULL AND now_value IS NOT NULL AND before_value IS NOT NULL AND now_value != before_value
-- A doubling and a halving weigh the same; where nothing was before, the change ranks like a factor of twenty.
ORDER BY abs(ln(greatest(now_value, 1e-9) / greatest(before_value, now_value / 20, 1e-9))) DESC
LIMIT 8;
