-- As overview_cost, of whole hours.
WITH calls AS (
    SELECT time_bucket(to_seconds($bucket_s), hour) AS bucket, provider, model, sum(cost_usd) AS cost_usd
    FROM (
        SELECT *
        FROM usage_between(
            $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
            services := $services, providers := $providers, models := $models,
            operations := $operations, statuses := $statuses
        )
        WHERE cost_usd IS NOT NULL
    )
    GROUP BY ALL
),
ranked AS (
    SELECT provider, model, sum(cost_usd) AS total, row_number() OVER (ORDER BY sum(cost_usd) DESC, model) AS place
    FROM calls
    GROUP BY provider, model
)
SELECT
    bucket,
    if(place <= 7, calls.model, 'other') AS series,
    any_value(if(place <= 7, calls.provider, NULL)) AS provider,
    sum(calls.cost_usd) AS cost_usd,
    min(place) AS place
FROM calls
JOIN ranked ON ranked.provider IS NOT DISTINCT FROM calls.provider AND ranked.model IS NOT DISTINCT FROM calls.model
GROUP BY bucket, series
ORDER BY place, bucket;
