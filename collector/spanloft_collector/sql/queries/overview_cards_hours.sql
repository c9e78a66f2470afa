-- As overview_cards, of whole hours.
WITH found AS (
    SELECT *, if(hour >= $since, 'now', 'before') AS period, time_bucket(to_seconds($trend_s), hour) AS bucket
    FROM usage_between(
        coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
),
sums AS (
    SELECT
        period, bucket,
        sum(calls)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (WHERE failed), 0)::BIGINT AS errors,
        coalesce(sum(calls) FILTER (WHERE failed), 0) / sum(calls) AS error_rate,
        sum(cost_usd) AS cost_usd,
        coalesce(sum(calls - priced_calls) FILTER (WHERE NOT failed), 0)::BIGINT AS unpriced_calls,
        (sum(input_tokens) + sum(output_tokens))::BIGINT AS tokens
    FROM found
    GROUP BY GROUPING SETS ((period), (period, bucket))
),
slow AS (
    SELECT period, bucket, quantile_cont(duration_ms, 0.95) AS p95_ms
    FROM (SELECT period, bucket, unnest(durations_ms) AS duration_ms FROM found WHERE NOT failed)
    GROUP BY GROUPING SETS ((period), (period, bucket))
)
SELECT sums.*, p95_ms
FROM sums
LEFT JOIN slow ON slow.period = sums.period AND slow.bucket IS NOT DISTINCT FROM sums.bucket
ORDER BY sums.period, sums.bucket NULLS FIRST;
