-- What made up the cost of this period and of the one before, by model: calls, tokens and dollars of each kind.
SELECT
    if(start_time >= $since, 'now', 'before') AS period, provider, model,
    count(*) AS calls,
    sum(uncached_input_tokens)::DOUBLE AS uncached_tokens, sum(input_cost_usd) AS uncached_usd,
    sum(cache_read_tokens)::DOUBLE AS read_tokens, sum(cache_read_cost_usd) AS read_usd,
    sum(cache_write_tokens)::DOUBLE AS write_tokens, sum(cache_write_cost_usd) AS write_usd,
    sum(output_tokens)::DOUBLE AS output_tokens, sum(output_cost_usd) AS output_usd,
    sum(cost_usd) AS cost_usd
FROM costs
WHERE start_time >= $before AND start_time < $until AND cost_usd IS NOT NULL
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
GROUP BY ALL
ORDER BY cost_usd DESC;
