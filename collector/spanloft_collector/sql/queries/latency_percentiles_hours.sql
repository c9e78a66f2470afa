-- As latency_percentiles, of whole hours.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
measured AS (
    SELECT bucket, count(*) AS timed, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) AS quantiles
    FROM (
        SELECT time_bucket(to_seconds($bucket_s), hour) AS bucket, unnest(durations_ms) AS duration_ms
        FROM (
            SELECT *
            FROM usage_between(
                $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
                services := $services, providers := $providers, models := $models,
                operations := $operations, statuses := $statuses
            )
            WHERE NOT failed
        )
    )
    GROUP BY bucket
),
counted AS (
    SELECT time_bucket(to_seconds($bucket_s), hour) AS bucket, sum(calls)::BIGINT AS calls
    FROM (
        SELECT *
        FROM usage_between(
            $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
            services := $services, providers := $providers, models := $models,
            operations := $operations, statuses := $statuses
        )
        WHERE NOT failed
    )
    GROUP BY bucket
)
SELECT bucket, calls, quantiles[1] / 1000 AS p50_s, quantiles[2] / 1000 AS p95_s, quantiles[3] / 1000 AS p99_s
FROM grid
LEFT JOIN counted USING (bucket)
LEFT JOIN measured USING (bucket)
ORDER BY bucket;
