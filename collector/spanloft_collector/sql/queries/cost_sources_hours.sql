-- As cost_sources, of whole hours.
SELECT price_source, sum(calls)::BIGINT AS calls, sum(cost_usd) AS cost_usd
FROM (
    SELECT *
    FROM usage_between(
        $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
        services := $services, providers := $providers, models := $models,
        operations := $operations, statuses := $statuses
    )
    WHERE NOT failed
)
GROUP BY price_source
ORDER BY calls DESC, price_source;
