-- Cost of each day of the month that $until lies in, up to $until.
SELECT start_time::DATE AS day, sum(cost_usd) AS cost_usd
FROM llm_calls
WHERE start_time >= date_trunc('month', $until::TIMESTAMP) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
GROUP BY day
ORDER BY day;
