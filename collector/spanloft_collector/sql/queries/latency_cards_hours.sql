-- As latency_cards, of whole hours.
WITH found AS (
    SELECT *, if(hour >= $since, 'now', 'before') AS period, time_bucket(to_seconds($trend_s), hour) AS bucket
    FROM usage_between(
        coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
),
sums AS (
    SELECT period, bucket, sum(calls)::BIGINT AS calls, coalesce(sum(calls) FILTER (WHERE failed), 0) / sum(calls) AS error_rate
    FROM found
    GROUP BY GROUPING SETS ((period), (period, bucket))
),
slow AS (
    SELECT period, bucket, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS quantiles
    FROM (SELECT period, bucket, unnest(durations_ms) AS duration_ms FROM found WHERE NOT failed)
    GROUP BY GROUPING SETS ((period), (period, bucket))
),
waits AS (
    SELECT period, bucket, quantile_cont(ttft_ms, 0.5) AS ttft_p50_ms
    FROM (SELECT period, bucket, unnest(ttfts_ms) AS ttft_ms FROM found)
    GROUP BY GROUPING SETS ((period), (period, bucket))
),
fast AS (
    SELECT period, bucket, median(speed) AS tokens_per_s
    FROM (SELECT period, bucket, unnest(speeds_tokens_per_s) AS speed FROM found WHERE NOT failed)
    GROUP BY GROUPING SETS ((period), (period, bucket))
)
SELECT
    sums.period, sums.bucket, sums.calls, ttft_p50_ms, tokens_per_s, error_rate,
    quantiles[1] AS p50_ms, quantiles[2] AS p95_ms, quantiles[3] AS p99_ms
FROM sums
LEFT JOIN slow ON slow.period = sums.period AND slow.bucket IS NOT DISTINCT FROM sums.bucket
LEFT JOIN waits ON waits.period = sums.period AND waits.bucket IS NOT DISTINCT FROM sums.bucket
LEFT JOIN fast ON fast.period = sums.period AND fast.bucket IS NOT DISTINCT FROM sums.bucket
ORDER BY sums.period, sums.bucket NULLS FIRST;
