-- Prompts, versions and calls of the period (bucket NULL) and of each bucket, beside the period before.
SELECT
    if(start_time >= $since, 'now', 'before') AS period,
    time_bucket(to_seconds($trend_s), start_time) AS bucket,
    count(DISTINCT prompt_id) AS prompts, count(DISTINCT version_id) AS versions, count(*) AS calls,
    avg(cost_usd) AS cost_per_call, avg(input_tokens) AS input_tokens,
    count(*) FILTER (WHERE failed) / count(*) AS error_rate
FROM prompt_calls
JOIN (SELECT version_id, prompt_id FROM prompt_versions) USING (version_id)
WHERE start_time >= coalesce($before, $since) AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
