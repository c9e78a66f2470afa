-- As cost_tokens, of whole hours.
SELECT
    time_bucket(to_seconds($bucket_s), hour) AS bucket,
    sum(uncached_input_tokens)::BIGINT AS "uncached input",
    sum(cache_read_tokens)::BIGINT AS "cache read",
    sum(cache_write_tokens)::BIGINT AS "cache write",
    sum(output_tokens)::BIGINT AS "output"
FROM usage_between(
    $since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP,
    services := $services, providers := $providers, models := $models,
    operations := $operations, statuses := $statuses
)
GROUP BY bucket
ORDER BY bucket;
