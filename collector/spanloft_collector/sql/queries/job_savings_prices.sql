-- Dollars of an uncached input token by provider and model, as the calls from $first to $last were priced, and of a cached
-- one where the cache was read.
SELECT
    provider, model,
    sum(input_cost_usd) / nullif(sum(uncached_input_tokens), 0) AS input_usd,
    sum(cache_read_cost_usd) / nullif(sum(cache_read_tokens), 0) AS cached_usd
FROM costs
WHERE start_time >= $first AND start_time <= $last AND cost_usd IS NOT NULL
GROUP BY provider, model;
