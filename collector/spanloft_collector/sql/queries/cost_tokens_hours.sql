-- As cost_tokens, of whole hours.
SELECT
    time_bucket(to_seconds($bucket_s), hour) AS bucket,
    sum(uncached_input_tokens)::BIGINT AS "uncached input",
    sum(cache_read_tokens)::BIGINT AS "cache read",
    sum(cache_write_tokens)::BIGINT AS "cache write",
    sum(output_tokens)::BIGINT AS "output"
FROM (
    SELECT *
    FROM usage_between($since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP)
    WHERE true
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
)
GROUP BY bucket
ORDER BY bucket;
