-- As cost_table, of whole hours; not by user.
WITH sides AS (
    SELECT
        coalesce(CASE $group_by
            WHEN 'provider' THEN provider WHEN 'service' THEN service_name WHEN 'operation' THEN operation ELSE model
        END, 'unknown') AS grouped,
        any_value(provider) AS provider,
        coalesce(sum(calls) FILTER (WHERE hour >= $since AND NOT failed), 0)::BIGINT AS calls,
        sum(input_tokens) FILTER (WHERE hour >= $since)::BIGINT AS input_tokens,
        sum(output_tokens) FILTER (WHERE hour >= $since)::BIGINT AS output_tokens,
        sum(cache_read_tokens) FILTER (WHERE hour >= $since)
            / nullif(sum(input_tokens) FILTER (WHERE hour >= $since), 0) AS cached_share,
        sum(cost_usd) FILTER (WHERE hour >= $since) AS cost_usd,
        sum(cost_usd) FILTER (WHERE hour < $since) AS cost_before,
        coalesce(sum(calls - priced_calls) FILTER (WHERE hour >= $since AND NOT failed), 0)::BIGINT AS unpriced_calls
    FROM usage_between(
        coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
    GROUP BY grouped
)
SELECT
    *,
    cost_usd / nullif(sum(cost_usd) OVER (), 0) AS cost_share,
    if($before IS NULL, NULL, cost_usd / nullif(cost_before, 0) - 1) AS relative_change,
    cost_usd / nullif(calls - unpriced_calls, 0) AS cost_per_call,
    count(*) OVER () AS total
FROM sides
WHERE calls > 0
ORDER BY cost_usd DESC NULLS LAST, calls DESC, grouped
LIMIT 200;
