-- As cost_sources, of whole hours.
SELECT price_source, sum(calls)::BIGINT AS calls, sum(cost_usd) AS cost_usd
FROM (
    SELECT *
    FROM usage_between($since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP)
    WHERE true
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
      AND NOT failed
)
GROUP BY price_source
ORDER BY calls DESC, price_source;
