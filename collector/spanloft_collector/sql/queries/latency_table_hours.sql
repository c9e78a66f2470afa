-- As latency_table, of whole hours.
WITH found AS (
    SELECT *, hour >= $since AS now
    FROM usage_between(
        coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
),
sums AS (
    SELECT
        provider, model,
        coalesce(sum(calls) FILTER (WHERE now), 0)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (WHERE now AND failed), 0)::BIGINT AS errors
    FROM found
    GROUP BY ALL
),
slow AS (
    SELECT
        provider, model,
        quantile_cont(duration_ms, [0.5, 0.95, 0.99]) FILTER (WHERE now) AS q,
        quantile_cont(duration_ms, 0.95) FILTER (WHERE NOT now) AS p95_before
    FROM (SELECT provider, model, now, unnest(durations_ms) AS duration_ms FROM found WHERE NOT failed)
    GROUP BY ALL
),
waits AS (
    SELECT provider, model, quantile_cont(ttft_ms, 0.5) AS ttft_ms
    FROM (SELECT provider, model, unnest(ttfts_ms) AS ttft_ms FROM found WHERE now)
    GROUP BY ALL
),
fast AS (
    SELECT provider, model, median(speed) AS tokens_per_s
    FROM (SELECT provider, model, unnest(speeds_tokens_per_s) AS speed FROM found WHERE now AND NOT failed)
    GROUP BY ALL
)
SELECT
    sums.provider, coalesce(sums.model, 'unknown') AS model, calls, q[1] AS p50_ms, q[2] AS p95_ms, q[3] AS p99_ms,
    ttft_ms, tokens_per_s, errors / calls AS error_rate,
    if($before IS NULL, NULL, q[2] / nullif(p95_before, 0) - 1) AS relative_change
FROM sums
LEFT JOIN slow ON slow.provider IS NOT DISTINCT FROM sums.provider AND slow.model IS NOT DISTINCT FROM sums.model
LEFT JOIN waits ON waits.provider IS NOT DISTINCT FROM sums.provider AND waits.model IS NOT DISTINCT FROM sums.model
LEFT JOIN fast ON fast.provider IS NOT DISTINCT FROM sums.provider AND fast.model IS NOT DISTINCT FROM sums.model
WHERE calls > 0
ORDER BY p95_ms DESC NULLS LAST, calls DESC, provider, model
LIMIT 100;
