-- As cost_cards, of whole hours.
SELECT
    if(hour >= $since, 'now', 'before') AS period,
    time_bucket(to_seconds($trend_s), hour) AS bucket,
    coalesce(sum(calls) FILTER (WHERE NOT failed), 0)::BIGINT AS calls,
    sum(cost_usd) AS cost_usd,
    sum(cost_usd) / nullif(sum(priced_calls), 0) AS cost_per_call,
    1000000 * sum(cost_usd) / nullif(sum(priced_tokens), 0) AS cost_per_million,
    coalesce(sum(calls - priced_calls) FILTER (WHERE NOT failed), 0)::BIGINT AS unpriced_calls,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    sum(cache_read_tokens) / nullif(sum(input_tokens), 0) AS cached_share
FROM usage_between(
    coalesce($before, $since)::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
    services := $services, providers := $providers, models := $models,
    operations := $operations, statuses := $statuses
)
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
