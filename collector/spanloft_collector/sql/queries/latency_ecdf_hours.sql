-- As latency_ecdf, of whole hours.
WITH measured AS (
    SELECT provider, model, unnest(if($measure = 'ttft', ttfts_ms, durations_ms)) AS measured
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
        model, any_value(provider) AS provider, count(*) AS calls,
        row_number() OVER (ORDER BY count(*) DESC, model) AS place,
        list(measured ORDER BY measured) AS ordered
    FROM measured
    GROUP BY model
    ORDER BY place
    LIMIT 6
)
SELECT
    model AS series, provider, place, calls, unnest(range(0, 101)) / 100.0 AS share,
    unnest([ordered[1 + ((calls - 1) * x / 100)::BIGINT] FOR x IN range(0, 101)]) / 1000 AS measured_s
FROM shown
ORDER BY place, share;
