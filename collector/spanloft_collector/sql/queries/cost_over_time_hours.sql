-- As cost_over_time, of whole hours; not by user.
WITH calls AS (
    SELECT
        time_bucket(to_seconds($bucket_s), hour) AS bucket,
        coalesce(CASE $group_by
            WHEN 'provider' THEN provider WHEN 'service' THEN service_name WHEN 'operation' THEN operation ELSE model
        END, 'unknown') AS grouped,
        any_value(provider) AS provider, sum(cost_usd) AS cost_usd
    FROM (
        SELECT *
        FROM usage_between(
            $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
            services := $services, providers := $providers, models := $models,
            operations := $operations, statuses := $statuses
        )
        WHERE cost_usd IS NOT NULL
    )
    GROUP BY bucket, grouped
),
ranked AS (
    SELECT grouped, row_number() OVER (ORDER BY sum(cost_usd) DESC, grouped) AS place
    FROM calls
    GROUP BY grouped
)
SELECT
    bucket, if(place <= 7, grouped, 'other') AS series, any_value(if(place <= 7, provider, NULL)) AS provider,
    sum(cost_usd) AS cost_usd, min(place) AS place
FROM calls
JOIN ranked USING (grouped)
GROUP BY bucket, series
ORDER BY place, bucket;
