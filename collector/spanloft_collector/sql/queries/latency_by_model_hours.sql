-- As latency_by_model, of whole hours.
WITH grid AS (
    SELECT unnest(generate_series(
        time_bucket(to_seconds($bucket_s), $since::TIMESTAMP), $until::TIMESTAMP - INTERVAL 1 MICROSECOND, to_seconds($bucket_s)
    )) AS bucket
),
found AS (
    SELECT
        *, time_bucket(to_seconds($bucket_s), hour) AS bucket,
        CASE $measure WHEN 'ttft' THEN ttfts_ms WHEN 'speed' THEN speeds_tokens_per_s ELSE durations_ms END AS amounts
    FROM (
        SELECT *
        FROM usage_between(
            $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
            services := $services, providers := $providers, models := $models,
            operations := $operations, statuses := $statuses
        )
        WHERE NOT failed AND model IS NOT NULL
    )
),
shown AS (
    SELECT
        model, any_value(provider) AS provider,
        row_number() OVER (
            ORDER BY sum(if($measure IN ('ttft', 'speed'), coalesce(len(amounts), 0), calls)) DESC, model
        ) AS place
    FROM found
    WHERE amounts IS NOT NULL OR $measure NOT IN ('ttft', 'speed')
    GROUP BY model
    ORDER BY place
    LIMIT 6
),
measured AS (
    SELECT
        bucket, model,
        CASE $measure
            WHEN 'ttft' THEN quantile_cont(amount, 0.5) / 1000
            WHEN 'speed' THEN quantile_cont(amount, 0.5)
            ELSE quantile_cont(amount, 0.95) / 1000
        END AS measured
    FROM (SELECT bucket, model, unnest(amounts) AS amount FROM found)
    GROUP BY bucket, model
)
SELECT bucket, model AS series, provider, place, measured
FROM grid
CROSS JOIN shown
LEFT JOIN measured USING (bucket, model)
ORDER BY place, bucket;
