-- Calls over time by version of one prompt.
WITH named AS (
    SELECT
        version_id, first_time,
        coalesce(version, 'v' || dense_rank() OVER (ORDER BY first_time, version_id)) AS version
    FROM prompt_versions
    WHERE prompt_id = $prompt_id
)
SELECT time_bucket(to_seconds($bucket_s), start_time) AS bucket, version AS series, count(*) AS calls
FROM prompt_calls
JOIN named USING (version_id)
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
GROUP BY bucket, series
ORDER BY min(first_time), series, bucket;
