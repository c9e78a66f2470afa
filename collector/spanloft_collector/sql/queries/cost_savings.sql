-- What caches would have saved in the period, by kind.
SELECT kind, count(*) AS calls, sum(saved_tokens)::BIGINT AS saved_tokens, sum(saved_usd) AS saved_usd
FROM savings
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
GROUP BY kind;
