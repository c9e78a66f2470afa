-- What changed most against the period before, by service and model: cost, p95 latency, error rate.
-- The order is by weight: how much of all cost, or of all calls, the change concerns, times how large it is.
-- Small samples are left out: a change of latency needs twenty calls on both sides, one of the error rate five errors.
WITH sides AS (
    SELECT
        service_name, provider, model,
        count(*) FILTER (WHERE start_time >= $since) AS calls,
        count(*) FILTER (WHERE start_time < $since) AS calls_before,
        coalesce(sum(cost_usd) FILTER (WHERE start_time >= $since), 0) AS cost,
        coalesce(sum(cost_usd) FILTER (WHERE start_time < $since), 0) AS cost_before,
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
weighed AS (
    SELECT
        *,
        calls / sum(calls) OVER () AS call_share,
        greatest(sum(cost) OVER (), sum(cost_before) OVER (), 1e-9) AS all_cost
    FROM sides
),
changes AS (
    SELECT service_name, provider, model, 'cost' AS metric, cost_before AS before_value, cost AS now_value,
        abs(cost - cost_before) / all_cost AS weight
    FROM weighed
    UNION ALL
    SELECT service_name, provider, model, 'p95 latency', p95_before, p95, abs(ln(p95 / p95_before)) * call_share
    FROM weighed
    WHERE calls >= 20 AND calls_before >= 20 AND p95 > 0 AND p95_before > 0
    UNION ALL
    SELECT service_name, provider, model, 'error rate', errors_before / calls_before, errors / calls,
        20 * abs(errors / calls - errors_before / calls_before) * call_share
    FROM weighed
    WHERE calls >= 20 AND calls_before >= 20 AND greatest(errors, errors_before) >= 5
)
SELECT service_name, provider, model, metric, before_value, now_value, weight
FROM changes
WHERE $before IS NOT NULL AND weight >= 0.005
ORDER BY weight DESC, metric, model
LIMIT 8;
