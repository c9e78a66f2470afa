-- How calls got their price: matched exactly, by pattern, by your override, as reported, or not at all.
SELECT coalesce(price_source, 'none') AS price_source, count(*) AS calls, sum(cost_usd) AS cost_usd
FROM llm_calls
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND status_code IS DISTINCT FROM 'error'
GROUP BY ALL
ORDER BY calls DESC, price_source;
