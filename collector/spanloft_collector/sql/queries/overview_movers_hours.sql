-- As overview_movers, of whole hours.
WITH found AS (
    SELECT *, hour >= $since AS now
    FROM (
        SELECT *
        FROM usage_between(
            coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
            services := $services, providers := $providers, models := $models,
            operations := $operations, statuses := $statuses
        )
        WHERE model IS NOT NULL
    )
),
slow AS (
    SELECT
        service_name, provider, model,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE now) AS p95,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE NOT now) AS p95_before
    FROM (SELECT service_name, provider, model, now, unnest(durations_ms) AS duration_ms FROM found WHERE NOT failed)
    GROUP BY ALL
),
sums AS (
    SELECT
        service_name, provider, model,
        coalesce(sum(calls) FILTER (WHERE now), 0)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (WHERE NOT now), 0)::BIGINT AS calls_before,
        coalesce(sum(cost_usd) FILTER (WHERE now), 0) AS cost,
        coalesce(sum(cost_usd) FILTER (WHERE NOT now), 0) AS cost_before,
        coalesce(sum(calls) FILTER (WHERE now AND failed), 0)::BIGINT AS errors,
        coalesce(sum(calls) FILTER (WHERE NOT now AND failed), 0)::BIGINT AS errors_before
    FROM found
    GROUP BY ALL
),
sides AS (
    SELECT sums.*, p95, p95_before
    FROM sums
    LEFT JOIN slow
        ON slow.service_name IS NOT DISTINCT FROM sums.service_name
        AND slow.provider IS NOT DISTINCT FROM sums.provider AND slow.model = sums.model
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
