-- As latency_errors, of whole hours.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
measured AS (
    SELECT
        time_bucket(to_seconds($bucket_s), hour) AS bucket,
        sum(calls)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (WHERE failed), 0)::BIGINT AS failed_calls,
        coalesce(sum(rate_limited) FILTER (WHERE failed), 0)::BIGINT AS limited
    FROM usage_between(
        $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
    GROUP BY bucket
)
SELECT bucket, calls, 100.0 * limited / calls AS rate_limited, 100.0 * (failed_calls - limited) / calls AS other_errors
FROM grid
LEFT JOIN measured USING (bucket)
ORDER BY bucket;
